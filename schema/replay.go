package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ReplaySpec says which part of the history a replay runs through which
// consumer's handler, and how. Bounds that are zero bound nothing; all that are
// set hold together.
type ReplaySpec struct {
	Consumer         string    `json:"consumer"`                     // the durable
	Since            time.Time `json:"since,omitzero"`               // stored at or after
	Until            time.Time `json:"until,omitzero"`               // stored before
	FromSeq          uint64    `json:"from_seq,omitempty"`           // the first sequence of CALLS
	ToSeq            uint64    `json:"to_seq,omitempty"`             // the last
	Subject          string    `json:"subject,omitempty"`            // within the consumer's own subjects; wildcards are allowed
	Organization     string    `json:"organization,omitempty"`       // id
	CallSID          string    `json:"call_sid,omitempty"`           // events of this call
	RecordingSID     string    `json:"recording_sid,omitempty"`      // events of this recording
	DryRun           bool      `json:"dry_run,omitempty"`            // run nothing, only say what would run
	Force            bool      `json:"force,omitempty"`              // do again also what is done already
	Rate             float64   `json:"rate,omitempty"`               // events a second; zero: as fast as it goes
	AllowSideEffects []string  `json:"allow_side_effects,omitempty"` // of [SideEffects]
}

// What a replay does not do unless told so by name.
const (
	SideEffectRecorder = "recorder" // start recordings
	SideEffectReaper   = "reaper"   // delete recordings at Twilio
	SideEffectEvents   = "events"   // publish stage events, on which live consumers act in turn
)

// SideEffects are the names that ReplaySpec.AllowSideEffects may hold.
var SideEffects = []string{SideEffectRecorder, SideEffectReaper, SideEffectEvents}

// Allows reports whether the replay was told to have the side effect.
func (s ReplaySpec) Allows(effect string) bool { return slices.Contains(s.AllowSideEffects, effect) }

// Check returns an [Invalid] error for a spec that contradicts itself, and a
// [Forbidden] one for a consumer whose very work is a side effect that the spec
// does not allow.
func (s ReplaySpec) Check() error {
	switch {
	case s.Consumer == "":
		return Errorf(Invalid, "a replay needs a consumer")
	case !s.Since.IsZero() && !s.Until.IsZero() && !s.Since.Before(s.Until):
		return Errorf(Invalid, "a replay since %s ends before it begins, at %s", s.Since.Format(time.RFC3339), s.Until.Format(time.RFC3339))
	case s.ToSeq > 0 && s.FromSeq > s.ToSeq:
		return Errorf(Invalid, "a replay from sequence %d ends before it begins, at %d", s.FromSeq, s.ToSeq)
	case s.Rate < 0:
		return Errorf(Invalid, "a replay's rate cannot be negative")
	}
	for _, effect := range s.AllowSideEffects {
		if !slices.Contains(SideEffects, effect) {
			return Errorf(Invalid, "%q is no side effect that can be allowed (there are %s)", effect, strings.Join(SideEffects, ", "))
		}
	}
	if s.CallSID != "" {
		if err := CheckSID("call", s.CallSID, CallPrefix); err != nil {
			return err
		}
	}
	if s.RecordingSID != "" {
		if err := CheckSID("recording", s.RecordingSID, RecordingPrefix); err != nil {
			return err
		}
	}
	return s.checkEffects()
}

// checkEffects fails closed: a dry run does nothing, and all else has to be
// allowed.
func (s ReplaySpec) checkEffects() error {
	effect := map[string]string{SideEffectRecorder: "start recordings", SideEffectReaper: "delete recordings at Twilio"}[s.Consumer]
	if effect == "" || s.DryRun || s.Allows(s.Consumer) {
		return nil
	}
	return Errorf(Forbidden, "a replay of %s could %s; allow the side effect %q if it shall", s.Consumer, effect, s.Consumer)
}

// ReplayState is where a replay stands.
type ReplayState string

// The states of a replay. All but queued and running are ends; an interrupted or
// failed one can be resumed where it stopped.
const (
	ReplayQueued      ReplayState = "queued" // waits for a process that runs its consumer
	ReplayRunning     ReplayState = "running"
	ReplayDone        ReplayState = "done"
	ReplayInterrupted ReplayState = "interrupted" // its process stopped, or vanished
	ReplayCancelled   ReplayState = "cancelled"   // by an operator
	ReplayFailed      ReplayState = "failed"      // it could not go on
)

// ReplayProgress is how far a replay has come. Everything up to Cursor is
// counted, nothing behind it, so that a replay resumed at Cursor counts every
// message once.
type ReplayProgress struct {
	Cursor   uint64 `json:"cursor"`          // all messages up to this sequence have ended
	End      uint64 `json:"end"`             // the last sequence, fixed at the start
	Total    uint64 `json:"total"`           // messages to look at, an estimate
	Done     uint64 `json:"done"`            // handled; in a dry run: would be
	Skipped  uint64 `json:"skipped"`         // looked at and not selected
	Failed   uint64 `json:"failed"`          // given up
	Withheld uint64 `json:"withheld"`        // stage events that were not published
	Error    string `json:"error,omitempty"` // of the last that failed
}

// Seen returns how many messages have ended.
func (p ReplayProgress) Seen() uint64 { return p.Done + p.Skipped + p.Failed }

// String returns "1200 of 5000: 1100 done, 90 skipped, 10 failed".
func (p ReplayProgress) String() string {
	return fmt.Sprintf("%d of %d: %d done, %d skipped, %d failed", p.Seen(), max(p.Total, p.Seen()), p.Done, p.Skipped, p.Failed)
}

// Replay is a replay as the database keeps it.
type Replay struct {
	ID        string         `json:"id"`
	Spec      ReplaySpec     `json:"spec"`
	State     ReplayState    `json:"state"`
	Progress  ReplayProgress `json:"progress"`
	Error     string         `json:"error,omitempty"` // why it failed
	Actor     Actor          `json:"actor"`           // who started it
	StartedAt time.Time      `json:"started_at"`      // or queued
	UpdatedAt time.Time      `json:"updated_at"`
	EndedAt   time.Time      `json:"ended_at,omitzero"`
}

// ReplayFilter selects replays. The zero value selects the latest.
type ReplayFilter struct {
	Organization string // those restricted to it, by id; empty: all
	Limit        int    // page size; zero: 50
	Cursor       string // from the page before; empty: the first page
}

// ErrReplayCancelled is what a running replay meets at its next checkpoint when
// an operator has cancelled it.
var ErrReplayCancelled = errors.New("the replay was cancelled")

// ReplayEstimate is what a replay would have to look at, counted without
// reading it.
type ReplayEstimate struct {
	Events  uint64 `json:"events"`
	FromSeq uint64 `json:"from_seq,omitempty"` // the first sequence of the range; zero: nothing is in it
	ToSeq   uint64 `json:"to_seq,omitempty"`   // the last
	Exact   bool   `json:"exact"`              // false: Events at most; which are selected only reading tells
}
