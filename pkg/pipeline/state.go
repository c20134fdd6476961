package pipeline

import (
	"context"
	"time"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// Streams tell how far the streams and durables are.
type Streams interface {
	Info(ctx context.Context) (stream.Info, error)
}

// Books hold what the streams do not tell.
type Books interface {
	// Parked returns how many messages wait for the durable to try them again.
	Parked(ctx context.Context, durable string) (int, error)
	// ClosedLetters returns how many dead letters that a stream of that age keeps
	// from the given sequence on are settled.
	ClosedLetters(ctx context.Context, created time.Time, firstSeq uint64) (uint64, error)
}

// State is the state of the streams and durables at one moment.
type State struct {
	At       time.Time            `json:"at"`
	Streams  []stream.StreamState `json:"streams"`
	Durables []Durable            `json:"durables"`
	Open     uint64               `json:"dead_letters_open" doc:"Dead letters that nobody has dealt with"`
}

// Durable is the state of a durable, with what waits outside the broker.
type Durable struct {
	stream.DurableState
	Parked int `json:"parked"` // due later
}

// Look asks everybody once, and names the answers by the given time. The error
// is [schema.Unavailable] when somebody does not answer.
func Look(ctx context.Context, streams Streams, books Books, at time.Time) (State, error) {
	info, err := streams.Info(ctx)
	if err != nil {
		return State{}, err
	}
	s := State{At: at, Streams: info.Streams, Durables: make([]Durable, len(info.Durables))}
	for i, d := range info.Durables {
		parked, err := books.Parked(ctx, d.Name)
		if err != nil {
			return State{}, err
		}
		s.Durables[i] = Durable{d, parked}
	}
	s.Open, err = openLetters(ctx, info, books)
	return s, err
}

// openLetters counts the dead letters that nobody has dealt with.
func openLetters(ctx context.Context, info stream.Info, books Books) (uint64, error) {
	for _, s := range info.Streams {
		if s.Name == schema.StreamDeadLetters {
			closed, err := books.ClosedLetters(ctx, s.Created, s.FirstSeq)
			return s.Messages - min(s.Messages, closed), err
		}
	}
	return 0, nil
}
