package telemetry

import (
	"context"
	"net/url"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// discreet exports spans without what a collector is not to learn: addresses in
// our API hold telephone numbers, as do queries to Twilio, queries to a bucket
// hold signatures that open it, and who asked is nobody's business.
type discreet struct {
	sdk.SpanExporter
}

// ExportSpans exports the spans.
func (d discreet) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	shown := make([]sdk.ReadOnlySpan, len(spans))
	for i, s := range spans {
		shown[i] = discreetSpan{s}
	}
	return d.SpanExporter.ExportSpans(ctx, shown) //nolint:wrapcheck // the exporter's own errors
}

// discreetSpan is a span that tells less.
type discreetSpan struct {
	sdk.ReadOnlySpan
}

// Attributes returns what may be told.
func (s discreetSpan) Attributes() []attribute.KeyValue {
	all := s.ReadOnlySpan.Attributes()
	told := make([]attribute.KeyValue, 0, len(all))
	for _, a := range all {
		switch a.Key {
		case "url.path", "url.query", "client.address", "network.peer.address", "network.peer.port":
			continue
		case "url.full":
			a.Value = attribute.StringValue(withoutQuery(a.Value.AsString()))
		}
		told = append(told, a)
	}
	return told
}

// withoutQuery returns address up to its query; what cannot be read is not told.
func withoutQuery(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
