package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/cli"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

const (
	openAIKey = "sk-aKeyOfTheTranscriptionServiceThatNobodyMayRead"

	// What pkg/cli gives to the simulated account.
	simulatedAccount = "AC5100000000000000000000000000000a"
	simulatedToken   = "5100000000000000000000000000000b"
)

// trial is a run of everything, of which all is kept that it wrote.
type trial struct {
	*testing.T
	dir     string
	secrets map[string]string // by name
	written map[string][]byte // by what it is
	mu      sync.Mutex
}

func (r *trial) keep(what string, content []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written[what] = append(r.written[what], content...)
}

// No secret is in anything that a run wrote: not in the logs of any role at the
// level debug, not in traces, metrics or answers, not in the stream, the
// database, dead letters, or the bucket. Not even where both Twilio's double
// and the transcription service fail in every way they know, the latter
// repeating the key in its errors. On disk they are only in the files that are
// there for them, which are the owner's alone.
func TestSecretsStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	r := &trial{T: t, dir: t.TempDir(), secrets: map[string]string{}, written: map[string][]byte{}}
	traces := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.keep("the traces", body)
	}))
	defer traces.Close()
	service := httptest.NewServer(echoing())
	defer service.Close()

	r.runs(simulate(r.dir, "--log-level", "debug", "--log-format", "json", "--otlp-endpoint", traces.URL,
		"--openai-base-url", service.URL+"/v1", "--openai-api-key", openAIKey)...)
	r.reopens()
	r.finds()
}

// echoing is a transcription service that refuses every third recording, and
// quotes what it was sent while it does, as proxies do.
func echoing() http.Handler {
	var asked atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		switch asked.Add(1) % 3 {
		case 0:
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": "cannot take this: " + r.Header.Get("Authorization"), "type": r.Header.Get("Authorization")}})
		default:
			_, _ = io.WriteString(w, `{"text":"good morning","language":"english","duration":2,"segments":[{"start":0,"end":2,"text":"good morning"}]}`)
		}
	})
}

// runs runs the command line to its end, and asks and provokes it meanwhile.
func (r *trial) runs(args ...string) {
	read, write := io.Pipe()
	exit := make(chan int, 1)
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	go func() {
		exit <- cli.Run(ctx, args, write, write)
		_ = write.Close()
	}()
	api := regexp.MustCompile(`http://(\S+)/api/calls`)
	asking := sync.WaitGroup{}
	done := make(chan struct{})
	lines := bufio.NewScanner(read)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		r.keep("the log", append(lines.Bytes(), '\n'))
		if found := api.FindStringSubmatch(lines.Text()); found != nil && len(r.secrets) == 0 {
			r.learns()
			asking.Go(func() { r.asks("http://"+found[1], done) })
		}
	}
	close(done)
	asking.Wait()
	if status := <-exit; status != 0 || len(r.secrets) < 6 {
		r.Fatalf("exit status %d, %d secrets known\n%s", status, len(r.secrets), r.written["the log"])
	}
}

// learns reads what the secrets of this run are, where they may be.
func (r *trial) learns() {
	text, err := os.ReadFile(filepath.Join(r.dir, "instance.env"))
	if err != nil {
		r.Error(err)
		return
	}
	given := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		given[name] = strings.Trim(value, "'")
	}
	key, err := os.ReadFile(filepath.Join(r.dir, "operator.key"))
	if err != nil {
		r.Error(err)
	}
	r.secrets["the operator's API key"] = strings.TrimSpace(string(key))
	r.secrets["the account's token"] = simulatedToken
	r.secrets["the transcription service's key"] = given["OPENAI_API_KEY"]
	r.secrets["the sealing key"] = given["CALLSTREAM_SECRET_KEY"]
	r.secrets["the bucket's secret"] = given["AWS_SECRET_ACCESS_KEY"]
	for name, variable := range map[string]string{"the database's password": "DATABASE_URL", "the broker's password": "NATS_URL"} {
		if u, err := url.Parse(given[variable]); err == nil {
			if password, ok := u.User.Password(); ok {
				r.secrets[name] = password
			}
		}
	}
}

