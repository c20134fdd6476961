package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/api"
)

// limited returns the API with the limits l, and its store, whose clock stands.
func limited(l api.Limits) (http.Handler, *store) {
	s := &store{now: time.Date(2026, 3, 4, 18, 15, 40, 0, time.UTC)}
	return s.handler(func(c *api.Config) { c.Limits = l }), s
}

// from asks who the key belongs to, from an address.
func from(h http.Handler, address, key string) *http.Response {
	r := httptest.NewRequest("GET", "/api/me", nil)
	r.RemoteAddr = address
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestAKeyThatAsksTooOften(t *testing.T) {
	t.Parallel()
	h, s := limited(api.Limits{PerSecond: 0.5, Burst: 3})
	for range 3 {
		if response, body := ask(t, h, "csk_read", "GET", "/api/me", ""); response.StatusCode != 200 {
			t.Fatalf("within the burst: %d %s", response.StatusCode, body)
		}
	}
	lookups := s.lookups
	response, body := ask(t, h, "csk_read", "GET", "/api/me", "")
	if response.StatusCode != 429 || response.Header.Get("Retry-After") != "2" || !strings.Contains(body, "Retry-After") {
		t.Errorf("beyond it: %d %q %s", response.StatusCode, response.Header.Get("Retry-After"), body)
	}
	if s.lookups != lookups {
		t.Error("a request that is held back asked the database")
	}
	if response, _ := ask(t, h, "csk_play", "GET", "/api/me", ""); response.StatusCode != 200 {
		t.Errorf("another key: %d", response.StatusCode)
	}
	s.now = s.now.Add(2 * time.Second)
	if response, _ := ask(t, h, "csk_read", "GET", "/api/me", ""); response.StatusCode != 200 {
		t.Errorf("after the wait: %d", response.StatusCode)
	}
}

func TestTheDefaultLimits(t *testing.T) {
	t.Parallel()
	h, _ := limited(api.Limits{})
	for i := range 101 {
		want := 200
		if i == 100 {
			want = 429
		}
		if got := from(h, "192.0.2.1:1", "csk_read").StatusCode; got != want {
			t.Fatalf("request %d of one key at once: %d", i+1, got)
		}
	}
	for i := range 21 {
		want := 401
		if i == 20 {
			want = 429
		}
		if got := from(h, "192.0.2.1:1", "csk_guess").StatusCode; got != want {
			t.Fatalf("guess %d of one address at once: %d", i+1, got)
		}
	}
}

// An address that tries keys is held back, without a look-up, and keys that
// were valid here before are not, wherever they come from.
func TestAnAddressThatTriesKeys(t *testing.T) {
	t.Parallel()
	h, s := limited(api.Limits{FailuresMinute: 6, FailuresBurst: 2})
	if response := from(h, "192.0.2.1:1", "csk_read"); response.StatusCode != 200 {
		t.Fatal("a valid key")
	}
	for range 2 {
		if response := from(h, "192.0.2.1:2", "csk_guess"); response.StatusCode != 401 {
			t.Fatalf("a guess: %d", response.StatusCode)
		}
	}
	lookups := s.lookups
	for _, key := range []string{"csk_guess", "csk_play"} {
		if response := from(h, "192.0.2.1:3", key); response.StatusCode != 429 || response.Header.Get("Retry-After") != "10" {
			t.Errorf("%s: %d %v", key, response.StatusCode, response.Header)
		}
	}
	if s.lookups != lookups {
		t.Error("a guess that is held back asked the database")
	}
	if response := from(h, "192.0.2.1:4", "csk_read"); response.StatusCode != 200 {
		t.Errorf("a key that was valid before: %d", response.StatusCode)
	}
	if response := from(h, "192.0.2.2:1", "csk_play"); response.StatusCode != 200 {
		t.Errorf("another address: %d", response.StatusCode)
	}
	s.now = s.now.Add(10 * time.Second)
	if response := from(h, "192.0.2.1:5", "csk_guess"); response.StatusCode != 401 {
		t.Errorf("after the wait: %d", response.StatusCode)
	}
}

// A key that ends becomes a guess like any other.
func TestAKeyThatEnds(t *testing.T) {
	t.Parallel()
	h, s := limited(api.Limits{FailuresMinute: 6, FailuresBurst: 2})
	from(h, "192.0.2.1:1", "csk_read")
	s.revoked = "csk_read"
	for i, want := range []int{401, 401, 429} {
		if response := from(h, "192.0.2.1:1", "csk_read"); response.StatusCode != want {
			t.Errorf("request %d after its end: %d, want %d", i+1, response.StatusCode, want)
		}
	}
}

// One site has a whole IPv6 network of addresses to guess from.
func TestAnIPv6NetworkIsOneAddress(t *testing.T) {
	t.Parallel()
	h, _ := limited(api.Limits{FailuresMinute: 6, FailuresBurst: 1})
	from(h, "[2001:db8::1]:1", "csk_guess")
	if response := from(h, "[2001:db8::ffff]:1", "csk_guess"); response.StatusCode != 429 {
		t.Errorf("the same network: %d", response.StatusCode)
	}
	if response := from(h, "[2001:db8:0:1::1]:1", "csk_guess"); response.StatusCode != 401 {
		t.Errorf("another network: %d", response.StatusCode)
	}
}

// A database that is away is nobody's guess.
func TestALookUpThatFailsIsNoGuess(t *testing.T) {
	t.Parallel()
	h, s := limited(api.Limits{FailuresMinute: 6, FailuresBurst: 1})
	s.away = true
	for range 3 {
		if response := from(h, "192.0.2.1:1", "csk_read"); response.StatusCode != 503 {
			t.Fatalf("database away: %d", response.StatusCode)
		}
	}
	s.away = false
	if response := from(h, "192.0.2.1:1", "csk_read"); response.StatusCode != 200 {
		t.Errorf("database back: %d", response.StatusCode)
	}
}
