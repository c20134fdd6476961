package doctor_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/doctor"
	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/pkg/mp3/mp3test"
	"github.com/loquent/callstream/schema"
)

// Nothing is configured, and each part says so once, in its place.
func TestSystemNotConfigured(t *testing.T) {
	t.Parallel()
	var checks []string
	for _, f := range system(t, doctor.Config{}) {
		expect(t, f, schema.SeverityWarning, "configured", "Set ")
		checks = append(checks, f.Check)
	}
	want := []string{"database.connection", "secrets.tokens", "nats.streams", "bucket.write", "ingress.public", "transcription.sample"}
	if diff := cmp.Diff(want, checks); diff != "" {
		t.Error(diff)
	}
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		database database
		check    string
		severity schema.Severity
		words    []string
	}{
		"it answers":  {database{}, "database.connection", schema.SeverityOK, nil},
		"it is whole": {database{}, "database.migrations", schema.SeverityOK, nil},
		"it is away": {database{ping: func(context.Context) error { return schema.Errorf(schema.Unavailable, "ping: connection refused") }},
			"database.connection", schema.SeverityFailed, []string{"connection refused", "Start PostgreSQL"}},
		"it makes no sense": {database{ping: func(context.Context) error { return errors.New("odd") }},
			"database.connection", schema.SeverityFailed, []string{"odd", "DATABASE_URL"}},
		"it lacks tables": {database{missing: func() ([]string, error) {
			return []string{"1.sql", "2.sql", "3.sql", "4.sql", "5.sql", "6.sql", "7.sql"}, nil
		}},
			"database.migrations", schema.SeverityFailed, []string{"7 of", "5.sql and 2 more", "callstream migrate up"}},
		"it does not say": {database{missing: func() ([]string, error) { return nil, errors.New("permission denied") }},
			"database.migrations", schema.SeverityFailed, []string{"permission denied", "user"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			expect(t, about(t, system(t, doctor.Config{Database: test.database}), test.check), test.severity, test.words...)
		})
	}
}

// directory is one whose accounts a test sets, by organization.
type directory struct {
	organizations func() ([]schema.Organization, error)
	account       func(orgID string) (schema.Account, error)
}

func (d directory) Organizations(context.Context) ([]schema.Organization, error) {
	return d.organizations()
}

