package api_test

import (
	"context"
	"strconv"
	"time"

	"github.com/loquent/callstream/pkg/pipeline"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

func (s *store) Info(context.Context) (stream.Info, error) {
	return stream.Info{
		Streams:  []stream.StreamState{{Name: schema.StreamCalls, Messages: 9}, {Name: schema.StreamDeadLetters, Messages: 7}},
		Durables: []stream.DurableState{{Name: "archiver", Pending: 3}, {Name: "calls"}},
	}, s.pipelineErr
}

func (s *store) Parked(_ context.Context, durable string) (int, error) {
	return map[string]int{"archiver": 4}[durable], nil
}

func (s *store) ClosedLetters(context.Context, time.Time, uint64) (uint64, error) { return 5, nil }

// letters is the part whose methods are called as ones of another part's.
type letters struct{ *store }

func (l letters) List(ctx context.Context, f schema.LetterFilter) (page []schema.LetterEntry, next string, err error) {
	l.saw(ctx, f.Organization)
	l.selected = f
	last := uint64(l.open) //nolint:gosec // small
	if f.Cursor != "" {
		before, _ := strconv.ParseUint(f.Cursor, 10, 64)
		last = min(last, before-1)
	}
	for ; last > 0; last-- {
		if len(page) == f.Limit {
			return page, strconv.FormatUint(last+1, 10), nil
		}
		page = append(page, schema.LetterEntry{DeadLetter: schema.DeadLetter{ID: last}})
	}
	return page, "", nil
}

func (l letters) Show(ctx context.Context, id uint64) (schema.LetterHistory, error) {
	if id != 7 {
		return schema.LetterHistory{}, schema.Errorf(schema.NotFound, "there is no dead letter %d", id)
	}
	letter := schema.LetterHistory{LetterEntry: schema.LetterEntry{
		DeadLetter: schema.DeadLetter{ID: 7, Org: l.owner, Data: []byte(l.data), Error: "put: away", Subject: "call.answered.AC1"},
		Status:     schema.LetterStatus{State: schema.LetterOpen},
	}}
	letter.Earlier = []schema.LetterEntry{{DeadLetter: schema.DeadLetter{ID: 5, Org: l.owner, Data: []byte("earlier")}}}
	return letter, nil
}

func (l letters) Retry(ctx context.Context, id uint64) error {
	if l.refuse != nil {
		return l.refuse
	}
	l.saw(ctx, l.owner)
	l.retried = append(l.retried, id)
	return nil
}

func (l letters) Remove(ctx context.Context, _ uint64, reason string) error {
	l.saw(ctx, l.owner)
	l.reason = reason
	return nil
}

func (s *store) QueueReplay(ctx context.Context, spec schema.ReplaySpec) (schema.Replay, error) {
	if err := spec.Check(); err != nil {
		return schema.Replay{}, err
	}
	s.saw(ctx, spec.Organization)
	s.spec = spec
	return schema.Replay{ID: replayID, Spec: spec, State: schema.ReplayQueued}, nil
}

func (s *store) Replay(_ context.Context, id string) (schema.Replay, error) {
	if id != replayID {
		return schema.Replay{}, schema.Errorf(schema.NotFound, "there is no replay %s", id)
	}
	return schema.Replay{ID: id, Spec: schema.ReplaySpec{Consumer: "calls", Organization: s.owner, AllowSideEffects: s.effects}, State: schema.ReplayRunning}, nil
}

func (s *store) RequeueReplay(ctx context.Context, id string) (schema.Replay, error) {
	s.saw(ctx, s.owner)
	return schema.Replay{ID: id, State: schema.ReplayQueued}, nil
}

func (s *store) EstimateReplay(ctx context.Context, spec schema.ReplaySpec) (schema.ReplayEstimate, error) {
	s.saw(ctx, spec.Organization)
	s.spec = spec
	return schema.ReplayEstimate{Events: 12, Exact: true}, s.pipelineErr
}

func (s *store) Series(since time.Time, points int) pipeline.Series {
	return pipeline.Series{Every: points, At: []int64{since.Unix()}}
}

func (s *store) FindReplays(ctx context.Context, f schema.ReplayFilter) ([]schema.Replay, string, error) {
	s.saw(ctx, f.Organization)
	return nil, "next-page", nil
}

func (s *store) CancelReplay(ctx context.Context, _ string) error {
	s.saw(ctx, s.owner)
	return nil
}
