package simulator

import (
	"net/url"
	"time"

	"github.com/loquent/callstream/schema"
)

// news is one fact about a call that Twilio tells: by a status callback where
// one is set, and by Event Streams.
type news struct {
	id       string        // of the fact: the leg's or recording's SID and what happened
	kind     string        // which sinks it goes to: call or sms
	event    string        // the event type, in its present form
	due      time.Time     // the moment at which Twilio knows it
	params   url.Values    // the callback's parameters, which the event mirrors; nil: not a webhook's
	callback string        // the callback's URL; empty: no callback is made
	method   string        // the callback's method; empty: POST
	source   string        // the event's source
	schema   string        // the event's data schema
	data     any           // the event's data, where it mirrors no webhook
	urgent   bool          // worth nothing when late: delays are kept short
	until    time.Time     // when an urgent one becomes worthless
	spread   time.Duration // how much later the event may come than the callback
}

// legNews lists what Twilio tells of a leg, once it is known how that ends.
func (s *Simulator) legNews(c *call, l leg) []news {
	if l.end >= never {
		return nil
	}
	var all []news
	sequence := 0
	tell := func(what string, status schema.CallStatus, offset int, due time.Time) {
		params := s.callParams(c, l, status, offset)
		params.Set("SequenceNumber", itoa(sequence))
		sequence++
		all = append(all, news{
			id: l.sid + "/" + what, kind: kindCall, event: statusCallbackPrefix + "call." + what,
			due: due, params: params, callback: orDefault(l.callback, s.callbackURL(c)), method: l.method, source: callPath(s.config.AccountSID, l.sid),
			schema: schemaWebhook, urgent: what == "answered", until: c.ends(l), spread: time.Second,
		})
	}
	if l.progress {
		tell("initiated", schema.StatusInitiated, l.start, c.begins(l))
		tell("ringing", schema.StatusRinging, l.start+1, c.moment(l.start+1))
	}
	if l.answered {
		tell("answered", schema.StatusInProgress, l.answer, c.moment(l.answer))
	}
	if l.completed {
		tell("completed", l.status, l.end, c.ends(l))
	}
	return append(all, s.summaries(c, l)...)
}

// summaries lists the Voice Insights events of a leg: a partial one a while
// after its start, the complete one well after its end.
func (s *Simulator) summaries(c *call, l leg) []news {
	if !l.summary {
		return nil
	}
	delay := c.wait(s.config.InsightsDelay)
	dice := newDice(c.Seed, l.sid, "insights")
	if happens(dice, c.Faults.LateInsights) {
		delay *= time.Duration(between(dice, 2, 5))
	}
	tell := func(state string, due time.Time) news {
		return news{
			id: l.sid + "/insights-" + state, kind: kindCall, event: summaryPrefix + state, due: due,
			source: "/v1/Voice/" + l.sid + "/Summary", schema: schemaSummary, data: s.summary(c, l, state, due),
		}
	}
	complete := tell("complete", c.ends(l).Add(delay))
	if !l.partial {
		return []news{complete}
	}
	return []news{tell("partial", c.begins(l).Add(delay/2)), complete}
}

// recordingNews lists what Twilio tells of a recording: what its callback was
// asked for. Of a trunk's, which cannot have a callback, Event Streams tells
// the end.
func (s *Simulator) recordingNews(r *recording) []news {
	var all []news
	tell := func(status schema.RecordingStatus, due time.Time) {
		n := news{
			id: r.sid + "/" + string(status), kind: kindCall, event: statusCallbackPrefix + "recording.processed",
			due: due, params: s.recordingParams(r, status), source: recordingPath(s.config.AccountSID, r.sid),
			schema: schemaWebhook, method: r.method, spread: 2 * time.Second,
		}
		switch {
		case r.callback != "":
			n.callback = r.callback
		case len(r.events) > 0:
			n.callback = s.config.Target + "/twilio/recording?org=" + s.config.OrganizationID
		}
		all = append(all, n)
	}
	if r.own && r.callback != "" && r.wants(schema.RecordingInProgress) {
		tell(schema.RecordingInProgress, r.begins)
	}
	if trunk := !r.own && len(r.events) == 0; trunk || (r.wants(r.outcome) && (!r.own || r.callback != "")) {
		tell(r.outcome, r.ready())
	}
	return all
}

// messageNews lists what Twilio tells of an SMS message.
func (s *Simulator) messageNews(c *call, m messageScript) []news {
	tell := func(event, status string, offset int) news {
		return news{
			id: m.sid + "/" + status, kind: kindSMS, event: event, due: c.moment(offset),
			source: messagePath(s.config.AccountSID, m.sid), schema: schemaMessage,
			data: s.messageData(c, m, status, offset),
		}
	}
	if m.inbound {
		return []news{tell("com.twilio.messaging.inbound-message.received", "received", m.at)}
	}
	return []news{
		tell("com.twilio.messaging.message.sent", "sent", m.at),
		tell("com.twilio.messaging.message."+m.final, m.final, m.at+1),
	}
}

// scriptNews lists everything that is known of a call by now.
func (s *Simulator) scriptNews(c *call) []news {
	var all []news
	for _, l := range c.legs {
		all = append(all, s.legNews(c, l)...)
	}
	for _, m := range c.messages {
		all = append(all, s.messageNews(c, m)...)
	}
	if c.voice != nil && c.voice.farewell != nil {
		all = append(all, s.farewell(c))
	}
	return all
}

// callbackURL is the status callback of a call's legs, with the organization
// named in it or not.
func (s *Simulator) callbackURL(c *call) string {
	target := s.config.Target + "/twilio/call-status"
	if newDice(c.Seed, c.legs[0].sid, "callback").IntN(2) == 0 {
		target += "?org=" + url.QueryEscape(s.config.OrganizationID)
	}
	return target
}
