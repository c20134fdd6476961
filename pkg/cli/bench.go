package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/pkg/bench"
	"github.com/loquent/callstream/pkg/twilio"
)

// benchCommand measures callstream and the limits beside it.
type benchCommand struct {
	Part        []string `name:"part" placeholder:"NAME" help:"Measure these parts only: ${benchparts}."`
	Quick       bool     `name:"quick" help:"Short rounds and small databases, to see that it works; the figures vary."`
	JSON        bool     `name:"json" help:"Print the figures as JSON."`
	Calls       int      `name:"calls" placeholder:"N" help:"Calls in the database that is searched; 1,000,000."`
	Transcripts int      `name:"transcripts" placeholder:"N" help:"Transcripts in it; 200,000."`
	Events      int      `name:"events" placeholder:"N" help:"Events that are replayed; 1,000,000."`
	Messages    int      `name:"messages" placeholder:"N" help:"Messages that the stream grows to, and calls that the database does; 3,000,000."`
	Dir         string   `name:"dir" placeholder:"DIR" help:"Where the servers keep their data; a temporary folder, which is removed."`
	Source      string   `name:"source" placeholder:"DIR" help:"Folder of callstream's source code, to time a cold build of it."`

	Soak time.Duration `name:"soak" placeholder:"DURATION" help:"Instead: let calls arrive for so long while roles are stopped, killed and started; exit 1 if memory, goroutines, open files or bytes a call grow, or anything differs from the truth."`
	Rate float64       `name:"rate" default:"3" help:"Calls a second of --soak."`

	Serve string `name:"serve" hidden:"" help:"What it measures against, as a process of its own: decode, or nats:FILE."`
}

// Help shows how to run it.
func (benchCommand) Help() string {
	return `Examples:
  callstream bench                          # everything; about half an hour
  callstream bench --part ingest --part calls
  callstream bench --quick
  callstream bench --soak 30m
  DATABASE_URL=... NATS_URL=... S3_ENDPOINT=... S3_BUCKET=... CALLSTREAM_SECRET_KEY=... callstream bench --json

Each limit is measured by the same run, in turns with callstream. Servers are
started under a temporary folder unless variables name real ones. Those must be
empty: no calls in the database, no messages in the stream.`
}

// Run measures, and prints the figures to the output and what it is at to the
// log.
func (c *benchCommand) Run(ctx context.Context, proc *process) error {
	if c.Serve != "" {
		return c.serve(ctx, proc)
	}
	if c.Soak != 0 {
		return c.soak(ctx, proc)
	}
	report, err := bench.Run(ctx, bench.Config{
		Parts: c.Part, Quick: c.Quick, Calls: c.Calls, Transcripts: c.Transcripts, Events: c.Events, Messages: c.Messages,
		Dir: c.Dir, Source: c.Source, Logger: proc.log,
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return report.WriteJSON(proc.stdout)
	}
	return report.WriteTable(proc.stdout)
}

// soak watches the roles for longer.
func (c *benchCommand) soak(ctx context.Context, proc *process) error {
	if c.Soak < 0 || c.Rate <= 0 {
		return errors.New("--soak and --rate are more than nothing")
	}
	report, err := bench.Soak(ctx, bench.SoakConfig{For: c.Soak, Rate: c.Rate, Dir: c.Dir, Logger: proc.log})
	if err != nil {
		return fmt.Errorf("soak: %w", err)
	}
	write := report.WriteTable
	if c.JSON {
		write = report.WriteJSON
	}
	if err := write(proc.stdout); err != nil {
		return err
	}
	if !report.Good() {
		return errors.New("soak: something grows that should not, or differs from the truth")
	}
	return nil
}

// serve is a limit's process.
func (c *benchCommand) serve(ctx context.Context, proc *process) error {
	if file, ok := strings.CutPrefix(c.Serve, "nats:"); ok {
		return bench.ServeNATS(ctx, file, proc.log)
	}
	if c.Serve != "decode" {
		return errors.New("--serve is decode or nats:FILE")
	}
	return serveDecode(ctx, proc)
}

// serveDecode serves ingress as the role does, except that nothing is stored.
func serveDecode(ctx context.Context, proc *process) (err error) {
	turnOver()
	p := newParts(proc)
	defer func() { err = joinClose(ctx, p, err) }()
	if err := p.openDatabase(ctx, databaseConfig{os.Getenv("DATABASE_URL")}, os.Getenv("CALLSTREAM_SECRET_KEY")); err != nil {
		return err
	}
	handler, err := ingress.New(ingress.Config{
		Publisher: bench.Nowhere{}, Accounts: p.db, Verify: twilio.Verifier{BaseURL: os.Getenv("PUBLIC_BASE_URL")}.Verify,
		Logger: p.log, Registerer: p.registry,
	})
	if err != nil {
		return fmt.Errorf("ingress: %w", err)
	}
	return p.serve(ctx, os.Getenv("HTTP_ADDR"), map[string]http.Handler{"/twilio/": handler})
}

// benchParts lists the names of what can be measured.
func benchParts() string {
	var names []string
	for _, p := range bench.Parts() {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}
