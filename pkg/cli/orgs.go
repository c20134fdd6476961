package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/schema"
)

// orgsCommand looks after the organizations.
type orgsCommand struct {
	Create orgsCreate `cmd:"" help:"Make an organization; prints its id."`
	Ls     orgsLs     `cmd:"" help:"List the organizations."`
	Rename orgsRename `cmd:"" help:"Give an organization another name."`
}

// Help shows how to run it.
func (orgsCommand) Help() string {
	return `Examples:
  callstream orgs create "Example Ltd"
  callstream orgs ls`
}

type orgsCreate struct {
	Name string `arg:"" help:"What people call it."`
	ID   string `name:"id" placeholder:"ID" help:"The id that it had in a database that is lost: events and objects name it by that."`
	adminConfig
}

// Run makes the organization and prints its id.
func (c *orgsCreate) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts) error {
		id, err := c.create(ctx, p.db)
		if err != nil {
			return fmt.Errorf("create organization: %w", err)
		}
		_, _ = fmt.Fprintln(proc.stdout, id)
		return nil
	})
}

func (c *orgsCreate) create(ctx context.Context, db *postgres.DB) (id string, err error) {
	if c.ID != "" {
		return c.ID, db.RestoreOrganization(ctx, c.ID, c.Name)
	}
	return db.CreateOrganization(ctx, c.Name)
}

type orgsLs struct {
	adminConfig
	listConfig
}

// Run lists the organizations.
func (c *orgsLs) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts) error {
		all, err := p.db.Organizations(ctx)
		if err != nil {
			return fmt.Errorf("list organizations: %w", err)
		}
		rows := make([][]string, len(all))
		for i, o := range all {
			rows[i] = []string{o.ID, o.Name, orNone(o.AccountSID), strconv.Itoa(o.Numbers), o.CreatedAt.UTC().Format(time.RFC3339)}
		}
		return c.print(proc.stdout, all, "ID NAME ACCOUNT NUMBERS CREATED", rows)
	})
}

type orgsRename struct {
	Name string `arg:"" help:"The new name."`
	orgConfig
}

// Run renames the organization.
func (c *orgsRename) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		if err := p.db.RenameOrganization(ctx, org.ID, c.Name); err != nil {
			return fmt.Errorf("rename organization: %w", err)
		}
		return nil
	})
}

// orNone shows an empty cell as a dash.
func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
