package twilio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

// The library falls back to the environment's credentials for blank ones, and
// changes hosts by its edge and region: an organization would act as the
// operator. Not parallel, for it sets the environment.
func TestEnvironmentIsNotUsed(t *testing.T) {
	t.Setenv("TWILIO_ACCOUNT_SID", "AC99999999999999999999999999999999")
	t.Setenv("TWILIO_AUTH_TOKEN", "99999999999999999999999999999999")
	t.Setenv("TWILIO_EDGE", "dublin")
	t.Setenv("TWILIO_REGION", "ie1")
	d := newDouble(t, always(404, `{"code":20404,"message":"not found","status":404}`))
	c := d.client(t)
	blank := map[string]schema.Account{
		"no token":       {OrganizationID: "org-1", AccountSID: accountSID},
		"blank token":    {OrganizationID: "org-1", AccountSID: accountSID, AuthTokens: []string{""}},
		"no account":     {OrganizationID: "org-1", AuthTokens: []string{token}},
		"spoilt account": {OrganizationID: "org-1", AccountSID: "AC1", AuthTokens: []string{token}},
		"spoilt token":   {OrganizationID: "org-1", AccountSID: accountSID, AuthTokens: []string{token + "\n"}},
	}
	for name, operate := range operations {
		for why, a := range blank {
			err := operate(t.Context(), c, a)
			if schema.CodeOf(err) != schema.Unauthorized {
				t.Errorf("%s with %s: got %v, want Unauthorized", name, why, err)
			}
		}
	}
	if asked := d.asked(); len(asked) != 0 {
		t.Fatalf("blank credentials were sent: %d requests", len(asked))
	}
	_, err := c.FetchCall(t.Context(), account(), callSID)
	wantCode(t, err, schema.NotFound)
	if asked := d.asked(); len(asked) != 1 || !strings.Contains(asked[0].path, accountSID) {
		t.Errorf("asked %+v, want one request for %s", asked, accountSID)
	}
}

func TestAuthenticatesAsTheAccount(t *testing.T) {
	t.Parallel()
	d := newDouble(t, always(404, `{}`))
	c := d.client(t)
	for name, operate := range operations {
		operate(t.Context(), c, account())
		last := d.asked()[len(d.asked())-1]
		user, password, ok := (&http.Request{Header: last.header}).BasicAuth()
		if !ok || user != accountSID || password != token {
			t.Errorf("%s sent other credentials than the account's", name)
		}
	}
}

// Twilio's answers and what can be done about each.
func TestErrorsAreClassified(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		status int
		body   string
		header string // Retry-After
		code   schema.Code
		is     error
		wait   time.Duration
		text   string
	}{
		{"call over", 400, `{"code":21220,"message":"Call is not in-progress. Cannot record.","status":400}`, "", schema.Refused, schema.ErrCallEnded, 0, "21220"},
		{"other refusal", 400, `{"code":21201,"message":"No 'To' number is specified","status":400}`, "", schema.Refused, nil, 0, "No 'To' number"},
		{"call being transferred", 400, `{"code":16114,"message":"Resource is being modified","status":400}`, "", schema.Unavailable, nil, 0, "16114"},
		{"bad token", 401, `{"code":20003,"message":"Authenticate","status":401}`, "", schema.Unauthorized, nil, 0, "check the account SID and auth token"},
		{"suspended", 403, `{"code":20005,"message":"Account not active","status":403}`, "", schema.Unauthorized, nil, 0, "suspended"},
		{"missing", 404, `{"code":20404,"message":"The requested resource was not found","status":404}`, "", schema.NotFound, nil, 0, "20404"},
		{"missing, no body", 404, ``, "", schema.NotFound, nil, 0, "404"},
		{"too many", 429, `{"code":20429,"message":"Too Many Requests","status":429}`, "7", schema.RateLimited, nil, 7 * time.Second, "20429"},
		{"too many, no wait given", 429, `{"code":20429,"message":"Too Many Requests","status":429}`, "", schema.RateLimited, nil, 0, "20429"},
		{"too many, absurd wait", 429, `{}`, "86400", schema.RateLimited, nil, time.Hour, "429"},
		{"too many, wait that is past", 429, `{}`, "Mon, 02 Jan 2006 15:04:05 GMT", schema.RateLimited, nil, 0, "429"},
		{"broken", 500, `{"code":20500,"message":"Internal","status":500}`, "", schema.Internal, nil, 0, "20500"},
		{"page of a proxy", 502, "<html>oops</html>", "", schema.Unavailable, nil, 0, "502"},
		{"overloaded", 503, "Service Unavailable", "3", schema.Unavailable, nil, 3 * time.Second, "503"},
		{"slow", 504, "", "", schema.Unavailable, nil, 0, "504"},
		{"sink unknown", 400, `{"code":91001,"message":"Sink not found","status":400}`, "", schema.NotFound, schema.ErrSinkNotFound, 0, "91001"},
		{"sink in use", 400, `{"code":91007,"message":"Sink can't be deleted","status":400}`, "", schema.Conflict, schema.ErrSinkInUse, 0, "91007"},
		{"sink in use, in words", 400, `{"code":20001,"message":"Sink with SID DG00000000000000000000000000000001 is in use","status":400}`, "", schema.Conflict, schema.ErrSinkInUse, 0, "in use"},
		{"unknown type", 400, `{"code":91104,"message":"Unknown event type","status":400}`, "", schema.Refused, schema.ErrUnknownEventType, 0, "91104"},
		{"code as text", 400, `{"code":"21220","message":"over"}`, "", schema.Refused, schema.ErrCallEnded, 0, "21220"},
		{"a refusal that breaks off", 400, `{"code":21220,"mess`, "", schema.Corrupt, nil, 0, "400"},
		{"a proxy's refusal", 400, "<html>bad request</html>", "", schema.Corrupt, nil, 0, "400"},
		{"redirect", 302, "", "", schema.Internal, nil, 0, "302"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDouble(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				answerJSON(w, c.status, c.body)
			})
			_, err := d.client(t).StartCallRecording(t.Context(), account(), callSID, callback)
			wantCode(t, err, c.code)
			if wait, _ := schema.RetryAfterOf(err); wait != c.wait {
				t.Errorf("wait %s, want %s", wait, c.wait)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
			var answer *twilio.Error
			if !errors.As(err, &answer) || answer.Status != c.status {
				t.Errorf("no Twilio error of status %d in %v", c.status, err)
			}
			if !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), callSID) {
				t.Errorf("%q names neither %q nor the call", err, c.text)
			}
			if asked := len(d.asked()); asked != 1 {
				t.Errorf("asked %d times; repeating is the stream's business", asked)
			}
		})
	}
}

