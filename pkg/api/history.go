package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/pkg/pipeline"
)

// history is what is remembered of the pipeline's state.
type history interface {
	Series(since time.Time, points int) pipeline.Series
}

func (a *api) registerHistory(h huma.API) {
	huma.Register(h, route{
		id: "get-pipeline-history", method: http.MethodGet, path: "/api/pipeline/history", permission: PermissionOperate, scope: ofOperators,
		summary: "The pipeline's state over the last hours, in columns to plot",
		about: "Every process that answers remembers a few hours of its own, and none from before it started; what is to be kept is at `/metrics`. " +
			"Where many samples share a moment the answer has the last of what is counted and the most of what waits.",
	}.operation(), a.getHistory)
}

type historyInput struct {
	Since  time.Time `query:"since" doc:"From then on; all that is remembered without it"`
	Points int       `query:"points" minimum:"1" maximum:"2500" default:"360" doc:"About so many moments at most"`
}

type historyOutput struct {
	Body pipeline.Series
}

// getHistory answers the columns.
func (a *api) getHistory(_ context.Context, in *historyInput) (*historyOutput, error) {
	return &historyOutput{a.History.Series(in.Since, in.Points)}, nil
}
