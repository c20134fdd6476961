package ingress_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

// What the tests' worlds hold: two organizations, each with its account.
const (
	base  = "https://calls.example.com"
	org   = "7"
	token = "0123456789abcdef0123456789abcdef"

	accountSID = "AC00000000000000000000000000000001"
	callSID    = "CA00000000000000000000000000000002"
	parentSID  = "CA00000000000000000000000000000003"
	recordSID  = "RE00000000000000000000000000000004"
	messageSID = "SM00000000000000000000000000000005"
	trunkSID   = "TK00000000000000000000000000000006"

	otherOrg     = "8"
	otherAccount = "AC00000000000000000000000000000009"
	otherToken   = "fedcba9876543210fedcba9876543210"
)

// now is the time of every world that does not move its clock.
var now = time.Date(2026, 3, 4, 18, 30, 0, 0, time.UTC)

// world is an ingress between doubles.
type world struct {
	testing.TB
	*ingress.Ingress
	publisher *publisher
	accounts  *directory
	clock     *clock
	registry  *prometheus.Registry
	log       *lockedBuffer
}

// newWorld makes one; configure may change what New gets.
func newWorld(t testing.TB, configure ...func(*ingress.Config)) *world {
	t.Helper()
	w := &world{
		TB: t, publisher: &publisher{}, accounts: newDirectory(), clock: &clock{at: now},
		registry: prometheus.NewPedanticRegistry(), log: &lockedBuffer{},
	}
	config := ingress.Config{
		Publisher:  w.publisher,
		Accounts:   w.accounts,
		Verify:     twilio.Verifier{BaseURL: base}.Verify,
		Logger:     slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer: w.registry,
		Clock:      w.clock.now,
	}
	for _, change := range configure {
		change(&config)
	}
	var err error
	if w.Ingress, err = ingress.New(config); err != nil {
		t.Fatal(err)
	}
	return w
}

// post sends a request and returns the answer.
func (w *world) post(r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, r)
	return answer
}

// callback sends a signed form.
func (w *world) callback(target string, form url.Values) *httptest.ResponseRecorder {
	return w.post(formRequest(token, target, form.Encode()))
}

// events sends a signed JSON body.
func (w *world) events(target, body string) *httptest.ResponseRecorder {
	return w.post(jsonRequest(token, target, body))
}

// status fails the test unless the answer has the status.
func (w *world) status(what string, answer *httptest.ResponseRecorder, want int) {
	w.Helper()
	if answer.Code != want {
		w.Errorf("%s: status %d, want %d", what, answer.Code, want)
	}
}

// count reads a counter.
func (w *world) count(name string, labels prometheus.Labels) float64 {
	w.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.Fatal(err)
	}
	total := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			matches := 0
			for _, l := range m.GetLabel() {
				if labels[l.GetName()] == l.GetValue() {
					matches++
				}
			}
			if f.GetName() == name && matches == len(labels) {
				total += m.GetCounter().GetValue()
			}
		}
	}
	return total
}

// counted fails the test unless so many events had the outcome.
func (w *world) counted(kind, outcome string, want float64) {
	w.Helper()
	got := w.count("callstream_ingress_events_total", prometheus.Labels{"kind": kind, "outcome": outcome})
	if got != want {
		w.Errorf("%v events of kind %s were %s, want %v", got, kind, outcome, want)
	}
}

// request is a POST whose body can be had again.
func request(target, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
	return r
}

// formRequest is a form signed as Twilio does: URL, then parameters by name.
func formRequest(token, target, body string) *http.Request {
	r := request(target, body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	form, _ := url.ParseQuery(body)
	text := base + r.URL.RequestURI()
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range slices.Compact(slices.Sorted(slices.Values(form[name]))) {
			text += name + value
		}
	}
	r.Header.Set("X-Twilio-Signature", signature(token, text))
	return r
}

// jsonRequest is a JSON body signed as Twilio does: the URL alone, with the
// body's hash in its query.
func jsonRequest(token, target, body string) *http.Request {
	sum := sha256.Sum256([]byte(body))
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	r := request(target+separator+"bodySHA256="+hex.EncodeToString(sum[:]), body)
	r.Header.Set("X-Twilio-Signature", signature(token, base+r.URL.RequestURI()))
	return r
}

func signature(token, text string) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// cloudEvent is an event as Event Streams sends it.
func cloudEvent(eventType string, data any) string {
	return jsonOf(map[string]any{
		"specversion": "1.0", "type": eventType, "source": "/v1/Voice/" + callSID, "id": "EZ0001",
		"dataschema": "https://events-schemas.twilio.com/Example/1", "datacontenttype": "application/json",
		"time": "2026-03-04T18:16:00.250Z", "data": data,
	})
}

