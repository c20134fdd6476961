package schema

import "time"

// DeadLetter is a message that nobody could process, with all that is needed
// to see why and to try again.
type DeadLetter struct {
	Consumer  string              // the durable, or "ingress"
	Reason    string              // one token: a Code, "exhausted" or "undecodable"
	Error     string              // the error chain's text; never a secret
	Attempts  int                 // attempts made
	Subject   string              // the original subject; empty from ingress
	Sequence  uint64              // the original stream sequence; zero from ingress
	MsgID     string              // deduplicates the dead letter itself
	Account   string              // account SID, where known
	Org       string              // organization id, where known
	FailedAt  time.Time           // when it was given up
	Published time.Time           // when the original was stored
	Header    map[string][]string // the original headers
	Data      []byte              // the original bytes
}

// The reasons that are not a [Code].
const (
	ReasonExhausted   = "exhausted"       // the attempts ran out, or the work killed its process each time
	ReasonUndecodable = "undecodable"     // the bytes are not what the subject promises
	ReasonForeign     = "foreign_account" // signed by one organization, about another's account
)
