package schema

import "time"

// CallFilter selects calls. The zero value selects all, newest first.
type CallFilter struct {
	Direction   Direction
	Status      CallStatus
	Recorded    *bool     // with, or without, an archived recording
	Rule        Rule      // that decided whether it was recorded
	Text        string    // words in the transcript
	Transcribed *bool     // with, or without, a transcript
	Since       time.Time // started at or after; zero: no bound
	Until       time.Time // started before; zero: no bound
	Number      string    // either party's number, or a part of it
	Limit       int       // page size; zero: 50
	Cursor      string    // from the page before; empty: the first page
}

// MessageFilter selects SMS messages. The zero value selects all, newest first.
type MessageFilter struct {
	Status MessageStatus
	Since  time.Time // first heard of at or after; zero: no bound
	Until  time.Time // first heard of before; zero: no bound
	Number string    // either party's number, or a part of it
	Limit  int       // page size; zero: 50
	Cursor string    // from the page before; empty: the first page
}

// AuditFilter selects entries of the audit log. The zero value selects all,
// newest first.
type AuditFilter struct {
	Actor  string    // or a part of it
	Action string    // "settings.update", or all that begin so, as "settings."
	Target string    // or a part of it
	Since  time.Time // at or after; zero: no bound
	Until  time.Time // before; zero: no bound
	Limit  int       // page size; zero: 50
	Cursor string    // from the page before; empty: the first page
}