// asks reads the metrics again and again until done, after requests that have
// secrets in them and go wrong.
func (r *trial) asks(address string, done <-chan struct{}) {
	key := r.secrets["the operator's API key"]
	for _, q := range []struct{ method, path, key, body string }{
		{"PATCH", "/api/twilio/settings", key, `{"auth_token":"` + simulatedToken + `","nonsense":1}`},
		{"PATCH", "/api/twilio/settings", key, `{"auth_token":["` + simulatedToken + `"]`},
		{"POST", "/api/keys", key, `{"name":"` + strings.Repeat("x", 300) + `","permissions":["` + key + `"]}`},
		{"GET", "/api/calls", key + "x", ""},
		{"GET", "/api/nothing", key, ""},
		{"POST", "/twilio/events", simulatedToken, `[{"type":"` + simulatedToken + `"}]`},
		{"POST", "/twilio/recording", simulatedToken, "AccountSid=" + simulatedAccount},
	} {
		r.ask(q.method, address+q.path, q.key, q.body)
	}
	r.send(address + "/twilio/recording")
	for {
		r.ask("GET", address+"/metrics", "", "")
		select {
		case <-done:
			return
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// ask keeps the answer to a request.
func (r *trial) ask(method, address, key, body string) {
	request, err := http.NewRequestWithContext(r.Context(), method, address, strings.NewReader(body))
	if err != nil {
		r.Error(err)
		return
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return // it has ended
	}
	defer func() { _ = response.Body.Close() }()
	answer, _ := io.ReadAll(response.Body)
	r.keep("the answer to "+method+" "+request.URL.Path, answer)
}

// send sends news of a recording that nobody can make sense of, signed as Twilio
// signs, until it is taken.
func (r *trial) send(target string) {
	for {
		response, err := http.DefaultClient.Do(signedForm(r.T, target, simulatedToken, url.Values{"AccountSid": {simulatedAccount}, "RecordingSid": {"none"}}))
		if err != nil {
			r.Errorf("send a callback: %v", err)
			return
		}
		_ = response.Body.Close()
		switch response.StatusCode {
		case http.StatusNoContent:
			return
		case http.StatusServiceUnavailable: // a machine that is too slow; Twilio sends it again, too
			<-time.After(50 * time.Millisecond)
		default:
			r.Errorf("a signed callback: %s", response.Status)
			return
		}
	}
}

// reopens starts callstream once more on what is left, and keeps all that can
// be read over its own doors: the database, every event, every dead letter.
func (r *trial) reopens() {
	_, stop := start(r.T, "up", "--data", r.dir, "--http-addr", "127.0.0.1:0", "--log-level", "error")
	defer stop()
	text, err := os.ReadFile(filepath.Join(r.dir, "instance.env"))
	if err != nil {
		r.Fatal(err)
	}
	given := func(name string) string {
		return regexp.MustCompile(name + `='(.*)'`).FindStringSubmatch(string(text))[1]
	}
	r.dumps(given("DATABASE_URL"))
	r.replays(given("NATS_URL"))
	for _, command := range []string{"doctor", "status --json", "streams ls --json", "audit --json", "settings show --json", "keys ls --json", "numbers ls --json"} {
		_, output := run(r.T, append(strings.Fields(command), "--data", r.dir)...)
		r.keep("callstream "+command, []byte(output))
	}
	_, output := run(r.T, "deadletters", "ls", "--state", "any", "--limit", "1000", "--json", "--data", r.dir)
	var letters []struct {
		ID uint64 `json:"id"`
	}
	if err := json.Unmarshal([]byte(output), &letters); err != nil || len(letters) < 2 {
		r.Errorf("dead letters of an undecodable event and of refused recordings: %v\n%s", err, output)
	}
	for _, l := range letters {
		_, output := run(r.T, "deadletters", "show", fmt.Sprint(l.ID), "--json", "--data", r.dir)
		r.keep("the dead letters", []byte(output))
	}
}

// dumps keeps every row of the database, as pg_dump writes it.
func (r *trial) dumps(database string) {
	program, err := exec.LookPath("pg_dump")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
		if len(found) == 0 {
			r.Log("there is no pg_dump; only the database's files are looked at")
			return
		}
		program = found[len(found)-1]
	}
	dump, err := exec.CommandContext(r.Context(), program, "--inserts", database).Output()
	if err != nil || !bytes.Contains(dump, []byte("INSERT INTO public.call ")) {
		r.Errorf("dump the database: %v, %d bytes", err, len(dump))
	}
	r.keep("the database", dump)
}

// replays keeps every event of the stream, with what its source said.
func (r *trial) replays(broker string) {
	conn, err := stream.Connect(r.Context(), stream.Config{URL: broker, Name: "evidence"})
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(r.Context())) }()
	var filters []string
	for _, d := range consumers.Table() {
		filters = append(filters, d.Filters...)
	}
	slices.Sort(filters)
	filters = slices.Compact(filters)
	progress, err := conn.Replay(r.Context(), stream.ReplayConfig{
		Spec:    schema.ReplaySpec{Consumer: "calls"},
		Durable: stream.Durable{Name: "calls", Filters: filters, Workers: 1, MaxAttempts: 1, AckWait: time.Minute, MaxAckPending: 100},
		Handler: func(_ context.Context, e schema.Event) error {
			told, err := json.Marshal(e)
			r.keep("the stream", append(told, '\n'))
			return err
		},
	})
	if err != nil || progress.Done < 40 {
		r.Errorf("read the stream: %+v, %v", progress, err)
	}
}

// places are where secrets lie on disk when nothing runs, each in a file of its
// own. While callstream runs, instance.env holds all of them.
var places = map[string]bool{
	"the broker's password in nats/password":       true,
	"the bucket's secret in s3/secret.key":         true,
	"the database's password in postgres/password": true,
	"the operator's API key in operator.key":       true,
	"the sealing key in secret.key":                true,
}

// finds looks for every secret, as it is and as it is sent, in all that was
// kept and in every file.
func (r *trial) finds() {
	for _, what := range []string{"the log", "the traces", "the answer to GET /metrics", "the stream", "the dead letters"} {
		if len(r.written[what]) < 500 {
			r.Errorf("of %s there are %d bytes", what, len(r.written[what]))
		}
	}
	for what, content := range r.written {
		for _, name := range r.held(content) {
			r.Errorf("%s is in %s", name, what)
		}
	}
	kept := map[string]bool{}
	err := filepath.WalkDir(r.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		where, _ := filepath.Rel(r.dir, path)
		for _, name := range r.held(content) {
			kept[name+" in "+where] = true
			if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
				r.Errorf("%s is in %s, which is not the owner's alone (%v)", name, where, err)
			}
		}
		return nil
	})
	if err != nil {
		r.Error(err)
	}
	if diff := cmp.Diff(places, kept); diff != "" {
		r.Errorf("secrets lie elsewhere than they should:\n%s", diff)
	}
}

// held returns which secrets the content has.
func (r *trial) held(content []byte) (names []string) {
	for name, secret := range r.secrets {
		for _, form := range []string{
			secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)),
			base64.StdEncoding.EncodeToString([]byte(simulatedAccount + ":" + secret)),
		} {
			if bytes.Contains(content, []byte(form)) {
				names = append(names, name)
				break
			}
		}
	}
	return names
}
