package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/loquent/callstream/pkg/api"
	"github.com/loquent/callstream/schema"
)

// keysCommand looks after API keys.
type keysCommand struct {
	Create keysCreate `cmd:"" help:"Make a key; prints it, for the only time."`
	Ls     keysLs     `cmd:"" help:"List keys; the keys themselves are never shown again."`
	Rotate keysRotate `cmd:"" help:"Make a new key in place of one, which works on for a while."`
	Revoke keysRevoke `cmd:"" help:"Make a key worthless, at once."`
}

// Help shows how to run it.
func (keysCommand) Help() string {
	return `Examples:
  callstream keys create reporting --permission read --permission play
  callstream keys create on-call --operator --permission operate
  callstream keys rotate KEY_ID --grace 48h
  callstream keys revoke KEY_ID`
}

// holderConfig says whose keys: an organization's or the operators'.
type holderConfig struct {
	orgConfig
	Operator bool `name:"operator" help:"Keys of operators, who look after all organizations."`
}

// administer runs fn with the organization's id, empty for operators.
func (c *holderConfig) administer(ctx context.Context, proc *process, fn func(p *parts, org string) error) error {
	if c.Operator {
		return c.adminConfig.administer(ctx, proc, func(p *parts) error { return fn(p, "") })
	}
	return c.orgConfig.administer(ctx, proc, func(p *parts, org schema.Organization) error { return fn(p, org.ID) })
}

type keysCreate struct {
	Name        string   `arg:"" help:"What it is for."`
	Permissions []string `name:"permission" required:"" placeholder:"NAME" enum:"${permissions}" help:"What it may do: ${permissions}."`
	holderConfig
}

// Run makes the key and prints it.
func (c *keysCreate) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org string) error {
		key, err := p.db.CreateAPIKey(ctx, org, c.Name, c.Permissions)
		if err != nil {
			return fmt.Errorf("create key: %w", err)
		}
		_, _ = fmt.Fprintln(proc.stdout, key)
		return nil
	})
}

type keysLs struct {
	holderConfig
	listConfig
}

// Run lists the keys.
func (c *keysLs) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org string) error {
		keys, err := p.db.APIKeys(ctx, org)
		if err != nil {
			return fmt.Errorf("list keys: %w", err)
		}
		rows := make([][]string, len(keys))
		for i, k := range keys {
			rows[i] = []string{k.ID, k.Name, strings.Join(k.Permissions, ","), keyState(k, time.Now())}
		}
		return c.print(proc.stdout, keys, "ID NAME PERMISSIONS STATE", rows)
	})
}

// keyState says whether a key works.
func keyState(k schema.APIKey, now time.Time) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked " + k.RevokedAt.UTC().Format(time.RFC3339)
	case k.ExpiresAt != nil && k.ExpiresAt.Before(now):
		return "expired " + k.ExpiresAt.UTC().Format(time.RFC3339)
	case k.ExpiresAt != nil:
		return "works until " + k.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return "works"
}

type keysRotate struct {
	ID    string        `arg:"" help:"Id of the key, as keys ls shows it."`
	Grace time.Duration `name:"grace" default:"24h" help:"How long the old one works on."`
	holderConfig
}

// Run makes the new key and prints it.
func (c *keysRotate) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org string) error {
		key, err := p.db.RotateAPIKey(ctx, org, c.ID, c.Grace)
		if err != nil {
			return fmt.Errorf("rotate key: %w", err)
		}
		_, _ = fmt.Fprintln(proc.stdout, key)
		return nil
	})
}

type keysRevoke struct {
	ID string `arg:"" help:"Id of the key, as keys ls shows it."`
	holderConfig
}

// Run revokes the key.
func (c *keysRevoke) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org string) error {
		if err := p.db.RevokeAPIKey(ctx, org, c.ID); err != nil {
			return fmt.Errorf("revoke key: %w", err)
		}
		return nil
	})
}

// permissions lists what a key may be allowed, for help and checking.
func permissions() string { return strings.Join(api.Permissions, ",") }
