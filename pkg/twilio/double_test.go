package twilio_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	accountSID   = "AC00000000000000000000000000000001"
	callSID      = "CA00000000000000000000000000000001"
	recordingSID = "RE00000000000000000000000000000001"
	sinkSID      = "DG00000000000000000000000000000001"
	numberSID    = "PN00000000000000000000000000000001"
	subSID       = "DF00000000000000000000000000000001"
	token        = "0123456789abcdef0123456789abcdef"
	callback     = "https://app.example.com/twilio/recording"
)

func account() schema.Account {
	return schema.Account{OrganizationID: "org-1", AccountSID: accountSID, AuthTokens: []string{token}}
}

// double is Twilio for one test: it answers by a func and keeps what it was
// asked.
type double struct {
	*httptest.Server
	answer func(w http.ResponseWriter, r *http.Request)

	mu       sync.Mutex
	requests []request
}

type request struct {
	method, path, query, body string
	header                    http.Header
}

func newDouble(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *double {
	t.Helper()
	d := &double{answer: answer}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	d.requests = append(d.requests, request{r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header.Clone()})
	d.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	d.answer(w, r)
}

// asked returns the requests so far.
func (d *double) asked() []request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.requests)
}

// client returns a client of the double; change alters its configuration.
func (d *double) client(t *testing.T, change ...func(*twilio.Config)) *twilio.Client {
	t.Helper()
	config := twilio.Config{APIURL: d.URL, EventsURL: d.URL, InsightsURL: d.URL, Transport: d.Client().Transport}
	for _, f := range change {
		f(&config)
	}
	c, err := twilio.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answerJSON writes an answer as Twilio does.
func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// always answers everything alike.
func always(status int, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, status, body) }
}

func wantCode(t *testing.T, err error, code schema.Code) {
	t.Helper()
	if got := schema.CodeOf(err); got != code {
		t.Errorf("code %q, want %q: %v", got, code, err)
	}
}

// operations are all of the client's REST operations, for what holds of each.
var operations = map[string]func(context.Context, *twilio.Client, schema.Account) error{
	"FetchCall": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.FetchCall(ctx, a, callSID)
		return err
	},
	"StartCallRecording": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.StartCallRecording(ctx, a, callSID, callback)
		return err
	},
	"ListCallRecordings": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.ListCallRecordings(ctx, a, callSID)
		return err
	},
	"FetchRecording": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.FetchRecording(ctx, a, recordingSID)
		return err
	},
	"DeleteRecording": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.DeleteRecording(ctx, a, recordingSID)
		return err
	},
	"DownloadMedia": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		media, err := c.DownloadMedia(ctx, a, recordingSID)
		if err == nil {
			media.Body.Close()
		}
		return err
	},
	"FetchAccount": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.FetchAccount(ctx, a)
		return err
	},
	"InsightsAdvanced": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.InsightsAdvanced(ctx, a)
		return err
	},
	"ListNumbers": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.ListNumbers(ctx, a)
		return err
	},
	"ConnectNumber": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		return c.ConnectNumber(ctx, a, numberSID, "https://app.example.com/twilio/voice?org=1", "https://app.example.com/twilio/call-status?org=1")
	},
	"LatestRecording": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.LatestRecording(ctx, a)
		return err
	},
	"CreateSink": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.CreateSink(ctx, a, "callstream calls", "https://app.example.com/twilio/events?org=1&kind=call")
		return err
	},
	"ListSinks": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.ListSinks(ctx, a)
		return err
	},
	"DeleteSink": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.DeleteSink(ctx, a, sinkSID)
		return err
	},
	"TestSink": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		return c.TestSink(ctx, a, sinkSID)
	},
	"CreateSubscription": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.CreateSubscription(ctx, a, sinkSID, "callstream calls", []schema.SubscribedType{{Type: answeredType, Version: 2}, {Type: summaryType}})
		return err
	},
	"ListSubscriptions": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.ListSubscriptions(ctx, a, sinkSID)
		return err
	},
	"FetchSubscription": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.FetchSubscription(ctx, a, subSID)
		return err
	},
	"DeleteEventSubscription": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.DeleteEventSubscription(ctx, a, subSID)
		return err
	},
	"UpdateEventSubscription": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.UpdateEventSubscription(ctx, a, subSID, []schema.SubscribedType{{Type: answeredType, Version: 2}, {Type: summaryType}})
		return err
	},
	"FetchEventType": func(ctx context.Context, c *twilio.Client, a schema.Account) error {
		_, err := c.FetchEventType(ctx, a, answeredType)
		return err
	},
}

const (
	answeredType  = "com.twilio.voice.status-callback.call.answered"
	completedType = "com.twilio.voice.status-callback.call.completed"
	summaryType   = "com.twilio.voice.insights.call-summary.complete"
)
