package postgres

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/loquent/callstream/schema"
)

// AcquireLease takes the lease called name for ttl and returns the token that
// renews and releases it; [schema.Conflict] while somebody else holds it. Time
// is the database's.
func (d *DB) AcquireLease(ctx context.Context, name string, ttl time.Duration) (token string, err error) {
	token = rand.Text()
	result, err := d.x.ExecContext(ctx, `
		INSERT INTO lease AS l (name, token, expires_at) VALUES ($1, $2, clock_timestamp() + $3 * interval '1 microsecond')
		ON CONFLICT (name) DO UPDATE SET token = EXCLUDED.token, expires_at = EXCLUDED.expires_at
		WHERE l.expires_at < clock_timestamp()`, name, token, ttl.Microseconds())
	if err != nil {
		return "", classify("acquire lease "+name, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return "", schema.Errorf(schema.Conflict, "lease %s is held", name)
	}
	return token, nil
}

// RenewLease keeps the lease for another ttl; [schema.Conflict] when it has run
// out and somebody else took it.
func (d *DB) RenewLease(ctx context.Context, name, token string, ttl time.Duration) error {
	result, err := d.x.ExecContext(ctx, `
		UPDATE lease SET expires_at = clock_timestamp() + $3 * interval '1 microsecond'
		WHERE name = $1 AND token = $2`, name, token, ttl.Microseconds())
	if err != nil {
		return classify("renew lease "+name, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return schema.Errorf(schema.Conflict, "lease %s was lost", name)
	}
	return nil
}

// ReleaseLease gives the lease back; one that was lost is somebody else's and
// stays. It does not wait for the disk: a database that crashes may have the
// lease still, until its time is over.
func (d *DB) ReleaseLease(ctx context.Context, name, token string) error {
	_, err := d.x.ExecContext(ctx, `DELETE FROM lease WHERE name = $1 AND token = $2 AND `+lazily, name, token)
	return classify("release lease "+name, err)
}
