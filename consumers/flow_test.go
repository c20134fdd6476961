package consumers_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/mp3/mp3test"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// TestACallFromAnswerToDeletion follows one call through all the durables.
func TestACallFromAnswerToDeletion(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.run(t, consumers.Names()...)
	call := outbound()
	p.send(t, p.answered(call))
	p.await(t, consumers.Recorder, msgID(schema.KindCallAnswered, call.CallSID))
	p.send(t, p.completed(call))
	recording := p.twilio.recordings[call.CallSID][0]
	p.send(t, p.processed(recording))
	p.await(t, consumers.Reaper, msgID(schema.KindRecordingTranscribed, recording.RecordingSID))
	// Each adds its line to the timeline last, after the next has begun.
	p.await(t, consumers.Transcriber, msgID(schema.KindRecordingArchived, recording.RecordingSID))
	p.await(t, consumers.Archiver, p.processed(recording).MsgID())
	p.await(t, consumers.Calls, msgID(schema.KindCallCompleted, call.CallSID))
	p.await(t, consumers.Calls, msgID(schema.KindCallAnswered, call.CallSID))

	got := p.call(t, call.CallSID)
	if got.Status != schema.StatusCompleted || got.Direction != schema.Outbound || got.PhoneNumber != ownNumber {
		t.Errorf("the row is %+v", got)
	}
	if d := got.Decision; d == nil || d.Outcome != schema.Started || d.RecordingSID != recording.RecordingSID || d.Evidence == "" {
		t.Errorf("the decision is %+v", d)
	}
	if len(got.Recordings) != 1 {
		t.Fatalf("%d recordings", len(got.Recordings))
	}
	r := got.Recordings[0]
	if !bytes.Equal(p.object(t, r.Object), mp3test.Silence(10*time.Second, 1)) || got.RecordingURL != r.Object.URL {
		t.Errorf("the copy is %+v, the call's URL %q", r.Object, got.RecordingURL)
	}
	if r.Transcript == nil || r.Transcript.Text != "good morning" || got.Transcription != "good morning" {
		t.Errorf("the transcript is %+v, the call's %q", r.Transcript, got.Transcription)
	}
	if r.Receipt == nil || r.Receipt.Object.SHA256 != r.Object.SHA256 {
		t.Errorf("the receipt is %+v", r.Receipt)
	}
	if starts, downloads, deletions := p.twilio.counts(call.CallSID, recording.RecordingSID); starts != 1 || downloads != 1 || deletions != 1 {
		t.Errorf("%d starts, %d downloads, %d deletions", starts, downloads, deletions)
	}
	p.checkTimeline(t, call.CallSID, "call.answered", "recording.decided", "call.completed", "recording.processed", "recording.archived", "recording.transcribed")
}

// checkTimeline compares the kinds of the call's lines, and that each points to
// its message.
func (p *pipeline) checkTimeline(t *testing.T, callSID string, want ...string) {
	t.Helper()
	lines, err := p.db.Timeline(t.Context(), p.account.OrganizationID, callSID)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, line := range lines {
		kinds = append(kinds, line.Kind)
		if line.Sequence == 0 || line.StoredAt.IsZero() {
			t.Errorf("%s points to no message: %+v", line.Kind, line)
		}
	}
	slices.Sort(kinds)
	slices.Sort(want)
	if !slices.Equal(kinds, want) {
		t.Errorf("the timeline has %v, want %v", kinds, want)
	}
}

// TestATrunkCall has no news but its recording.
func TestATrunkCall(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	callSID := sid(schema.CallPrefix)
	p.twilio.fetch = func(callSID string) (schema.CallFacts, error) {
		return schema.CallFacts{CallSID: callSID, From: customer, To: ownNumber, Leg: schema.LegTrunkingOriginating, Status: schema.StatusCompleted}, nil
	}
	p.run(t, consumers.Archiver, consumers.Transcriber)
	recording := schema.RecordingFacts{RecordingSID: sid(schema.RecordingPrefix), CallSID: callSID, Source: "Trunking"}
	p.send(t, p.processed(recording))
	p.await(t, consumers.Transcriber, msgID(schema.KindRecordingArchived, recording.RecordingSID))
	got := p.call(t, callSID)
	if got.Direction != schema.Inbound || got.From != customer || got.PhoneNumber != ownNumber || got.RecordingURL == "" || got.Transcription == "" {
		t.Errorf("the row is %+v", got)
	}
	if r := got.Recordings[0]; r.Own || r.Source != "Trunking" {
		t.Errorf("the recording is %+v", r)
	}
}

