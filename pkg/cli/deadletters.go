package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// deadlettersCommand looks after what nobody could process.
type deadlettersCommand struct {
	Ls    deadlettersLs    `cmd:"" help:"List dead letters, newest first."`
	Show  deadlettersShow  `cmd:"" help:"Show one: why, its history, headers and bytes."`
	Retry deadlettersRetry `cmd:"" help:"Try again: one, a selection or all."`
	Rm    deadlettersRm    `cmd:"" help:"Settle for good that one needs no work; it stays on record."`
}

// Help shows how to run it.
func (deadlettersCommand) Help() string {
	return `Examples:
  callstream deadletters ls --consumer transcriber --since 24h
  callstream deadletters show 17
  callstream deadletters retry 17
  callstream deadletters retry --all --consumer transcriber --rate 5
  callstream deadletters rm 17 --reason "test call"`
}

// lettersConfig is what the commands work on: the stream and the database.
type lettersConfig struct {
	adminConfig
	natsConfig
}

func (c *lettersConfig) administer(ctx context.Context, proc *process, fn func(*stream.Letters) error) error {
	variables := c.variables()
	variables["NATS_URL"] = &c.NATSURL
	if err := c.fill("DATABASE_URL", variables); err != nil {
		return err
	}
	if err := missing(c.natsConfig.needed()); err != nil {
		return err
	}
	return c.adminConfig.administer(ctx, proc, func(p *parts) error {
		if err := p.openStream(ctx, c.natsConfig, "deadletters", nil); err != nil {
			return err
		}
		return fn(p.letters())
	})
}

// letters returns what looks after the dead letters.
func (p *parts) letters() *stream.Letters {
	return &stream.Letters{Conn: p.conn, Book: p.db, Reinject: func(ctx context.Context, l schema.DeadLetter) error {
		return ingress.Reinject(ctx, p.db, p.conn, l)
	}}
}

// letterFilter selects dead letters on the command line.
type letterFilter struct {
	Consumer string `name:"consumer" placeholder:"NAME" group:"Which:" help:"Of this durable, or ingress."`
	Reason   string `name:"reason" placeholder:"REASON" group:"Which:" help:"Given up for this reason: exhausted, undecodable, refused, ..."`
	Org      string `name:"org" env:"CALLSTREAM_ORG" placeholder:"ID" group:"Which:" help:"Of this organization, by its id."`
	Since    moment `name:"since" placeholder:"WHEN" group:"Which:" help:"Given up since then: 24h ago as 24h, or a time as 2026-01-02T15:04:05Z."`
	Until    moment `name:"until" placeholder:"WHEN" group:"Which:" help:"Given up before then."`
}

func (f letterFilter) filter(now time.Time) schema.LetterFilter {
	return schema.LetterFilter{Consumer: f.Consumer, Reason: f.Reason, Organization: f.Org, Since: f.Since.at(now), Until: f.Until.at(now)}
}

// moment is a time on the command line, or how long ago it was.
type moment string

// Validate is asked by the parser.
func (m moment) Validate() error {
	if m == "" {
		return nil
	}
	if _, err := time.ParseDuration(string(m)); err == nil {
		return nil
	}
	if at, err := time.Parse(time.RFC3339, string(m)); err == nil && !at.IsZero() { // zero would be no bound
		return nil
	}
	return fmt.Errorf("%q is neither a time like 2026-01-02T15:04:05Z nor how long ago, like 24h", string(m))
}

// at returns the time, zero for none.
func (m moment) at(now time.Time) time.Time {
	if ago, err := time.ParseDuration(string(m)); err == nil {
		return now.Add(-ago)
	}
	at, err := time.Parse(time.RFC3339, string(m))
	if err != nil {
		return time.Time{}
	}
	return at
}

type deadlettersLs struct {
	letterFilter
	State string `name:"state" enum:"open,retrying,resolved,failed_again,removed,any," default:"" placeholder:"STATE" group:"Which:" help:"open, retrying, resolved, failed_again, removed or any; what needs work without it."`
	Limit int    `name:"limit" default:"50" help:"How many at most."`
	lettersConfig
	listConfig
}

// Run lists the newest.
func (c *deadlettersLs) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(letters *stream.Letters) error {
		f := c.filter(time.Now())
		f.Limit, f.All = c.Limit, c.State == "any"
		if !f.All {
			f.State = schema.LetterState(c.State)
		}
		page, next, err := letters.List(ctx, f)
		if err != nil {
			return fmt.Errorf("list dead letters: %w", err)
		}
		rows := make([][]string, len(page))
		for i, l := range page {
			rows[i] = []string{
				strconv.FormatUint(l.ID, 10), l.FailedAt.UTC().Format(time.RFC3339), l.Consumer, l.Reason,
				string(l.Status.State), strconv.Itoa(l.Attempts), firstLine(l.Error),
			}
		}
		if err := c.print(proc.stdout, page, "ID GIVEN-UP CONSUMER REASON STATE ATTEMPTS ERROR", rows); err != nil {
			return err
		}
		if next != "" && !c.JSON {
			_, _ = fmt.Fprintf(proc.stdout, "there are more; --limit %d shows them\n", 2*c.Limit)
		}
		return nil
	})
}

