package stream

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// history gives a stream's messages in the stream's order.
type history interface {
	// read returns the next messages, none at the end.
	read(ctx context.Context) ([]*job, error)
}

// scan reads a range of a stream through a consumer of its own: in memory,
// without acknowledgements, gone a minute after its reader. Whatever goes wrong
// with it, a new one goes on behind the last message that came. It asks for a
// few messages at a time and only when its reader wants more, so that a slow
// reader costs no memory.
type scan struct {
	conn     *Conn
	stream   string
	filters  []string
	bare     bool   // without the bytes
	next     uint64 // the first sequence that has not been read
	end      uint64 // the last sequence
	size     int    // messages a pull
	patience int    // failures in a row, a second apart, until it gives up

	puller  *puller // nil: there is no consumer
	name    string  // of the consumer
	heard   uint64  // messages that the consumer has delivered
	pending uint64  // how many it has yet to deliver
}

// scanLife is how long the server keeps a consumer that nobody asks.
const scanLife = time.Minute

// errGap means that a message was lost on the way.
var errGap = errors.New("a message is missing between two that came")

// read returns what the next pull brings.
func (s *scan) read(ctx context.Context) ([]*job, error) {
	for failures := 0; s.next <= s.end; {
		jobs, err := s.pull(ctx)
		if len(jobs) > 0 {
			return jobs, nil
		}
		if err == nil && s.pending == 0 {
			err = s.finish(ctx)
		}
		switch {
		case ctx.Err() != nil:
			s.close(ctx)
			return nil, context.Cause(ctx)
		case err == nil:
		case schema.CodeOf(err) == schema.NotFound, schema.CodeOf(err) == schema.Invalid, s.conn.nc.IsClosed():
			return nil, err
		default:
			if failures++; failures >= s.patience {
				return nil, schema.Errorf(schema.Unavailable, "read stream %s from %d: %w", s.stream, s.next, err)
			}
			s.conn.log.Debug("read history", "stream", s.stream, "seq", s.next, "error", err)
			sleep(ctx, pauseTime)
		}
	}
	s.close(ctx)
	return nil, nil
}

// finish ends the range when nothing is left to read. The consumer may live on
// a replica that lags behind, so the stream's leader has the last word.
func (s *scan) finish(ctx context.Context) error {
	s.close(ctx) // if this was not all, a new consumer counts anew
	for _, filter := range s.filters {
		seq, _, err := s.conn.following(ctx, s.stream, s.next, filter)
		switch {
		case err != nil:
			return err
		case seq > 0 && seq <= s.end:
			sleep(ctx, 10*time.Millisecond)
			return nil
		}
	}
	s.next = s.end + 1
	return nil
}

// pull asks the consumer once, and makes one where there is none.
func (s *scan) pull(ctx context.Context) ([]*job, error) {
	if s.puller == nil {
		if err := s.open(ctx); err != nil {
			return nil, err
		}
	}
	if s.pending == 0 {
		return nil, nil
	}
	n := int(min(uint64(s.size), s.pending)) //nolint:gosec // not more than size
	msgs, err := s.puller.pull(ctx, n, pullWait, pullBeat)
	jobs, lost := s.take(msgs)
	if err = errors.Join(err, lost); err != nil || len(jobs) == 0 { // promised and not come
		s.close(ctx)
	}
	return jobs, err
}

// take makes jobs of the messages, up to the end or to one that is missing.
func (s *scan) take(msgs []*nats.Msg) (jobs []*job, err error) {
	for _, m := range msgs {
		meta, err := m.Metadata()
		if err != nil {
			return jobs, fmt.Errorf("read the metadata of %q: %w", m.Reply, err)
		}
		if s.heard++; meta.Sequence.Consumer != s.heard {
			return jobs, errGap
		}
		if meta.Sequence.Stream > s.end {
			s.pending = 0
			return jobs, nil
		}
		s.next, s.pending = meta.Sequence.Stream+1, meta.NumPending
		jobs = append(jobs, &job{
			seq: meta.Sequence.Stream, subject: m.Subject, header: m.Header, data: m.Data, storedAt: meta.Timestamp, begun: time.Now(),
		})
	}
	return jobs, nil
}

// open makes a consumer that begins at next.
func (s *scan) open(ctx context.Context) error {
	info, err := s.conn.lookAt(ctx, s.stream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(s.next, 1),
		FilterSubjects: s.filters, HeadersOnly: s.bare,
	})
	if err != nil {
		return err
	}
	s.name, s.heard, s.pending = info.Name, 0, info.NumPending
	s.puller = newPuller(s.conn, s.stream, s.name, s.size)
	return nil
}

