package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// pipeline tells how far the streams and durables are.
type pipeline interface {
	Info(ctx context.Context) (stream.Info, error)
}

// books hold what the streams do not tell.
type books interface {
	// Parked returns how many messages wait for the durable to try them again.
	Parked(ctx context.Context, durable string) (int, error)
	// ClosedLetters returns how many dead letters that a stream of that age keeps
	// from the given sequence on are settled.
	ClosedLetters(ctx context.Context, created time.Time, firstSeq uint64) (uint64, error)
}

func (a *api) registerPipeline(h huma.API) {
	huma.Register(h, route{
		id: "get-pipeline", method: http.MethodGet, path: "/api/pipeline", permission: PermissionOperate, scope: ofOperators,
		summary: "What is in the streams, how far each durable is behind, and how many dead letters are open",
		about: "Of a durable `pending` is not delivered yet, `ack_pending` delivered and not acknowledged, `parked` waits in the database for another try; " +
			"`oldest_pending` is when the first was stored that is not acknowledged.",
	}.operation(), a.getPipeline)
}

type durableState struct {
	stream.DurableState
	Parked int `json:"parked"` // due later
}

type pipelineOutput struct {
	Body struct {
		At       time.Time            `json:"at"`
		Streams  []stream.StreamState `json:"streams"`
		Durables []durableState       `json:"durables"`
		Open     uint64               `json:"dead_letters_open" doc:"Dead letters that nobody has dealt with"`
	}
}

// getPipeline asks everybody once.
func (a *api) getPipeline(ctx context.Context, _ *struct{}) (*pipelineOutput, error) {
	info, err := a.Pipeline.Info(ctx)
	if err != nil {
		return nil, a.problemOf(err, pipelineAway)
	}
	out := &pipelineOutput{}
	out.Body.At, out.Body.Streams, out.Body.Durables = a.Clock(), orEmpty(info.Streams), make([]durableState, len(info.Durables))
	for i, d := range info.Durables {
		parked, err := a.Books.Parked(ctx, d.Name)
		if err != nil {
			return nil, a.problem(err)
		}
		out.Body.Durables[i] = durableState{d, parked}
	}
	if out.Body.Open, err = a.openLetters(ctx, info); err != nil {
		return nil, a.problem(err)
	}
	return out, nil
}

// openLetters counts the dead letters that nobody has dealt with.
func (a *api) openLetters(ctx context.Context, info stream.Info) (uint64, error) {
	for _, s := range info.Streams {
		if s.Name == schema.StreamDeadLetters {
			closed, err := a.Books.ClosedLetters(ctx, s.Created, s.FirstSeq)
			return s.Messages - min(s.Messages, closed), err
		}
	}
	return 0, nil
}
