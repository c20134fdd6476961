package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// Config says what to measure, and on what.
type Config struct {
	Parts []string // names of [Parts]; empty: all
	Quick bool     // short rounds: whether it works rather than how fast

	Calls       int // rows of calls that search is measured over; default 1,000,000
	Transcripts int // default 200,000
	Events      int // of the replay; default 1,000,000
	Messages    int // that the stream grows to in scaling; default 3,000,000

	Dir     string   // where the servers keep their data; default a temporary folder, removed at the end
	Command []string // how callstream itself is started, for its roles; default this executable
	Env     []string // of the roles, beside the process's own, which names real servers if it does
	Source  string   // the folder of callstream's source, to be built cold; empty: building is not measured

	Logger *slog.Logger // default: none
}

func (c Config) withDefaults() (Config, error) {
	if len(c.Command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return c, fmt.Errorf("find this executable: %w", err)
		}
		c.Command = []string{self}
	}
	small := 1
	if c.Quick {
		small = 20
	}
	for value, standard := range map[*int]int{&c.Calls: 1_000_000, &c.Transcripts: 200_000, &c.Events: 1_000_000, &c.Messages: 3_000_000} {
		if *value == 0 {
			*value = standard / small
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// Part is one group of figures.
type Part struct {
	Name string
	Help string
	run  func(*bench, context.Context) ([]Figure, error)
}

// Parts lists the parts in the order in which they are measured.
func Parts() []Part {
	return []Part{
		{"ingest", "signed events acknowledged a second, beside the same HTTP server that stores nothing", (*bench).ingest},
		{"fsync", "the same with an fsync before each answer, one node and three, beside bare JetStream publishes", (*bench).fsync},
		{"calls", "events merged into Postgres a second, beside a bare multi-row upsert and one statement a message", (*bench).calls},
		{"webhook", "from webhook to row with everything busy: events a second and CPU an event", (*bench).webhook},
		{"answer", "from an answered call's webhook to the request that starts its recording", (*bench).answer},
		{"archive", "Twilio to S3: megabytes a second and memory, beside one straight PUT", (*bench).archive},
		{"ready", "from a recording's webhook to its copy and its transcript", (*bench).ready},
		{"replay", "call rows rebuilt from the stream: events a second and memory", (*bench).replay},
		{"search", "the API's list and transcript search over a large database", (*bench).search},
		{"footprint", "memory at rest, start, binary, build", (*bench).footprint},
		{"scaling", "cost of an event as stream and database grow; archivers side by side", (*bench).scaling},
	}
}

// bench is a run.
type bench struct {
	Config
	log *slog.Logger
}

// Run measures. The report is complete even where single parts failed, whose
// figures say why; the error is of what concerns all, or [context.Canceled].
func Run(ctx context.Context, config Config) (Report, error) {
	parts, err := chosen(config.Parts)
	if err != nil {
		return Report{}, err
	}
	config, err = config.withDefaults()
	if err != nil {
		return Report{}, err
	}
	if config.Dir == "" {
		if config.Dir, err = os.MkdirTemp("", "callstream-bench-"); err != nil {
			return Report{}, fmt.Errorf("make a folder: %w", err)
		}
		defer os.RemoveAll(config.Dir)
	}
	b := &bench{Config: config, log: config.Logger}
	report := Report{Started: time.Now(), Quick: config.Quick, Machine: newMachine()}
	for _, part := range parts {
		figures, err := b.measure(ctx, part)
		if ctx.Err() != nil {
			return report, context.Cause(ctx)
		}
		if err != nil {
			b.log.Warn("not measured", "part", part.Name, "error", err)
			figures = append(figures, Figure{Name: part.Help, Error: err.Error()})
		}
		for _, f := range figures {
			f.Part = part.Name
			report.Figures = append(report.Figures, f)
		}
	}
	report.Took = time.Since(report.Started).Seconds()
	return report, nil
}

// measure takes one part's figures. A part that crashes is one that failed.
func (b *bench) measure(ctx context.Context, part Part) (figures []Figure, err error) {
	began := time.Now()
	b.log.Info("measure", "part", part.Name)
	defer func() { b.log.Info("measured", "part", part.Name, "took", time.Since(began).Round(time.Second)) }()
	return part.run(b, ctx)
}

// chosen returns the parts of the given names.
func chosen(names []string) ([]Part, error) {
	all := Parts()
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	for _, p := range all {
		known = append(known, p.Name)
	}
	var errs []error
	for _, name := range names {
		if !slices.Contains(known, name) {
			errs = append(errs, schema.Errorf(schema.Invalid, "there is no part %q; the parts are %s", name, strings.Join(known, ", ")))
		}
	}
	return slices.DeleteFunc(all, func(p Part) bool { return !slices.Contains(names, p.Name) }), errors.Join(errs...)
}

// span returns how long a round takes: long in earnest, short for a try.
func (b *bench) span(earnest time.Duration) time.Duration {
	if b.Quick {
		return earnest / 10
	}
	return earnest
}

// size returns how much a round does.
func (b *bench) size(earnest int) int {
	if b.Quick {
		return max(earnest/10, 1)
	}
	return earnest
}

// rounds returns how often each contestant has its turn.
func (b *bench) rounds() int {
	if b.Quick {
		return 1
	}
	return 5
}