// TestACallThatNobodyKnows is created from its recording alone.
func TestACallThatNobodyKnows(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.run(t, consumers.Archiver, consumers.Transcriber)
	recording := schema.RecordingFacts{RecordingSID: sid(schema.RecordingPrefix), CallSID: sid(schema.CallPrefix), Source: "Trunking"}
	p.send(t, p.processed(recording))
	p.await(t, consumers.Transcriber, msgID(schema.KindRecordingArchived, recording.RecordingSID))
	if got := p.call(t, recording.CallSID); got.RecordingURL == "" || got.Recordings[0].Object == nil {
		t.Errorf("the row is %+v", got)
	}
}

func TestACallWithSeveralRecordings(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.run(t, consumers.Calls, consumers.Archiver, consumers.Transcriber)
	call := outbound()
	p.send(t, p.answered(call))
	p.await(t, consumers.Calls, msgID(schema.KindCallAnswered, call.CallSID))
	var sids []string
	for _, source := range []string{"RecordVerb", "DialVerb", "Trunking"} {
		r := schema.RecordingFacts{RecordingSID: sid(schema.RecordingPrefix), CallSID: call.CallSID, Source: source}
		sids = append(sids, r.RecordingSID)
		p.send(t, p.processed(r))
	}
	absent := schema.RecordingProcessed{Header: p.header(), Recording: schema.RecordingFacts{
		RecordingSID: sid(schema.RecordingPrefix), CallSID: call.CallSID, Status: schema.RecordingAbsent, ErrorCode: 16101,
	}}
	p.send(t, absent)
	for _, sid := range sids {
		p.await(t, consumers.Transcriber, msgID(schema.KindRecordingArchived, sid))
	}
	p.await(t, consumers.Archiver, absent.MsgID())
	got := p.call(t, call.CallSID)
	if len(got.Recordings) != 4 || got.RecordingURL == "" {
		t.Fatalf("the row is %+v", got)
	}
	for _, r := range got.Recordings {
		if archived := r.Object != nil && r.Transcript != nil; archived != slices.Contains(sids, r.RecordingSID) {
			t.Errorf("recording by %s (%s): archived %v", r.Source, r.Status, archived)
		}
	}
}

// TestManyWorkersOnOneCall has workers handle the same delivery at once, as
// redelivery to a second worker does while the first still runs.
func TestManyWorkersOnOneCall(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	call := outbound()
	child := schema.CallFacts{CallSID: sid(schema.CallPrefix), ParentCallSID: call.CallSID, From: ownNumber, To: agent, Leg: schema.LegOutboundDial}
	var workers sync.WaitGroup
	for range 4 {
		for _, event := range []schema.CallAnswered{p.answered(call), p.answered(child)} {
			workers.Go(func() {
				p.persist(t, event, func(ctx context.Context) error { return p.recorder().Handle(ctx, event) })
			})
		}
	}
	workers.Wait()
	if starts, _, _ := p.twilio.counts(call.CallSID, ""); starts != 1 {
		t.Errorf("%d recordings for one call", starts)
	}
	if starts, _, _ := p.twilio.counts(child.CallSID, ""); starts != 0 {
		t.Error("the dialled leg is recorded beside its parent")
	}
}

func TestManyWorkersOnOneRecording(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	event := p.processed(schema.RecordingFacts{RecordingSID: sid(schema.RecordingPrefix), CallSID: sid(schema.CallPrefix), Source: "DialVerb"})
	var workers sync.WaitGroup
	for range 6 {
		workers.Go(func() {
			p.persist(t, event, func(ctx context.Context) error { return p.archiver().Handle(ctx, event) })
		})
	}
	workers.Wait()
	if _, downloads, _ := p.twilio.counts("", event.Recording.RecordingSID); downloads != 1 {
		t.Errorf("downloaded %d times", downloads)
	}
	got := p.call(t, event.Recording.CallSID)
	if len(got.Recordings) != 1 || got.Recordings[0].Object == nil {
		t.Errorf("the row is %+v", got)
	}
}

