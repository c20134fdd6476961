package cli

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/telemetry"
)

// newTracing returns the process's tracing; command names its role. A collector
// that does not answer is said in the log and keeps nobody.
func newTracing(ctx context.Context, endpoint, command string, log *slog.Logger) (*telemetry.Tracing, error) {
	role, _, _ := strings.Cut(command, " ")
	tracing, err := telemetry.NewTracing(ctx, endpoint, role, stream.TraceOf)
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	if endpoint != "" { // the library has one place in a process where it reports
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", "error", err) }))
	}
	return tracing, nil
}

// closeTracing sends what is left, which may not keep a process from its end
// for long.
func closeTracing(ctx context.Context, tracing *telemetry.Tracing, log *slog.Logger) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := tracing.Close(last); err != nil {
		log.Warn("traces", "error", err)
	}
}
