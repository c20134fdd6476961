package postgres

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/loquent/callstream/schema/migrations"
)

// sealer encrypts secrets, bound to the row that holds them. Current reports
// whether Seal would use the key that the sealed secret is under.
type sealer interface {
	Seal(plaintext, aad []byte) ([]byte, error)
	Open(sealed, aad []byte) ([]byte, error)
	Current(sealed []byte) bool
}

// Options say how a database is used.
type Options struct {
	Sealer   sealer       // nil: Twilio tokens can be neither read nor written
	Logger   *slog.Logger // nil: silent
	MaxConns int          // 0: 16
}

// DB is the database.
type DB struct {
	x      *sqlx.DB
	locks  *sql.DB // see [DB.Exclusive]
	sealer sealer
	log    *slog.Logger
}

// Open connects to the Postgres at url. The error is [schema.Invalid] for a
// malformed address, whose text is not repeated, and [schema.Unavailable] for
// one where nobody answers.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	connector, err := newConnector(url)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(connector)
	if o.MaxConns == 0 {
		o.MaxConns = 16
	}
	pool.SetMaxOpenConns(o.MaxConns)
	pool.SetMaxIdleConns(o.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := &DB{x: sqlx.NewDb(pool, "postgres"), locks: openLocks(connector), sealer: o.Sealer, log: o.Logger}
	if err := d.Ping(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Close closes the connections.
func (d *DB) Close() {
	_ = d.locks.Close()
	_ = d.x.Close()
}

// Ping asks whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return classify("ping", d.x.PingContext(ctx)) }

// Migration is one step of the tables' history.
type Migration struct {
	Name    string    `json:"name"`
	Applied time.Time `json:"applied,omitzero"` // zero: not yet
}

// Migrate applies what is missing. Several processes may do so at once: a lock
// in the database lets one after the other.
func (d *DB) Migrate(ctx context.Context) error {
	provider, err := d.migrations()
	if err != nil {
		return err
	}
	results, err := provider.Up(ctx)
	for _, r := range results {
		d.log.InfoContext(ctx, "migrated", "file", r.Source.Path, "took", r.Duration)
	}
	return classify("migrate", err)
}

// MigrationStatus lists the migrations with when each was applied.
func (d *DB) MigrationStatus(ctx context.Context) ([]Migration, error) {
	provider, err := d.migrations()
	if err != nil {
		return nil, err
	}
	statuses, err := provider.Status(ctx)
	if err != nil {
		return nil, classify("read migrations", err)
	}
	list := make([]Migration, len(statuses))
	for i, s := range statuses {
		list[i] = Migration{Name: s.Source.Path, Applied: s.AppliedAt}
	}
	return list, nil
}

func (d *DB) migrations() (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return nil, classify("make migration lock", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, d.x.DB, migrations.Files,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	return provider, classify("read migrations", err)
}

// transact runs fn in a transaction, and again when it lost against another
// one that holds the same rows.
func (d *DB) transact(ctx context.Context, what string, fn func(*sqlx.Tx) error) error {
	const tries = 5
	for try := 1; ; try++ {
		err := d.once(ctx, fn)
		if err == nil || try == tries || !lost(err) {
			return classify(what, err)
		}
	}
}

func (d *DB) once(ctx context.Context, fn func(*sqlx.Tx) error) error {
	tx, err := d.x.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}
