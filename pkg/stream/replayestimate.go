package stream

import (
	"context"

	"github.com/loquent/callstream/schema"
)

// EstimateReplay counts what a replay of the durable's history would have to
// look at now. It reads nothing: the server counts by subject and sequence, so
// that a replay of one organization, call or recording has at most as many. The
// error is [schema.Invalid] for a spec that contradicts itself, otherwise
// [schema.Unavailable].
func (c *Conn) EstimateReplay(ctx context.Context, spec schema.ReplaySpec, d Durable) (schema.ReplayEstimate, error) {
	spec.DryRun = true // it does nothing, whatever the spec is to be allowed
	r, err := c.newReplay(ReplayConfig{
		Spec: spec, Durable: d, Handler: func(context.Context, schema.Event) error { return nil },
	})
	if err != nil {
		return schema.ReplayEstimate{}, err
	}
	var p schema.ReplayProgress
	from, end, err := r.bounds(ctx)
	if err != nil || from > end {
		return schema.ReplayEstimate{Exact: err == nil}, err
	}
	p.End = end
	if err := r.open(ctx, from, &p); err != nil {
		return schema.ReplayEstimate{}, err
	}
	return schema.ReplayEstimate{
		Events: p.Total, FromSeq: from, ToSeq: end, Exact: spec.Organization == "" && spec.CallSID == "" && spec.RecordingSID == "",
	}, nil
}
