package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/loquent/callstream/schema"
)

// replaysCommand looks after the replays on record.
type replaysCommand struct {
	Ls     replaysLs     `cmd:"" help:"List replays, newest first, with how far each is."`
	Cancel replaysCancel `cmd:"" help:"End one for good; what it has done stays done."`
}

// Help shows how to run it.
func (replaysCommand) Help() string {
	return `Examples:
  callstream replays ls
  callstream replays cancel ID
  callstream replay --resume ID      # go on with one that was interrupted

A replay that callstream replay started runs in that terminal; one that was
started over the API runs in a process that runs its consumer.`
}

type replaysLs struct {
	Limit int `name:"limit" default:"20" help:"How many at most."`
	adminConfig
	listConfig
}

// Run lists the newest.
func (c *replaysLs) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts) error {
		page, _, err := p.db.FindReplays(ctx, schema.ReplayFilter{Limit: c.Limit})
		if err != nil {
			return fmt.Errorf("list replays: %w", err)
		}
		rows := make([][]string, len(page))
		for i, r := range page {
			rows[i] = []string{
				r.ID, r.StartedAt.UTC().Format(time.RFC3339), r.Spec.Consumer, string(r.State),
				strconv.FormatUint(r.Progress.Seen(), 10) + "/" + strconv.FormatUint(max(r.Progress.Total, r.Progress.Seen()), 10),
				strconv.FormatUint(r.Progress.Failed, 10), string(r.Actor),
			}
		}
		return c.print(proc.stdout, page, "ID STARTED CONSUMER STATE EVENTS FAILED BY", rows)
	})
}

type replaysCancel struct {
	ID string `arg:"" help:"The replay, as replays ls shows it."`
	adminConfig
}

// Run cancels it.
func (c *replaysCancel) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts) error {
		if err := p.db.CancelReplay(ctx, c.ID); err != nil {
			return fmt.Errorf("cancel replay: %w", err)
		}
		_, _ = fmt.Fprintf(proc.stdout, "replay %s is cancelled; if it runs it stops within seconds\n", c.ID)
		return nil
	})
}