func (d directory) AccountByOrganization(_ context.Context, orgID string) (schema.Account, error) {
	return d.account(orgID)
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	three := func() ([]schema.Organization, error) {
		return []schema.Organization{{ID: "org-1"}, {ID: "org-2"}, {ID: "org-3"}}, nil
	}
	for what, test := range map[string]struct {
		organizations func() ([]schema.Organization, error)
		account       func(orgID string) (schema.Account, error)
		severity      schema.Severity
		words         []string
	}{
		"all open, and one has none": {three, func(org string) (schema.Account, error) {
			if org == "org-3" {
				return schema.Account{}, schema.Errorf(schema.NotFound, "none")
			}
			return schema.Account{}, nil
		}, schema.SeverityOK, []string{"2 organizations"}},
		"one does not open": {three, func(org string) (schema.Account, error) {
			if org == "org-2" {
				return schema.Account{}, schema.Errorf(schema.Invalid, "open secret")
			}
			return schema.Account{}, nil
		}, schema.SeverityFailed, []string{"1 of 3", "org-2", "CALLSTREAM_SECRET_KEY", "enter the auth tokens"}},
		"the database goes away": {three, func(string) (schema.Account, error) {
			return schema.Account{}, schema.Errorf(schema.Unavailable, "read: connection reset")
		}, schema.SeverityFailed, []string{"connection reset", "database"}},
		"no list": {func() ([]schema.Organization, error) { return nil, errors.New("refused") }, nil,
			schema.SeverityFailed, []string{"refused", "database"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			found := system(t, doctor.Config{Directory: directory{test.organizations, test.account}})
			expect(t, about(t, found, "secrets.tokens"), test.severity, test.words...)
		})
	}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	calls := func(s doctor.StreamState) []doctor.StreamState { s.Name = "CALLS"; return []doctor.StreamState{s} }
	for what, test := range map[string]struct {
		streams  doctor.Streams
		err      error
		check    string
		severity schema.Severity
		words    []string
	}{
		"no answer":   {err: schema.Errorf(schema.Unavailable, "no servers available"), check: "nats.streams", severity: schema.SeverityFailed, words: []string{"no servers", "NATS_URL"}},
		"not let in":  {err: schema.Errorf(schema.Unauthorized, "authorization violation"), check: "nats.streams", severity: schema.SeverityFailed, words: []string{"NATS_CREDS"}},
		"odd":         {err: errors.New("odd"), check: "nats.streams", severity: schema.SeverityFailed, words: []string{"odd"}},
		"as declared": {check: "nats.streams", severity: schema.SeverityOK},
		"drifted": {streams: doctor.Streams{Drift: []string{"stream CALLS: max age is 1h0m0s, want 720h0m0s", "durable calls does not exist"}},
			check: "nats.streams", severity: schema.SeverityFailed, words: []string{"720h0m0s; durable calls", "callstream streams apply"}},
		"no streams": {check: "nats.replicas", severity: schema.SeverityWarning, words: []string{"streams apply"}},
		"one copy": {streams: doctor.Streams{States: calls(doctor.StreamState{Replicas: 1, Current: 1})},
			check: "nats.replicas", severity: schema.SeverityOK, words: []string{"STREAM_REPLICAS=3"}},
		"three copies": {streams: doctor.Streams{States: calls(doctor.StreamState{Replicas: 3, Current: 3})},
			check: "nats.replicas", severity: schema.SeverityOK, words: []string{"All 3 copies"}},
		"a copy is behind": {streams: doctor.Streams{States: calls(doctor.StreamState{Replicas: 3, Current: 2})},
			check: "nats.replicas", severity: schema.SeverityWarning, words: []string{"2 of 3 copies of stream CALLS", "Bring"}},
		"room": {streams: doctor.Streams{Free: 5 << 30, States: calls(doctor.StreamState{Bytes: 1 << 20, MaxBytes: 4 << 30})},
			check: "nats.space", severity: schema.SeverityOK, words: []string{"5.0 GiB"}},
		"room unknown": {streams: doctor.Streams{Free: -1, States: calls(doctor.StreamState{Bytes: 1 << 20, MaxBytes: 4 << 30})},
			check: "nats.space", severity: schema.SeverityOK, words: []string{"does not tell"}},
		"no room": {streams: doctor.Streams{Free: 0}, check: "nats.space", severity: schema.SeverityFailed, words: []string{"at once"}},
		"a stream is nearly full": {streams: doctor.Streams{Free: -1, States: calls(doctor.StreamState{Bytes: 900, MaxBytes: 1000})},
			check: "nats.space", severity: schema.SeverityWarning, words: []string{"stream CALLS holds 900 B of 1000 B", "oldest messages"}},
		"the disk ends first": {streams: doctor.Streams{Free: 1 << 30, States: calls(doctor.StreamState{Bytes: 1 << 20, MaxBytes: 4 << 30})},
			check: "nats.space", severity: schema.SeverityWarning, words: []string{"4.0 GiB", "1.0 GiB left"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			found := system(t, doctor.Config{Streams: func(context.Context) (doctor.Streams, error) { return test.streams, test.err }})
			expect(t, about(t, found, test.check), test.severity, test.words...)
		})
	}
}

// transcriber is one whose answer a test sets.
type transcriber func(audio io.Reader, size int64) (schema.Transcript, error)

func (f transcriber) Transcribe(_ context.Context, audio io.Reader, size int64) (schema.Transcript, error) {
	return f(audio, size)
}

