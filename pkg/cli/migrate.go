package cli

import (
	"context"
	"fmt"
	"time"
)

// migrateCommand brings the database up to date.
type migrateCommand struct {
	Up     migrateUp     `cmd:"" help:"Apply what is missing; safe while others do the same."`
	Status migrateStatus `cmd:"" help:"Say which migrations are applied."`
}

type migrateUp struct{ databaseConfig }

// Run applies the missing migrations.
func (c *migrateUp) Run(ctx context.Context, proc *process) (err error) {
	p, err := openForMigration(ctx, proc, c.databaseConfig)
	if err != nil {
		return err
	}
	defer func() { err = joinClose(ctx, p, err) }()
	if err := p.db.Migrate(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return printMigrations(ctx, proc, p)
}

type migrateStatus struct{ databaseConfig }

// Run prints the migrations.
func (c *migrateStatus) Run(ctx context.Context, proc *process) (err error) {
	p, err := openForMigration(ctx, proc, c.databaseConfig)
	if err != nil {
		return err
	}
	defer func() { err = joinClose(ctx, p, err) }()
	return printMigrations(ctx, proc, p)
}

func openForMigration(ctx context.Context, proc *process, c databaseConfig) (*parts, error) {
	if err := missing(c.needed()); err != nil {
		return nil, err
	}
	p := newParts(proc)
	return p, p.openDatabase(ctx, c, "")
}

// printMigrations prints a line for each migration.
func printMigrations(ctx context.Context, proc *process, p *parts) error {
	list, err := p.db.MigrationStatus(ctx)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	for _, m := range list {
		when := "missing"
		if !m.Applied.IsZero() {
			when = "applied " + m.Applied.UTC().Format(time.RFC3339)
		}
		_, _ = fmt.Fprintf(proc.stdout, "%s  %s\n", m.Name, when)
	}
	return nil
}
