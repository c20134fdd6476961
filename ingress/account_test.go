package ingress_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/schema"
)

// send sends a callback that names its organization.
func (w *world) send(token string) int {
	return w.post(formRequest(token, "/twilio/call-status?org="+org, completed.Encode())).Code
}

// A busy account costs a look-up now and then, not one a request.
func TestAccountsAreCached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 10 {
		w.send(token)
	}
	if n := w.accounts.count(); n != 1 {
		t.Errorf("%d look-ups of one account, want one", n)
	}
	w.clock.advance(31 * time.Second)
	w.send(token)
	if n := w.accounts.count(); n != 2 {
		t.Errorf("%d look-ups after the account went stale, want two", n)
	}
}

// Strangers' requests do not reach the database each time either.
func TestUnknownAccountsAreRememberedBriefly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accounts.change(func(d *directory) { d.accounts = d.accounts[1:] })
	for range 10 {
		if got := w.send(token); got != http.StatusForbidden {
			t.Fatalf("an unknown organization: status %d, want 403", got)
		}
	}
	if n := w.accounts.count(); n != 1 {
		t.Errorf("%d look-ups, want one", n)
	}
	w.accounts.change(func(d *directory) { d.accounts = newDirectory().accounts })
	w.clock.advance(3 * time.Second)
	if got := w.send(token); got != http.StatusOK {
		t.Errorf("an organization that was just made: status %d", got)
	}
}

// A known account is served however long the database is away; nothing can be
// said of another, least of all that it does not exist.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	for what, broken := range map[string]error{
		"unavailable": away, "internal": schema.Errorf(schema.Internal, "bug"), "plain": context.DeadlineExceeded,
	} {
		w := newWorld(t)
		w.send(token)
		w.accounts.change(func(d *directory) { d.err = broken })
		for range 3 {
			w.clock.advance(time.Hour)
			if got := w.send(token); got != http.StatusOK {
				t.Errorf("%s: a known account: status %d", what, got)
			}
		}
		answer := w.post(formRequest(otherToken, "/twilio/call-status?org="+otherOrg, completed.Encode()))
		w.status(what+": an account that is not cached", answer, http.StatusServiceUnavailable)
		if answer.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", what)
		}
	}
}

// A database that does not even refuse holds up one request in a while, and
// that one briefly.
func TestDatabaseHangs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *ingress.Config) { c.Budget = 1800 * time.Millisecond })
	w.publisher.publish = func(ctx context.Context, _ []schema.Event) error { return ctx.Err() }
	w.send(token)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	w.accounts.change(func(d *directory) { d.hang = hang })
	w.clock.advance(time.Hour)
	for range 5 {
		if got := w.send(token); got != http.StatusOK {
			t.Errorf("status %d", got)
		}
	}
	if n := w.accounts.count(); n != 1 {
		t.Errorf("%d look-ups while one hangs, want that one", n)
	}
}

// An account that is gone is not served from memory.
func TestAccountIsRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(token)
	w.accounts.change(func(d *directory) { d.accounts = nil })
	w.clock.advance(31 * time.Second)
	if got := w.send(token); got != http.StatusForbidden {
		t.Errorf("status %d, want 403", got)
	}
	w.accounts.change(func(d *directory) { d.err = away })
	w.clock.advance(31 * time.Second)
	if got := w.send(token); got != http.StatusServiceUnavailable {
		t.Errorf("status %d while the database is away, want 503", got)
	}
}

// Requests that come at once share a look-up.
func TestLookupsAreShared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hang := make(chan struct{})
	w.accounts.change(func(d *directory) { d.hang = hang })
	var all sync.WaitGroup
	codes := make(chan int, 20)
	for range cap(codes) {
		all.Go(func() { codes <- w.send(token) })
	}
	<-w.accounts.asked
	close(hang)
	all.Wait()
	close(codes)
	for code := range codes {
		if code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	}
	if w.accounts.most != 1 {
		t.Errorf("%d look-ups of one account at a time, want one", w.accounts.most)
	}
}

