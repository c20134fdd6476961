package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/pipeline"
	"github.com/loquent/callstream/schema"
)

// statusCommand shows how far the pipeline is.
type statusCommand struct {
	Watch    bool          `name:"watch" short:"w" help:"Go on, until Ctrl-C."`
	Interval time.Duration `name:"interval" default:"2s" help:"With --watch: how often to look."`
	JSON     bool          `name:"json" help:"Print JSON, with --watch one line a look."`

	adminConfig
	natsConfig
}

// Help shows how to run it.
func (statusCommand) Help() string {
	return `Examples:
  callstream status --watch
  DATABASE_URL=... NATS_URL=... callstream status --json

PENDING is not delivered yet, IN WORK delivered and not acknowledged, PARKED
waits in the database for another try, OLDEST is the age of the first that is
not acknowledged, RATE what was acknowledged since the last look. A durable that is
away gives no answer: its leader is being elected, or nobody made it.`
}

// pipelineStatus is the pipeline at one moment, and what came of it so far.
type pipelineStatus struct {
	pipeline.State
	Totals schema.Totals `json:"totals"`
}

// Run looks, once or until ctx ends.
func (c *statusCommand) Run(ctx context.Context, proc *process) error {
	variables := c.variables()
	variables["NATS_URL"] = &c.NATSURL
	if err := c.fill("DATABASE_URL", variables); err != nil {
		return err
	}
	if err := missing(c.natsConfig.needed()); err != nil {
		return err
	}
	return c.administer(ctx, proc, func(p *parts) error {
		if err := p.openStream(ctx, c.natsConfig, "status", nil); err != nil {
			return err
		}
		return c.look(ctx, proc, p)
	})
}

// look shows the status, again and again with --watch. While one watches, what
// is away for a moment is told and looked for again.
func (c *statusCommand) look(ctx context.Context, proc *process, p *parts) error {
	tick := time.NewTicker(max(c.Interval, 100*time.Millisecond))
	defer tick.Stop()
	var before pipelineStatus
	for {
		now, err := p.status(ctx)
		switch {
		case err != nil && !c.Watch:
			return err
		case err != nil && ctx.Err() == nil:
			_, _ = fmt.Fprintf(proc.stderr, "callstream: %v\n", err)
		case err == nil:
			if err := c.show(proc.stdout, before, now); err != nil {
				return err
			}
			before = now
		}
		if !c.Watch {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// status asks everybody once.
func (p *parts) status(ctx context.Context) (s pipelineStatus, err error) {
	if s.State, err = pipeline.Look(ctx, p.conn, p.db, time.Now()); err != nil {
		return s, fmt.Errorf("look at the pipeline: %w", err)
	}
	if s.Totals, err = p.db.Totals(ctx); err != nil {
		return s, fmt.Errorf("count: %w", err)
	}
	return s, nil
}

// show prints the status; on a terminal that one watches, in place of the last.
func (c *statusCommand) show(w io.Writer, before, now pipelineStatus) error {
	if c.JSON {
		if c.Watch {
			return printJSONLine(w, now)
		}
		return printJSON(w, now)
	}
	if c.Watch && terminal(w) {
		_, _ = fmt.Fprint(w, "\x1b[H\x1b[2J") // to the corner, and clear
	}
	return printStatus(w, before, now)
}

func printStatus(w io.Writer, before, now pipelineStatus) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "STREAM\tMESSAGES\tSTORED\tLIMIT\tCOPIES")
	for _, s := range now.Streams {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%d of %d\n", s.Name, s.Messages, bytesText(int64(s.Bytes)), bytesText(s.MaxBytes), s.Current, s.Replicas) //nolint:gosec // bytes on a disk
	}
	_, _ = fmt.Fprintln(t, "\nDURABLE\tPENDING\tIN WORK\tPARKED\tOLDEST\tRATE")
	for _, name := range consumers.Names() {
		d, found := now.durable(name)
		if !found { // while a cluster elects its leader, or before streams apply
			_, _ = fmt.Fprintf(t, "%s\taway\n", name)
			continue
		}
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t%s\n", d.Name, d.Pending, d.AckPending, d.Parked, age(d.OldestPending, now.At), rate(d, before, now))
	}
	_, _ = fmt.Fprintf(t, "\ncalls %d, archived %d, transcripts %d, removed at Twilio %d, dead letters open %d\n",
		now.Totals.Calls, now.Totals.Archived, now.Totals.Transcripts, now.Totals.Deleted, now.Open)
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// age is how long ago something was, "-" for never.
func age(at, now time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return now.Sub(at).Round(time.Second).String()
}

// durable returns the durable's state; false: nobody told it.
func (s pipelineStatus) durable(name string) (d pipeline.Durable, found bool) {
	i := slices.IndexFunc(s.Durables, func(d pipeline.Durable) bool { return d.Name == name })
	if i < 0 {
		return pipeline.Durable{}, false
	}
	return s.Durables[i], true
}

// rate is what the durable acknowledged a second between two looks.
func rate(d pipeline.Durable, before, now pipelineStatus) string {
	earlier, found := before.durable(d.Name)
	passed := now.At.Sub(before.At).Seconds()
	if !found || passed <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f/s", max(0, float64(d.Acknowledged)-float64(earlier.Acknowledged))/passed)
}

// bytesText is a number of bytes as people read it.
func bytesText(n int64) string {
	const unit = 1024
	value, suffix := float64(n), 0
	for value >= unit && suffix < 4 {
		value, suffix = value/unit, suffix+1
	}
	return fmt.Sprintf("%.4g %s", value, []string{"B", "KiB", "MiB", "GiB", "TiB"}[suffix])
}