// firstLine is as much of an error as a row can show.
func firstLine(s string) string {
	const most = 100
	s, _, _ = strings.Cut(s, "\n")
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

type deadlettersShow struct {
	ID uint64 `arg:"" help:"The dead letter, as deadletters ls shows it."`
	lettersConfig
	JSON bool `name:"json" help:"Print JSON, the bytes in base64."`
}

// Run prints the letter.
func (c *deadlettersShow) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(letters *stream.Letters) error {
		letter, err := letters.Show(ctx, c.ID)
		if err != nil {
			return fmt.Errorf("show dead letter: %w", err)
		}
		if c.JSON {
			return printJSON(proc.stdout, letter)
		}
		printLetter(proc.stdout, letter)
		return nil
	})
}

func printLetter(w io.Writer, l schema.LetterHistory) {
	line := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%-13s"+format+"\n", append([]any{name}, args...)...)
	}
	line("dead letter", "%d, %s", l.ID, l.Status.State)
	line("given up", "%s by %s after %d attempts: %s", l.FailedAt.UTC().Format(time.RFC3339), l.Consumer, l.Attempts, l.Reason)
	line("error", "%s", l.Error)
	if l.Sequence > 0 {
		line("message", "%s, sequence %d of CALLS, stored %s", l.Subject, l.Sequence, l.Published.UTC().Format(time.RFC3339))
	}
	line("organization", "%s, account %s", orNone(l.Org), orNone(l.Account))
	if l.Status.Retries > 0 {
		line("tried again", "%d times, last %s by %s", l.Status.Retries, l.Status.RetriedAt.UTC().Format(time.RFC3339), l.Status.Actor)
	}
	if l.Status.Note != "" {
		line("note", "%s", l.Status.Note)
	}
	for _, earlier := range l.Earlier {
		line("before", "%d, given up %s: %s", earlier.ID, earlier.FailedAt.UTC().Format(time.RFC3339), firstLine(earlier.Error))
	}
	if l.Later > 0 {
		line("after", "%d tells how it failed again", l.Later)
	}
	for name, values := range l.Header {
		line("header", "%s: %s", name, strings.Join(values, ", "))
	}
	if utf8.Valid(l.Data) {
		line("bytes", "%d\n%s", len(l.Data), l.Data)
		return
	}
	line("bytes", "%d, not text; --json prints them", len(l.Data))
}

type deadlettersRetry struct {
	IDs []uint64 `arg:"" name:"id" optional:"" help:"Dead letters, as deadletters ls shows them."`
	All bool     `name:"all" help:"All that need work and that the flags below select."`
	letterFilter
	Rate float64 `name:"rate" default:"10" help:"With --all: how many a second."`
	lettersConfig
}

// Run has the durables that gave the messages up try them again.
func (c *deadlettersRetry) Run(ctx context.Context, proc *process) error {
	if c.All == (len(c.IDs) > 0) {
		return errors.New("name dead letters, or select them with --all and flags; callstream deadletters ls lists them")
	}
	return c.administer(ctx, proc, func(letters *stream.Letters) error {
		if !c.All {
			return each(c.IDs, func(id uint64) error { return reportRetry(proc, id, letters.Retry(ctx, id)) })
		}
		failed := 0
		n, err := letters.RetryAll(ctx, c.filter(time.Now()), c.Rate, func(l schema.LetterEntry, err error) {
			if reportRetry(proc, l.ID, err) != nil {
				failed++
				_, _ = fmt.Fprintf(proc.stderr, "callstream: dead letter %d: %v\n", l.ID, err)
			}
		})
		if err != nil {
			return fmt.Errorf("retry dead letters: %w", err)
		}
		_, _ = fmt.Fprintf(proc.stdout, "%d tried again; callstream deadletters ls --state any shows what became of them\n", n)
		if failed > 0 {
			return fmt.Errorf("%d could not be tried again", failed)
		}
		return nil
	})
}

func reportRetry(proc *process, id uint64, err error) error {
	if err != nil {
		return fmt.Errorf("retry dead letter %d: %w", id, err)
	}
	_, _ = fmt.Fprintf(proc.stdout, "%d goes back to work\n", id)
	return nil
}

type deadlettersRm struct {
	IDs    []uint64 `arg:"" name:"id" help:"Dead letters, as deadletters ls shows them."`
	Reason string   `name:"reason" required:"" placeholder:"TEXT" help:"Why they need no work; kept with them."`
	lettersConfig
}

// Run removes them.
func (c *deadlettersRm) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(letters *stream.Letters) error {
		return each(c.IDs, func(id uint64) error {
			if err := letters.Remove(ctx, id, c.Reason); err != nil {
				return fmt.Errorf("remove dead letter %d: %w", id, err)
			}
			_, _ = fmt.Fprintf(proc.stdout, "%d removed\n", id)
			return nil
		})
	})
}
