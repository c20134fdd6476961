package simulator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// Pipeline is what Verify looks at: what the pipeline has stored.
type Pipeline interface {
	// Calls hands every call's record to the function, in any order.
	Calls(ctx context.Context, each func(schema.CallRecord) error) error
	// Object opens an archived recording by its key; the caller closes it.
	Object(ctx context.Context, key string) (io.ReadCloser, error)
}

// verification holds rows against truths.
type verification struct {
	*Simulator
	pipeline Pipeline
	report   Report
	keys     map[string]string // object key → recording SID
}

// Verify compares everything that the pipeline has stored with what is true.
// It is meant for when Run has returned and the pipeline has come to rest; of
// calls that are still going on it checks only what cannot change. What counts
// as correct is written down in the package's documentation. The error is the
// pipeline's or ctx's: differences are in the report.
func (s *Simulator) Verify(ctx context.Context, pipeline Pipeline) (Report, error) {
	v := &verification{Simulator: s, pipeline: pipeline, keys: make(map[string]string)}
	rows := make(map[string]schema.CallRecord)
	truths := s.snapshot()
	err := pipeline.Calls(ctx, func(row schema.CallRecord) error {
		v.report.Rows++
		if _, twice := rows[row.CallSID]; twice {
			v.differ(row.CallSID, "", "row", "one", "two")
		}
		if _, ours := truths[row.CallSID]; !ours {
			v.differ(row.CallSID, "", "row", "none: no such call was placed", "a row")
		}
		rows[row.CallSID] = row
		return nil
	})
	if err != nil {
		return v.report, fmt.Errorf("verify: read the calls: %w", err)
	}
	v.report.Differences = append(v.report.Differences, s.undelivered()...)
	for sid, t := range truths {
		row, ok := rows[sid]
		if err := v.leg(ctx, t, row, ok); err != nil {
			return v.report, err
		}
	}
	v.report.sort()
	return v.report, nil
}

func (v *verification) differ(callSID, recordingSID, what, want, got string) {
	v.report.Differences = append(v.report.Differences, Difference{callSID, recordingSID, what, want, got})
}

// compare notes a difference between two values of a call.
func (v *verification) compare(callSID, recordingSID, what string, want, got any) {
	if w, g := fmt.Sprint(want), fmt.Sprint(got); w != g {
		v.differ(callSID, recordingSID, what, orDefault(w, "nothing"), orDefault(g, "nothing"))
	}
}

// leg holds one leg's row against its truth.
func (v *verification) leg(ctx context.Context, t truth, row schema.CallRecord, exists bool) error {
	v.report.Legs++
	if !t.family.done {
		v.report.Unfinished++
		return nil
	}
	sid, parent := t.leg.sid, t.leg.parent == ""
	switch {
	case !exists && t.row == mustExist:
		v.differ(sid, "", "row", "one: "+t.call.scenario, "none")
	case exists && t.row == mustNotExist:
		v.differ(sid, "", "row", "none: the call is nobody's", "a row")
	}
	if exists {
		v.facts(t, row)
	}
	if !parent {
		v.childDecision(t, row)
		return nil
	}
	v.report.Calls++
	v.answers(t)
	v.decision(t, row)
	return v.recordings(ctx, t, row)
}

// facts compares what a row says of its leg. What the pipeline was told it
// must know; what it knows must be true.
func (v *verification) facts(t truth, row schema.CallRecord) {
	l, c := t.leg, t.call
	number, _ := l.number()
	for _, fact := range []struct {
		what      string
		want, got any
	}{
		{"account", v.config.AccountSID, row.AccountSID},
		{"organization", v.config.OrganizationID, row.OrganizationID},
		{"from", l.from.want, row.From},
		{"to", l.to.want, row.To},
		{"leg", l.direction, row.Leg},
		{"direction", l.seen(), row.Direction},
		{"phone_number", number, row.PhoneNumber},
		{"parent_call_sid", l.parent, row.ParentCallSID},
	} {
		v.compare(l.sid, "", fact.what, fact.want, fact.got)
	}
	if t.ended || row.Status.Final() {
		v.compare(l.sid, "", "status", l.status, row.Status)
	}
	v.moment(l.sid, "started_at", t.started, c.fact(l.start), row.StartedAt)
	v.moment(l.sid, "ended_at", t.ended, c.fact(l.end), row.EndedAt)
	if l.answer >= 0 {
		v.moment(l.sid, "answered_at", t.answered, c.fact(l.answer), row.AnsweredAt)
		v.number(l.sid, "", "duration", t.ended, l.talk(), row.Duration)
	} else {
		v.compare(l.sid, "", "answered_at", "nothing", shown(row.AnsweredAt))
		v.number(l.sid, "", "duration", false, 0, row.Duration)
	}
	if row.TrunkSID != "" || (t.started && l.trunkSID != "") {
		v.compare(l.sid, "", "trunk_sid", l.trunkSID, row.TrunkSID)
	}
	if row.Caller != "" {
		v.compare(l.sid, "", "caller_name", strings.TrimSpace(l.callerName), strings.TrimSpace(row.Caller))
	}
}

