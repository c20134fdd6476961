package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// The kinds of what is provisioned.
const (
	kindStream  = "stream"
	kindDurable = "durable"
)

// Drift is one field that is not as declared, or with an empty Field something
// that does not exist.
type Drift struct {
	Kind  string `json:"kind"` // stream or durable
	Name  string `json:"name"`
	Field string `json:"field"`
	Want  string `json:"want"`
	Got   string `json:"got"`
	Fixed bool   `json:"fixed"` // cannot be changed in place
}

// String returns a sentence, "stream CALLS: max age is 1h0m0s, want 720h0m0s".
func (d Drift) String() string {
	if d.Field == "" {
		return fmt.Sprintf("%s %s does not exist", d.Kind, d.Name)
	}
	return fmt.Sprintf("%s %s: %s is %s, want %s", d.Kind, d.Name, d.Field, d.Got, d.Want)
}

// Check compares the server with the declaration and returns every difference
// that matters; descriptions and metadata do not. It changes nothing. The error
// is [schema.Unavailable] when the server does not answer.
func (c *Conn) Check(ctx context.Context, s Settings, durables []Durable) (drift []Drift, err error) {
	for _, want := range s.streams() {
		got, err := ask(ctx, func(ctx context.Context) (jetstream.Stream, error) { return c.js.Stream(ctx, want.Name) })
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			drift = append(drift, Drift{Kind: kindStream, Name: want.Name})
		case err != nil:
			return nil, schema.Errorf(schema.Unavailable, "inspect stream %s: %w", want.Name, err)
		default:
			drift = append(drift, streamDrift(want, got.CachedInfo().Config)...)
		}
	}
	for _, d := range durables {
		got, err := ask(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
			return c.js.Consumer(ctx, schema.StreamCalls, d.Name)
		})
		switch {
		case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
			drift = append(drift, Drift{Kind: kindDurable, Name: d.Name})
		case err != nil:
			return nil, schema.Errorf(schema.Unavailable, "inspect durable %s: %w", d.Name, err)
		default:
			drift = append(drift, durableDrift(d.config(), got.CachedInfo().Config)...)
		}
	}
	return drift, nil
}

// field is one field of a declaration beside the server's.
type field struct {
	name      string
	want, got any
	fixed     bool
}

func streamDrift(want, got jetstream.StreamConfig) []Drift {
	return differences(kindStream, want.Name,
		field{"subjects", sorted(want.Subjects), sorted(got.Subjects), false},
		field{"retention", want.Retention, got.Retention, true},
		field{"storage", want.Storage, got.Storage, true},
		field{"discard", want.Discard, got.Discard, false},
		field{"compression", want.Compression, got.Compression, false},
		field{"replicas", want.Replicas, got.Replicas, false},
		field{"max age", want.MaxAge, got.MaxAge, false},
		field{"max bytes", want.MaxBytes, got.MaxBytes, false},
		field{"max messages", want.MaxMsgs, got.MaxMsgs, false},
		field{"max messages per subject", want.MaxMsgsPerSubject, got.MaxMsgsPerSubject, false},
		field{"max message size", want.MaxMsgSize, got.MaxMsgSize, false},
		field{"duplicate window", want.Duplicates, got.Duplicates, false},
		field{"allow direct", want.AllowDirect, got.AllowDirect, false},
		field{"no ack", want.NoAck, got.NoAck, false},
		field{"sealed", want.Sealed, got.Sealed, true},
		field{"persist mode", want.PersistMode, got.PersistMode, true},
	)
}

func durableDrift(want, got jetstream.ConsumerConfig) []Drift {
	return differences(kindDurable, want.Durable,
		field{"filters", sorted(want.FilterSubjects), sorted(filters(got)), false},
		field{"deliver policy", want.DeliverPolicy, got.DeliverPolicy, true},
		field{"ack policy", want.AckPolicy, got.AckPolicy, true},
		field{"replay policy", want.ReplayPolicy, got.ReplayPolicy, true},
		field{"ack wait", want.AckWait, got.AckWait, false},
		field{"max deliver", want.MaxDeliver, got.MaxDeliver, false},
		field{"backoff", want.BackOff, got.BackOff, false},
		field{"max ack pending", want.MaxAckPending, got.MaxAckPending, false},
		field{"headers only", want.HeadersOnly, got.HeadersOnly, false},
		field{"inactive threshold", want.InactiveThreshold, got.InactiveThreshold, false},
	)
}

// filters returns a durable's filters whether it has one or several.
func filters(c jetstream.ConsumerConfig) []string {
	if c.FilterSubject != "" {
		return []string{c.FilterSubject}
	}
	return c.FilterSubjects
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

func differences(kind, name string, fields ...field) (drift []Drift) {
	for _, f := range fields {
		want, got := fmt.Sprint(f.want), fmt.Sprint(f.got)
		if want != got {
			drift = append(drift, Drift{kind, name, f.name, want, got, f.fixed})
		}
	}
	return drift
}
