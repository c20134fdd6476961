package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/cli"
	"github.com/loquent/callstream/schema"
)

// target is a callstream that a test attacks, with its log.
type target struct {
	*testing.T
	address, key, dir string
	log               *lockedBuffer
	sent              int
}

func newTarget(t *testing.T) *target {
	t.Helper()
	dir := t.TempDir()
	g := &target{T: t, dir: dir, log: &lockedBuffer{}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	over := make(chan int, 1)
	go func() {
		over <- cli.Run(ctx, []string{"up", "--data", dir, "--http-addr", "127.0.0.1:0", "--simulate", "--rate", "0.2", "--log-level", "debug"}, g.log, g.log)
	}()
	t.Cleanup(func() { cancel(); <-over })
	api := regexp.MustCompile(`http://(\S+)/api/calls`)
	g.await("it to serve", func() bool {
		if found := api.FindStringSubmatch(g.log.String()); found != nil {
			g.address = "http://" + found[1]
		}
		return g.address != ""
	})
	key, err := os.ReadFile(filepath.Join(dir, "operator.key"))
	if err != nil {
		t.Fatal(err)
	}
	g.key = strings.TrimSpace(string(key))
	return g
}

// await waits until done says so.
func (g *target) await(what string, done func() bool) {
	g.Helper()
	deadline := time.After(time.Minute)
	for !done() {
		select {
		case <-deadline:
			g.Fatalf("waited in vain for %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// sends sends a signed request and demands that it is taken: it is Twilio's. One
// that cannot be kept now, on a machine that is too slow, is sent again, as
// Twilio does.
func (g *target) sends(r *http.Request) (answer string) {
	g.Helper()
	g.sent++
	g.await("a signed request to be taken", func() bool {
		again := r.Clone(r.Context())
		again.Body, _ = r.GetBody()
		response, err := http.DefaultClient.Do(again)
		if err != nil {
			g.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if response.StatusCode == http.StatusServiceUnavailable {
			return false
		}
		if err != nil || response.StatusCode >= 300 || response.Header.Get("Evil") != "" {
			g.Errorf("%s %s: %d %v (%v)", r.Method, r.URL.Path, response.StatusCode, response.Header, err)
		}
		answer = string(body)
		return true
	})
	return answer
}

// idle waits until every durable has seen everything; what it does not find at
// Twilio it looks for again.
func (g *target) idle() {
	g.Helper()
	g.await("the pipeline to be idle", func() bool {
		var state struct {
			Durables []struct {
				Pending uint64 `json:"pending"`
			} `json:"durables"`
		}
		status, output := run(g.T, "status", "--json", "--data", g.dir)
		if err := json.Unmarshal([]byte(output), &state); status != 0 || err != nil {
			g.Fatalf("%d, %v: %s", status, err, output)
		}
		left := uint64(0)
		for _, d := range state.Durables {
			left += d.Pending
		}
		return len(state.Durables) > 0 && left == 0
	})
}

// sid is one that the test makes up; hostile calls begin with c0de.
func sid(prefix string, n int) string { return fmt.Sprintf("%sc0de%028x", prefix, n) }

// whatever is done to a field of a callback or event.
func hostile(canary string) []string {
	return []string{
		`'; DROP TABLE call; SELECT '`, "x\r\nEvil: yes\r\n\r\nlevel=ERROR msg=forged", `"><script>alert(1)</script>`, `</Say><Record/><Say>`,
		"../../../../../../tmp/evil", canary + "/RE1.mp3?a=b", "$(touch /tmp/evil)${jndi:ldap://x}%n%s{{.}}", strings.Repeat("A", 5000), "\x00\xff\u202e",
	}
}

// Whatever is in the fields of signed requests is data: it is taken, the tables
// stay, no address in it is asked for anything, no line of the log is somebody
// else's, and what is shown of it is shown as it is.
func TestEveryFieldOfTwiliosIsData(t *testing.T) {
	t.Parallel()
	var visits atomic.Int64
	canary := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	defer canary.Close()
	g := newTarget(t)

	call := url.Values{
		"AccountSid": {simulatedAccount}, "CallStatus": {"completed"}, "From": {"+15005550001"}, "To": {"+12025550100"}, "Direction": {"inbound"}, "CallDuration": {"5"},
		"Timestamp": {time.Now().UTC().Format(time.RFC1123Z)}, "CallerName": {"x"}, "RecordingUrl": {canary.URL}, "ForwardedFrom": {"x"}, "ParentCallSid": {""}, "CallToken": {"x"},
	}
	recording := url.Values{
		"AccountSid": {simulatedAccount}, "RecordingStatus": {"absent"}, "RecordingUrl": {canary.URL}, "RecordingSource": {"DialVerb"}, "RecordingTrack": {"both"},
		"RecordingChannels": {"2"}, "RecordingStartTime": {time.Now().UTC().Format(time.RFC1123Z)}, "ErrorCode": {"0"},
	}
	message := map[string]string{
		"accountSid": simulatedAccount, "from": "+15005550001", "to": "+12025550100", "body": "x", "numMedia": "1", "mediaUrl": canary.URL, "messagingServiceSid": "MG1", "timestamp": "x",
	}
	n := 0
	for _, text := range hostile(canary.URL) {
		for _, field := range slices.Sorted(maps.Keys(call)) {
			n++
			form := maps.Clone(call)
			form.Set("CallSid", sid("CA", n))
			if form.Set(field, text); field == "AccountSid" { // another account's is signed by nobody
				continue
			}
			g.sends(signedForm(t, g.address+"/twilio/call-status", simulatedToken, form))
			if answer := g.sends(signedForm(t, g.address+"/twilio/voice", simulatedToken, form)); strings.Contains(answer, "<Record") && !strings.Contains(answer, "<Response><Say") {
				t.Errorf("%s of %q is answered with %s", field, text, answer)
			}
		}
		for _, field := range slices.Sorted(maps.Keys(recording)) {
			n++
			form := maps.Clone(recording)
			form.Set("CallSid", sid("CA", 1))
			form.Set("RecordingSid", sid("RE", n))
			if strings.HasPrefix(text, canary.URL) {
				form.Set("RecordingStatus", "completed") // so that its audio is looked for
			}
			if form.Set(field, text); field == "AccountSid" {
				continue
			}
			g.sends(signedForm(t, g.address+"/twilio/recording", simulatedToken, form))
		}
		for _, field := range slices.Sorted(maps.Keys(message)) {
			n++
			data := maps.Clone(message)
			if data[field] = text; field == "accountSid" {
				continue
			}
			data["messageSid"] = sid("SM", n)
			event, err := json.Marshal(map[string]any{"specversion": "1.0", "type": "com.twilio.messaging.message.sent", "source": text, "id": text, "dataschema": canary.URL, "time": time.Now().UTC(), "data": data})
			if err != nil {
				t.Fatal(err)
			}
			g.sends(signedEvent(t, g.address, "/twilio/events", simulatedToken, string(event)))
		}
	}
	g.idle()
	script := hostile(canary.URL)[2]
	g.paints(script, g.shows(script))
	g.speaks()
	if visits.Load() > 0 {
		t.Errorf("addresses in fields were asked %d times", visits.Load())
	}
	t.Logf("%d hostile requests", g.sent)
}

// shows waits until the API shows the call whose caller has that name with it,
// and returns the call's SID.
func (g *target) shows(name string) (callSID string) {
	g.Helper()
	g.await("a call of "+name, func() bool {
		var page struct {
			Calls []schema.CallRecord `json:"calls"`
		}
		if err := getJSON(g.Context(), g.address+"/api/calls?limit=500", g.key, &page); err != nil {
			g.Fatal(err)
		}
		for _, c := range page.Calls {
			if c.Caller == name {
				callSID = c.CallSID
			}
		}
		return callSID != ""
	})
	return callSID
}

// paints demands that the console's pages have the markup as text alone.
func (g *target) paints(markup, callSID string) {
	g.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.Fatal(err)
	}
	visitor := &http.Client{Jar: jar}
	response, err := visitor.PostForm(g.address+"/sign-in", url.Values{"key": {g.key}})
	if err != nil {
		g.Fatal(err)
	}
	_ = response.Body.Close()
	text := false
	for _, path := range []string{"/calls", "/calls?number=" + url.QueryEscape(markup), "/calls/" + callSID, "/dead-letters", "/audit"} {
		response, err := visitor.Get(g.address + path)
		if err != nil {
			g.Fatal(err)
		}
		page, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || response.Header.Get("Content-Security-Policy") == "" {
			g.Errorf("%s: %s (%v)", path, response.Status, err)
		}
		if strings.Contains(string(page), "<script>alert") {
			g.Errorf("%s has the markup %s", path, markup)
		}
		text = text || strings.Contains(string(page), "&lt;script&gt;alert")
	}
	if !text {
		g.Errorf("no page shows %s", markup)
	}
}

// speaks demands that each line of the log is one that callstream wrote.
func (g *target) speaks() {
	g.Helper()
	own := regexp.MustCompile(`^time=\S+ level=(DEBUG|INFO|WARN|ERROR) msg=`)
	for line := range strings.Lines(g.log.String()) {
		if strings.Contains(line, "Evil") && !own.MatchString(line) || strings.HasPrefix(line, "level=ERROR msg=forged") {
			g.Errorf("the log has the line %q", line)
		}
	}
}
