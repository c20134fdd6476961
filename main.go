// Command callstream is a self-hosted NATS JetStream pipeline for Twilio call
// recording; README.md says what it does and how to run it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/loquent/callstream/pkg/cli"
)

func main() { os.Exit(run()) }

// run ends on the first SIGINT or SIGTERM in order; a second one ends the
// process at once.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}
