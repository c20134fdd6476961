package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/loquent/callstream/pkg/simulator"
	"github.com/loquent/callstream/pkg/telemetry"
	"github.com/loquent/callstream/schema"
)

// commands is the command line: flags for all, and one field per command.
type commands struct {
	LogFormat string `name:"log-format" env:"LOG_FORMAT" enum:"text,json" default:"text" help:"How to log: text or json."`
	LogLevel  string `name:"log-level" env:"LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"What to log: debug, info, warn or error."`
	Traces    string `name:"otlp-endpoint" env:"OTEL_EXPORTER_OTLP_ENDPOINT" placeholder:"URL" help:"Collector that takes OpenTelemetry traces by OTLP over HTTP, as http://127.0.0.1:4318; empty: nothing is traced."`

	Up          upCommand          `cmd:"" help:"Run everything in one process, on embedded parts where no address is given."`
	Ingress     ingressCommand     `cmd:"" help:"Take Twilio's webhooks and events into the stream."`
	Consume     consumeCommand     `cmd:"" help:"Run durable consumers; any number of copies of each."`
	Console     consoleCommand     `cmd:"" help:"Serve the pages for people and the JSON API."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the database's tables up to date."`
	Streams     streamsCommand     `cmd:"" help:"List, apply and inspect the streams and durables."`
	Status      statusCommand      `cmd:"" help:"Show how far the pipeline is, and what is behind."`
	Replay      replayCommand      `cmd:"" help:"Run history through a consumer again: after a fix, with another model, into an empty database."`
	Replays     replaysCommand     `cmd:"" help:"List replays, and cancel one."`
	Deadletters deadlettersCommand `cmd:"" help:"List, inspect, retry and settle what nobody could process."`
	Orgs        orgsCommand        `cmd:"" help:"Look after organizations."`
	Settings    settingsCommand    `cmd:"" help:"Look after an organization's Twilio settings: credentials, the recording switch."`
	Numbers     numbersCommand     `cmd:"" help:"Look after an organization's telephone numbers, and how calls to them are answered."`
	Sinks       sinksCommand       `cmd:"" help:"Set up and remove Twilio's event streaming."`
	Keys        keysCommand        `cmd:"" help:"Look after API keys."`
	Secrets     secretsCommand     `cmd:"" help:"Look after the key that seals Twilio tokens."`
	Audit       auditCommand       `cmd:"" help:"Show who changed or played what."`
	Doctor      doctorCommand      `cmd:"" help:"Check every dependency and every Twilio account, and say what to do."`
	Ready       readyCommand       `cmd:"" help:"Ask the role on this machine whether it is ready."`
	Simulate    simulateCommand    `cmd:"" help:"Serve a double of Twilio and of the transcription API, and place calls."`
	Bench       benchCommand       `cmd:"" help:"Measure callstream, and the limits of what it stands on, on this machine."`
}

// process is what a command finds around it.
type process struct {
	stdout, stderr io.Writer
	log            *slog.Logger
	logTo          *switchWriter // where log writes, so that a live view can borrow the terminal
	logFormat      string
	logLevel       string
	tracing        *telemetry.Tracing
}

// Run parses args, runs the command until it is done or ctx ends, and returns
// the exit status: 0 done, 1 it did not succeed, 2 the command line is wrong.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	exited := -1
	parser, err := newParser(&c, stdout, stderr, func(code int) { exited = code })
	if err != nil {
		return fail(stderr, err)
	}
	kctx, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "callstream: %v\nTry callstream --help.\n", err)
		return 2
	}
	logTo := &switchWriter{to: stderr}
	log, err := telemetry.NewLogger(logTo, c.LogFormat, c.LogLevel)
	if err != nil {
		return fail(stderr, err)
	}
	tracing, err := newTracing(ctx, c.Traces, kctx.Command(), log)
	if err != nil {
		return fail(stderr, err)
	}
	defer closeTracing(ctx, tracing, log)
	p := &process{stdout: stdout, stderr: stderr, log: log, logTo: logTo, logFormat: c.LogFormat, logLevel: c.LogLevel, tracing: tracing}
	kctx.BindTo(schema.WithActor(ctx, terminalActor()), (*context.Context)(nil))
	if err := kctx.Run(p); err != nil && !errors.Is(err, context.Canceled) {
		return fail(stderr, err)
	}
	return 0
}

// newParser returns what reads the command line into c.
func newParser(c *commands, stdout, stderr io.Writer, exit func(int)) (*kong.Kong, error) {
	return kong.New(c, //nolint:wrapcheck // its errors are mistakes in the tags
		kong.Name("callstream"),
		kong.Description("A NATS JetStream pipeline for Twilio call recording: every call accounted for, with a reason.\n\nEvery variable NAME may also be given as NAME_FILE, a file that holds it."),
		kong.Writers(stdout, stderr),
		kong.Exit(exit),
		kong.Resolvers(kong.ResolverFunc(secretFiles)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{
			"data":        "data",
			"faults":      strings.Join(simulator.FaultNames(), ", "),
			"account":     simulatedAccount,
			"token":       simulatedToken,
			"numbers":     strings.Join(simulatedNumbers, ","),
			"permissions": permissions(),
			"benchparts":  benchParts(),
		},
	)
}

// fail prints err as its reader's next step and returns the exit status.
func fail(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintf(stderr, "callstream: %v\n", err)
	return 1
}

// terminal reports whether w is a terminal that a person looks at.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
