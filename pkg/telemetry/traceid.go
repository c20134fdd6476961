package telemetry

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"
)

// ids makes the ids of traces and spans. A trace that somebody can name, as that
// of a call, gets the same id in every process and at any time; and since
// sampling by ratio goes by the id, it is kept as a whole or not at all.
type ids struct {
	of TraceOf // nil: no trace can be named
}

// NewIDs returns the ids of a span without a parent.
func (i ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if i.of != nil {
		if id, ok := i.of(ctx); ok {
			return id, i.NewSpanID(ctx, id)
		}
	}
	var id trace.TraceID
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64()|1) // zero is no id
	return id, i.NewSpanID(ctx, id)
}

// NewSpanID returns the id of a span in a trace that there is.
func (i ids) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64()|1)
	return id
}
