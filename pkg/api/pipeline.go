package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/pkg/pipeline"
)

func (a *api) registerPipeline(h huma.API) {
	huma.Register(h, route{
		id: "get-pipeline", method: http.MethodGet, path: "/api/pipeline", permission: PermissionOperate, scope: ofOperators,
		summary: "What is in the streams, how far each durable is behind, and how many dead letters are open",
		about: "Of a durable `pending` is not delivered yet, `ack_pending` delivered and not acknowledged, `parked` waits in the database for another try; " +
			"`oldest_pending` is when the first was stored that is not acknowledged.",
	}.operation(), a.getPipeline)
}

type pipelineOutput struct {
	Body pipeline.State
}

// getPipeline asks everybody once.
func (a *api) getPipeline(ctx context.Context, _ *struct{}) (*pipelineOutput, error) {
	state, err := pipeline.Look(ctx, a.Pipeline, a.Books, a.Clock())
	if err != nil {
		return nil, a.problemOf(err, pipelineAway)
	}
	state.Streams = orEmpty(state.Streams)
	return &pipelineOutput{state}, nil
}
