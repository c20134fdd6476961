package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loquent/callstream/pkg/bench"
)

// crashing is what simulate --crash-matrix takes.
type crashing struct {
	CrashMatrix bool          `name:"crash-matrix" group:"Crash matrix:" help:"Instead: start everything apart, kill every role by kill -9 before and after each step that it does, and compare what came of the calls with the truth; exit 1 if anything is lost, doubled or stuck."`
	Runs        int           `name:"runs" placeholder:"N" group:"Crash matrix:" help:"Kills; without it one at every point."`
	Limit       time.Duration `name:"limit" placeholder:"DURATION" group:"Crash matrix:" help:"Kill nobody any more after this time, and compare."`
	JSON        bool          `name:"json" group:"Crash matrix:" help:"Print the report as JSON."`
}

// validate reports flags that mean nothing together.
func (c *crashing) validate() error {
	switch {
	case !c.CrashMatrix && (c.Runs != 0 || c.Limit != 0 || c.JSON):
		return errors.New("--runs, --limit and --json need --crash-matrix")
	case c.Runs < 0 || c.Limit < 0:
		return errors.New("--runs and --limit are not negative")
	}
	return nil
}

// run kills, and prints the report.
func (c *crashing) run(ctx context.Context, proc *process, seed uint64, dir string) error {
	report, err := bench.Crash(ctx, bench.CrashConfig{Runs: c.Runs, Limit: c.Limit, Seed: seed, Dir: dir, Logger: proc.log})
	if err != nil {
		return fmt.Errorf("crash matrix: %w", err)
	}
	write := report.WriteTable
	if c.JSON {
		write = report.WriteJSON
	}
	if err := write(proc.stdout); err != nil {
		return err
	}
	if !report.Good() {
		return errors.New("crash matrix: something is lost, doubled, stuck or given up")
	}
	return nil
}
