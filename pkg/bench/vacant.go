package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// vacant refuses servers that hold anybody's calls, and has those that the
// environment names emptied of what the world leaves when it closes.
func (w *world) vacant(ctx context.Context) error {
	var calls int
	err := w.pool.QueryRowContext(ctx, `SELECT count(*) FROM call JOIN organization o ON o.id = organization_id WHERE o.name <> $1`, organizationName).Scan(&calls)
	switch {
	case err != nil:
		return fmt.Errorf("look into the database: %w", err)
	case calls > 0:
		return schema.Errorf(schema.Conflict, "the database of DATABASE_URL holds %d calls; give the benchmark one of its own", calls)
	}
	messages, err := w.messages(ctx)
	switch {
	case err != nil:
		return err
	case messages > 0:
		return schema.Errorf(schema.Conflict, "%s of NATS_URL holds %d messages; give the benchmark a server of its own", schema.StreamCalls, messages)
	}
	if w.bench.names("DATABASE_URL") {
		w.onClose(func() {
			_, _ = w.pool.ExecContext(context.WithoutCancel(ctx), `DELETE FROM organization WHERE name = $1`, organizationName) // the next part says if it stays
		})
	}
	if w.bench.names("NATS_URL") {
		w.onClose(func() { w.purge(context.WithoutCancel(ctx)) })
	}
	return nil
}

// names reports whether a variable is set for the roles.
func (b *bench) names(variable string) bool {
	for _, pair := range append(os.Environ(), b.Env...) {
		if value, ok := strings.CutPrefix(pair, variable+"="); ok && value != "" {
			return true
		}
	}
	return false
}

// messages counts what lies in the stream.
func (w *world) messages(ctx context.Context) (uint64, error) {
	calls, err := w.js.Stream(ctx, schema.StreamCalls)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look at %s: %w", schema.StreamCalls, err)
	}
	return calls.CachedInfo().State.Msgs, nil
}

// purge empties the stream; if it cannot, the next part says so.
func (w *world) purge(ctx context.Context) {
	if calls, err := w.js.Stream(ctx, schema.StreamCalls); err == nil {
		_ = calls.Purge(ctx)
	}
}
