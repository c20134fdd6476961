package stream

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/loquent/callstream/schema"
)

// Who does not trace pays nothing for those who do. Not parallel: it counts the
// allocations of the whole process.
func TestWithoutATracerNothingIsAllocated(t *testing.T) { //nolint:paralleltest // see above
	c, r := &Conn{}, &Runner{}
	events := []schema.Event{schema.CallAnswered{Call: schema.CallFacts{CallSID: "CA"}}}
	messages := []*nats.Msg{nats.NewMsg("call.answered.AC")}
	messages[0].Header.Set(schema.HeaderCall, "CA")
	j := &job{subject: "call.answered.AC", header: messages[0].Header}
	jobs, ctx := []*job{j}, t.Context()
	allocations := testing.AllocsPerRun(100, func() {
		announced(c.announce(ctx, events, messages), nil)
		under, followed := r.followAll(ctx, jobs)
		r.follow(under, j)
		_, _ = j.traced(under), j.traceID()
		j.followed(fate{}, nil, nil)
		followed(nil)
	})
	if allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
}
