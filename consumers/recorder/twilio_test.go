package recorder_test

import (
	"errors"
	"testing"
	"time"

	"github.com/loquent/callstream/consumers/recorder"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// errTwilio is what it says, whatever that is.
var errTwilio = errors.New("what Twilio says")

// answers are what Twilio may say instead of starting or listing, and what
// follows while the call may still live.
var answers = map[string]struct {
	err      error
	rule     schema.Rule // of the stored decision; empty: none yet
	terminal bool
	wait     time.Duration // of the retry
}{
	"429 with a wait":   {err: &schema.Error{Code: schema.RateLimited, RetryAfter: 3 * time.Second, Err: errTwilio}, wait: 3 * time.Second},
	"429 with an hour":  {err: &schema.Error{Code: schema.RateLimited, RetryAfter: time.Hour, Err: errTwilio}, wait: 5 * time.Second},
	"503":               {err: &schema.Error{Code: schema.Unavailable, Err: errTwilio}, wait: 500 * time.Millisecond},
	"no answer at all":  {err: errTwilio, wait: 500 * time.Millisecond},
	"refused for good":  {err: &schema.Error{Code: schema.Refused, Err: errTwilio}, rule: schema.RuleTwilioRefused, terminal: true},
	"bad token":         {err: &schema.Error{Code: schema.Unauthorized, Err: errTwilio}, rule: schema.RuleTwilioRefused, terminal: true},
	"call not found":    {err: &schema.Error{Code: schema.NotFound, Err: errTwilio}, rule: schema.RuleTwilioRefused, terminal: true},
	"invalid parameter": {err: &schema.Error{Code: schema.Invalid, Err: errTwilio}, rule: schema.RuleTwilioRefused, terminal: true},
}

func TestWhatTwilioAnswersWhileTheCallLives(t *testing.T) {
	t.Parallel()
	for name, a := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, request := range []string{"start", "list"} {
				w := newWorld()
				w.breaks(request, a.err)
				got := streamtest.VerdictOf(w.handle(t, outbound(), 1))
				d := w.decisions[parentSID]
				switch {
				case a.terminal && (got.Kind != stream.KindTerminal || d.Outcome != schema.Failed || d.Rule != a.rule):
					t.Errorf("%s: verdict %+v, stored %+v; want a stored failure and a dead letter", request, got, d)
				case !a.terminal && (got.Kind != stream.KindRetry || got.Wait != a.wait || d.Outcome.Final()):
					t.Errorf("%s: verdict %+v, stored %+v; want another try in %s", request, got, d, a.wait)
				}
			}
		})
	}
}

func TestWhatTwilioDoesNotAnswerInTimeIsAFailure(t *testing.T) {
	t.Parallel()
	for _, request := range []string{"start", "list"} {
		w := newWorld()
		w.breaks(request, schema.Errorf(schema.Unavailable, "503"))
		if got := streamtest.VerdictOf(w.handle(t, outbound(), 1)); got.Kind != stream.KindRetry {
			t.Fatalf("%s: got %+v", request, got)
		}
		w.now = answeredAt.Add(recorder.MaxAge - time.Second) // the next retry would come too late
		if err := w.handle(t, outbound(), 30); err != nil {
			t.Fatalf("%s: %v", request, err)
		}
		if d := w.decisions[parentSID]; d.Outcome != schema.Failed || d.Rule != schema.RuleTwilioAway || !d.Enabled || d.Evidence == "" {
			t.Errorf("%s: stored %+v", request, d)
		}
	}
}

func TestRetriesGrowButStayShort(t *testing.T) {
	t.Parallel()
	for attempt, want := range map[int]time.Duration{1: 500 * time.Millisecond, 2: time.Second, 3: 2 * time.Second, 20: 4 * time.Second} {
		w := newWorld()
		w.breaks("start", schema.Errorf(schema.Unavailable, "503"))
		if got := streamtest.VerdictOf(w.handle(t, outbound(), attempt)); got.Wait != want {
			t.Errorf("attempt %d waits %s, want %s", attempt, got.Wait, want)
		}
	}
}

// breaks has Twilio answer the request with err.
func (w *world) breaks(request string, err error) {
	switch request {
	case "start":
		w.start = func(string, string) (schema.RecordingFacts, error) { return schema.RecordingFacts{}, err }
	case "list":
		w.list = func(string) ([]schema.RecordingFacts, error) { return nil, err }
	}
}
