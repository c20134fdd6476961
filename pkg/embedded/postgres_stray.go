package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"time"

	"github.com/loquent/callstream/schema"
)

// stopStray ends a server that still runs on data because the process that
// started it was killed, and waits until it is gone: two servers on one
// folder would be refused by PostgreSQL, and data with it. The caller holds
// the [Lock], so that no living callstream owns that server.
func stopStray(ctx context.Context, data string, logger *slog.Logger) error {
	left, err := readPIDFile(data)
	if err != nil || left.pid == 0 {
		return err
	}
	pid := left.pid
	if !isPostmaster(pid, data) {
		// The number of a dead server may belong to another process by now;
		// PostgreSQL would take it for a running server and refuse to start.
		return left.remove()
	}
	logger.Info("stopping the PostgreSQL that a killed process left", "pid", pid)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the PostgreSQL left behind (pid %d): %w", pid, err)
		}
		for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; {
			if !isPostmaster(pid, data) {
				return nil
			}
			pause(ctx, 5*time.Millisecond)
		}
	}
	return schema.Errorf(schema.Conflict, "a PostgreSQL (pid %d) still runs on %s; stop it first", pid, data)
}
