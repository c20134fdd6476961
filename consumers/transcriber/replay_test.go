package transcriber_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// replayed is the news of the archived recording, from history.
func (w *world) replayed(force bool) stream.Delivery {
	d := w.delivery()
	d.Replay = stream.Replaying{Active: true, Force: force}
	return d
}

func earlier() *schema.Transcript { return &schema.Transcript{Text: "hard audio", Model: "old"} }

func TestAForcedReplayTranscribesAgain(t *testing.T) {
	t.Parallel()
	for force, want := range map[bool]string{false: "hard audio", true: "heard audio"} {
		w := newWorld()
		w.record.Transcript = earlier()
		if err := w.handleAs(t, w.replayed(force)); err != nil || w.record.Transcript.Text != want {
			t.Errorf("forced %v: %v, stored %+v", force, err, w.record.Transcript)
		}
		if slices.Contains(w.log, "transcribe") != force {
			t.Errorf("forced %v: %v", force, w.log)
		}
	}
}

func TestATranscriptStandsUntilAnotherIsThere(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*world){
		"the service is away": func(w *world) {
			w.listen = func(string) (schema.Transcript, error) {
				return schema.Transcript{}, schema.Errorf(schema.Unavailable, "away")
			}
		},
		"the service refuses": func(w *world) {
			w.listen = func(string) (schema.Transcript, error) {
				return schema.Transcript{}, schema.Errorf(schema.Refused, "not audio")
			}
		},
		"switched off": func(w *world) { w.account.TranscriptionEnabled = false },
		"quarantined":  func(w *world) { w.record.Quarantined = true },
	} {
		w := newWorld()
		w.record.Transcript = earlier()
		spoil(w)
		_ = w.handleAs(t, w.replayed(true))
		if w.record.Transcript == nil || w.record.Transcript.Model != "old" {
			t.Errorf("%s: stored %+v", name, w.record.Transcript)
		}
		if slices.ContainsFunc(w.published, func(e schema.RecordingTranscribed) bool { return e.Skipped }) {
			t.Errorf("%s: told as skipped, though there is a transcript", name)
		}
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world)
		force  bool
		want   string
	}{
		"new":                 {func(*world) {}, false, "would transcribe it"},
		"transcribed":         {func(w *world) { w.record.Transcript = earlier() }, false, ""},
		"transcribed, forced": {func(w *world) { w.record.Transcript = earlier() }, true, "would transcribe it again, in place of what old heard"},
		"quarantined":         {func(w *world) { w.record.Quarantined = true }, true, ""},
		"switched off":        {func(w *world) { w.account.TranscriptionEnabled = false }, true, ""},
		"no copy":             {func(w *world) { w.record.Object = nil }, false, "would fail"},
		"nobody's":            {func(w *world) { w.account.AccountSID = "" }, false, "would be refused"},
	} {
		w := newWorld()
		c.change(w)
		plan, err := w.consumer().Plan(t.Context(), w.replayed(c.force))
		if err != nil || !strings.HasPrefix(plan.Change, c.want) || (c.want == "") != (plan.Change == "") || plan.RecordingSID != sid {
			t.Errorf("%s: %+v, %v", name, plan, err)
		}
		if len(w.log) > 0 {
			t.Errorf("%s: a plan did something: %v", name, w.log)
		}
	}
}
