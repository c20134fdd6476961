package schema

import "time"

// Outcome is how a recording decision ended.
type Outcome string

// The outcomes. Every call that was answered ends with exactly one of the last
// three.
const (
	Starting   Outcome = "starting"    // not final: a start may have reached Twilio; look before repeating it
	Started    Outcome = "started"     // a recording runs; Decision.RecordingSID names it
	NotStarted Outcome = "not_started" // the rule said no, or the call was over
	Failed     Outcome = "failed"      // the rule said yes and Twilio could not be brought to start
)

// Rule names what decided. Each has one sentence for people, see [Rule.Explain].
type Rule string

// The rules, in the order in which they are asked.
const (
	RuleTwiML          Rule = "twiml"           // our own TwiML carried the decision
	RuleAlreadyRunning Rule = "already_running" // the call is being recorded by somebody else
	RuleStale          Rule = "stale"           // the event came too late to trust
	RuleCallEnded      Rule = "call_ended"      // the call was over
	RuleNumberUnknown  Rule = "number_unknown"  // no number of the call belongs to the account's organization
	RuleNoSettings     Rule = "no_settings"     // the organization has no Twilio settings
	RuleDisabled       Rule = "disabled"        // call_recording_enabled is off
	RuleLookupFailed   Rule = "lookup_failed"   // the look-up could not be made: fail closed
	RuleEnabled        Rule = "enabled"         // call_recording_enabled is on
	RuleTwilioRefused  Rule = "twilio_refused"  // on, and Twilio refused for good
	RuleTwilioAway     Rule = "twilio_away"     // on, and Twilio did not answer while the call lived
)

// Rules lists the rules in the order in which they are asked.
var Rules = []Rule{
	RuleTwiML, RuleAlreadyRunning, RuleStale, RuleCallEnded, RuleNumberUnknown, RuleNoSettings,
	RuleDisabled, RuleLookupFailed, RuleEnabled, RuleTwilioRefused, RuleTwilioAway,
}

var explanations = map[Rule]string{
	RuleTwiML:          "callstream answered this call itself and decided then",
	RuleAlreadyRunning: "the call was already being recorded by the account's own set-up",
	RuleStale:          "the news that the call was answered came too late to start a recording",
	RuleCallEnded:      "the call was over before a recording could start",
	RuleNumberUnknown:  "neither number of the call belongs to the organization",
	RuleNoSettings:     "the organization has no Twilio settings",
	RuleDisabled:       "call recording was switched off",
	RuleLookupFailed:   "the settings could not be read, so nothing was recorded",
	RuleEnabled:        "call recording was switched on",
	RuleTwilioRefused:  "call recording was switched on, but Twilio refused to record this call",
	RuleTwilioAway:     "call recording was switched on, but Twilio did not answer while the call lasted",
}

// Explain returns the rule as half a sentence for people, or the bare name of
// one that is not known.
func (r Rule) Explain() string {
	if text, ok := explanations[r]; ok {
		return text
	}
	return string(r)
}

// Final reports whether nothing is left to do for the decision.
func (o Outcome) Final() bool { return o == Started || o == NotStarted || o == Failed }

// RecordingCheck is what is_recording_enabled answers. It never is an error: a
// look-up that fails is a no, with the error's text as evidence.
type RecordingCheck struct {
	Enabled        bool
	Rule           Rule   // RuleEnabled, or which rule said no
	Evidence       string // what the look-up returned, or the error's text
	OrganizationID string // whose number it is; empty when unknown
}

// Decision is the stored answer to "was this call to be recorded, and why".
type Decision struct {
	CallSID      string    `json:"call_sid"`
	Outcome      Outcome   `json:"outcome"`
	Rule         Rule      `json:"rule"`
	Enabled      bool      `json:"enabled"`            // what is_recording_enabled answered
	Evidence     string    `json:"evidence,omitempty"` // what the look-up returned, or the error's text
	RecordingSID string    `json:"recording_sid,omitempty"`
	DecidedAt    time.Time `json:"decided_at"`
}
