package recorder_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loquent/callstream/consumers/recorder"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// The SIDs and numbers that the tests speak of.
var (
	accountSID = "AC" + strings.Repeat("a", 32)
	parentSID  = "CA" + strings.Repeat("1", 32)
	childSID   = "CA" + strings.Repeat("2", 32)
	otherRE    = "RE" + strings.Repeat("e", 32)
	ownRE      = "RE" + strings.Repeat("f", 32)
	answeredAt = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
)

const (
	orgID     = "org-1"
	ownNumber = "+15550100"
	customer  = "+15550199"
	agent     = "client:agent"
)

var (
	yes = schema.RecordingCheck{Enabled: true, Rule: schema.RuleEnabled, Evidence: "on", OrganizationID: orgID}
	no  = schema.RecordingCheck{Rule: schema.RuleDisabled, Evidence: "off", OrganizationID: orgID}
)

// world is everything around the recorder: a store in memory, and a Twilio whose
// answers a test sets.
type world struct {
	now     time.Time
	check   func(asked int, q schema.PhoneQuery) schema.RecordingCheck
	account func() (schema.Account, error)
	fetch   func(callSID string) (schema.CallFacts, error)
	list    func(callSID string) ([]schema.RecordingFacts, error)
	start   func(callSID, callbackURL string) (schema.RecordingFacts, error)
	held    bool // another has the lease

	archived *schema.RecordingFacts // of the call, if any

	mu          sync.Mutex
	log         []string // what happened, in order
	asked       int
	decisions   map[string]schema.Decision
	statuses    map[string]schema.CallStatus
	newsAfter   int             // looks for a call until its news are stored
	quarantined map[string]bool // saved recordings
	timeline    []schema.TimelineEntry
}

// newWorld is one in which recording is on and works, and the call's news are
// stored.
func newWorld() *world {
	return &world{
		now:   answeredAt.Add(2 * time.Second),
		check: func(int, schema.PhoneQuery) schema.RecordingCheck { return yes },
		account: func() (schema.Account, error) {
			return schema.Account{AccountSID: accountSID, OrganizationID: orgID}, nil
		},
		fetch: func(callSID string) (schema.CallFacts, error) {
			return schema.CallFacts{CallSID: callSID, From: customer, To: ownNumber, Leg: schema.LegInbound, Status: schema.StatusInProgress}, nil
		},
		list: func(string) ([]schema.RecordingFacts, error) { return nil, nil },
		start: func(callSID, _ string) (schema.RecordingFacts, error) {
			return schema.RecordingFacts{RecordingSID: ownRE, CallSID: callSID, Status: schema.RecordingInProgress, Source: schema.SourceStartCallRecordingAPI}, nil
		},
		decisions:   map[string]schema.Decision{},
		statuses:    map[string]schema.CallStatus{parentSID: schema.StatusInProgress, childSID: schema.StatusInProgress},
		quarantined: map[string]bool{},
	}
}

func (w *world) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, what)
}

func (w *world) AccountBySID(context.Context, string) (schema.Account, error) { return w.account() }

func (w *world) IsRecordingEnabled(_ context.Context, q schema.PhoneQuery) schema.RecordingCheck {
	w.note("ask")
	w.asked++
	return w.check(w.asked, q)
}

func (w *world) Decision(_ context.Context, callSID string) (schema.Decision, error) {
	if d, ok := w.decisions[callSID]; ok {
		return d, nil
	}
	return schema.Decision{}, schema.Errorf(schema.NotFound, "no decision on %s", callSID)
}

func (w *world) SaveDecision(_ context.Context, _, org string, d schema.Decision) (schema.Decision, error) {
	if org != orgID {
		return schema.Decision{}, schema.Errorf(schema.Invalid, "decision of organization %q", org)
	}
	if stored := w.decisions[d.CallSID]; stored.Outcome.Final() {
		return stored, nil
	}
	w.note("store " + string(d.Outcome))
	w.decisions[d.CallSID] = d
	return d, nil
}

func (w *world) CallStatus(_ context.Context, callSID string) (schema.CallStatus, error) {
	if w.newsAfter--; w.newsAfter >= 0 {
		return "", schema.Errorf(schema.NotFound, "no call %s yet", callSID)
	}
	if s, ok := w.statuses[callSID]; ok {
		return s, nil
	}
	return "", schema.Errorf(schema.NotFound, "no call %s", callSID)
}

