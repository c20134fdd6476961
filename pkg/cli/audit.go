package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/loquent/callstream/schema"
)

// auditCommand shows who changed or played what.
type auditCommand struct {
	Limit int `name:"limit" default:"50" help:"How many entries, the newest first."`
	orgConfig
	listConfig
}

// Help shows how to run it.
func (auditCommand) Help() string {
	return `Examples:
  callstream audit --limit 20
  callstream audit --json`
}

// Run prints the newest entries.
func (c *auditCommand) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		entries, _, err := p.db.AuditLog(ctx, org.ID, schema.AuditFilter{Limit: c.Limit})
		if err != nil {
			return fmt.Errorf("read audit log: %w", err)
		}
		rows := make([][]string, len(entries))
		for i, e := range entries {
			detail, err := json.Marshal(e.Detail)
			if err != nil {
				return fmt.Errorf("print detail: %w", err)
			}
			rows[i] = []string{e.At.UTC().Format(time.RFC3339), string(e.Actor), e.Action, e.Target, string(detail)}
		}
		return c.print(proc.stdout, entries, "AT ACTOR ACTION TARGET DETAIL", rows)
	})
}