func TestNoConnection(t *testing.T) {
	t.Parallel()
	d := newDouble(t, nil)
	c := d.client(t)
	d.Close()
	for name, operate := range operations {
		if err := operate(t.Context(), c, account()); schema.CodeOf(err) != schema.Unavailable {
			t.Errorf("%s: got %v, want Unavailable", name, err)
		}
	}
}

// An answer that is cut off, too long or no JSON is an error with a code, not
// half a result.
func TestSpoiltAnswers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		code   schema.Code
	}{
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			answerJSON(w, 200, `{"sid":"`)
		}, schema.Unavailable},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"sid":"`)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("x", 1<<16)); err != nil {
					return
				}
			}
		}, schema.Corrupt},
		"page of a proxy":    {always(200, "<html>sign in</html>"), schema.Corrupt},
		"empty":              {always(200, ""), schema.Corrupt},
		"nothing said":       {always(200, "{}"), schema.Corrupt},
		"only nulls":         {always(200, `{"sid":null,"status":null}`), schema.Corrupt},
		"about another call": {always(200, `{"sid":"CA00000000000000000000000000000002"}`), schema.Corrupt},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newDouble(t, c.answer).client(t).FetchCall(t.Context(), account(), callSID)
			wantCode(t, err, c.code)
		})
	}
}

func TestContextEndsTheRequest(t *testing.T) {
	t.Parallel()
	for name, operate := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arrived, ended := make(chan struct{}), make(chan struct{})
			d := newDouble(t, func(_ http.ResponseWriter, r *http.Request) {
				close(arrived)
				<-r.Context().Done()
				close(ended)
			})
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-arrived
				cancel()
			}()
			err := operate(ctx, d.client(t), account())
			wantCode(t, err, schema.Unavailable)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the context's error", err)
			}
			<-ended // the connection is gone, not merely forgotten
		})
	}
}