// A token that was rotated works at once, although the old one is cached.
func TestRotatedToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(token)
	const rotated = "00112233445566778899aabbccddeeff"
	w.accounts.change(func(d *directory) { d.accounts[0].AuthTokens = []string{rotated, token} })
	for range 3 {
		if got := w.send(rotated); got != http.StatusOK {
			t.Errorf("the new token: status %d", got)
		}
	}
	if got := w.send(token); got != http.StatusOK {
		t.Errorf("the old token, while it is the secondary: status %d", got)
	}
	if n := w.accounts.count(); n != 1 {
		t.Errorf("%d look-ups, want one", n)
	}
}

// While the database is away nobody can say that a signature is wrong: the
// token may have been rotated.
func TestBadSignatureWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(token)
	w.accounts.change(func(d *directory) { d.err = away })
	if got := w.send(otherToken); got != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", got)
	}
}

// A flood of bad signatures is refused, does not keep the database busy, and
// stops nobody.
func TestFloodOfBadSignatures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(token)
	w.accounts.change(func(*directory) {})
	statuses := map[int]int{}
	for range 200 {
		statuses[w.send(otherToken)]++
	}
	if n := w.accounts.count(); n > 5 {
		t.Errorf("%d look-ups", n)
	}
	if statuses[http.StatusForbidden] == 0 || statuses[http.StatusForbidden]+statuses[http.StatusServiceUnavailable] != 200 {
		t.Errorf("statuses %v, want 403, and 503 where it was not looked up", statuses)
	}
	if got := w.send(token); got != http.StatusOK {
		t.Errorf("a good signature after it: status %d", got)
	}
	if n := strings.Count(w.log.String(), "level=WARN"); n > 2 {
		t.Errorf("%d warnings, want one of each status", n)
	}
}

// A signature with an empty key can be made by anyone.
func TestEmptyTokenProvesNothing(t *testing.T) {
	t.Parallel()
	for _, tokens := range [][]string{nil, {""}, {"", ""}} {
		w := newWorld(t)
		w.accounts.change(func(d *directory) { d.accounts[0].AuthTokens = tokens })
		// Not the sender's fault, so the sender may try again.
		if got := w.send(""); got != http.StatusServiceUnavailable {
			t.Errorf("tokens %q: status %d, want 503", tokens, got)
		}
		w.nothing("an empty token")
	}
	w := newWorld(t)
	w.accounts.change(func(d *directory) { d.accounts[0].AuthTokens = []string{"", token} })
	if got := w.send(""); got != http.StatusForbidden {
		t.Errorf("an empty token beside a real one: status %d, want 403", got)
	}
}

// Who names no account, or one that can be none, costs no look-up.
func TestStrangersCostNoLookup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unsigned := formRequest(token, "/twilio/call-status?org="+org, completed.Encode())
	unsigned.Header.Del("X-Twilio-Signature")
	for what, r := range map[string]*http.Request{
		"no signature":     unsigned,
		"no account":       formRequest(token, "/twilio/recording", ""),
		"a wrong account":  formRequest(token, "/twilio/recording", url.Values{"AccountSid": {"AC' OR 1=1"}}.Encode()),
		"a control letter": formRequest(token, "/twilio/recording?org=%00", processed.Encode()),
		"no letter":        formRequest(token, "/twilio/recording?org=%ff", processed.Encode()),
		"an endless name":  formRequest(token, "/twilio/recording?org="+strings.Repeat("7", 1000), processed.Encode()),
	} {
		w.status(what, w.post(r), http.StatusForbidden)
	}
	if n := w.accounts.count(); n != 0 {
		t.Errorf("%d look-ups", n)
	}
	if n := w.count("callstream_ingress_requests_total", map[string]string{"status": "403"}); n != 6 {
		t.Errorf("%v requests counted as refused", n)
	}
}

// A verifier that cannot tell is no proof of anything.
func TestVerifierOutOfOrder(t *testing.T) {
	t.Parallel()
	for code, want := range map[schema.Code]int{
		schema.Forbidden: 403, schema.Invalid: 403, schema.Unauthorized: 503, schema.Internal: 503, schema.Unavailable: 503,
	} {
		w := newWorld(t, func(c *ingress.Config) {
			c.Verify = func([]string, *http.Request, []byte) error { return schema.Errorf(code, "no") }
		})
		if got := w.send(token); got != want {
			t.Errorf("%s: status %d, want %d", code, got, want)
		}
	}
}
