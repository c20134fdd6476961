package stream

import (
	"context"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// LetterBook keeps what became of dead letters; the stream itself only grows.
type LetterBook interface {
	// LetterStatuses returns the letters' statuses by their ids.
	LetterStatuses(ctx context.Context, letters []schema.DeadLetter) (map[uint64]schema.LetterStatus, error)
	// RetryLetter marks the letter as retrying and with park gives its message back
	// to its durable; both or neither.
	RetryLetter(ctx context.Context, l schema.DeadLetter, park bool) error
	// CloseLetter says how a letter ended that no runner ends.
	CloseLetter(ctx context.Context, l schema.DeadLetter, state schema.LetterState, note string) error
}

// Letters are the dead letters with what became of them: an operator lists
// them, looks at one, has them tried again and removes them.
//
// A letter's message that CALLS still keeps goes back to the durable that gave
// it up, and to no other: it is parked, due at once, with its attempts
// forgotten. Done, it resolves the letter; given up again, it makes a later
// letter that names this one. What CALLS does not keep is for Reinject.
type Letters struct {
	Conn *Conn
	Book LetterBook
	// Reinject takes in again the bytes of a letter whose message is not in CALLS:
	// it never was, or is too old. nil: such letters cannot be tried again.
	Reinject func(ctx context.Context, l schema.DeadLetter) error
}

// letterPage is how many letters a page has by default.
const letterPage = 50

// List returns a page of the dead letters that the filter selects, newest first
// and without their headers and bytes, and the cursor of the next page, empty on
// the last. The error is [schema.Invalid] for a cursor that no page gave.
func (l *Letters) List(ctx context.Context, f schema.LetterFilter) (page []schema.LetterEntry, next string, err error) {
	if f.Limit <= 0 {
		f.Limit = letterPage
	}
	first, last, err := l.bounds(ctx, f)
	if err != nil {
		return nil, "", err
	}
	for span := uint64(256); first <= last && len(page) <= f.Limit; span = min(2*span, 8192) {
		from := first
		if last-first >= span {
			from = last - span + 1
		}
		found, err := l.between(ctx, f, from, last)
		if err != nil {
			return nil, "", err
		}
		page = append(page, found...)
		if last = from - 1; last == 0 {
			break
		}
	}
	if len(page) > f.Limit {
		page = page[:f.Limit]
		next = strconv.FormatUint(page[f.Limit-1].ID, 10)
	}
	return page, next, nil
}

// bounds returns the first and the last sequence that a list looks at.
func (l *Letters) bounds(ctx context.Context, f schema.LetterFilter) (first, last uint64, err error) {
	letters, err := l.stream(ctx)
	if err != nil {
		return 0, 0, err
	}
	state := letters.CachedInfo().State
	first, last = max(state.FirstSeq, 1), state.LastSeq
	if !f.Since.IsZero() { // a letter is stored after its message was given up
		since, err := l.Conn.sequenceAt(ctx, schema.StreamDeadLetters, f.Since)
		if err != nil {
			return 0, 0, err
		}
		first = max(first, since)
	}
	if f.Cursor != "" {
		cursor, err := strconv.ParseUint(f.Cursor, 10, 64)
		if err != nil || cursor == 0 {
			return 0, 0, schema.Errorf(schema.Invalid, "cursor %q is not one that a page gave", f.Cursor)
		}
		last = min(last, cursor-1)
	}
	return first, last, nil
}

// between returns what the filter selects in a range, newest first.
func (l *Letters) between(ctx context.Context, f schema.LetterFilter, first, last uint64) ([]schema.LetterEntry, error) {
	var found []schema.DeadLetter
	err := l.scan(ctx, f, first, last, func(letter schema.DeadLetter) bool {
		if f.Selects(letter) {
			letter.Header = nil
			found = append(found, letter)
		}
		return true
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	statuses, err := l.Book.LetterStatuses(ctx, found)
	if err != nil {
		return nil, err
	}
	var entries []schema.LetterEntry
	for _, letter := range slices.Backward(found) {
		if status := statuses[letter.ID]; f.SelectsState(status.State) {
			entries = append(entries, schema.LetterEntry{DeadLetter: letter, Status: status})
		}
	}
	return entries, nil
}

// scan gives the letters of a range, without their bytes, to yield until it
// returns false. The filter's consumer and reason are the server's to select.
func (l *Letters) scan(ctx context.Context, f schema.LetterFilter, first, last uint64, yield func(schema.DeadLetter) bool) error {
	consumer, reason := "*", "*"
	if f.Consumer != "" {
		consumer = token(f.Consumer)
	}
	if f.Reason != "" {
		reason = token(f.Reason)
	}
	s := &scan{
		conn: l.Conn, stream: schema.StreamDeadLetters, filters: []string{schema.DeadLetterSubject(consumer, reason)}, bare: true,
		next: first, end: last, size: replayRead, patience: askTries,
	}
	defer s.close(ctx)
	for {
		jobs, err := s.read(ctx)
		if err != nil || len(jobs) == 0 {
			return err
		}
		for _, j := range jobs {
			if !yield(readLetter(j.seq, j.header, nil)) {
				return nil
			}
		}
	}
}

func (l *Letters) stream(ctx context.Context) (jetstream.Stream, error) {
	letters, err := ask(ctx, func(ctx context.Context) (jetstream.Stream, error) {
		return l.Conn.js.Stream(ctx, schema.StreamDeadLetters)
	})
	if err != nil {
		return nil, schema.Errorf(schema.Unavailable, "inspect stream %s: %w", schema.StreamDeadLetters, err)
	}
	return letters, nil
}
