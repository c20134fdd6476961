package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/loquent/callstream/schema"
)

// numbersCommand looks after an organization's telephone numbers.
type numbersCommand struct {
	Ls      numbersLs      `cmd:"" help:"List the organization's numbers and how calls to them are answered."`
	Add     numbersAdd     `cmd:"" help:"Add numbers; calls of other numbers are never recorded."`
	Rm      numbersRm      `cmd:"" help:"Remove numbers."`
	Voice   numbersVoice   `cmd:"" help:"Say how callstream answers calls to a number."`
	Connect numbersConnect `cmd:"" help:"Point numbers at Twilio to callstream: status callbacks and, where it answers, the voice URL."`
}

// Help shows how to run it.
func (numbersCommand) Help() string {
	return `Examples:
  callstream numbers add +15550001111 +15550002222
  callstream numbers voice +15550001111 forward --to +15550003333 --announcement "This call is recorded."
  callstream numbers voice +15550002222 voicemail --greeting "Please leave a message."
  callstream numbers connect +15550001111 +15550002222
  callstream numbers ls`
}

type numbersLs struct {
	orgConfig
	listConfig
}

// Run lists the numbers.
func (c *numbersLs) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		numbers, err := p.db.PhoneNumbers(ctx, org.ID)
		if err != nil {
			return fmt.Errorf("list numbers: %w", err)
		}
		rows := make([][]string, len(numbers))
		for i, n := range numbers {
			rows[i] = []string{n.Number, answering(n.Voice)}
		}
		return c.print(proc.stdout, numbers, "NUMBER ANSWERED", rows)
	})
}

// answering says in a few words how calls are answered.
func answering(plan *schema.VoicePlan) string {
	switch {
	case plan == nil:
		return "elsewhere"
	case plan.Action == schema.VoiceForward:
		return "forwarded to " + plan.To
	}
	return string(plan.Action)
}

type numbersAdd struct {
	Numbers []string `arg:"" name:"number" help:"Numbers as +15550001111, or sip: and client: addresses."`
	orgConfig
}

// Run adds the numbers, all that can be.
func (c *numbersAdd) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		return each(c.Numbers, func(number string) error {
			number = schema.NormalizeNumber(number)
			if err := p.db.AddPhoneNumber(ctx, org.ID, number); err != nil {
				return err
			}
			_, _ = fmt.Fprintln(proc.stdout, "added", number)
			return nil
		})
	})
}

type numbersRm struct {
	Numbers []string `arg:"" name:"number" help:"Numbers as numbers ls shows them."`
	orgConfig
}

// Run removes the numbers, all that can be.
func (c *numbersRm) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		return each(c.Numbers, func(number string) error {
			if err := p.db.RemovePhoneNumber(ctx, org.ID, schema.NormalizeNumber(number)); err != nil {
				return err
			}
			_, _ = fmt.Fprintln(proc.stdout, "removed", number)
			return nil
		})
	})
}

type numbersVoice struct {
	Number string `arg:"" help:"The organization's number."`
	Action string `arg:"" enum:"forward,voicemail,off" help:"forward, voicemail, or off: callstream does not answer."`

	To           string `name:"to" placeholder:"ADDRESS" group:"Forward:" help:"Whom to connect: +15550001111, sip:user@host or client:name."`
	CallerID     string `name:"caller-id" placeholder:"+1555..." group:"Forward:" help:"What the called party sees; the caller's own number without it."`
	RingSeconds  int    `name:"ring" placeholder:"SECONDS" group:"Forward:" help:"How long to ring; default 30."`
	Announcement string `name:"announcement" placeholder:"TEXT" help:"Said to the caller before recording starts, only when it will."`
	Greeting     string `name:"greeting" placeholder:"TEXT" group:"Voicemail:" help:"Said before the tone."`
	MaxSeconds   int    `name:"max" placeholder:"SECONDS" group:"Voicemail:" help:"Longest message; default 300."`
	Unrecorded   string `name:"unrecorded-text" placeholder:"TEXT" group:"Voicemail:" help:"Said instead while recording is off."`
	Language     string `name:"language" placeholder:"TAG" help:"Of what is said; default en-US."`
	orgConfig
}

// Run stores the plan.
func (c *numbersVoice) Run(ctx context.Context, proc *process) error {
	plan := &schema.VoicePlan{
		Action: schema.VoiceAction(c.Action), To: c.To, CallerID: c.CallerID, RingSeconds: c.RingSeconds,
		Announcement: c.Announcement, Greeting: c.Greeting, MaxSeconds: c.MaxSeconds, Unrecorded: c.Unrecorded, Language: c.Language,
	}
	if c.Action == "off" {
		plan = nil
	} else if err := plan.Validate(); err != nil {
		return err
	}
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		number := schema.NormalizeNumber(c.Number)
		if err := p.db.SetVoicePlan(ctx, org.ID, number, plan); err != nil {
			return fmt.Errorf("set how calls to %s are answered: %w", number, err)
		}
		_, _ = fmt.Fprintf(proc.stdout, "%s is answered: %s\n", number, answering(plan))
		if plan != nil {
			_, _ = fmt.Fprintf(proc.stdout, "callstream numbers connect %s points it there at Twilio\n", number)
		}
		return nil
	})
}

type numbersConnect struct {
	Numbers []string `arg:"" name:"number" optional:"" help:"Numbers to connect; all of the organization's without it."`
	twilioAdminConfig
}

// Run points the numbers at Twilio to callstream.
func (c *numbersConnect) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		l, err := p.lines(ctx, org.ID)
		if err != nil {
			return err
		}
		chosen, err := l.choose(c.Numbers)
		if err != nil {
			return err
		}
		return each(chosen, func(n schema.PhoneNumber) error {
			if err := l.connect(ctx, n); err != nil {
				return err
			}
			_, _ = fmt.Fprintf(proc.stdout, "connected %s, answered %s\n", n.Number, answering(n.Voice))
			return nil
		})
	})
}

// choose returns the named ones among the organization's numbers, all where none
// is named.
func (l lines) choose(names []string) (chosen []schema.PhoneNumber, err error) {
	if len(names) == 0 {
		return l.here, nil
	}
	for _, name := range names {
		n, err := l.find(name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, n)
	}
	return chosen, nil
}

// voiceURL returns where Twilio asks how to answer a call, or nothing for a
// number that callstream does not answer. Where calls are forwarded, the URL
// itself names whom to connect when callstream can look nothing up.
func (p *parts) voiceURL(org string, plan *schema.VoicePlan) string {
	switch {
	case plan == nil:
		return ""
	case plan.Action == schema.VoiceForward:
		return p.webhook("voice", org, "fallback", plan.To)
	}
	return p.webhook("voice", org)
}

// each does all that can be done of items and returns what could not.
func each[T any](items []T, do func(T) error) error {
	var errs []error
	for _, item := range items {
		errs = append(errs, do(item))
	}
	return errors.Join(errs...)
}

// onOff reads a switch of the command line; nil where it is left alone.
func onOff(s string) *bool {
	if s == "" {
		return nil
	}
	on := strings.EqualFold(s, "on")
	return &on
}
