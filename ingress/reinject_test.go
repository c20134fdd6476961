package ingress_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/schema"
)

// Bytes that could not be read are judged again by the reader of today; what
// it can read is the very event that a good request would have been.
func TestReinjectJudgesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.status("unknown status", w.callback("/twilio/call-status", with(completed, "CallStatus", "vanished")), http.StatusOK)
	letter := w.letter("unknown status")
	again := func(l schema.DeadLetter) error {
		return ingress.Reinject(t.Context(), w.accounts, w.publisher, l)
	}
	if err := again(letter); schema.CodeOf(err) != schema.Invalid {
		t.Errorf("still unreadable: %v, want Invalid", err)
	}
	w.nothing("still unreadable")

	letter.Data = []byte(completed.Encode()) // as if the reader had learnt the word
	if err := again(letter); err != nil {
		t.Fatal(err)
	}
	got := w.one("readable now")
	w.status("good request", w.callback("/twilio/call-status", completed), http.StatusOK)
	if want := w.one("good request"); !cmp.Equal(got, want, ignoreSource) {
		t.Errorf("reinjected %+v, want %+v", got, want)
	}
}

func TestReinjectRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.status("unknown status", w.callback("/twilio/call-status", with(completed, "CallStatus", "vanished")), http.StatusOK)
	good := w.letter("unknown status")
	good.Data = []byte(completed.Encode())
	foreign, routeless, nobodys, idle := good, good, good, good
	foreign.Data = []byte(with(completed, "AccountSid", "AC00000000000000000000000000000099").Encode())
	routeless.Header = nil
	nobodys.Org = "00000000-0000-4000-8000-0000000000ff"
	idle.Data = []byte(with(completed, "CallStatus", "ringing").Encode())
	for name, c := range map[string]struct {
		letter schema.DeadLetter
		code   schema.Code
	}{
		"another account's call":            {foreign, schema.Invalid},
		"bytes of unknown form":             {routeless, schema.Invalid},
		"an account that is gone":           {nobodys, schema.NotFound},
		"news that nothing follows from":    {idle, schema.Invalid},
		"a stream that does not store them": {good, schema.Unavailable},
	} {
		var to ingress.Publisher = w.publisher
		if c.code == schema.Unavailable {
			to = noQuorum{}
		}
		if err := ingress.Reinject(t.Context(), w.accounts, to, c.letter); schema.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		w.nothing(name)
	}
}

// noQuorum is a stream that stores nothing.
type noQuorum struct{}

var errNoQuorum = errors.New("no quorum")

func (noQuorum) Publish(context.Context, ...schema.Event) error {
	return schema.Errorf(schema.Unavailable, "publish: %w", errNoQuorum)
}

func (noQuorum) DeadLetter(context.Context, ...schema.DeadLetter) error { return errNoQuorum }