// persist has work done until it is not put off any more.
func (p *pipeline) persist(t *testing.T, event schema.Event, work func(context.Context) error) {
	for attempt := 1; ; attempt++ {
		ctx := stream.WithDelivery(t.Context(), stream.Delivery{Event: event, Sequence: 1, StoredAt: time.Now().Add(-time.Minute), Attempt: attempt})
		err := work(ctx)
		if verdict := (*stream.Verdict)(nil); errors.As(err, &verdict) && verdict.Kind == stream.KindSnooze {
			continue // at once: the delay is the runner's
		}
		if err != nil {
			t.Errorf("attempt %d: %v", attempt, err)
		}
		return
	}
}

// TestACrashBetweenCommitAndPublish fails every event's first publishing, as a
// process does that dies after the database has committed.
func TestACrashBetweenCommitAndPublish(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	var published sync.Map
	crash := errors.New("the process dies")
	p.publish = func(ctx context.Context, events ...schema.Event) error {
		if _, again := published.LoadOrStore(events[0].MsgID(), true); !again {
			return crash
		}
		return p.conn.Publish(ctx, events...)
	}
	p.run(t, consumers.Archiver, consumers.Transcriber, consumers.Reaper)
	event := p.processed(schema.RecordingFacts{RecordingSID: sid(schema.RecordingPrefix), CallSID: sid(schema.CallPrefix), Source: "DialVerb"})
	p.send(t, event)
	recordingSID := event.Recording.RecordingSID
	p.await(t, consumers.Reaper, msgID(schema.KindRecordingTranscribed, recordingSID))
	for durable, id := range map[string]string{
		consumers.Archiver:    event.MsgID(),
		consumers.Transcriber: msgID(schema.KindRecordingArchived, recordingSID),
	} {
		if errs := p.await(t, durable, id); len(errs) != 1 || !errors.Is(errs[0], crash) {
			t.Errorf("%s went through %v", durable, errs)
		}
	}
	if _, downloads, deletions := p.twilio.counts("", recordingSID); downloads != 1 || deletions != 1 || p.twilio.heard != 1 {
		t.Errorf("%d downloads, %d deletions, %d transcriptions: work that was done is done again", downloads, deletions, p.twilio.heard)
	}
}

func TestMediaThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	var asked atomic.Int32
	p.twilio.download = func(string) (schema.Media, error) {
		if asked.Add(1) == 1 {
			return schema.Media{}, schema.Errorf(schema.NotFound, "Twilio answered 404")
		}
		return speech(), nil
	}
	p.run(t, consumers.Archiver)
	event := p.processed(schema.RecordingFacts{RecordingSID: sid(schema.RecordingPrefix), CallSID: sid(schema.CallPrefix), Source: "DialVerb"})
	p.send(t, event)
	if errs := p.await(t, consumers.Archiver, event.MsgID()); len(errs) != 1 {
		t.Errorf("went through %v", errs)
	}
	if got := p.call(t, event.Recording.CallSID); got.RecordingURL == "" {
		t.Errorf("the row is %+v", got)
	}
}

// TestTheSwitchGoesOffWhileARecordingStarts follows such audio to its end.
func TestTheSwitchGoesOffWhileARecordingStarts(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.twilio.onStart = func() {
		if err := p.db.SetRecordingEnabled(context.Background(), p.account.OrganizationID, false); err != nil {
			t.Error(err)
		}
	}
	p.run(t, consumers.Calls, consumers.Recorder, consumers.Archiver)
	call := outbound()
	p.send(t, p.answered(call))
	p.await(t, consumers.Recorder, msgID(schema.KindCallAnswered, call.CallSID))
	p.await(t, consumers.Calls, msgID(schema.KindCallAnswered, call.CallSID))
	event := p.processed(p.twilio.recordings[call.CallSID][0])
	p.send(t, event)
	p.await(t, consumers.Archiver, event.MsgID())
	if got := p.call(t, call.CallSID); len(got.Recordings) != 1 || got.Recordings[0].Object != nil || got.RecordingURL != "" {
		t.Errorf("people see %+v", got)
	}
	kept, err := p.db.Recording(t.Context(), event.Recording.RecordingSID)
	if err != nil || !kept.Quarantined {
		t.Fatalf("the row is %+v, %v", kept, err)
	}
	if len(p.object(t, kept.Object)) == 0 {
		t.Error("the audio is not kept")
	}
	if lag, _, err := p.conn.Lag(t.Context(), consumers.Transcriber); err != nil || lag != 0 {
		t.Errorf("%d recordings wait to be transcribed, %v", lag, err)
	}
}

