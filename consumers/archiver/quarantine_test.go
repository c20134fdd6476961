package archiver_test

import (
	"testing"

	"github.com/loquent/callstream/schema"
)

func TestWhatIsQuarantined(t *testing.T) {
	t.Parallel()
	const api, twiml = schema.SourceStartCallRecordingAPI, "DialVerb"
	decided := func(outcome schema.Outcome, rule schema.Rule, enabled bool) *schema.Decision {
		return &schema.Decision{CallSID: callSID, Outcome: outcome, Rule: rule, Enabled: enabled, RecordingSID: sid}
	}
	cases := map[string]struct {
		source   string
		decision *schema.Decision
		off      bool // the organization's switch
		policy   schema.Unexpected
		marked   bool // by the recorder
		want     bool
	}{
		"our own":                              {source: api, decision: decided(schema.Started, schema.RuleEnabled, true)},
		"our own, switched off since":          {source: api, decision: decided(schema.Started, schema.RuleEnabled, true), off: true, policy: schema.UnexpectedQuarantine},
		"our own, decision not stored yet":     {source: api, decision: decided(schema.Starting, schema.RuleEnabled, true)},
		"our own, thought to have failed":      {source: api, decision: decided(schema.Failed, schema.RuleTwilioAway, true)},
		"switched off while it started":        {source: api, decision: decided(schema.Started, schema.RuleEnabled, true), marked: true, want: true},
		"started against a no":                 {source: api, decision: decided(schema.NotStarted, schema.RuleDisabled, false), want: true},
		"started for an unknown number":        {source: api, decision: decided(schema.NotStarted, schema.RuleNumberUnknown, false), want: true},
		"started after a failed look-up":       {source: api, decision: decided(schema.NotStarted, schema.RuleLookupFailed, false), want: true},
		"the customer's program, found before": {source: api, decision: decided(schema.NotStarted, schema.RuleAlreadyRunning, true)},
		"the customer's program, news late":    {source: api, decision: decided(schema.NotStarted, schema.RuleStale, false)},
		"the customer's program, no news":      {source: api},
		"TwiML, on":                            {source: twiml},
		"TwiML, off":                           {source: twiml, off: true, policy: schema.UnexpectedProcess},
		"TwiML, off, unwanted":                 {source: twiml, off: true, policy: schema.UnexpectedQuarantine, want: true},
		"TwiML, on, unwanted when off":         {source: twiml, policy: schema.UnexpectedQuarantine},
		"TwiML, off then, on now, unwanted":    {source: twiml, decision: decided(schema.NotStarted, schema.RuleDisabled, false), policy: schema.UnexpectedQuarantine, want: true},
		"TwiML, off then, wanted":              {source: twiml, decision: decided(schema.NotStarted, schema.RuleDisabled, false), off: true, policy: schema.UnexpectedProcess},
		"our TwiML":                            {source: twiml, decision: decided(schema.Started, schema.RuleTwiML, true), policy: schema.UnexpectedQuarantine},
		"our TwiML, switched off since":        {source: twiml, decision: decided(schema.Started, schema.RuleTwiML, true), off: true, policy: schema.UnexpectedQuarantine},
		"TwiML, on then, off now, unwanted":    {source: twiml, decision: decided(schema.NotStarted, schema.RuleAlreadyRunning, true), off: true, policy: schema.UnexpectedQuarantine},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, event := newWorld(t), processed()
			event.Recording.Source, w.decision = c.source, c.decision
			w.account = func() (schema.Account, error) {
				return schema.Account{AccountSID: accountSID, OrganizationID: orgID, RecordingEnabled: !c.off, Unexpected: c.policy}, nil
			}
			if c.marked {
				w.record = &schema.RecordingRecord{Quarantined: true}
			}
			for attempt := 1; attempt <= 2; attempt++ { // the second finds it archived
				if err := w.handle(t, event, attempt); err != nil {
					t.Fatal(err)
				}
			}
			if w.record.Quarantined != c.want || (len(w.published) == 0) != c.want {
				t.Errorf("quarantined: %v, %d events; want %v", w.record.Quarantined, len(w.published), c.want)
			}
			if w.record.Object == nil || w.stored(t, audioKey) == nil {
				t.Error("the audio is not kept")
			}
		})
	}
}

func TestNothingIsCopiedWhileTheDecisionCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken := brokenHistory{w}
	consumer := w.consumer()
	consumer.History = broken
	if err := consumer.Handle(t.Context(), processed()); schema.CodeOf(err) != schema.Unavailable {
		t.Errorf("got %v", err)
	}
	if len(w.published) > 0 || w.record != nil {
		t.Error("audio passes for expected although nobody could tell")
	}
}
