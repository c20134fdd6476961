package ingress_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

// processed is a recording's status callback.
var processed = url.Values{
	"AccountSid": {accountSID}, "CallSid": {callSID}, "RecordingSid": {recordSID}, "RecordingStatus": {"completed"},
	"RecordingUrl": {"https://evil.example.com/RE1"}, "RecordingDuration": {"37250"}, "RecordingChannels": {"2"},
	"RecordingSource": {"StartCallRecordingAPI"}, "RecordingTrack": {"both"}, "ErrorCode": {"0"},
	"RecordingStartTime": {"Wed, 04 Mar 2026 18:15:41 +0000"},
}

var recordingStart = time.Date(2026, 3, 4, 18, 15, 41, 0, time.UTC)

func recording(change func(*schema.RecordingFacts)) schema.RecordingFacts {
	f := schema.RecordingFacts{
		RecordingSID: recordSID, CallSID: callSID, Status: schema.RecordingCompleted, Source: "StartCallRecordingAPI",
		Track: "both", Channels: 2, Duration: &tenHours, StartedAt: &recordingStart,
	}
	change(&f)
	return f
}

func TestRecordingProcessed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		what string
		form url.Values
		want schema.RecordingFacts
	}{
		{"completed", processed, recording(func(*schema.RecordingFacts) {})},
		{
			"absent", with(processed, "RecordingStatus", "absent", "RecordingDuration", "0", "ErrorCode", "16107"),
			recording(func(f *schema.RecordingFacts) { f.Status, f.Duration, f.ErrorCode = schema.RecordingAbsent, nil, 16107 }),
		},
		{
			"failed", with(processed, "RecordingStatus", "failed", "RecordingDuration", ""),
			recording(func(f *schema.RecordingFacts) { f.Status, f.Duration = schema.RecordingFailed, nil }),
		},
		{
			"numbers that are none", with(processed, "RecordingChannels", "99999999999", "RecordingDuration", "NaN", "ErrorCode", "-1"),
			recording(func(f *schema.RecordingFacts) { f.Channels, f.Duration = 0, nil }),
		},
	} {
		w.status(test.what, w.callback("/twilio/recording?org="+org, test.form), http.StatusNoContent)
		event := w.one(test.what).(schema.RecordingProcessed)
		if diff := cmp.Diff(test.want, event.Recording); diff != "" {
			t.Errorf("%s: %s", test.what, diff)
		}
		if !event.OccurredAt.Equal(now) {
			t.Errorf("%s: occurred at %v, want the time of receipt: Twilio says none", test.what, event.OccurredAt)
		}
	}
}

func TestRecordingsThatAreNotDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, status := range []string{"in-progress", "paused", "stopped", "processing", "deleted"} {
		w.status(status, w.callback("/twilio/recording", with(processed, "RecordingStatus", status)), http.StatusNoContent)
		w.nothing(status)
		w.counted("recording."+status, "ignored", 1)
	}
}

func TestRecordingDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for what, form := range map[string]url.Values{
		"no recording":             with(processed, "RecordingSid", ""),
		"a recording that is none": with(processed, "RecordingSid", "RE../x"),
		"no call":                  with(processed, "CallSid", ""),
		"no status":                with(processed, "RecordingStatus", ""),
		"an unknown status":        with(processed, "RecordingStatus", "half-done"),
	} {
		w.status(what, w.callback("/twilio/recording", form), http.StatusNoContent)
		if letter := w.letter(what); letter.Reason != schema.ReasonUndecodable {
			t.Errorf("%s: reason %s", what, letter.Reason)
		}
	}
	w.counted("recording.processed", "dead_letter", 5)
}