// moment compares a time, which must be there if it was told.
func (v *verification) moment(sid, what string, told bool, want time.Time, got *time.Time) {
	if told || got != nil {
		v.compare(sid, "", what, shown(&want), shown(got))
	}
}

func shown(t *time.Time) string {
	if t == nil {
		return "nothing"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// number compares a number, which must be there if it was told.
func (v *verification) number(callSID, recordingSID, what string, told bool, want int, got *int) {
	switch {
	case got != nil:
		v.compare(callSID, recordingSID, what, want, *got)
	case told:
		v.differ(callSID, recordingSID, what, itoa(want), "nothing")
	}
}

// decision compares what was decided about recording with what was done and
// with what could be done.
func (v *verification) decision(t truth, row schema.CallRecord) {
	f, sid, own := t.family, t.leg.sid, t.family.own()
	for _, r := range own {
		if !v.flag(true, r.begins) {
			v.differ(sid, r.sid, "recording", "none: the flag was off", "started")
		}
		if !f.owned {
			v.differ(sid, r.sid, "recording", "none: the number is nobody's", "started")
		}
	}
	if len(own) > 1 {
		v.differ(sid, own[1].sid, "recordings started", "one", itoa(len(own)))
	}
	if len(own) > 0 && f.recordedByTwiML() {
		v.differ(sid, own[0].sid, "recordings started", "none: the TwiML records", itoa(len(own)))
	}
	d := row.Decision
	if d != nil {
		v.report.Decisions++
	}
	switch {
	case d == nil && (f.answered || len(own) > 0):
		v.differ(sid, "", "decision", "one", "none")
	case d == nil:
	case !d.Outcome.Final():
		v.differ(sid, "", "decision", "a final one", string(d.Outcome))
	case f.recordedByTwiML():
		v.compare(sid, "", "decision", "started by rule twiml", string(d.Outcome)+" by rule "+string(d.Rule))
	case d.ByTwiML():
		v.differ(sid, "", "decision", "not started: no TwiML asked for a recording", "started by rule twiml")
	case len(own) > 0 && own[0].outcome == schema.RecordingFailed && v.excuses(f, *d):
		// A start that nobody saw succeed, found afterwards to have failed.
	case len(own) > 0:
		v.compare(sid, own[0].sid, "decision", schema.Started, d.Outcome)
		v.compare(sid, own[0].sid, "decision's recording", own[0].sid, d.RecordingSID)
	case d.Outcome == schema.Started:
		v.differ(sid, d.RecordingSID, "decision", "not started: Twilio started nothing", "started")
	case !v.excuses(f, *d):
		v.differ(sid, "", "decision", v.wanted(f), string(d.Outcome)+" by rule "+string(d.Rule))
	}
}

// wanted says what a decision should have been.
func (v *verification) wanted(f *family) string {
	switch {
	case !f.owned:
		return "not started: the number is nobody's"
	case v.flag(true, f.known):
		return "started: the flag was on"
	}
	return "not started: the flag was off"
}

// childDecision checks that a dialled child has no recording of its own: it is
// its parent that is recorded.
func (v *verification) childDecision(t truth, row schema.CallRecord) {
	if d := row.Decision; d != nil && !d.Outcome.Final() {
		v.differ(t.leg.sid, "", "decision", "a final one, or none", string(d.Outcome))
	}
	for _, r := range t.family.own() {
		if r.leg == t.leg.sid {
			v.differ(t.leg.sid, r.sid, "recording started on", "the parent "+t.leg.parent, "the dialled child")
		}
	}
}

// digest hashes a stream.
func digest(body io.Reader) (sum string, size int64, err error) {
	hash := sha256.New()
	size, err = io.Copy(hash, body)
	if err != nil {
		return "", size, fmt.Errorf("read the object: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil)), size, nil
}

// sidOf is the SID that a delivery's id begins with.
func sidOf(id string) string {
	sid, _, _ := strings.Cut(id, "/")
	return sid
}
