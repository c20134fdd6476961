package stream

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/time/rate"

	"github.com/loquent/callstream/schema"
)

// Retry has the letter's message tried again. It returns when that is arranged,
// or for Reinject when that has succeeded; done twice it is a [schema.Conflict],
// as it is for a letter that cannot be tried again.
func (l *Letters) Retry(ctx context.Context, id uint64) error {
	letter, err := l.get(ctx, id)
	if err != nil {
		return err
	}
	return l.retry(ctx, letter)
}

func (l *Letters) retry(ctx context.Context, letter schema.DeadLetter) error {
	m, err := l.original(ctx, letter)
	switch {
	case err != nil:
		return err
	case m != nil:
		if _, _, err := l.Conn.Lag(ctx, letter.Consumer); err != nil { // or nobody would ever run it
			return fmt.Errorf("retry dead letter %d: %w", letter.ID, err)
		}
		return l.Book.RetryLetter(ctx, letter, true)
	case l.Reinject == nil:
		return schema.Errorf(schema.Conflict, "dead letter %d cannot be tried again: its message is not in %s", letter.ID, schema.StreamCalls)
	}
	if err := l.Book.RetryLetter(ctx, letter, false); err != nil {
		return err
	}
	full, err := l.Show(ctx, letter.ID) // what a list gave has no bytes
	if err != nil {
		return err
	}
	for _, earlier := range full.Earlier {
		if len(full.Data) == 0 { // the message was gone when it died again
			full.Data, full.Header, full.Subject = earlier.Data, earlier.Header, earlier.Subject
		}
	}
	failure := l.Reinject(ctx, full.DeadLetter)
	ctx = context.WithoutCancel(ctx)
	if failure != nil {
		return errors.Join(fmt.Errorf("take in dead letter %d again: %w", letter.ID, failure),
			l.Book.CloseLetter(ctx, letter, schema.LetterOpen, oneLine(failure.Error())))
	}
	return l.Book.CloseLetter(ctx, letter, schema.LetterResolved, "")
}

// RetryAll has every letter tried again that the filter selects now, newest
// first, perSecond at most (zero: as fast as it goes), and tells each what came
// of it. A filter without a state selects open letters. It returns how many
// are on their way, and an error when it cannot go on; repeated, it goes on
// with the rest.
func (l *Letters) RetryAll(ctx context.Context, f schema.LetterFilter, perSecond float64, each func(schema.LetterEntry, error)) (retried int, err error) {
	if f.State == "" && !f.All {
		f.State = schema.LetterOpen
	}
	limit := rate.Inf
	if perSecond > 0 {
		limit = rate.Limit(perSecond)
	}
	limiter := rate.NewLimiter(limit, 1)
	for {
		page, next, err := l.List(ctx, f)
		if err != nil {
			return retried, err
		}
		for _, entry := range page {
			if err := limiter.Wait(ctx); err != nil {
				return retried, fmt.Errorf("keep to the rate: %w", err)
			}
			err := l.retry(ctx, entry.DeadLetter)
			if each != nil {
				each(entry, err)
			}
			switch {
			case err == nil:
				retried++
			case schema.CodeOf(err) == schema.Unavailable, ctx.Err() != nil:
				return retried, err
			}
		}
		if f.Cursor = next; next == "" {
			return retried, nil
		}
	}
}

// Remove marks the letter as removed, with the reason, by whoever acts in ctx:
// lists leave it out. The stream keeps it until it is too old. The error is
// [schema.NotFound] when there is none and [schema.Conflict] when it is resolved.
func (l *Letters) Remove(ctx context.Context, id uint64, reason string) error {
	letter, err := l.get(ctx, id)
	if err != nil {
		return err
	}
	return l.Book.CloseLetter(ctx, letter, schema.LetterRemoved, oneLine(reason))
}
