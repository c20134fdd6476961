package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/cli"
)

var update = flag.Bool("update", false, "take the pictures in docs/pictures anew")

// world is the whole of callstream in this process: every role on embedded
// parts, with simulated calls that arrive as long as the tests run.
type world struct {
	address string // of the console and the API, http://HOST:PORT
	dir     string
	key     string // of the organization, with every permission
	org     string
	stop    func()
	ended   chan struct{}
	output  *output
	given   *sync.Map // SIDs of calls that a test has for itself
}

var (
	started sync.Once
	one     *world
	errOne  error
)

func TestMain(m *testing.M) {
	flag.Parse()
	status := m.Run()
	closeBrowser()
	if one != nil {
		one.close()
	}
	os.Exit(status)
}

// here returns the world that all tests of this package share; the first of
// them waits until there is something to see in it.
func here(t testing.TB) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("starts all of callstream and a browser")
	}
	started.Do(func() { one, errOne = newWorld() })
	if errOne != nil {
		t.Fatal(errOne)
	}
	return one
}

// newWorld starts callstream and waits until some calls have run their course.
func newWorld() (*world, error) {
	dir, err := os.MkdirTemp("", "callstream-console")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &world{dir: dir, stop: cancel, ended: make(chan struct{}), output: newOutput(), given: &sync.Map{}}
	go func() {
		defer close(w.ended)
		cli.Run(ctx, []string{
			"up", "--data", dir, "--http-addr", "127.0.0.1:0", "--simulate", "--rate", "2", "--speed", "30", "--log-level", "error",
		}, w.output, w.output)
	}()
	limit, stop := context.WithTimeout(ctx, 3*time.Minute)
	defer stop()
	for missing := error(nil); ; {
		if err = w.look(limit); err == nil {
			return w, nil
		}
		if limit.Err() != nil {
			w.close()
			return nil, fmt.Errorf("callstream did not come up: %w\n%s", missing, w.output)
		}
		missing = err
		select {
		case <-w.output.written:
		case <-limit.Done():
		case <-w.ended:
			return nil, fmt.Errorf("callstream ended\n%s", w.output)
		case <-time.After(100 * time.Millisecond): // calls arrive without a word
		}
	}
}

var addressLine = regexp.MustCompile(`http://(127\.0\.0\.1:\d+)/api/calls`)

// look reports an error until there are enough calls to look at.
func (w *world) look(ctx context.Context) error {
	found := addressLine.FindStringSubmatch(w.output.String())
	if found == nil {
		return fmt.Errorf("no address yet")
	}
	w.address = "http://" + found[1]
	if w.org == "" {
		if err := w.enter(ctx); err != nil {
			return err
		}
	}
	var page struct{ Calls []json.RawMessage }
	if err := w.ask(ctx, http.MethodGet, "/api/calls?transcript=true&limit=12", nil, &page); err != nil {
		return err
	}
	if len(page.Calls) < 12 {
		return fmt.Errorf("%d calls with a transcript", len(page.Calls))
	}
	return nil
}

// enter finds the organization and makes its administrator's key.
func (w *world) enter(ctx context.Context) error {
	key, err := os.ReadFile(filepath.Join(w.dir, "operator.key"))
	if err != nil {
		return err
	}
	w.key = strings.TrimSpace(string(key))
	var me struct{ ID string }
	if err := w.ask(ctx, http.MethodGet, "/api/organization", nil, &me); err != nil {
		return err
	}
	w.org = me.ID
	var made struct{ Key string }
	if err := w.ask(ctx, http.MethodPost, "/api/keys", map[string]any{"name": "operator", "permissions": []string{"admin"}}, &made); err != nil {
		return err
	}
	w.key = made.Key
	return nil
}

// ask asks the API with the administrator's key.
func (w *world) ask(ctx context.Context, method, path string, body, into any) error {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, w.address+path, content)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+w.key)
	r.Header.Set("Content-Type", "application/json")
	if w.org != "" {
		r.Header.Set("Callstream-Organization", w.org)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s %w\n%s", method, path, answer.Status, err, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// api is ask for tests.
func (w *world) api(t testing.TB, method, path string, body, into any) {
	t.Helper()
	if err := w.ask(t.Context(), method, path, body, into); err != nil {
		t.Fatal(err)
	}
}

// issue makes a key of the organization's that holds the permissions.
func (w *world) issue(t testing.TB, permissions ...string) (id, key string) {
	t.Helper()
	var made struct{ Key string }
	w.api(t, http.MethodPost, "/api/keys", map[string]any{"name": t.Name(), "permissions": permissions}, &made)
	var list struct{ Keys []struct{ ID, Name string } }
	w.api(t, http.MethodGet, "/api/keys", nil, &list)
	for _, k := range list.Keys {
		if k.Name == t.Name() {
			id = k.ID
		}
	}
	return id, made.Key
}

func (w *world) close() {
	w.stop()
	<-w.ended
	_ = os.RemoveAll(w.dir)
}

// output is what callstream prints.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	written chan struct{}
}

func newOutput() *output { return &output{written: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.written <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