func (w *world) SaveRecording(_ context.Context, _, _ string, f schema.RecordingFacts, quarantined bool) error {
	w.note("store recording")
	w.quarantined[f.RecordingSID] = quarantined
	return nil
}

func (w *world) AddTimeline(_ context.Context, entries ...schema.TimelineEntry) error {
	w.timeline = append(w.timeline, entries...)
	return nil
}

func (w *world) AcquireLease(_ context.Context, name string, _ time.Duration) (string, error) {
	w.note("lease " + name)
	if w.held {
		return "", schema.Errorf(schema.Conflict, "held")
	}
	return "token", nil
}

func (w *world) RenewLease(context.Context, string, string, time.Duration) error { return nil }
func (w *world) ReleaseLease(context.Context, string, string) error              { return nil }

// CallRecord returns what the archive has of the call.
func (w *world) CallRecord(_ context.Context, _, callSID string) (schema.CallRecord, error) {
	if w.archived == nil {
		return schema.CallRecord{}, schema.Errorf(schema.NotFound, "call %s is not known", callSID)
	}
	return schema.CallRecord{Recordings: []schema.RecordingRecord{{RecordingFacts: *w.archived}}}, nil
}

func (w *world) FetchCall(_ context.Context, _ schema.Account, callSID string) (schema.CallFacts, error) {
	w.note("fetch")
	return w.fetch(callSID)
}

func (w *world) ListCallRecordings(_ context.Context, _ schema.Account, callSID string) ([]schema.RecordingFacts, error) {
	w.note("list")
	return w.list(callSID)
}

func (w *world) StartCallRecording(_ context.Context, _ schema.Account, callSID, callbackURL string) (schema.RecordingFacts, error) {
	w.note("start")
	return w.start(callSID, callbackURL)
}

func (w *world) config() recorder.Config {
	return recorder.Config{
		Settings: w, Decisions: w, Calls: w, Records: w, Leases: w, Twilio: w, Starter: w,
		CallbackURL: func(org string) string { return "https://app.example.com/twilio/recording?org=" + org },
		Now:         func() time.Time { return w.now },
		Logger:      slog.New(slog.DiscardHandler),
	}
}

// handle has the recorder handle the event, as the attempt-th delivery.
func (w *world) handle(t *testing.T, event schema.CallAnswered, attempt int) error {
	t.Helper()
	ctx := stream.WithDelivery(t.Context(), stream.Delivery{Event: event, Sequence: 7, StoredAt: answeredAt.Add(time.Second), Attempt: attempt, Redelivered: attempt > 1})
	return recorder.New(w.config()).Handle(ctx, event)
}

func (w *world) starts() (n int) {
	for _, what := range w.log {
		if what == "start" {
			n++
		}
	}
	return n
}

// outbound is a call that the organization made over REST, answered.
func outbound() schema.CallAnswered {
	return schema.CallAnswered{
		Header: schema.Header{AccountSID: accountSID, OrganizationID: orgID, OccurredAt: answeredAt, Origin: schema.OriginEventStream},
		Call:   schema.CallFacts{CallSID: parentSID, From: ownNumber, To: customer, Leg: schema.LegOutboundAPI, Status: schema.StatusInProgress},
	}
}

// dialled is the leg to an agent of an inbound call, answered.
func dialled() schema.CallAnswered {
	e := outbound()
	e.Call = schema.CallFacts{CallSID: childSID, ParentCallSID: parentSID, From: customer, To: agent, Leg: schema.LegOutboundDial, Status: schema.StatusInProgress}
	return e
}

// numbered answers yes to queries with the organization's number and knows no
// other.
func numbered(_ int, q schema.PhoneQuery) schema.RecordingCheck {
	if q.From == ownNumber || q.To == ownNumber {
		return yes
	}
	return schema.RecordingCheck{Rule: schema.RuleNumberUnknown, Evidence: "no number", OrganizationID: orgID}
}

// by is a recording by source in the given state.
func by(sid, source string, status schema.RecordingStatus) schema.RecordingFacts {
	return schema.RecordingFacts{RecordingSID: sid, CallSID: parentSID, Source: source, Status: status}
}
