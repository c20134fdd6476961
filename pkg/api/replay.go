package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// replays are history run through a consumer again, in a process that runs the
// consumer.
type replays interface {
	QueueReplay(ctx context.Context, spec schema.ReplaySpec) (schema.Replay, error)
	Replay(ctx context.Context, id string) (schema.Replay, error)
	FindReplays(ctx context.Context, f schema.ReplayFilter) (page []schema.Replay, next string, err error)
	CancelReplay(ctx context.Context, id string) error
	RequeueReplay(ctx context.Context, id string) (schema.Replay, error)
}

// estimates count what a replay would have to look at.
type estimates interface {
	EstimateReplay(ctx context.Context, spec schema.ReplaySpec) (schema.ReplayEstimate, error)
}

func (a *api) registerReplays(h huma.API) {
	huma.Register(h, route{
		id: "start-replay", method: http.MethodPost, path: "/api/replays", permission: PermissionOperate, scope: ofHolder,
		summary: "Run history through a consumer again", status: http.StatusCreated,
		about: "It is queued for a process that runs the consumer, and goes on in another when that one ends. Live work goes on untouched; what is done stays as it is without `force`; " +
			"with `dry_run` nothing is done but counting. Nothing is recorded, nothing deleted at Twilio and nothing told to live consumers unless `allow_side_effects` names it " +
			"(`recorder`, `reaper`, `events`), which only operators may.",
		example: schema.ReplaySpec{Consumer: "transcriber", FromSeq: 1200, Force: true, Rate: 5},
	}.operation(), a.startReplay)
	huma.Register(h, route{
		id: "list-replays", method: http.MethodGet, path: "/api/replays", permission: PermissionOperate, scope: ofHolder,
		summary: "List replays, newest first, with how far each is",
	}.operation(), a.listReplays)
	huma.Register(h, route{
		id: "get-replay", method: http.MethodGet, path: "/api/replays/{replay_id}", permission: PermissionOperate, scope: ofHolder,
		summary: "One replay and how far it is",
		about:   "Its progress is brought up to date every few seconds. `queued` waits for a process that runs the consumer; `interrupted` goes on when one takes it up.",
	}.operation(), a.getReplay)
	huma.Register(h, route{
		id: "cancel-replay", method: http.MethodPost, path: "/api/replays/{replay_id}/cancel", permission: PermissionOperate, scope: ofHolder,
		summary: "End a replay for good",
		about:   "One that runs stops within seconds. What it has done stays done.",
		errors:  []int{http.StatusConflict},
	}.operation(), a.cancelReplay)
	huma.Register(h, route{
		id: "resume-replay", method: http.MethodPost, path: "/api/replays/{replay_id}/resume", permission: PermissionOperate, scope: ofHolder,
		summary: "Queue a replay again that was interrupted or has failed",
		about:   "It goes on where it stopped, in a process that runs the consumer. One with side effects only operators resume.",
		errors:  []int{http.StatusConflict},
	}.operation(), a.resumeReplay)
}

func (a *api) registerEstimates(h huma.API) {
	huma.Register(h, route{
		id: "estimate-replay", method: http.MethodPost, path: "/api/replays/estimate", permission: PermissionOperate, scope: ofHolder,
		summary: "Count what a replay would have to look at, without reading or queueing anything",
		about: "Not `exact` when the replay is about one organization, call or recording: it looks at so many `events` at most, and only a " +
			"replay with `dry_run` tells how many are selected.",
		example: schema.ReplaySpec{Consumer: "transcriber", FromSeq: 1200},
	}.operation(), a.estimateReplay)
}

type startReplayInput struct {
	Body schema.ReplaySpec
}

type replayOutput struct {
	Body schema.Replay
}

// startReplay queues a replay of what is within the caller's reach.
func (a *api) startReplay(ctx context.Context, in *startReplayInput) (*replayOutput, error) {
	spec, err := a.replaySpec(ctx, in.Body)
	if err != nil {
		return nil, a.problem(err)
	}
	replay, err := a.Replays.QueueReplay(ctx, spec)
	if err != nil {
		return nil, a.problem(err)
	}
	return &replayOutput{replay}, nil
}

