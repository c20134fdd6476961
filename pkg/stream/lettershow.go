package stream

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// Show returns the letter with headers and bytes, and the letters before and
// after it about the same message. The error is [schema.NotFound] when there is
// none.
func (l *Letters) Show(ctx context.Context, id uint64) (h schema.LetterHistory, err error) {
	if h.LetterEntry, err = l.entry(ctx, id); err != nil {
		return schema.LetterHistory{}, err
	}
	if len(h.Data) == 0 && h.Sequence > 0 {
		if m, err := l.original(ctx, h.DeadLetter); err == nil && m != nil { // too large for a letter
			h.Data = m.Data
		}
	}
	for before := h.RetryOf; before > 0; {
		earlier, err := l.entry(ctx, before)
		if schema.CodeOf(err) == schema.NotFound {
			break // the stream has forgotten it
		}
		if err != nil {
			return schema.LetterHistory{}, err
		}
		h.Earlier = append(h.Earlier, earlier)
		before = earlier.RetryOf
	}
	if h.Status.State == schema.LetterFailedAgain {
		h.Later, err = l.later(ctx, h.DeadLetter)
	}
	return h, err
}

// later returns the letter that the retry of an earlier one made.
func (l *Letters) later(ctx context.Context, earlier schema.DeadLetter) (id uint64, err error) {
	f := schema.LetterFilter{Consumer: earlier.Consumer}
	_, last, err := l.bounds(ctx, f)
	if err != nil {
		return 0, err
	}
	err = l.scan(ctx, f, earlier.ID+1, last, func(letter schema.DeadLetter) bool {
		if letter.RetryOf == earlier.ID {
			id = letter.ID
		}
		return id == 0
	})
	return id, err
}

// entry returns a letter with its status.
func (l *Letters) entry(ctx context.Context, id uint64) (schema.LetterEntry, error) {
	letter, err := l.get(ctx, id)
	if err != nil {
		return schema.LetterEntry{}, err
	}
	statuses, err := l.Book.LetterStatuses(ctx, []schema.DeadLetter{letter})
	return schema.LetterEntry{DeadLetter: letter, Status: statuses[id]}, err
}

func (l *Letters) get(ctx context.Context, id uint64) (schema.DeadLetter, error) {
	letters, err := l.stream(ctx)
	if err != nil {
		return schema.DeadLetter{}, err
	}
	m, err := ask(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) { return letters.GetMsg(ctx, id) })
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound), id == 0:
		return schema.DeadLetter{}, schema.Errorf(schema.NotFound, "there is no dead letter %d", id)
	case err != nil:
		return schema.DeadLetter{}, schema.Errorf(schema.Unavailable, "get dead letter %d: %w", id, err)
	}
	return readLetter(m.Sequence, m.Header, m.Data), nil
}

// original returns the letter's message in CALLS, nil if it is there no more. A
// message of the same sequence in a stream made anew is another.
func (l *Letters) original(ctx context.Context, letter schema.DeadLetter) (*jetstream.RawStreamMsg, error) {
	if letter.Sequence == 0 {
		return nil, nil //nolint:nilnil // no message is no error
	}
	calls, err := ask(ctx, func(ctx context.Context) (jetstream.Stream, error) { return l.Conn.js.Stream(ctx, schema.StreamCalls) })
	if err != nil {
		return nil, schema.Errorf(schema.Unavailable, "inspect stream %s: %w", schema.StreamCalls, err)
	}
	m, err := ask(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) { return calls.GetMsg(ctx, letter.Sequence) })
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound), err == nil && !m.Time.Equal(letter.Published):
		return nil, nil //nolint:nilnil // no message is no error
	case err != nil:
		return nil, schema.Errorf(schema.Unavailable, "get message %d: %w", letter.Sequence, err)
	}
	return m, nil
}
