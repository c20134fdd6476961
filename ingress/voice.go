package ingress

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// What calls are answered with, as the metrics name it.
const (
	answeredRecorded   = "recorded"   // by the number's plan
	answeredUnrecorded = "unrecorded" // by the number's plan
	answeredFallback   = "fallback"   // as the URL says
	answeredRegret     = "regret"
	answeredRefused    = "refused" // no answer to a call
)

// lastResort ends a call for which no other TwiML can be written.
const lastResort = `<?xml version="1.0" encoding="UTF-8"?><Response><Hangup/></Response>`

// serveVoice answers a request for TwiML. A caller waits on the line: whatever
// goes wrong, the answer is TwiML and comes soon.
func (i *Ingress) serveVoice(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	res := i.receiveCall(w, r)
	document, answer := i.document(r, &res)
	i.metrics.voice.WithLabelValues(answer).Inc()
	if answer == answeredRefused {
		answerPlain(w, res.status)
	} else {
		res.status = http.StatusOK
		answerXML(w, res.status, document)
	}
	i.report(r, voiceRoute, res, time.Since(began))
}

var voiceRoute = route{path: RouteVoice, accountSID: accountOfForm}

// receiveCall is receive for calls; a panic on its way leaves no answer.
func (i *Ingress) receiveCall(w http.ResponseWriter, r *http.Request) (res result) {
	defer func() {
		if p := recover(); p != nil {
			res = result{status: http.StatusOK, err: schema.Errorf(schema.Internal, "panic: %v\n%s", p, debug.Stack())}
		}
	}()
	return i.receive(w, r, voiceRoute, i.answerCall)
}

// answerCall finds the answer to a call whose request is proven. The plan and
// what the decision needs are looked up at the same time.
func (i *Ingress) answerCall(ctx context.Context, d *delivery) result {
	in := readIncoming(d)
	rulings := make(chan ruling, 1)
	if in.decidable() {
		go func() { rulings <- i.rule(ctx, in.event) }()
	}
	plan, problem := i.plan(ctx, d.account.OrganizationID, in.numbers)
	if plan == nil {
		return result{status: http.StatusOK, err: problem}
	}
	answer := i.answerBy(*plan, d.account.OrganizationID)
	var err error
	if in.decidable() {
		answer.Record, err = i.decide(ctx, in.event, <-rulings)
	} else {
		_, err = within(ctx, i.voicePatience(), func(ctx context.Context) (struct{}, error) {
			return struct{}{}, i.store(ctx, []verdict{in.verdict})
		})
	}
	res := result{status: http.StatusOK, voice: &answer, err: errors.Join(problem, err)}
	if err == nil {
		res.verdicts = []verdict{in.verdict}
	}
	return res
}

// answerBy is the answer by a plan, not recorded.
func (i *Ingress) answerBy(plan schema.VoicePlan, org string) schema.VoiceAnswer {
	return schema.VoiceAnswer{
		Plan:          plan,
		CallStatusURL: i.callbackURL(RouteCallStatus, org),
		RecordingURL:  i.callbackURL(RouteRecording, org),
	}
}

// callbackURL is where Twilio is to tell of an organization's calls.
func (i *Ingress) callbackURL(route, org string) string {
	address := strings.TrimSuffix(i.config.BaseURL, "/") + route
	if org == "" {
		return address
	}
	return address + "?" + url.Values{"org": {org}}.Encode()
}

// document writes the answer that was found or else, for the caller's sake, the
// next best: the fallback that the URL names, then a regret. Who was proven not
// to be Twilio gets what its own URL says, or is refused.
func (i *Ingress) document(r *http.Request, res *result) (document, answer string) {
	if res.voice != nil {
		if document, ok := i.write(*res.voice, res); ok {
			if res.voice.Record {
				return document, answeredRecorded
			}
			return document, answeredUnrecorded
		}
	}
	if plan, ok := fallbackOf(r); ok {
		if document, ok := i.write(i.answerBy(plan, i.orgOf(r, *res)), res); ok {
			return document, answeredFallback
		}
	}
	if res.status == http.StatusForbidden || res.status == http.StatusRequestEntityTooLarge {
		return "", answeredRefused
	}
	if res.err == nil {
		res.err = schema.Errorf(schema.NotFound, "the number has no voice plan: set one, or name a fallback in the number's voice URL")
	}
	if document, ok := i.write(schema.VoiceAnswer{}, res); ok {
		return document, answeredRegret
	}
	return lastResort, answeredRegret
}

// orgOf is the organization that a request is of: proven, or as it says.
func (i *Ingress) orgOf(r *http.Request, res result) string {
	if res.account.OrganizationID != "" {
		return res.account.OrganizationID
	}
	org, err := organizationOf(r)
	if err != nil {
		return ""
	}
	return org
}

// write makes TwiML of an answer; false: that failed, which is noted in res.
func (i *Ingress) write(a schema.VoiceAnswer, res *result) (document string, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			res.err = errors.Join(res.err, schema.Errorf(schema.Internal, "panic: %v\n%s", p, debug.Stack()))
			document, ok = "", false
		}
	}()
	document, err := i.config.TwiML(a)
	if err != nil {
		res.err = errors.Join(res.err, fmt.Errorf("write TwiML: %w", err))
	}
	return document, err == nil
}
