package consumers_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/s3/s3test"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// finished takes one call through the whole pipeline, and returns it with its
// recording's SID. Twilio has none of the audio any more.
func finished(t *testing.T) (p *pipeline, callSID, recordingSID string) {
	t.Helper()
	p = newPipeline(t)
	call, recordingSID := outbound(), sid(schema.RecordingPrefix)
	event := p.processed(schema.RecordingFacts{RecordingSID: recordingSID, CallSID: call.CallSID, Source: "DialVerb"})
	p.run(t, consumers.Calls, consumers.Archiver, consumers.Transcriber, consumers.Reaper)
	p.send(t, p.answered(call), event)
	p.await(t, consumers.Calls, msgID(schema.KindCallAnswered, call.CallSID))
	p.await(t, consumers.Reaper, msgID(schema.KindRecordingTranscribed, recordingSID))
	p.twilio.download = func(string) (schema.Media, error) {
		return schema.Media{}, schema.Errorf(schema.NotFound, "Twilio answered 404")
	}
	return p, call.CallSID, recordingSID
}

// TestAnotherModelHearsAgain replaces transcripts in the database.
func TestAnotherModelHearsAgain(t *testing.T) {
	t.Parallel()
	p, call, _ := finished(t)
	p.remote = otherModel{p.twilio}
	for _, force := range []bool{false, true} {
		if _, failures := p.replay(t, schema.ReplaySpec{Consumer: consumers.Transcriber, CallSID: call, Force: force}); len(failures) > 0 {
			t.Fatal(failures[0].Err)
		}
		want := map[bool]string{false: "good morning", true: "good evening"}[force]
		got := p.call(t, call)
		transcript := got.Recordings[0].Transcript
		if got.Transcription != want || transcript.Text != want || len(transcript.Segments) != 1 || transcript.Segments[0].Text != want {
			t.Errorf("forced %v: the call says %q, the recording %+v", force, got.Transcription, transcript)
		}
	}
}

// otherModel hears something else.
type otherModel struct{ *double }

func (otherModel) Transcribe(_ context.Context, audio io.Reader, _ int64) (schema.Transcript, error) {
	_, err := io.Copy(io.Discard, audio)
	return schema.Transcript{Text: "good evening", Model: "other", Duration: 10, Segments: []schema.Segment{{End: 10, Text: "good evening"}}}, err
}

// TestRecordingsMoveToANewBucket archives again what Twilio no longer has.
func TestRecordingsMoveToANewBucket(t *testing.T) {
	t.Parallel()
	p, call, recordingSID := finished(t)
	spec := schema.ReplaySpec{Consumer: consumers.Archiver, RecordingSID: recordingSID, Force: true}
	before := p.call(t, call)
	content := p.object(t, before.Recordings[0].Object)
	old := p.bucket
	p.bucket = s3test.New(t)
	if _, failures := p.replay(t, spec); len(failures) != 1 {
		t.Errorf("without the old bucket: %d failures", len(failures))
	}
	if got := p.call(t, call); got.RecordingURL != before.RecordingURL || got.Recordings[0].Status != schema.RecordingCompleted {
		t.Errorf("without the old bucket the row became %+v", got)
	}
	p.earlier = old
	if _, failures := p.replay(t, spec); len(failures) > 0 {
		t.Fatal(failures[0].Err)
	}
	after := p.call(t, call)
	if after.RecordingURL == before.RecordingURL || after.RecordingURL != after.Recordings[0].Object.URL {
		t.Errorf("the call shows %s, its recording %+v", after.RecordingURL, after.Recordings[0].Object)
	}
	if !bytes.Equal(p.object(t, after.Recordings[0].Object), content) {
		t.Error("it is not the same audio")
	}
	if after.Recordings[0].Transcript == nil || after.Recordings[0].Receipt == nil {
		t.Errorf("the move lost more: %+v", after.Recordings[0])
	}
}

// TestReplaysThatCouldActAreRefused asks for them without saying so by name.
func TestReplaysThatCouldActAreRefused(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	for _, name := range []string{consumers.Recorder, consumers.Reaper} {
		for _, spec := range []schema.ReplaySpec{{Consumer: name}, {Consumer: name, Force: true}, {Consumer: name, AllowSideEffects: []string{schema.SideEffectEvents}}} {
			config := p.replayConfig(t, spec)
			config.Handler = func(context.Context, schema.Event) error { t.Errorf("%+v ran", spec); return nil }
			if _, err := p.conn.Replay(t.Context(), config); schema.CodeOf(err) != schema.Forbidden {
				t.Errorf("%+v: %v", spec, err)
			}
		}
	}
	// And should one ever run, it starts and deletes nothing.
	event := p.answered(outbound())
	ctx := stream.WithDelivery(t.Context(), stream.Delivery{Event: event, Sequence: 1, StoredAt: event.OccurredAt, Attempt: 1, Replay: stream.Replaying{Active: true, Force: true}})
	if err := p.recorder().Handle(ctx, event); err != nil {
		t.Error(err)
	}
	if starts, _, _ := p.twilio.counts(event.Call.CallSID, ""); starts > 0 {
		t.Error("a replay started a recording")
	}
}
