package stream

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// Info is the state of the streams and durables.
type Info struct {
	Streams  []StreamState  `json:"streams"`
	Durables []DurableState `json:"durables"`
}

// StreamState is a stream at one moment.
type StreamState struct {
	Name     string    `json:"name"`
	Created  time.Time `json:"created"`
	Messages uint64    `json:"messages"`
	Bytes    uint64    `json:"bytes"`
	MaxBytes int64     `json:"max_bytes"`
	FirstSeq uint64    `json:"first_seq"`
	LastSeq  uint64    `json:"last_seq"`
	Replicas int       `json:"replicas"`
	Current  int       `json:"current"` // replicas that are up to date, the leader's among them
}

// DurableState is a durable at one moment.
type DurableState struct {
	Name         string `json:"name"`
	Pending      uint64 `json:"pending"`     // not yet delivered
	AckPending   int    `json:"ack_pending"` // delivered, in work or waiting for another try
	Redelivered  int    `json:"redelivered"`
	Acknowledged uint64 `json:"acknowledged"` // deliveries up to the first that is not
	Waiting      int    `json:"waiting"`      // pulls that wait for messages

	// OldestPending is when CALLS stored the first message that the durable has not
	// acknowledged; zero if there is none. Parked ones are acknowledged.
	OldestPending time.Time `json:"oldest_pending,omitzero"`
}

// Info returns the state of both streams and of every durable of CALLS. The
// error is [schema.Unavailable].
func (c *Conn) Info(ctx context.Context) (Info, error) {
	var info Info
	for _, name := range []string{schema.StreamCalls, schema.StreamDeadLetters} {
		s, err := ask(ctx, func(ctx context.Context) (jetstream.Stream, error) { return c.js.Stream(ctx, name) })
		if err != nil {
			return Info{}, schema.Errorf(schema.Unavailable, "inspect stream %s: %w", name, err)
		}
		cached := s.CachedInfo()
		info.Streams = append(info.Streams, StreamState{
			Name: name, Created: cached.Created, Messages: cached.State.Msgs, Bytes: cached.State.Bytes, MaxBytes: cached.Config.MaxBytes,
			FirstSeq: cached.State.FirstSeq, LastSeq: cached.State.LastSeq, Replicas: cached.Config.Replicas,
			Current: current(cached),
		})
		if name != schema.StreamCalls {
			continue
		}
		durables := s.ListConsumers(ctx)
		for d := range durables.Info() {
			if d.Config.Durable == "" {
				continue // somebody looks through history
			}
			oldest, err := oldestPending(ctx, s, d)
			if err != nil {
				return Info{}, err
			}
			info.Durables = append(info.Durables, DurableState{
				Name: d.Name, Pending: d.NumPending, AckPending: d.NumAckPending, Redelivered: d.NumRedelivered, Waiting: d.NumWaiting,
				Acknowledged: d.AckFloor.Consumer, OldestPending: oldest,
			})
		}
		if err := durables.Err(); err != nil {
			return Info{}, schema.Errorf(schema.Unavailable, "list durables: %w", err)
		}
		// While a cluster elects, its list may name one twice.
		byName := func(a, b DurableState) int { return strings.Compare(a.Name, b.Name) }
		slices.SortFunc(info.Durables, byName)
		info.Durables = slices.CompactFunc(info.Durables, func(a, b DurableState) bool { return a.Name == b.Name })
	}
	return info, nil
}

// oldestPending returns when the first message behind the durable's floor of
// acknowledgements was stored.
func oldestPending(ctx context.Context, calls jetstream.Stream, d *jetstream.ConsumerInfo) (oldest time.Time, err error) {
	if d.NumPending == 0 && d.NumAckPending == 0 {
		return time.Time{}, nil
	}
	for _, filter := range filters(d.Config) {
		m, err := ask(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
			return calls.GetMsg(ctx, d.AckFloor.Stream+1, jetstream.WithGetMsgSubject(filter))
		})
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return time.Time{}, schema.Errorf(schema.Unavailable, "look behind durable %s: %w", d.Name, err)
		}
		if oldest.IsZero() || m.Time.Before(oldest) {
			oldest = m.Time
		}
	}
	return oldest, nil
}

// current counts the stream's replicas that are up to date. A server that is
// not clustered says nothing of them.
func current(info *jetstream.StreamInfo) int {
	if info.Cluster == nil || info.Cluster.Leader == "" && len(info.Cluster.Replicas) == 0 {
		return info.Config.Replicas
	}
	n := 0
	if info.Cluster.Leader != "" {
		n++
	}
	for _, peer := range info.Cluster.Replicas {
		if peer.Current && !peer.Offline {
			n++
		}
	}
	return n
}

// Free returns how many bytes the streams of this account may still take,
// copies counted; -1 where the account has no limit of its own. The error is
// [schema.Unavailable].
func (c *Conn) Free(ctx context.Context) (int64, error) {
	account, err := ask(ctx, c.js.AccountInfo)
	if err != nil {
		return 0, schema.Errorf(schema.Unavailable, "inspect the JetStream account: %w", err)
	}
	if account.Limits.MaxStore < 0 {
		return -1, nil
	}
	return account.Limits.MaxStore - int64(account.Store), nil //nolint:gosec // bytes on a disk
}

// Find returns the state of the stream or durable called name.
func (i Info) Find(name string) (any, bool) {
	for _, s := range i.Streams {
		if s.Name == name {
			return s, true
		}
	}
	for _, d := range i.Durables {
		if d.Name == name {
			return d, true
		}
	}
	return nil, false
}

// Lag returns how many messages the durable has not been given yet, and how
// many it was given and has not acknowledged; parked ones are in neither. A
// message whose Publish returned is in the count, though the broker's own may
// be a moment late. The error is [schema.NotFound] for a durable that does not
// exist, otherwise [schema.Unavailable].
func (c *Conn) Lag(ctx context.Context, durable string) (pending, ackPending uint64, err error) {
	consumer, err := ask(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
		return c.js.Consumer(ctx, schema.StreamCalls, durable)
	})
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, 0, schema.Errorf(schema.NotFound, "there is no durable %s", durable)
	}
	if err != nil {
		return 0, 0, schema.Errorf(schema.Unavailable, "inspect durable %s: %w", durable, err)
	}
	info := consumer.CachedInfo()
	if pending = info.NumPending; pending == 0 {
		pending, err = c.unnoticed(ctx, info)
	}
	return pending, uint64(info.NumAckPending), err //nolint:gosec // a count
}

// unnoticed returns 1 if CALLS has a message for the durable behind the last
// that it was given.
func (c *Conn) unnoticed(ctx context.Context, durable *jetstream.ConsumerInfo) (uint64, error) {
	calls, err := ask(ctx, func(ctx context.Context) (jetstream.Stream, error) { return c.js.Stream(ctx, schema.StreamCalls) })
	if err != nil {
		return 0, schema.Errorf(schema.Unavailable, "inspect stream %s: %w", schema.StreamCalls, err)
	}
	for _, filter := range filters(durable.Config) {
		_, err := calls.GetMsg(ctx, durable.Delivered.Stream+1, jetstream.WithGetMsgSubject(filter))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return 0, schema.Errorf(schema.Unavailable, "look behind durable %s: %w", durable.Name, err)
		}
		return 1, nil
	}
	return 0, nil
}
