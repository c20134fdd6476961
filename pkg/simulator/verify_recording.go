package simulator

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/loquent/callstream/schema"
)

// recordings compares a call's recordings, and what its row says of them as a
// whole.
func (v *verification) recordings(ctx context.Context, t truth, row schema.CallRecord) error {
	stored := make(map[string]schema.RecordingRecord)
	for _, r := range row.Recordings {
		if _, twice := stored[r.RecordingSID]; twice {
			v.differ(t.leg.sid, r.RecordingSID, "recording", "one", "two")
		}
		stored[r.RecordingSID] = r
	}
	var urls, texts []string
	for _, r := range t.family.recordings {
		v.report.Recordings++
		got, ok := stored[r.sid]
		delete(stored, r.sid)
		if err := v.recording(ctx, r, got, ok); err != nil {
			return err
		}
		if ok && got.Object != nil && !got.Quarantined {
			urls = append(urls, got.Object.URL)
		}
		if ok && got.Transcript != nil && !got.Quarantined {
			texts = append(texts, got.Transcript.Text)
		}
	}
	for sid := range stored {
		v.differ(t.leg.sid, sid, "recording", "none: Twilio has no such recording of this call", "a row")
	}
	v.oneOf(t.leg.sid, "recording_url", urls, row.RecordingURL)
	v.oneOf(t.leg.sid, "transcription", texts, row.Transcription)
	return nil
}

// oneOf compares what a call shows with what its recordings have: one of
// theirs, and nothing when they have none.
func (v *verification) oneOf(sid, what string, all []string, got string) {
	switch {
	case len(all) == 0 && got != "":
		v.differ(sid, "", what, "nothing", got)
	case len(all) > 0 && !slices.Contains(all, got):
		v.differ(sid, "", what, "that of its recording: "+all[0], orDefault(got, "nothing"))
	}
}

// recording compares one recording, in the order in which it is dealt with.
func (v *verification) recording(ctx context.Context, r recordingTruth, got schema.RecordingRecord, exists bool) error {
	if r.own && (r.callback == "" || !r.wants(schema.RecordingCompleted) || !r.wants(schema.RecordingAbsent)) {
		v.differ(r.callSID, r.sid, "recording's callback", "asked for completed and absent", fmt.Sprint(r.events))
	}
	if !exists {
		if r.told {
			v.differ(r.callSID, r.sid, "recording", "a row: "+string(r.outcome), "none")
		}
		return nil
	}
	if !r.told {
		return nil // Its end was not told, so any part of it may be known.
	}
	v.recordingFacts(r, got)
	if got.Status != schema.RecordingCompleted || r.outcome != schema.RecordingCompleted {
		v.noAudio(r, got)
		return nil
	}
	if err := v.object(ctx, r, got); err != nil {
		return err
	}
	if got.Quarantined {
		v.quarantined(r, got)
		return nil
	}
	v.transcript(r, got.Transcript)
	v.deletion(r, got)
	return nil
}

func (v *verification) recordingFacts(r recordingTruth, got schema.RecordingRecord) {
	for _, fact := range []struct {
		what      string
		want, got any
	}{
		{"recording's status", r.outcome, got.Status},
		{"recording's source", r.source, got.Source},
		{"recording's owner is callstream", r.own, got.Own},
		{"recording's call", r.callSID, got.CallSID},
		{"recording's channels", r.channels, got.Channels},
		{"recording's error_code", r.errorCode, got.ErrorCode},
		{"recording's organization", v.config.OrganizationID, got.OrganizationID},
		{"recording's start", shown(&r.started), shown(got.StartedAt)},
	} {
		v.compare(r.callSID, r.sid, fact.what, fact.want, fact.got)
	}
	if r.outcome == schema.RecordingCompleted {
		v.number(r.callSID, r.sid, "recording's duration", true, r.duration(), got.Duration)
	}
}

// noAudio checks that nothing is made of a recording that has no audio.
func (v *verification) noAudio(r recordingTruth, got schema.RecordingRecord) {
	if r.outcome == schema.RecordingCompleted {
		return // Its status was found to differ; the rest follows from it.
	}
	if got.Object != nil || got.Transcript != nil {
		v.differ(r.callSID, r.sid, "recording's audio", "none: it is "+string(r.outcome), "archived or transcribed")
	}
	if !r.deleted.IsZero() || got.Receipt != nil {
		v.differ(r.callSID, r.sid, "deletion", "none: there is no audio", "deleted")
	}
}

