package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/stream"
)

// streamsCommand looks after the streams and durables.
type streamsCommand struct {
	Ls    streamsLs    `cmd:"" help:"List streams and durables with what is behind."`
	Apply streamsApply `cmd:"" help:"Create what is missing, bring the rest to what this version declares."`
	Info  streamsInfo  `cmd:"" help:"Show one stream or durable; say where it differs from what this version declares."`
}

// Help shows how to run it.
func (streamsCommand) Help() string {
	return `Examples:
  NATS_URL=nats://127.0.0.1:4222 callstream streams ls
  NATS_URL=nats://127.0.0.1:4222 STREAM_REPLICAS=3 callstream streams apply
  NATS_URL=nats://127.0.0.1:4222 callstream streams info CALLS`
}

// brokerConfig names the NATS servers that a command works on.
type brokerConfig struct {
	natsConfig
	localConfig
}

// open connects and nothing else.
func (c *brokerConfig) open(ctx context.Context, proc *process) (*parts, error) {
	if err := c.fill("NATS_URL", map[string]*string{"NATS_URL": &c.NATSURL}); err != nil {
		return nil, err
	}
	p := newParts(proc)
	return p, p.openStream(ctx, c.natsConfig, "streams", nil)
}

type streamsApply struct{ brokerConfig }

// Run applies the declaration and prints what changed.
func (c *streamsApply) Run(ctx context.Context, proc *process) (err error) {
	p, err := c.open(ctx, proc)
	if err != nil {
		return err
	}
	defer func() { err = joinClose(ctx, p, err) }()
	changes, err := p.conn.Provision(ctx, stream.DefaultSettings(c.StreamReplicas), consumers.Table())
	if err != nil {
		return fmt.Errorf("apply streams: %w", err)
	}
	if len(changes) == 0 {
		_, _ = fmt.Fprintln(proc.stdout, "nothing to change")
	}
	for _, change := range changes {
		_, _ = fmt.Fprintln(proc.stdout, change)
	}
	return nil
}

type streamsLs struct {
	brokerConfig
	JSON bool `name:"json" help:"Print JSON."`
}

// Run lists the streams and durables.
func (c *streamsLs) Run(ctx context.Context, proc *process) (err error) {
	p, err := c.open(ctx, proc)
	if err != nil {
		return err
	}
	defer func() { err = joinClose(ctx, p, err) }()
	info, err := p.conn.Info(ctx)
	if err != nil {
		return fmt.Errorf("list streams: %w", err)
	}
	if c.JSON {
		return printJSON(proc.stdout, info)
	}
	return printStreams(proc.stdout, info)
}

type streamsInfo struct {
	Name string `arg:"" help:"CALLS, DEADLETTERS or a durable."`
	brokerConfig
}

// Run prints one stream or durable as JSON, and its drift.
func (c *streamsInfo) Run(ctx context.Context, proc *process) (err error) {
	p, err := c.open(ctx, proc)
	if err != nil {
		return err
	}
	defer func() { err = joinClose(ctx, p, err) }()
	info, err := p.conn.Info(ctx)
	if err != nil {
		return fmt.Errorf("inspect %s: %w", c.Name, err)
	}
	found, ok := info.Find(c.Name)
	if !ok {
		return fmt.Errorf("there is no stream or durable %q; callstream streams ls lists them", c.Name)
	}
	if err := printJSON(proc.stdout, found); err != nil {
		return err
	}
	return p.checkStream(ctx, c.StreamReplicas)
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// printJSONLine prints v as JSON on one line, for a list that grows.
func printJSONLine(w io.Writer, v any) error {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func printStreams(w io.Writer, info stream.Info) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "STREAM\tMESSAGES\tBYTES\tLIMIT\tFIRST\tLAST\tREPLICAS")
	for _, s := range info.Streams {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", s.Name, s.Messages, s.Bytes, s.MaxBytes, s.FirstSeq, s.LastSeq, s.Replicas)
	}
	_, _ = fmt.Fprintln(t, "\nDURABLE\tPENDING\tIN FLIGHT\tREDELIVERED\tWAITING PULLS")
	for _, d := range info.Durables {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\n", d.Name, d.Pending, d.AckPending, d.Redelivered, d.Waiting)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
