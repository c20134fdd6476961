package archiver_test

import (
	"context"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/mp3/mp3test"
	"github.com/loquent/callstream/schema"
)

// place is what every key in the bucket looks like.
var place = regexp.MustCompile(`^org-1/[0-9]{4}/[0-9]{2}/[0-9]{2}/CA[0-9a-f]{32}/RE[0-9a-f]{32}\.(mp3|json)$`)

// shelf is a bucket that keeps nothing but the keys it was given.
type shelf struct{ keys []string }

func (s *shelf) Put(_ context.Context, key string, body io.Reader, _ int64, _ string) (schema.Object, error) {
	s.keys = append(s.keys, key)
	n, err := io.Copy(io.Discard, body)
	return schema.Object{Key: key, Size: n}, err
}

func (*shelf) Verify(context.Context, schema.Object) error { return nil }

func (s *shelf) Remove(_ context.Context, key string) error {
	s.keys = append(s.keys, key)
	return nil
}

// FuzzPlace: whatever an event and Twilio's own answers call a recording, its
// copy lies where copies lie, in its organization's folder, or nowhere.
func FuzzPlace(f *testing.F) {
	const up = "../../other-org/"
	f.Add(accountSID, callSID, sid, callSID, startedAt.Unix(), true)
	f.Add(accountSID, "", sid, up, int64(-1<<60), true)
	f.Add(accountSID, callSID+"/..", sid, callSID, int64(1<<60), false)
	f.Add(accountSID, up, up, up, int64(0), true)
	f.Add(accountSID, "", sid, "", int64(253402300800), false)
	sound := mp3test.Silence(seconds*time.Second, 1)
	fresh := newWorld(f)
	f.Fuzz(func(t *testing.T, account, call, recording, atTwilio string, started int64, known bool) {
		s, w := &shelf{}, *fresh
		w.objects, w.known = s, known
		w.media = func() (schema.Media, error) { return audio(sound), nil }
		event := processed()
		at := time.Unix(started, 0).UTC()
		event.AccountSID, event.OccurredAt = account, at
		event.Recording.CallSID, event.Recording.RecordingSID, event.Recording.StartedAt = call, recording, &at
		w.resource = func() (schema.RecordingFacts, error) {
			facts := event.Recording
			facts.CallSID = atTwilio
			return facts, nil
		}
		w.call = func() (schema.CallFacts, error) { return schema.CallFacts{CallSID: atTwilio}, nil }
		err := w.handle(t, event, 1)
		for _, key := range s.keys {
			if !place.MatchString(key) {
				t.Errorf("it is put at %q", key)
			}
		}
		if len(s.keys) == 0 && err == nil {
			t.Error("it is neither kept nor refused")
		}
		for _, said := range w.log {
			if strings.ContainsAny(said, "\r\n") {
				t.Errorf("it is told as %q", said)
			}
		}
	})
}
