package schema_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/loquent/callstream/schema"
)

func TestParseCallStatus(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]schema.CallStatus{
		// REST, callbacks
		"queued": schema.StatusQueued, "initiated": schema.StatusInitiated, "ringing": schema.StatusRinging,
		"in-progress": schema.StatusInProgress, "completed": schema.StatusCompleted, "busy": schema.StatusBusy,
		"no-answer": schema.StatusNoAnswer, "failed": schema.StatusFailed, "canceled": schema.StatusCanceled,
		// Voice Insights
		"answered": schema.StatusInProgress, "noanswer": schema.StatusNoAnswer, "fail": schema.StatusFailed,
		"undialed": schema.StatusFailed,
		// other spellings
		"in_progress": schema.StatusInProgress, "NO_ANSWER": schema.StatusNoAnswer, " Completed ": schema.StatusCompleted,
		"cancelled": schema.StatusCanceled,
	} {
		if got, ok := schema.ParseCallStatus(in); !ok || got != want {
			t.Errorf("ParseCallStatus(%q) = %q, %v, want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "done", "in progress", "absent"} {
		if got, ok := schema.ParseCallStatus(in); ok {
			t.Errorf("ParseCallStatus(%q) = %q, want unknown", in, got)
		}
	}
}

func TestCallStatusOrder(t *testing.T) {
	t.Parallel()
	final := []schema.CallStatus{
		schema.StatusCanceled, schema.StatusFailed, schema.StatusNoAnswer, schema.StatusBusy, schema.StatusCompleted,
	}
	for i, status := range schema.CallStatuses {
		if status.Rank() != i+1 {
			t.Errorf("%s ranks %d, want %d", status, status.Rank(), i+1)
		}
		if got, want := status.Final(), slices.Contains(final, status); got != want {
			t.Errorf("%s is final: %v, want %v", status, got, want)
		}
	}
	if unknown := schema.CallStatus("paused"); unknown.Rank() != 0 || unknown.Final() {
		t.Error("an unknown status has a rank, or is final")
	}
}

func TestParseRecordingStatus(t *testing.T) {
	t.Parallel()
	for _, want := range []schema.RecordingStatus{
		schema.RecordingInProgress, schema.RecordingPaused, schema.RecordingStopped, schema.RecordingProcessing,
		schema.RecordingCompleted, schema.RecordingAbsent, schema.RecordingFailed, schema.RecordingDeleted,
	} {
		for _, in := range []string{string(want), strings.ToUpper(string(want)), strings.ReplaceAll(string(want), "-", "_")} {
			if got, ok := schema.ParseRecordingStatus(in); !ok || got != want {
				t.Errorf("ParseRecordingStatus(%q) = %q, %v, want %q", in, got, ok, want)
			}
		}
	}
	for _, in := range []string{"", "busy"} {
		if got, ok := schema.ParseRecordingStatus(in); ok {
			t.Errorf("ParseRecordingStatus(%q) = %q, want unknown", in, got)
		}
	}
}

func TestParseMessageStatus(t *testing.T) {
	t.Parallel()
	for _, want := range schema.MessageStatuses {
		for _, in := range []string{string(want), strings.ToUpper(string(want))} {
			if got, ok := schema.ParseMessageStatus(in); !ok || got != want {
				t.Errorf("ParseMessageStatus(%q) = %q, %v, want %q", in, got, ok, want)
			}
		}
	}
	if got, ok := schema.ParseMessageStatus("scheduled"); ok {
		t.Errorf("an unknown status is %q", got)
	}
}

func TestParseLeg(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in    string
		leg   schema.Leg
		way   schema.Direction
		trunk bool
	}{
		{"inbound", schema.LegInbound, schema.Inbound, false},
		{"outbound-api", schema.LegOutboundAPI, schema.Outbound, false},
		{"outbound_api", schema.LegOutboundAPI, schema.Outbound, false},
		{"outbound-dial", schema.LegOutboundDial, schema.Outbound, false},
		{"OUTBOUND_DIAL", schema.LegOutboundDial, schema.Outbound, false},
		{"trunking_originating", schema.LegTrunkingOriginating, schema.Inbound, true},
		{"trunking-terminating", schema.LegTrunkingTerminating, schema.Outbound, true},
	} {
		leg, ok := schema.ParseLeg(test.in)
		if !ok || leg != test.leg || leg.Direction() != test.way || leg.Trunk() != test.trunk {
			t.Errorf("ParseLeg(%q) = %q, %v (%s, trunk %v), want %+v", test.in, leg, ok, leg.Direction(), leg.Trunk(), test)
		}
	}
	for _, in := range []string{"", "outbound", "sideways"} {
		if leg, ok := schema.ParseLeg(in); ok || leg.Direction() != "" {
			t.Errorf("ParseLeg(%q) = %q, want unknown", in, leg)
		}
	}
}

func TestSIDs(t *testing.T) {
	t.Parallel()
	const digits = "0123456789abcdef0123456789abcdef"
	for _, test := range []struct {
		sid      string
		prefixes []string
		want     bool
	}{
		{"CA" + digits, []string{schema.CallPrefix}, true},
		{"MM" + digits, []string{schema.MessagePrefix, schema.MediaMessagePrefix}, true},
		{"CA" + digits, []string{schema.RecordingPrefix}, false},
		{"CA" + digits, nil, false},
		{"ca" + digits, []string{schema.CallPrefix}, false},
		{"CA" + strings.ToUpper(digits), []string{schema.CallPrefix}, false},
		{"CA" + digits[1:], []string{schema.CallPrefix}, false},
		{"CA" + digits + "0", []string{schema.CallPrefix}, false},
		{"CA" + digits[:31] + ".", []string{schema.CallPrefix}, false},
		{"CA" + digits[:31] + "\n", []string{schema.CallPrefix}, false},
		{"CA../../" + digits[:26], []string{schema.CallPrefix}, false},
		{"", []string{schema.CallPrefix}, false},
	} {
		if got := schema.ValidSID(test.sid, test.prefixes...); got != test.want {
			t.Errorf("ValidSID(%q, %v) = %v", test.sid, test.prefixes, got)
		}
		err := schema.CheckSID("CallSid", test.sid, test.prefixes...)
		if (err == nil) != test.want {
			t.Errorf("CheckSID(%q, %v) = %v", test.sid, test.prefixes, err)
		}
		if err != nil && (schema.CodeOf(err) != schema.Invalid || !strings.Contains(err.Error(), "CallSid")) {
			t.Errorf("CheckSID(%q): %v is %s, want invalid and the field's name", test.sid, err, schema.CodeOf(err))
		}
	}
}