// What is sent to be transcribed is a second of MP3 that the pipeline's own
// parser takes, whole.
func TestTranscriptionSample(t *testing.T) {
	t.Parallel()
	var sent []byte
	var announced int64
	var duration time.Duration
	found := system(t, doctor.Config{Transcription: transcriber(func(audio io.Reader, size int64) (schema.Transcript, error) {
		announced = size
		err := mp3.Split(audio, mp3.Limit{Bytes: 1 << 20}, func(part mp3.Part) error {
			sent, duration = append(sent, part.Bytes...), duration+part.Duration
			return nil
		})
		return schema.Transcript{Model: "whisper-1", Text: "you"}, err
	})})
	expect(t, about(t, found, "transcription.sample"), schema.SeverityOK, "whisper-1")
	if duration < time.Second || duration > time.Second+mp3test.FrameDuration {
		t.Errorf("the sample lasts %s", duration)
	}
	if diff := cmp.Diff(mp3test.Silence(time.Second, 1), sent); diff != "" || announced != int64(len(sent)) {
		t.Errorf("the sample of %d bytes, announced as %d, is not silence: %s", len(sent), announced, diff)
	}
}

func TestTranscriptionFails(t *testing.T) {
	t.Parallel()
	for code, test := range map[schema.Code]struct {
		severity schema.Severity
		word     string
	}{
		schema.Unauthorized: {schema.SeverityFailed, "OPENAI_API_KEY"},
		schema.RateLimited:  {schema.SeverityWarning, "credit"},
		schema.Unavailable:  {schema.SeverityFailed, "OPENAI_BASE_URL"},
		schema.Invalid:      {schema.SeverityFailed, "WHISPER_MODEL"},
		schema.Internal:     {schema.SeverityFailed, "log"},
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			found := system(t, doctor.Config{Transcription: transcriber(func(io.Reader, int64) (schema.Transcript, error) {
				return schema.Transcript{}, schema.Errorf(code, "transcribe: said no.")
			})})
			expect(t, about(t, found, "transcription.sample"), test.severity, "said no", test.word)
		})
	}
}

// A dependency that is silent, even after its time, costs that time and no
// other check.
func TestSilence(t *testing.T) {
	t.Parallel()
	for what, ping := range map[string]func(ctx context.Context, over <-chan struct{}) error{
		"until its time is over": func(ctx context.Context, _ <-chan struct{}) error { <-ctx.Done(); return ctx.Err() },
		"for ever":               func(_ context.Context, over <-chan struct{}) error { <-over; return nil },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				defer close(over)
				began := time.Now()
				found := system(t, doctor.Config{
					Database: database{ping: func(ctx context.Context) error { return ping(ctx, over) }},
					Streams: func(ctx context.Context) (doctor.Streams, error) {
						<-ctx.Done()
						return doctor.Streams{}, ctx.Err()
					},
				})
				expect(t, about(t, found, "database.connection"), schema.SeverityFailed, "answer")
				expect(t, about(t, found, "nats.streams"), schema.SeverityFailed, "no answer in time")
				expect(t, about(t, found, "bucket.write"), schema.SeverityWarning)
				if took := time.Since(began); took < 5*time.Second || took > 6*time.Second {
					t.Errorf("it took %s", took)
				}
				if took := about(t, found, "database.connection").Took; took < 5*time.Second {
					t.Errorf("the finding says that it took %s", took)
				}
			})
		})
	}
}

// A finding is told while later checks still run.
func TestYieldsAtOnce(t *testing.T) {
	t.Parallel()
	told := make(chan struct{})
	d := doctor.New(doctor.Config{
		Database: database{},
		Streams: func(ctx context.Context) (doctor.Streams, error) {
			select {
			case <-told:
				return doctor.Streams{}, nil
			case <-ctx.Done():
				return doctor.Streams{}, ctx.Err()
			}
		},
	})
	d.System(t.Context(), func(f schema.Finding) {
		if f.Check == "database.connection" {
			close(told)
		}
		if f.Check == "nats.streams" {
			expect(t, f, schema.SeverityOK)
		}
	})
}

// Whoever interrupts it is not told that everything has failed.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	d := doctor.New(doctor.Config{Database: database{ping: func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() }}})
	d.System(ctx, func(f schema.Finding) { t.Errorf("it still says %+v", f) })
}

// Whatever an error repeats, no finding holds a secret.
func TestConceals(t *testing.T) {
	t.Parallel()
	found := system(t, doctor.Config{
		Conceal:  []string{"", "hunter2"},
		Database: database{ping: func(context.Context) error { return errors.New("dial postgres://u:hunter2@db") }},
	})
	expect(t, about(t, found, "database.connection"), schema.SeverityFailed, "dial postgres://u:[secret]@db")
}
