package cli

import (
	"context"
	"fmt"
)

// secretsCommand looks after the key that seals Twilio's tokens.
type secretsCommand struct {
	New    secretsNew    `cmd:"" help:"Print a new key for CALLSTREAM_SECRET_KEY."`
	Rotate secretsRotate `cmd:"" help:"Seal every token under the first key of CALLSTREAM_SECRET_KEY."`
}

// Help shows how to run it.
func (secretsCommand) Help() string {
	return `CALLSTREAM_SECRET_KEY may hold several keys, separated by commas: the first
seals, all of them open. To rotate without a pause:

  1. callstream secrets new
  2. restart every role with CALLSTREAM_SECRET_KEY=NEW,OLD
  3. CALLSTREAM_SECRET_KEY=NEW,OLD callstream secrets rotate
  4. restart every role with CALLSTREAM_SECRET_KEY=NEW`
}

type secretsNew struct{}

// Run prints a key.
func (secretsNew) Run(proc *process) error {
	key, err := newSecretKey()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(proc.stdout, key)
	return nil
}

type secretsRotate struct{ adminConfig }

// Run seals every token anew that another key sealed.
func (c *secretsRotate) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts) error {
		if err := missing(c.secretConfig.needed()); err != nil {
			return err
		}
		n, err := p.db.RotateSecrets(ctx)
		if err != nil {
			return fmt.Errorf("rotate secrets: %w", err)
		}
		_, _ = fmt.Fprintf(proc.stdout, "%d tokens are sealed anew; every token is under the first key\n", n)
		return nil
	})
}
