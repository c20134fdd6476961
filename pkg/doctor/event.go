package doctor

import (
	"context"
	"time"

	"github.com/loquent/callstream/schema"
)

const (
	eventsSinks      topic = "events.sinks"
	eventsTested     topic = "events.test"
	insightsAdvanced topic = "insights.advanced"
)

// unasked is the finding when Twilio does not tell what the check is about,
// which is neither good nor bad.
func (t topic) unasked(err error, what string) schema.Finding {
	advice := "Try again; should it persist, look for the error at https://www.twilio.com/docs/api/errors."
	if schema.CodeOf(err) == schema.Unavailable {
		advice = "Try again; see https://status.twilio.com."
	}
	return t.warning(advice, "Twilio did not tell %s: %s.", what, why(err))
}

// checkSinks passes on what the sinks' own check finds.
func checkSinks(ctx context.Context, s Sinks, orgID string) []schema.Finding {
	if s == nil {
		return []schema.Finding{eventsSinks.warning("Run the doctor where event sinks can be set up.", "No check of event sinks is configured here.")}
	}
	findings, err := s.Check(ctx, orgID)
	if err != nil {
		findings = append(findings, eventsSinks.unasked(err, "which event sinks the account has"))
	}
	return findings
}

// kindNames are the kinds of events in a sentence.
var kindNames = map[schema.EventKind]string{schema.SMSEvents: "messages", schema.CallEvents: "calls"}

// checkTested tells when a test event of Twilio's came last, for each kind that
// is delivered: the proof of the whole way from Twilio to here.
func checkTested(s schema.Settings) (findings []schema.Finding) {
	for _, kind := range schema.EventKinds {
		events := s.Events(kind)
		tested := eventsTested + "." + topic(kind)
		switch {
		case !events.Active:
		case events.TestedAt == nil:
			findings = append(findings, tested.warning(
				"Set it up again, which sends a test event: `callstream sinks setup`, or POST /api/twilio/setup-event-sink. If none comes, see whether the public address answers.",
				"No test event of Twilio's has arrived yet for the events of %s.", kindNames[kind]))
		default:
			findings = append(findings, tested.ok("Twilio's test event for the events of %s arrived at %s.", kindNames[kind], moment(*events.TestedAt)))
		}
	}
	return findings
}

// moment is a time as findings write it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// checkInsights looks for what brings summaries of calls, the only event that
// Twilio sends of some.
func checkInsights(ctx context.Context, accounts Accounts, a schema.Account) schema.Finding {
	on, err := accounts.InsightsAdvanced(ctx, a)
	switch {
	case err != nil:
		return insightsAdvanced.unasked(err, "whether Voice Insights' Advanced Features are on")
	case !on:
		return insightsAdvanced.warning("Turn on Advanced Features in the Twilio console under Voice Insights' settings (Twilio bills them per minute), if SIP trunk calls matter.",
			"Voice Insights' Advanced Features are off: Twilio sends no call summaries, so that calls of SIP trunks are seen by their recordings only, and those without one not at all.")
	}
	return insightsAdvanced.ok("Voice Insights' Advanced Features are on: Twilio sends summaries of calls.")
}