// mirror is the data of an event that mirrors a callback.
func mirror(form url.Values) map[string]any {
	parameters := map[string]any{}
	for name := range form {
		parameters[name] = form.Get(name)
	}
	return map[string]any{
		"sid": form.Get("CallSid"), "timestamp": "2026-03-04T18:16:00.000Z", "eventSid": "VW1",
		"request":  map[string]any{"method": "POST", "url": base + "/twilio/call-status", "parameters": parameters},
		"response": map[string]any{"responseCode": 200},
	}
}

func jsonOf(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// with returns the form with parameters changed; an empty value removes one.
func with(form url.Values, pairs ...string) url.Values {
	changed := maps.Clone(form)
	for i := 0; i < len(pairs); i += 2 {
		if changed.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			changed.Del(pairs[i])
		}
	}
	return changed
}

// publisher stores in memory, or does what a test says instead.
type publisher struct {
	publish    func(ctx context.Context, events []schema.Event) error
	deadLetter func(ctx context.Context, letters []schema.DeadLetter) error

	mu      sync.Mutex
	stored  []schema.Event
	letters []schema.DeadLetter
	calls   int // of Publish
}

func (p *publisher) Publish(ctx context.Context, events ...schema.Event) error {
	p.mu.Lock()
	p.calls++
	p.mu.Unlock()
	if p.publish != nil {
		if err := p.publish(ctx, events); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stored = append(p.stored, events...)
	return nil
}

func (p *publisher) DeadLetter(ctx context.Context, letters ...schema.DeadLetter) error {
	if p.deadLetter != nil {
		if err := p.deadLetter(ctx, letters); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.letters = append(p.letters, letters...)
	return nil
}

// one returns the only event that was stored, and forgets it.
func (w *world) one(what string) schema.Event {
	w.Helper()
	events, letters := w.publisher.take()
	if len(events) != 1 || len(letters) != 0 {
		w.Fatalf("%s: %d events and %d dead letters (%v), want one event", what, len(events), len(letters), letters)
	}
	return events[0]
}

// letter returns the only dead letter that was stored, and forgets it.
func (w *world) letter(what string) schema.DeadLetter {
	w.Helper()
	events, letters := w.publisher.take()
	if len(events) != 0 || len(letters) != 1 {
		w.Fatalf("%s: %d events and %d dead letters, want one dead letter", what, len(events), len(letters))
	}
	return letters[0]
}

// nothing fails the test if anything was stored.
func (w *world) nothing(what string) {
	w.Helper()
	if events, letters := w.publisher.take(); len(events)+len(letters) != 0 {
		w.Errorf("%s: stored %v and %v, want nothing", what, events, letters)
	}
}

func (p *publisher) take() ([]schema.Event, []schema.DeadLetter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	events, letters := p.stored, p.letters
	p.stored, p.letters = nil, nil
	return events, letters
}

// directory is a database of accounts, which a test may change, break or stop.
type directory struct {
	mu       sync.Mutex
	accounts []schema.Account
	err      error         // answer of every look-up
	hang     chan struct{} // look-ups wait until it is closed, or their time is over
	asked    chan string   // told of every look-up, if there is room
	lookups  int
	running  int // look-ups at this moment
	most     int // look-ups at a time so far
}

func newDirectory() *directory {
	return &directory{asked: make(chan string, 100), accounts: []schema.Account{
		{OrganizationID: org, AccountSID: accountSID, AuthTokens: []string{token}},
		{OrganizationID: otherOrg, AccountSID: otherAccount, AuthTokens: []string{otherToken}},
	}}
}

func (d *directory) AccountByOrganization(ctx context.Context, id string) (schema.Account, error) {
	return d.find(ctx, id, func(a schema.Account) bool { return a.OrganizationID == id })
}

func (d *directory) AccountBySID(ctx context.Context, sid string) (schema.Account, error) {
	return d.find(ctx, sid, func(a schema.Account) bool { return a.AccountSID == sid })
}

func (d *directory) find(ctx context.Context, id string, is func(schema.Account) bool) (schema.Account, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lookups++
	d.running++
	d.most = max(d.most, d.running)
	defer func() { d.running-- }()
	select {
	case d.asked <- id:
	default:
	}
	if hang := d.hang; hang != nil {
		d.mu.Unlock()
		select {
		case <-hang:
		case <-ctx.Done():
		}
		d.mu.Lock()
	}
	if ctx.Err() != nil {
		return schema.Account{}, schema.Errorf(schema.Unavailable, "look up: %w", ctx.Err())
	}
	if d.err != nil {
		return schema.Account{}, d.err
	}
	if i := slices.IndexFunc(d.accounts, is); i >= 0 {
		return d.accounts[i], nil
	}
	return schema.Account{}, schema.Errorf(schema.NotFound, "no account")
}

// change does something to the directory; the number of look-ups starts anew.
func (d *directory) change(do func(*directory)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lookups = 0
	do(d)
}

func (d *directory) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lookups
}

// away is what a database that cannot be reached answers.
var away = schema.Errorf(schema.Unavailable, "connection refused")

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
