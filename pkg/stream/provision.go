package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// Settings size the streams.
type Settings struct {
	Replicas            int
	CallsMaxBytes       int64
	DeadLettersMaxBytes int64
	CallsMaxAge         time.Duration
	DeadLettersMaxAge   time.Duration
	Duplicates          time.Duration // window in which a message id is remembered
}

// DefaultSettings keeps calls for 30 days and dead letters for 90, and
// remembers message ids for an hour longer than Twilio repeats an event.
func DefaultSettings(replicas int) Settings {
	return Settings{
		Replicas:            max(replicas, 1),
		CallsMaxBytes:       8 << 30,
		DeadLettersMaxBytes: 1 << 30,
		CallsMaxAge:         30 * 24 * time.Hour,
		DeadLettersMaxAge:   90 * 24 * time.Hour,
		Duplicates:          5 * time.Hour,
	}
}

// Change is one thing that Provision did.
type Change struct {
	Kind string `json:"kind"` // stream or durable
	Name string `json:"name"`
	What string `json:"what"` // created or updated
}

// String returns "stream CALLS created".
func (c Change) String() string { return c.Kind + " " + c.Name + " " + c.What }

// Drift is one field that is not as declared.
type Drift struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Field string `json:"field"`
	Want  string `json:"want"`
	Got   string `json:"got"`
}

// String returns a sentence.
func (d Drift) String() string {
	if d.Field == "" {
		return fmt.Sprintf("%s %s does not exist", d.Kind, d.Name)
	}
	return fmt.Sprintf("%s %s: %s is %s, want %s", d.Kind, d.Name, d.Field, d.Got, d.Want)
}

// streams are the declarations of both streams.
func (s Settings) streams() []jetstream.StreamConfig {
	common := jetstream.StreamConfig{
		Storage:           jetstream.FileStorage,
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardOld,
		Compression:       jetstream.S2Compression,
		AllowDirect:       true,
		Replicas:          s.Replicas,
		MaxMsgs:           -1,
		MaxConsumers:      -1,
		MaxMsgSize:        -1,
		MaxMsgsPerSubject: -1,
		Duplicates:        s.Duplicates,
		Metadata:          map[string]string{"managed-by": "callstream"},
	}
	calls, letters := common, common
	calls.Name, calls.Subjects = schema.StreamCalls, schema.StreamCallsSubjects
	calls.Description = "normalized events of calls, recordings and messages"
	calls.MaxBytes, calls.MaxAge = s.CallsMaxBytes, s.CallsMaxAge
	letters.Name, letters.Subjects = schema.StreamDeadLetters, []string{schema.DeadLetterSubjects}
	letters.Description = "messages that nobody could process, with reason and bytes"
	letters.MaxBytes, letters.MaxAge = s.DeadLettersMaxBytes, s.DeadLettersMaxAge
	return []jetstream.StreamConfig{calls, letters}
}

// Provision creates what is missing and brings the rest to the declaration. It
// may run in several processes at once. The error names what cannot be changed
// in place.
func (c *Conn) Provision(ctx context.Context, s Settings, durables []Durable) ([]Change, error) {
	drift, err := c.Check(ctx, s, durables)
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, config := range s.streams() {
		what := whatIs(drift, "stream", config.Name)
		if what == "" {
			continue
		}
		if _, err := c.js.CreateOrUpdateStream(ctx, config); err != nil {
			return changes, fmt.Errorf("apply stream %s: %w", config.Name, err)
		}
		changes = append(changes, Change{"stream", config.Name, what})
	}
	for _, d := range durables {
		what := whatIs(drift, "durable", d.Name)
		if what == "" {
			continue
		}
		if _, err := c.js.CreateOrUpdateConsumer(ctx, schema.StreamCalls, d.config()); err != nil {
			return changes, fmt.Errorf("apply durable %s: %w", d.Name, err)
		}
		changes = append(changes, Change{"durable", d.Name, what})
	}
	return changes, nil
}

// whatIs returns what has to be done about name: created, updated or nothing.
func whatIs(drift []Drift, kind, name string) string {
	i := slices.IndexFunc(drift, func(d Drift) bool { return d.Kind == kind && d.Name == name })
	switch {
	case i < 0:
		return ""
	case drift[i].Field == "":
		return "created"
	}
	return "updated"
}

// Check compares the server with the declaration and returns every difference.
func (c *Conn) Check(ctx context.Context, s Settings, durables []Durable) (drift []Drift, err error) {
	for _, want := range s.streams() {
		stream, err := c.js.Stream(ctx, want.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			drift = append(drift, Drift{Kind: "stream", Name: want.Name})
			continue
		}
		if err != nil {
			return nil, schema.Errorf(schema.Unavailable, "inspect stream %s: %w", want.Name, err)
		}
		drift = append(drift, streamDrift(want, stream.CachedInfo().Config)...)
	}
	for _, d := range durables {
		consumer, err := c.js.Consumer(ctx, schema.StreamCalls, d.Name)
		if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
			drift = append(drift, Drift{Kind: "durable", Name: d.Name})
			continue
		}
		if err != nil {
			return nil, schema.Errorf(schema.Unavailable, "inspect durable %s: %w", d.Name, err)
		}
		drift = append(drift, durableDrift(d.config(), consumer.CachedInfo().Config)...)
	}
	return drift, nil
}

func streamDrift(want, got jetstream.StreamConfig) []Drift {
	return differences("stream", want.Name,
		field{"subjects", want.Subjects, got.Subjects},
		field{"retention", want.Retention, got.Retention},
		field{"storage", want.Storage, got.Storage},
		field{"discard", want.Discard, got.Discard},
		field{"compression", want.Compression, got.Compression},
		field{"replicas", want.Replicas, got.Replicas},
		field{"max age", want.MaxAge, got.MaxAge},
		field{"max bytes", want.MaxBytes, got.MaxBytes},
		field{"duplicate window", want.Duplicates, got.Duplicates},
		field{"allow direct", want.AllowDirect, got.AllowDirect},
	)
}

func durableDrift(want, got jetstream.ConsumerConfig) []Drift {
	return differences("durable", want.Durable,
		field{"filters", want.FilterSubjects, filters(got)},
		field{"ack policy", want.AckPolicy, got.AckPolicy},
		field{"ack wait", want.AckWait, got.AckWait},
		field{"max deliver", want.MaxDeliver, got.MaxDeliver},
		field{"backoff", want.BackOff, got.BackOff},
		field{"max ack pending", want.MaxAckPending, got.MaxAckPending},
		field{"deliver policy", want.DeliverPolicy, got.DeliverPolicy},
	)
}

// filters returns a durable's filters whether it has one or several.
func filters(c jetstream.ConsumerConfig) []string {
	if c.FilterSubject != "" {
		return []string{c.FilterSubject}
	}
	return c.FilterSubjects
}

type field struct {
	name      string
	want, got any
}

func differences(kind, name string, fields ...field) (drift []Drift) {
	for _, f := range fields {
		want, got := fmt.Sprint(f.want), fmt.Sprint(f.got)
		if want != got {
			drift = append(drift, Drift{kind, name, f.name, want, got})
		}
	}
	return drift
}
