package api_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/api"
	"github.com/loquent/callstream/schema"
)

const (
	org          = "0f9f8c1e-0000-4000-8000-000000000001"
	otherOrg     = "0f9f8c1e-0000-4000-8000-000000000002"
	keyID        = "0f9f8c1e-0000-4000-8000-000000000003"
	callSID      = "CA00000000000000000000000000000001"
	recordingSID = "RE00000000000000000000000000000001"
	quarantined  = "RE00000000000000000000000000000002"
	replayID     = "0f9f8c1e-0000-4000-8000-000000000004"
	messageSID   = "SM00000000000000000000000000000001"
	audio        = "0123456789"
)

// store is every part of the API at once: an archive in which each
// organization has the same call, one recording to play and one in quarantine.
type store struct {
	away     bool  // the database does not answer
	auditErr error // of writing to the audit log
	sinkErr  map[schema.EventKind]error
	findings []schema.Finding
	revoked  string   // a key that was valid
	owner    string   // of the dead letter and the replay
	effects  []string // that the replay may have
	data     string   // of the dead letter
	sound    string   // of recordings, instead of audio
	open     int      // dead letters in lists, the last of which is 1
	refuse   error    // to try a dead letter again
	unlinked error    // from Twilio, to connect a number

	pipelineErr error
	now         time.Time

	mu       sync.Mutex
	lookups  int      // of keys
	asked    []string // whose data was asked for, in order
	filter   schema.CallFilter
	messages schema.MessageFilter
	change   schema.SettingsChange
	plan     *schema.VoicePlan
	number   string
	issued   []string // permissions of the key made last
	grace    time.Duration
	setup    []schema.EventKind
	actor    schema.Actor
	played   []schema.AuditEntry
	opened   int // audio that is open
	selected schema.LetterFilter
	retried  []uint64
	reason   string // of the removal of a dead letter
	spec     schema.ReplaySpec
}

// saw takes down whose data was asked for, and by whom.
func (s *store) saw(ctx context.Context, o string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, o)
	s.actor = schema.ActorOf(ctx)
}

// APIKey knows csk_PERMISSION, a key of org's that holds it, csk_op_PERMISSION,
// an operator's, and csk_other_PERMISSION, another organization's.
func (s *store) APIKey(_ context.Context, key string) (schema.Principal, error) {
	s.mu.Lock()
	s.lookups++
	s.mu.Unlock()
	if s.away {
		return schema.Principal{}, schema.Errorf(schema.Unavailable, "dial tcp 10.0.0.7:5432: connection refused")
	}
	who := schema.Principal{KeyID: keyID, OrganizationID: org, Name: key}
	permission := strings.TrimPrefix(key, "csk_")
	if rest, ok := strings.CutPrefix(permission, "op_"); ok {
		who.OrganizationID, permission = "", rest
	} else if rest, ok := strings.CutPrefix(permission, "other_"); ok {
		who.OrganizationID, permission = otherOrg, rest
	}
	if key == s.revoked || !slices.Contains(api.Permissions, permission) {
		return schema.Principal{}, schema.Errorf(schema.Unauthorized, "this API key is not known")
	}
	who.Permissions = []string{permission}
	return who, nil
}

func (s *store) CallRecord(ctx context.Context, o, sid string) (schema.CallRecord, error) {
	s.saw(ctx, o)
	if sid != callSID {
		return schema.CallRecord{}, schema.Errorf(schema.NotFound, "call %s is not known", sid)
	}
	return schema.CallRecord{
		CallFacts: schema.CallFacts{CallSID: callSID, From: "+12025550199"},
		Decision:  &schema.Decision{CallSID: callSID, Outcome: schema.NotStarted, Rule: schema.RuleDisabled},
	}, nil
}

func (s *store) CallRecords(ctx context.Context, o string, f schema.CallFilter) ([]schema.CallRecord, string, error) {
	s.saw(ctx, o)
	s.filter = f
	return nil, "next-page", nil
}

func (s *store) Timeline(ctx context.Context, o, _ string) ([]schema.TimelineEntry, error) {
	s.saw(ctx, o)
	return []schema.TimelineEntry{{CallSID: callSID, Kind: schema.KindCallAnswered, Sequence: 7}}, nil
}

func (s *store) RecordingRecord(ctx context.Context, o, sid string) (schema.RecordingRecord, error) {
	s.saw(ctx, o)
	object := &schema.Object{Key: "key", SHA256: "abc", Size: int64(len(audio))}
	switch sid {
	case recordingSID:
		return schema.RecordingRecord{Object: object}, nil
	case quarantined:
		return schema.RecordingRecord{RecordingFacts: schema.RecordingFacts{RecordingSID: sid}, Quarantined: true, Object: object}, nil
	}
	return schema.RecordingRecord{}, schema.Errorf(schema.NotFound, "recording %s is not known", sid)
}

func (s *store) Open(context.Context, string) (io.ReadSeekCloser, error) {
	s.opened++
	return &openAudio{strings.NewReader(cmp.Or(s.sound, audio)), s}, nil
}

type openAudio struct {
	io.ReadSeeker
	store *store
}

func (o *openAudio) Close() error {
	o.store.opened--
	return nil
}

// handler returns the API on every part of s, by the clock of s, with limits
// that no test meets unless it sets others.
func (s *store) handler(set ...func(*api.Config)) http.Handler {
	config := api.Config{
		Keys: s, Organizations: s, Tenants: s, Calls: s, Recordings: s, Objects: s, Messages: s, Settings: s, Sinks: s,
		Numbers: s, VoicePlans: s, Connector: s, KeyList: s, KeyIssuer: s, Audit: s, Health: health{s},
		Pipeline: s, Books: s, Letters: letters{s}, Replays: s, Consumers: []string{"calls", "recorder", "transcriber"}, Estimates: s, History: s,
		Limits: api.Limits{PerSecond: 1e6, Burst: 1e6, FailuresMinute: 1e6, FailuresBurst: 1e6},
		Logger: slog.New(slog.DiscardHandler), Clock: func() time.Time { return s.now },
	}
	for _, f := range set {
		f(&config)
	}
	return api.New(config)
}

// ask sends h one request and returns its answer and body.
func ask(t testing.TB, h http.Handler, key, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, bytes.NewBufferString(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

// request sends one to an API of its own on s.
func request(t testing.TB, s *store, key, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	return ask(t, s.handler(), key, method, path, body, header...)
}
