package recorder

import (
	"context"
	"fmt"
	"slices"

	"github.com/loquent/callstream/schema"
)

// adopt looks whether an earlier attempt, whose end nobody saw, did start a
// recording, and makes it the call's. It may be gone at Twilio by now, since a
// short one is archived and removed within a second: then our own record of it
// is the proof.
func (c *Consumer) adopt(ctx context.Context, w *work) (done bool, err error) {
	if done, err := c.list(ctx, w); done || err != nil {
		return done, err
	}
	found := w.recordings
	record, err := c.Records.CallRecord(ctx, "", w.callSID)
	if except(schema.NotFound, err) != nil {
		return false, fmt.Errorf("read the recordings of %s: %w", w.callSID, err)
	}
	for _, r := range record.Recordings {
		found = append(found, r.RecordingFacts)
	}
	i := slices.IndexFunc(found, byREST)
	if i < 0 {
		return false, nil
	}
	return true, c.started(ctx, w, found[i])
}

// alreadyRunning settles the call if somebody else records it: a second
// recording beside TwiML's or a trunk's would double the audio.
func (c *Consumer) alreadyRunning(ctx context.Context, w *work) (done bool, err error) {
	if done, err := c.list(ctx, w); done || err != nil {
		return done, err
	}
	i := slices.IndexFunc(w.recordings, func(r schema.RecordingFacts) bool { return running(r) || byREST(r) })
	if i < 0 {
		return false, nil
	}
	found := w.recordings[i]
	w.check.Evidence = fmt.Sprintf("recording by %s is %s", found.Source, found.Status)
	return true, c.settle(ctx, w, schema.NotStarted, schema.RuleAlreadyRunning, found.RecordingSID)
}

// list asks Twilio for the call's recordings, once; done means that it could
// not and the call is settled, at least for now. An account that is gone has no
// settings, and nothing starts.
func (c *Consumer) list(ctx context.Context, w *work) (done bool, err error) {
	if w.listed {
		return false, nil
	}
	err = c.findAccount(ctx, w)
	if schema.CodeOf(err) == schema.NotFound {
		w.check = schema.RecordingCheck{Rule: schema.RuleNoSettings, Evidence: err.Error()}
		return true, c.settle(ctx, w, schema.NotStarted, schema.RuleNoSettings, "")
	}
	if err != nil {
		return false, err
	}
	recordings, err := c.Twilio.ListCallRecordings(ctx, w.account, w.callSID)
	if err != nil {
		return true, c.fail(ctx, w, fmt.Errorf("list the recordings of %s: %w", w.callSID, err))
	}
	w.recordings, w.listed = recordings, true
	return false, nil
}

// running reports whether the recording is being made.
func running(r schema.RecordingFacts) bool {
	return r.Status == schema.RecordingInProgress || r.Status == schema.RecordingPaused
}

// byREST reports whether the recording was started as the recorder does, in
// whatever state it is now; one that came to nothing does not count.
func byREST(r schema.RecordingFacts) bool {
	return r.Source == schema.SourceStartCallRecordingAPI && r.Status != schema.RecordingFailed
}
