package stream

import (
	"context"
	"strings"
)

// headerTraceparent is the W3C Trace Context header. NATS headers are
// case-sensitive; the recommendation writes it in lower case.
const headerTraceparent = "traceparent"

type traceKey struct{}

// WithTraceparent returns ctx with a W3C traceparent; every event published
// under it carries it, and so does the work on that event and what it
// publishes in turn. A malformed one is left out.
func WithTraceparent(ctx context.Context, traceparent string) context.Context {
	if !validTraceparent(traceparent) {
		return ctx
	}
	return context.WithValue(ctx, traceKey{}, traceparent)
}

// TraceparentFrom returns the traceparent of ctx, or nothing.
func TraceparentFrom(ctx context.Context) string {
	traceparent, _ := ctx.Value(traceKey{}).(string)
	return traceparent
}

// validTraceparent reports whether s has the form of version 00,
// 00-<32 hex digits>-<16>-<2>.
func validTraceparent(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) != 4 || parts[0] != "00" {
		return false
	}
	for i, size := range []int{2, 32, 16, 2} {
		if len(parts[i]) != size || strings.Trim(parts[i], "0123456789abcdef") != "" {
			return false
		}
	}
	return true
}