func TestSilenceEndsTheRequest(t *testing.T) {
	t.Parallel()
	d := newDouble(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := d.client(t, func(c *twilio.Config) { c.Timeout = 50 * time.Millisecond })
	for name, operate := range operations {
		if err := operate(t.Context(), c, account()); schema.CodeOf(err) != schema.Unavailable {
			t.Errorf("%s: got %v, want Unavailable", name, err)
		}
	}
}

// While tokens are rotated either may be the valid one.
func TestSecondaryToken(t *testing.T) {
	t.Parallel()
	const promoted = "fedcba9876543210fedcba9876543210"
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != promoted {
			answerJSON(w, 401, `{"code":20003,"message":"Authenticate","status":401}`)
			return
		}
		if r.PostFormValue("RecordingChannels") != "dual" {
			t.Error("the body was not sent again")
		}
		answerJSON(w, 201, `{"sid":"`+recordingSID+`","call_sid":"`+callSID+`","status":"in-progress"}`)
	})
	a := account()
	a.AuthTokens = []string{"", token, promoted}
	if _, err := d.client(t).StartCallRecording(t.Context(), a, callSID, callback); err != nil {
		t.Fatal(err)
	}
	if asked := len(d.asked()); asked != 2 {
		t.Errorf("asked %d times, want 2", asked)
	}
	a.AuthTokens = []string{token, token}
	_, err := d.client(t).StartCallRecording(t.Context(), a, callSID, callback)
	wantCode(t, err, schema.Unauthorized)
}

// Whatever an answer says, credentials reach the configured host only.
func TestCredentialsStayAtTwilio(t *testing.T) {
	t.Parallel()
	stranger := newDouble(t, always(200, `{"sinks":[],"meta":{}}`))
	cases := map[string]func(http.ResponseWriter, *http.Request){
		"next page elsewhere": func(w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, 200, `{"sinks":[],"meta":{"next_page_url":"`+stranger.URL+`/v1/Sinks?Page=1"}}`)
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, stranger.URL+"/v1/Sinks", http.StatusTemporaryRedirect)
		},
	}
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := newDouble(t, answer).client(t).ListSinks(t.Context(), account())
			if err == nil {
				t.Error("a list that leads elsewhere is taken for whole")
			}
		})
	}
	if asked := stranger.asked(); len(asked) != 0 {
		t.Errorf("the stranger was asked %d times", len(asked))
	}
}

func TestListWithoutEnd(t *testing.T) {
	t.Parallel()
	d := newDouble(t, func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 200, `{"sinks":[{"sid":"`+sinkSID+`"}],"meta":{"next_page_url":"https://events.twilio.com/v1/Sinks?Page=1"}}`)
	})
	_, err := d.client(t).ListSinks(t.Context(), account())
	wantCode(t, err, schema.Corrupt)
}

// Unread error bodies would leave every connection unusable.
func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(always(503, strings.Repeat("oops ", 1000))))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c, err := twilio.New(twilio.Config{APIURL: server.URL, EventsURL: server.URL, InsightsURL: server.URL, Transport: server.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		for name, operate := range operations {
			if err := operate(t.Context(), c, account()); schema.CodeOf(err) != schema.Unavailable {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("opened %d connections, want 1", n)
	}
}

// One account's requests wait for each other, another's do not wait for them.
func TestAccountsAreApart(t *testing.T) {
	t.Parallel()
	other := schema.Account{OrganizationID: "org-2", AccountSID: "AC00000000000000000000000000000002", AuthTokens: []string{token}}
	arrived, leave := make(chan struct{}), make(chan struct{})
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, accountSID) && strings.HasSuffix(r.URL.Path, ".json") {
			arrived <- struct{}{}
			<-leave
		}
		answerJSON(w, 404, `{}`)
	})
	c := d.client(t, func(c *twilio.Config) { c.Concurrency = 2 })
	var slow sync.WaitGroup
	for range 2 {
		slow.Go(func() { c.FetchCall(t.Context(), account(), callSID) })
		<-arrived
	}
	_, err := c.FetchCall(t.Context(), other, callSID)
	wantCode(t, err, schema.NotFound)
	_, err = c.DownloadMedia(t.Context(), account(), recordingSID)
	wantCode(t, err, schema.NotFound) // downloads have places of their own

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = c.FetchCall(ctx, account(), callSID)
	wantCode(t, err, schema.Unavailable)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want to have waited", err)
	}
	if asked := len(d.asked()); asked != 4 {
		t.Errorf("%d requests arrived, want 4: the third of the account had to wait", asked)
	}
	close(leave)
	slow.Wait()
}