// close removes the consumer. One that cannot be removed vanishes by itself.
func (s *scan) close(ctx context.Context) {
	if s.puller == nil {
		return
	}
	s.puller.close(ctx)
	s.puller = nil
	s.conn.forget(ctx, s.stream, s.name)
}

// lookAt makes a consumer that leaves no traces, with what config selects.
func (c *Conn) lookAt(ctx context.Context, stream string, config jetstream.ConsumerConfig) (*jetstream.ConsumerInfo, error) {
	config.Name = "look-" + rand.Text()
	config.AckPolicy = jetstream.AckNonePolicy
	config.MemoryStorage, config.Replicas, config.InactiveThreshold = true, 1, scanLife
	var api *jetstream.APIError
	consumer, err := ask(ctx, func(ctx context.Context) (jetstream.Consumer, error) { return c.js.CreateConsumer(ctx, stream, config) })
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, schema.Errorf(schema.NotFound, "stream %s does not exist (see callstream streams apply)", stream)
	case errors.As(err, &api) && api.Code < 500:
		return nil, schema.Errorf(schema.Invalid, "read stream %s: %w", stream, err)
	case err != nil:
		return nil, schema.Errorf(schema.Unavailable, "read stream %s: %w", stream, err)
	}
	return consumer.CachedInfo(), nil
}

func (c *Conn) forget(ctx context.Context, stream, consumer string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), slack)
	defer cancel()
	if err := c.js.DeleteConsumer(ctx, stream, consumer); err != nil {
		c.log.Debug("remove consumer", "stream", stream, "consumer", consumer, "error", err)
	}
}

// sequenceAt returns the sequence of the first message stored at or after t,
// one behind the last where there is none.
func (c *Conn) sequenceAt(ctx context.Context, stream string, t time.Time) (uint64, error) {
	for range replayPatience {
		info, err := c.lookAt(ctx, stream, jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &t})
		if err != nil {
			return 0, err
		}
		c.forget(ctx, stream, info.Name)
		// A replica that lags behind ends too early.
		seq := info.Delivered.Stream + 1
		found, at, err := c.following(ctx, stream, seq, ">")
		if err != nil {
			return 0, err
		}
		if found == 0 || !at.Before(t) {
			return seq, nil
		}
		if !sleep(ctx, 10*time.Millisecond) {
			break
		}
	}
	return 0, schema.Errorf(schema.Unavailable, "a replica of stream %s lags behind", stream)
}

// following returns the first message from seq on that the filter selects, as
// the stream's leader has it; a zero sequence if there is none.
func (c *Conn) following(ctx context.Context, stream string, seq uint64, filter string) (found uint64, at time.Time, err error) {
	body, err := json.Marshal(map[string]any{"seq": seq, "next_by_subj": filter})
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("encode request: %w", err)
	}
	reply, err := ask(ctx, func(ctx context.Context) (*nats.Msg, error) {
		return c.nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, body)
	})
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Sequence uint64    `json:"seq"`
			Time     time.Time `json:"time"`
		} `json:"message"`
	}
	if err == nil {
		err = json.Unmarshal(reply.Data, &answer)
	}
	switch {
	case err != nil:
		return 0, time.Time{}, schema.Errorf(schema.Unavailable, "look for messages of stream %s from %d on: %w", stream, seq, err)
	case answer.Error != nil && answer.Error.ErrorCode != jetstream.JSErrCodeMessageNotFound:
		return 0, time.Time{}, schema.Errorf(schema.Unavailable, "look for messages of stream %s from %d on: %w", stream, seq, answer.Error)
	}
	return answer.Message.Sequence, answer.Message.Time, nil
}

// countFrom returns how many messages the filters select from seq on.
func (c *Conn) countFrom(ctx context.Context, stream string, filters []string, seq uint64) (uint64, error) {
	info, err := c.lookAt(ctx, stream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(seq, 1), FilterSubjects: filters,
	})
	if err != nil {
		return 0, err
	}
	c.forget(ctx, stream, info.Name)
	return info.NumPending, nil
}

// picked reads the messages of the given sequences.
type picked struct {
	stream jetstream.Stream
	seqs   []uint64
}

// read gets the next message that the stream still keeps.
func (p *picked) read(ctx context.Context) ([]*job, error) {
	for len(p.seqs) > 0 {
		seq := p.seqs[0]
		m, err := ask(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) { return p.stream.GetMsg(ctx, seq) })
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil, schema.Errorf(schema.Unavailable, "get message %d: %w", seq, err)
		}
		p.seqs = p.seqs[1:]
		if err == nil {
			return []*job{{seq: m.Sequence, subject: m.Subject, header: m.Header, data: m.Data, storedAt: m.Time, begun: time.Now()}}, nil
		}
	}
	return nil, nil
}
