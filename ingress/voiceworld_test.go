package ingress_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

// The calls of the tests: a customer's to a number of the organization's, and
// where they end.
const (
	customer   = "+15005550001"
	ownNumber  = "+15005550006"
	agent      = "+15005550007"
	spare      = "+15005550008" // the fallback
	voiceRoute = "/twilio/voice?org=" + org
	withSpare  = voiceRoute + "&fallback=%2B15005550008"
)

var voiceForm = url.Values{
	"AccountSid": {accountSID}, "ApiVersion": {"2010-04-01"}, "CallSid": {callSID}, "CallStatus": {"ringing"},
	"Direction": {"inbound"}, "From": {customer}, "To": {ownNumber}, "Caller": {customer}, "Called": {ownNumber},
}

// phones is a database of plans, of the switch and of decisions. Each look-up
// can be replaced by a test's own.
type phones struct {
	plan     func(ctx context.Context, org, number string) (*schema.VoicePlan, error)
	check    func(ctx context.Context, q schema.PhoneQuery) schema.RecordingCheck
	decision func(ctx context.Context, callSID string) (schema.Decision, error)
	save     func(ctx context.Context, d schema.Decision) (schema.Decision, error)

	mu        sync.Mutex
	off       bool // the switch
	plans     map[string]*schema.VoicePlan
	decisions map[string]schema.Decision
}

func newPhones() *phones {
	return &phones{decisions: map[string]schema.Decision{}, plans: map[string]*schema.VoicePlan{
		ownNumber: {Action: schema.VoiceForward, To: agent, Announcement: "This call is recorded."},
	}}
}

func (p *phones) VoicePlan(ctx context.Context, org, number string) (*schema.VoicePlan, error) {
	if p.plan != nil {
		return p.plan(ctx, org, number)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	plan, ok := p.plans[number]
	if !ok {
		return nil, schema.Errorf(schema.NotFound, "%s is nobody's", number)
	}
	return plan, nil
}

func (p *phones) IsRecordingEnabled(ctx context.Context, q schema.PhoneQuery) schema.RecordingCheck {
	if p.check != nil {
		return p.check(ctx, q)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.off {
		return schema.RecordingCheck{Rule: schema.RuleDisabled, Evidence: "off", OrganizationID: org}
	}
	return schema.RecordingCheck{Enabled: true, Rule: schema.RuleEnabled, Evidence: "on", OrganizationID: org}
}

func (p *phones) Decision(ctx context.Context, callSID string) (schema.Decision, error) {
	if p.decision != nil {
		return p.decision(ctx, callSID)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if d, ok := p.decisions[callSID]; ok {
		return d, nil
	}
	return schema.Decision{}, schema.Errorf(schema.NotFound, "nothing was decided")
}

func (p *phones) SaveDecision(ctx context.Context, _, _ string, d schema.Decision) (schema.Decision, error) {
	if p.save != nil {
		return p.save(ctx, d)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if stored, ok := p.decisions[d.CallSID]; ok && stored.Outcome.Final() {
		return stored, nil
	}
	p.decisions[d.CallSID] = d
	return d, nil
}

// turn sets the switch.
func (p *phones) turn(off bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = off
}

// voiceWorld is a world that answers calls.
type voiceWorld struct {
	*world
	phones *phones
}

func newVoiceWorld(t testing.TB, configure ...func(*ingress.Config)) *voiceWorld {
	t.Helper()
	p := newPhones()
	return &voiceWorld{phones: p, world: newWorld(t, append([]func(*ingress.Config){func(c *ingress.Config) {
		c.TwiML, c.BaseURL, c.Plans, c.Decisions = twilio.VoiceTwiML, base, p, p
	}}, configure...)...)}
}

// twiml is an answer to a call, as Twilio reads it.
type twiml struct {
	XMLName xml.Name `xml:"Response"`
	Say     []string `xml:"Say"`
	Dial    *struct {
		Action   string `xml:"action,attr"`
		Record   string `xml:"record,attr"`
		Callback string `xml:"recordingStatusCallback,attr"`
		Number   *struct {
			To       string `xml:",chardata"`
			Callback string `xml:"statusCallback,attr"`
		} `xml:"Number"`
		SIP    string `xml:"Sip"`
		Client string `xml:"Client"`
	} `xml:"Dial"`
	Message *struct {
		Action   string `xml:"action,attr"`
		Callback string `xml:"recordingStatusCallback,attr"`
	} `xml:"Record"`
	Hangup *struct{} `xml:"Hangup"`
}

// records reports whether any of it records.
func (a twiml) records() bool {
	return a.Message != nil || (a.Dial != nil && (a.Dial.Record != "" || a.Dial.Callback != ""))
}

// reaches returns whom the caller is connected to.
func (a twiml) reaches() string {
	switch {
	case a.Dial == nil:
		return ""
	case a.Dial.Number != nil:
		return a.Dial.Number.To
	}
	return a.Dial.SIP + a.Dial.Client
}

// readTwiML fails the test unless the answer is TwiML that Twilio takes.
func readTwiML(t testing.TB, answer *httptest.ResponseRecorder) (a twiml) {
	t.Helper()
	if answer.Code != http.StatusOK || answer.Header().Get("Content-Type") != "text/xml" {
		t.Fatalf("status %d, %s", answer.Code, answer.Header().Get("Content-Type"))
	}
	if err := xml.NewDecoder(strings.NewReader(answer.Body.String())).Decode(&a); err != nil {
		t.Fatalf("%v: %q", err, answer.Body)
	}
	return a
}

// call sends a signed request and returns its TwiML.
func (w *voiceWorld) call(target string, form url.Values) twiml {
	w.Helper()
	return readTwiML(w, w.callback(target, form))
}

// received returns the event that tells what was decided on a call, and its
// message id. Before it there may be one that tells of the call alone.
func (w *voiceWorld) received(what string) (event schema.CallReceived, id string) {
	w.Helper()
	events, letters := w.publisher.take()
	if len(events) == 2 && strings.HasSuffix(events[0].MsgID(), ":undecided") {
		events = events[1:]
	}
	if len(events) != 1 || len(letters) > 0 {
		w.Fatalf("%s: %d events and %d dead letters, want one event", what, len(events), len(letters))
	}
	stored := events[0]
	publishable(w, stored)
	data, err := json.Marshal(stored)
	if err != nil {
		w.Fatal(err)
	}
	if err := json.Unmarshal(data, &event); err != nil || event.Decision == nil {
		w.Fatalf("%s: %v: stored %s", what, err, data)
	}
	return event, stored.MsgID()
}