// A token must not come back out, even if the other side repeats it.
func TestTokensAreNotRepeated(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		answerJSON(w, 400, `{"code":1,"message":"bad password `+password+`\nof `+password+`"}`)
	})
	c := d.client(t, func(c *twilio.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	for name, operate := range operations {
		err := operate(t.Context(), c, account())
		for _, verb := range []string{"%s", "%+v", "%#v"} {
			var answer *twilio.Error
			if !errors.As(err, &answer) {
				t.Fatalf("%s: %v", name, err)
			}
			if text := fmt.Sprintf(verb, err) + fmt.Sprintf(verb, answer); strings.Contains(text, token) || strings.Contains(text, "\n") {
				t.Errorf("%s: %q", name, text)
			}
		}
	}
	if strings.Contains(log.String(), token) {
		t.Error("a token is in the log")
	}
}

func TestSIDsAreCheckedBeforeTheyBecomeURLs(t *testing.T) {
	t.Parallel()
	d := newDouble(t, always(200, `{}`))
	c, ctx, a := d.client(t), t.Context(), account()
	const evil = "../../../Accounts"
	calls := map[string]func() error{
		"FetchCall":               func() error { _, err := c.FetchCall(ctx, a, evil); return err },
		"StartCallRecording":      func() error { _, err := c.StartCallRecording(ctx, a, evil, callback); return err },
		"start with a bad URL":    func() error { _, err := c.StartCallRecording(ctx, a, callSID, "/twilio/recording"); return err },
		"ListCallRecordings":      func() error { _, err := c.ListCallRecordings(ctx, a, evil); return err },
		"FetchRecording":          func() error { _, err := c.FetchRecording(ctx, a, evil); return err },
		"DeleteRecording":         func() error { _, err := c.DeleteRecording(ctx, a, evil); return err },
		"DownloadMedia":           func() error { _, err := c.DownloadMedia(ctx, a, evil); return err },
		"sink without a URL":      func() error { _, err := c.CreateSink(ctx, a, "d", ""); return err },
		"DeleteSink":              func() error { _, err := c.DeleteSink(ctx, a, evil); return err },
		"TestSink":                func() error { return c.TestSink(ctx, a, evil) },
		"ListSubscriptions":       func() error { _, err := c.ListSubscriptions(ctx, a, evil); return err },
		"FetchSubscription":       func() error { _, err := c.FetchSubscription(ctx, a, evil); return err },
		"DeleteEventSubscription": func() error { _, err := c.DeleteEventSubscription(ctx, a, evil); return err },
		"ListSubscribedTypes":     func() error { _, err := c.ListSubscribedTypes(ctx, a, evil); return err },
		"FetchEventType":          func() error { _, err := c.FetchEventType(ctx, a, evil); return err },
		"FetchEventType of dots":  func() error { _, err := c.FetchEventType(ctx, a, ".."); return err },
		"subscription to nothing": func() error { _, err := c.CreateSubscription(ctx, a, sinkSID, "d", nil); return err },
		"subscription twice": func() error {
			_, err := c.CreateSubscription(ctx, a, sinkSID, "d", []schema.SubscribedType{{Type: "a"}, {Type: "a"}})
			return err
		},
	}
	for name, operate := range calls {
		if err := operate(); schema.CodeOf(err) != schema.Invalid {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
	if asked := d.asked(); len(asked) != 0 {
		t.Errorf("%d requests were sent", len(asked))
	}
}

func TestAddressesAreChecked(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"api.twilio.com", "ftp://api.twilio.com", "https://", "https://user:secret@host", "https://host?x=1", "https://host#x", "https://ho st"} {
		for _, config := range []twilio.Config{{APIURL: address}, {EventsURL: address}, {InsightsURL: address}} {
			_, err := twilio.New(config)
			if err == nil || !strings.Contains(err.Error(), "TWILIO_") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%+v: got %v, want an error that names the variable and no secret", config, err)
			}
		}
	}
	if _, err := twilio.New(twilio.Config{}); err != nil {
		t.Errorf("the defaults: %v", err)
	}
}

// A double may serve all APIs below a path.
func TestAddressWithAPath(t *testing.T) {
	t.Parallel()
	d := newDouble(t, always(404, `{}`))
	c := d.client(t, func(c *twilio.Config) { c.APIURL += "/twilio/"; c.EventsURL += "/twilio"; c.InsightsURL += "/twilio" })
	for name, operate := range operations {
		operate(t.Context(), c, account())
		if last := d.asked()[len(d.asked())-1]; !strings.HasPrefix(last.path, "/twilio/2010-04-01/") && !strings.HasPrefix(last.path, "/twilio/v1/") {
			t.Errorf("%s asked for %s", name, last.path)
		}
	}
}

func TestOperationsAreCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	counted := func(c *twilio.Config) { c.Registerer = registry }
	d := newDouble(t, always(404, `{}`))
	for range 2 { // two clients of one process count together
		d.client(t, counted).FetchCall(t.Context(), account(), callSID)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			key := family.GetName()
			for _, label := range metric.GetLabel() {
				key += " " + label.GetValue()
			}
			counts[key] = metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	want := map[string]float64{
		"callstream_twilio_operations_total fetch_call not_found": 2,
		"callstream_twilio_operation_seconds fetch_call":          2,
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Error(diff)
	}
}
