package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/loquent/callstream/schema"
)

// sinksCommand looks after Twilio's event sinks.
type sinksCommand struct {
	Setup  sinksSetup  `cmd:"" help:"Have Twilio send its events here; may be repeated."`
	Remove sinksRemove `cmd:"" help:"Have Twilio send them no more."`
	Update sinksUpdate `cmd:"" help:"Bring a subscription's event types up to date."`
	Check  sinksCheck  `cmd:"" help:"Compare what is at Twilio with what is stored; changes nothing."`
}

// Help shows how to run it.
func (sinksCommand) Help() string {
	return `Examples:
  APP_HOST=calls.example.com callstream sinks setup call sms
  callstream sinks check
  callstream sinks remove sms`
}

// kindsConfig names kinds of events.
type kindsConfig struct {
	Kinds []schema.EventKind `arg:"" name:"kind" enum:"call,sms" help:"call, sms or both."`
}

type sinksSetup struct {
	kindsConfig
	twilioAdminConfig
	listConfig
}

// Run sets the sinks up and says whether a test event arrived.
func (c *sinksSetup) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		return each(c.Kinds, func(kind schema.EventKind) error {
			setup, err := p.sinks().Setup(ctx, org.ID, kind)
			if err != nil {
				return fmt.Errorf("set up %s events: %w", kind, err)
			}
			return c.report(proc, setup)
		})
	})
}

// report prints one set-up. One whose test event did not arrive is an error:
// until it does, nothing else will.
func (c *sinksSetup) report(proc *process, s schema.SinkSetup) error {
	if c.JSON {
		if err := printJSON(proc.stdout, s); err != nil {
			return err
		}
	} else {
		printSetup(proc, s)
	}
	if !s.Test.Arrived {
		return fmt.Errorf("%s events are set up, but Twilio's test event did not arrive: %s", s.Kind, s.Test.Problem)
	}
	return nil
}

func printSetup(proc *process, s schema.SinkSetup) {
	verb := "made"
	if s.Reused {
		verb = "reused"
	}
	_, _ = fmt.Fprintf(proc.stdout, "%s events: %s sink %s, subscription %s\n  to    %s\n  types %s\n",
		s.Kind, verb, s.SinkSID, s.SubscriptionSID, s.Destination, strings.Join(s.Types, "\n        "))
	if len(s.Missing) > 0 {
		_, _ = fmt.Fprintf(proc.stdout, "  this account is not offered %s\n", strings.Join(s.Missing, ", "))
	}
	if s.Test.Arrived {
		_, _ = fmt.Fprintln(proc.stdout, "  Twilio's test event arrived")
	}
}

type sinksUpdate struct {
	kindsConfig
	twilioAdminConfig
	listConfig
}

// Run brings the subscriptions' types up to date.
func (c *sinksUpdate) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		return each(c.Kinds, func(kind schema.EventKind) error {
			setup, err := p.sinks().Update(ctx, org.ID, kind)
			if err != nil {
				return fmt.Errorf("update %s events: %w", kind, err)
			}
			if c.JSON {
				return printJSON(proc.stdout, setup)
			}
			printSetup(proc, setup)
			return nil
		})
	})
}

type sinksRemove struct {
	kindsConfig
	Forget bool `name:"forget" help:"Only forget them here: for an account whose credentials no longer work."`
	twilioAdminConfig
}

// Run removes the sinks.
func (c *sinksRemove) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		return each(c.Kinds, func(kind schema.EventKind) error {
			removal, err := p.sinks().Remove(ctx, org.ID, kind, c.Forget)
			if err != nil {
				return fmt.Errorf("remove %s events: %w", kind, err)
			}
			verb := map[bool]string{true: "removed", false: "there were none"}[removal.Removed]
			_, _ = fmt.Fprintf(proc.stdout, "%s events: %s\n", kind, verb)
			if removal.Warning != "" {
				_, _ = fmt.Fprintln(proc.stdout, "  "+removal.Warning)
			}
			return nil
		})
	})
}

type sinksCheck struct {
	twilioAdminConfig
	listConfig
}

// Run prints what differs.
func (c *sinksCheck) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		findings, err := p.sinks().Check(ctx, org.ID)
		if err != nil {
			return fmt.Errorf("check event sinks: %w", err)
		}
		return reportFindings(proc, c.JSON, findings)
	})
}

// reportFindings prints findings and fails if one of them has failed.
func reportFindings(proc *process, asJSON bool, findings []schema.Finding) error {
	if asJSON {
		if err := printJSON(proc.stdout, findings); err != nil {
			return err
		}
	} else {
		for _, f := range findings {
			printFinding(proc.stdout, f)
		}
	}
	for _, f := range findings {
		if f.Severity == schema.SeverityFailed {
			return errors.New("at least one check failed")
		}
	}
	return nil
}
