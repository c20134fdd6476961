package recorder_test

import (
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

// A clock that jumps ahead makes news look old: nothing is recorded, and that is
// said. One that is set back makes old news look young: whether there is a call
// to record is then Twilio's word, and the switch's of now.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	over := func(string, string) (schema.RecordingFacts, error) {
		return schema.RecordingFacts{}, schema.Errorf(schema.Refused, "21220: %w", schema.ErrCallEnded)
	}
	for name, c := range map[string]struct {
		jump    time.Duration
		change  func(*world)
		outcome schema.Outcome
		rule    schema.Rule
	}{
		"ahead":                        {24 * time.Hour, func(*world) {}, schema.NotStarted, schema.RuleStale},
		"back":                         {-24 * time.Hour, func(*world) {}, schema.Started, schema.RuleEnabled},
		"back, and the call is over":   {-24 * time.Hour, func(w *world) { w.start = over }, schema.NotStarted, schema.RuleCallEnded},
		"back, and it is switched off": {-24 * time.Hour, func(w *world) { w.check = func(int, schema.PhoneQuery) schema.RecordingCheck { return no } }, schema.NotStarted, schema.RuleDisabled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.now = w.now.Add(c.jump)
			c.change(w)
			if err := w.handle(t, outbound(), 1); err != nil {
				t.Fatal(err)
			}
			if d := w.decisions[parentSID]; d.Outcome != c.outcome || d.Rule != c.rule {
				t.Errorf("%s by rule %s, want %s by %s", d.Outcome, d.Rule, c.outcome, c.rule)
			}
		})
	}
}
