package schema

import "time"

// DeadLetter is a message that nobody could process, with all that is needed
// to see why and to try again.
type DeadLetter struct {
	ID        uint64              `json:"id"`                 // its sequence in DEADLETTERS; zero until it is stored
	Consumer  string              `json:"consumer"`           // the durable, or "ingress"
	Reason    string              `json:"reason"`             // one token: a Code, "exhausted" or "undecodable"
	Error     string              `json:"error"`              // the error chain's text; never a secret
	Attempts  int                 `json:"attempts"`           // attempts made
	Subject   string              `json:"subject,omitempty"`  // the original subject; empty from ingress
	Sequence  uint64              `json:"sequence,omitempty"` // the original stream sequence; zero from ingress
	MsgID     string              `json:"msg_id"`             // deduplicates the dead letter itself
	RetryOf   uint64              `json:"retry_of,omitempty"` // the dead letter that was tried again and failed again
	Account   string              `json:"account,omitempty"`  // account SID, where known
	Org       string              `json:"org,omitempty"`      // organization id, where known
	FailedAt  time.Time           `json:"failed_at"`          // when it was given up
	Published time.Time           `json:"published,omitzero"` // when the original was stored
	Header    map[string][]string `json:"header,omitempty"`   // the original headers
	Data      []byte              `json:"data,omitempty"`     // the original bytes; none in lists
}

// The reasons that are not a [Code].
const (
	ReasonExhausted   = "exhausted"       // the attempts ran out, or the work killed its process each time
	ReasonUndecodable = "undecodable"     // the bytes are not what the subject promises
	ReasonForeign     = "foreign_account" // signed by one organization, about another's account
)

// ConsumerIngress is the consumer of dead letters that never were in CALLS.
const ConsumerIngress = "ingress"

// LetterState is where a dead letter stands.
type LetterState string

// The states of a dead letter:
//
//	open ──▶ retrying ──▶ resolved
//	  ▲          ├──────▶ failed_again   a new letter tells of it, and is open
//	  └──────────┘        open again when its bytes were judged again in vain
//
// Any but resolved can be removed.
const (
	LetterOpen        LetterState = "open"
	LetterRetrying    LetterState = "retrying"
	LetterResolved    LetterState = "resolved"
	LetterFailedAgain LetterState = "failed_again"
	LetterRemoved     LetterState = "removed"
)

// LetterStatus is what became of a dead letter since it was stored.
type LetterStatus struct {
	State       LetterState `json:"state"`
	Retries     int         `json:"retries"`               // by operators
	RetriedAt   time.Time   `json:"retried_at,omitzero"`   // the last time
	EndedAt     time.Time   `json:"ended_at,omitzero"`     // since when it is resolved, failed again or removed
	Actor       Actor       `json:"actor,omitempty"`       // who tried it again last, or removed it
	Note        string      `json:"note,omitempty"`        // why it was removed, or the last error since
	Attempts    int         `json:"attempts,omitempty"`    // while retrying: made so far
	NextAttempt time.Time   `json:"next_attempt,omitzero"` // while retrying: not before
}

// LetterEntry is a dead letter with what became of it.
type LetterEntry struct {
	DeadLetter
	Status LetterStatus `json:"status"`
}

// LetterHistory is a dead letter with those before and after it about the same
// message.
type LetterHistory struct {
	LetterEntry
	Earlier []LetterEntry `json:"earlier,omitempty"` // newest first
	Later   uint64        `json:"later,omitempty"`   // the letter that its last retry made
}

// LetterFilter selects dead letters. The zero value selects those that somebody
// has to look after, open or retrying, newest first.
type LetterFilter struct {
	Consumer     string
	Reason       string
	Organization string
	Since        time.Time   // given up at or after; zero: no bound
	Until        time.Time   // given up before; zero: no bound
	State        LetterState // empty: open and retrying
	All          bool        // of any state
	Limit        int         // page size; zero: 50
	Cursor       string      // from the page before; empty: the first page
}

// Selects reports whether the filter lets the letter through, whatever its
// state.
func (f LetterFilter) Selects(l DeadLetter) bool {
	return (f.Consumer == "" || l.Consumer == f.Consumer) &&
		(f.Reason == "" || l.Reason == f.Reason) &&
		(f.Organization == "" || l.Org == f.Organization) &&
		(f.Since.IsZero() || !l.FailedAt.Before(f.Since)) &&
		(f.Until.IsZero() || l.FailedAt.Before(f.Until))
}

// SelectsState is the same of the state.
func (f LetterFilter) SelectsState(s LetterState) bool {
	switch {
	case f.All:
		return true
	case f.State != "":
		return s == f.State
	}
	return s == LetterOpen || s == LetterRetrying
}