// TestNothingIsRecordedWithoutADatabase takes it away.
func TestNothingIsRecordedWithoutADatabase(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	event := p.answered(outbound())
	p.db.Close()
	ctx := stream.WithDelivery(t.Context(), stream.Delivery{Event: event, Sequence: 1, StoredAt: time.Now(), Attempt: 1})
	if err := p.recorder().Handle(ctx, event); err == nil {
		t.Error("it passes for decided")
	}
	if starts, _, _ := p.twilio.counts(event.Call.CallSID, ""); starts != 0 {
		t.Error("recorded without a look-up")
	}
}

// TestACallThatIsOverInTheDatabase is not recorded, and Twilio not asked.
func TestACallThatIsOverInTheDatabase(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.run(t, consumers.Calls)
	call := outbound()
	p.send(t, p.completed(call))
	p.await(t, consumers.Calls, msgID(schema.KindCallCompleted, call.CallSID))
	p.run(t, consumers.Recorder)
	p.send(t, p.answered(call))
	p.await(t, consumers.Recorder, msgID(schema.KindCallAnswered, call.CallSID))
	p.await(t, consumers.Calls, msgID(schema.KindCallAnswered, call.CallSID))
	got := p.call(t, call.CallSID)
	if d := got.Decision; d == nil || d.Rule != schema.RuleCallEnded || got.Status != schema.StatusCompleted {
		t.Errorf("the decision is %+v, the status %s", d, got.Status)
	}
	if starts, _, _ := p.twilio.counts(call.CallSID, ""); starts != 0 {
		t.Error("a call that is over was recorded")
	}
}

// TestAnAccountThatIsGone ends in the dead letters, with its reason, whichever
// durable meets it.
func TestAnAccountThatIsGone(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.account.AccountSID = sid(schema.AccountPrefix)
	answered := p.answered(outbound())
	recording := schema.RecordingFacts{RecordingSID: sid(schema.RecordingPrefix), CallSID: answered.Call.CallSID}
	errs := map[string]error{
		consumers.Calls:       p.calls().HandleBatch(t.Context(), []stream.Delivery{{Event: answered}})[0],
		consumers.Archiver:    p.archiver().Handle(t.Context(), p.processed(recording)),
		consumers.Transcriber: p.transcriber().Handle(t.Context(), schema.RecordingArchived{Header: p.header(), Recording: recording}),
		consumers.Reaper:      p.reaper().Handle(t.Context(), schema.RecordingTranscribed{Header: p.header(), Recording: recording}),
	}
	for durable, err := range errs {
		verdict := (*stream.Verdict)(nil)
		if !errors.As(err, &verdict) || verdict.Kind != stream.KindTerminal || schema.CodeOf(err) != schema.Refused {
			t.Errorf("%s: %v", durable, err)
		}
	}
}

func TestMessagesAreStoredInAnyOrder(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.run(t, consumers.Messages)
	message := schema.MessageUpdated{Header: p.header(), MessageSID: sid(schema.MessagePrefix), From: ownNumber, To: customer}
	for _, status := range []schema.MessageStatus{schema.MessageDelivered, schema.MessageSent, schema.MessageQueued} {
		message.Status = status
		p.send(t, message)
		p.await(t, consumers.Messages, message.MsgID())
	}
	db, err := sql.Open("postgres", p.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var rows int
	var status string
	err = db.QueryRowContext(t.Context(), `SELECT count(*), min(status) FROM message WHERE message_sid = $1`, message.MessageSID).Scan(&rows, &status)
	if err != nil || rows != 1 || status != string(schema.MessageDelivered) {
		t.Errorf("%d rows, %s, %v", rows, status, err)
	}
}