// object compares the archived audio with what Twilio had, byte by byte.
func (v *verification) object(ctx context.Context, r recordingTruth, got schema.RecordingRecord) error {
	if got.Object == nil {
		v.differ(r.callSID, r.sid, "object", "archived", "none")
		return nil
	}
	if other, taken := v.keys[got.Object.Key]; taken {
		v.differ(r.callSID, r.sid, "object", "a key of its own", "the key of "+other)
	}
	v.keys[got.Object.Key] = r.sid
	audio := v.clips.audio(r.sid, r.clips)
	sum, size, err := digest(bytes.NewReader(audio))
	if err != nil {
		return err
	}
	v.compare(r.callSID, r.sid, "object's noted size", size, got.Object.Size)
	v.compare(r.callSID, r.sid, "object's noted SHA-256", sum, got.Object.SHA256)
	if got.ArchivedAt == nil {
		v.differ(r.callSID, r.sid, "archived_at", "a time", "nothing")
	}
	return v.bytes(ctx, r, got.Object.Key, sum)
}

// bytes reads the object. One that cannot be read is a difference, not an
// error: what was promised to be there is not.
func (v *verification) bytes(ctx context.Context, r recordingTruth, key, sum string) error {
	body, err := v.pipeline.Object(ctx, key)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("verify: open object %s: %w", key, err)
		}
		v.differ(r.callSID, r.sid, "object", "readable", err.Error())
		return nil
	}
	found, size, err := digest(body)
	_ = body.Close()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("verify: object %s: %w", key, ctx.Err())
	case err != nil:
		v.differ(r.callSID, r.sid, "object", "readable", err.Error())
	case found != sum:
		v.differ(r.callSID, r.sid, "object's bytes", "those at Twilio", fmt.Sprintf("others, %d of them", size))
	}
	v.report.Objects++
	return nil
}

// quarantined checks a recording that is kept from sight, which only one may
// be that was started while the flag was being switched off.
func (v *verification) quarantined(r recordingTruth, got schema.RecordingRecord) {
	if !r.own || r.twiml || !v.flag(false, r.begins) {
		v.differ(r.callSID, r.sid, "quarantine", "no", "yes")
	}
	if got.Transcript != nil {
		v.differ(r.callSID, r.sid, "transcript", "none: it is quarantined", "one")
	}
}

// transcript compares the words, and their times, where they are known.
func (v *verification) transcript(r recordingTruth, got *schema.Transcript) {
	if got == nil {
		v.differ(r.callSID, r.sid, "transcript", "one", "none")
		return
	}
	v.report.Transcripts++
	if !v.config.TranscriptsKnown {
		return
	}
	want := v.clips.transcript(r.clips)
	v.compare(r.callSID, r.sid, "transcript's text", words(want.Text), words(got.Text))
	if len(got.Segments) == 0 && !strings.HasPrefix(got.Model, "whisper") {
		return // Only Whisper's models give segments.
	}
	v.compare(r.callSID, r.sid, "transcript's segments", len(want.Segments), len(got.Segments))
	for i := range min(len(want.Segments), len(got.Segments)) {
		w, g := want.Segments[i], got.Segments[i]
		if words(w.Text) != words(g.Text) || !near(w.Start, g.Start) || !near(w.End, g.End) || w.Channel != g.Channel {
			v.differ(r.callSID, r.sid, "transcript's segment "+itoa(i), segment(w), segment(g))
		}
	}
}

// words evens out white space.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }

func near(a, b float64) bool { return math.Abs(a-b) < 0.05 }

func segment(s schema.Segment) string {
	return fmt.Sprintf("%.2f-%.2f channel %d %s", s.Start, s.End, s.Channel, words(s.Text))
}

// deletion checks that the recording is gone at Twilio, not before its audio
// went out, and that a receipt says so.
func (v *verification) deletion(r recordingTruth, got schema.RecordingRecord) {
	switch {
	case r.deleted.IsZero():
		v.differ(r.callSID, r.sid, "deletion", "gone at Twilio", "still there")
	case r.fetched.IsZero() || r.fetched.After(r.deleted):
		v.differ(r.callSID, r.sid, "deletion", "after the audio was fetched", "before")
	}
	switch {
	case got.Receipt == nil:
		v.differ(r.callSID, r.sid, "deletion receipt", "one", "none")
	case got.Object != nil && got.Receipt.Object.SHA256 != got.Object.SHA256:
		v.differ(r.callSID, r.sid, "deletion receipt", "the archived copy's SHA-256", got.Receipt.Object.SHA256)
	}
	if !r.deleted.IsZero() {
		v.report.Deletions++
	}
}