// replaySpec checks what is to be replayed, and restricts it to the caller's
// reach.
func (a *api) replaySpec(ctx context.Context, spec schema.ReplaySpec) (_ schema.ReplaySpec, err error) {
	switch {
	case !slices.Contains(a.Consumers, spec.Consumer):
		return spec, schema.Errorf(schema.Invalid, "there is no consumer %q (there are %s)", spec.Consumer, strings.Join(a.Consumers, ", "))
	case len(spec.AllowSideEffects) > 0 && caller(ctx).OrganizationID != "":
		return spec, schema.Errorf(schema.Forbidden, "only operators, whose keys belong to no organization, may allow side effects")
	}
	if spec.Organization, err = within(ctx, spec.Organization); err != nil {
		return spec, err
	}
	if spec.Organization != "" && a.Organizations != nil { // a misspelt one would replay nothing
		_, err = a.Organizations.Organization(ctx, spec.Organization)
	}
	return spec, err
}

type listReplaysInput struct {
	Organization string `query:"organization" format:"uuid" doc:"Restricted to this organization, by id"`
	Limit        int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Cursor       string `query:"cursor" maxLength:"256" doc:"next of the page before"`
}

type replayPage struct {
	Body struct {
		Replays []schema.Replay `json:"replays"`
		Next    string          `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
	}
}

// listReplays answers one page of the replays within the caller's reach.
func (a *api) listReplays(ctx context.Context, in *listReplaysInput) (*replayPage, error) {
	org, err := within(ctx, in.Organization)
	if err != nil {
		return nil, a.problem(err)
	}
	page, next, err := a.Replays.FindReplays(ctx, schema.ReplayFilter{Organization: org, Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, a.problem(err)
	}
	out := &replayPage{}
	out.Body.Replays, out.Body.Next = orEmpty(page), next
	return out, nil
}

type replayInput struct {
	ID string `path:"replay_id" format:"uuid" doc:"As the list has it"`
}

// getReplay answers one replay.
func (a *api) getReplay(ctx context.Context, in *replayInput) (*replayOutput, error) {
	replay, err := a.replay(ctx, in.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	return &replayOutput{replay}, nil
}

// replay returns a replay that is within the caller's reach. What is not looks
// as if it were not there.
func (a *api) replay(ctx context.Context, id string) (schema.Replay, error) {
	replay, err := a.Replays.Replay(ctx, strings.ToLower(id))
	if err == nil && reach(ctx) != "" && replay.Spec.Organization != reach(ctx) {
		err = schema.Errorf(schema.NotFound, "there is no replay %s", id)
	}
	if err != nil {
		return schema.Replay{}, err
	}
	return replay, nil
}

// cancelReplay ends a replay for good.
func (a *api) cancelReplay(ctx context.Context, in *replayInput) (*struct{}, error) {
	replay, err := a.replay(ctx, in.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	if err := a.Replays.CancelReplay(ctx, replay.ID); err != nil {
		return nil, a.problem(err)
	}
	return nil, nil
}

// resumeReplay queues a replay again. What an operator allowed it to do only an
// operator sets off again.
func (a *api) resumeReplay(ctx context.Context, in *replayInput) (*replayOutput, error) {
	replay, err := a.replay(ctx, in.ID)
	if err == nil && len(replay.Spec.AllowSideEffects) > 0 && caller(ctx).OrganizationID != "" {
		err = schema.Errorf(schema.Forbidden, "the replay may have side effects; only operators, whose keys belong to no organization, may resume it")
	}
	if err != nil {
		return nil, a.problem(err)
	}
	if replay, err = a.Replays.RequeueReplay(ctx, replay.ID); err != nil {
		return nil, a.problem(err)
	}
	return &replayOutput{replay}, nil
}

type estimateOutput struct {
	Body schema.ReplayEstimate
}

// estimateReplay counts within the caller's reach. What may be estimated is
// what may be replayed, but for the side effects: an estimate has none.
func (a *api) estimateReplay(ctx context.Context, in *startReplayInput) (*estimateOutput, error) {
	in.Body.AllowSideEffects = nil
	spec, err := a.replaySpec(ctx, in.Body)
	if err != nil {
		return nil, a.problem(err)
	}
	estimate, err := a.Estimates.EstimateReplay(ctx, spec)
	if err != nil {
		return nil, a.problemOf(err, pipelineAway)
	}
	return &estimateOutput{estimate}, nil
}
