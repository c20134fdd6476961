package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

// apiKeyPrefix makes a key that leaked recognizable as one.
const apiKeyPrefix = "csk_"

// newKey is a key that nobody guesses.
func newKey() string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	return apiKeyPrefix + base64.RawURLEncoding.EncodeToString(random)
}

// hashOf needs no salt: keys are random and long.
func hashOf(key string) []byte {
	hash := sha256.Sum256([]byte(key))
	return hash[:]
}

type keyRow struct {
	ID             string         `db:"id"`
	OrganizationID *string        `db:"organization_id"`
	Name           string         `db:"name"`
	Permissions    pq.StringArray `db:"permissions"`
	CreatedAt      time.Time      `db:"created_at"`
	ExpiresAt      *time.Time     `db:"expires_at"`
	RevokedAt      *time.Time     `db:"revoked_at"`
}

const keyColumns = `id, organization_id, name, permissions, created_at, expires_at, revoked_at`

func (r keyRow) key() schema.APIKey {
	return schema.APIKey{
		ID: r.ID, OrganizationID: value(r.OrganizationID), Name: r.Name, Permissions: r.Permissions,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: utc(r.ExpiresAt), RevokedAt: utc(r.RevokedAt),
	}
}

// APIKey returns the holder of a key; [schema.Unauthorized] for one that is not
// known, is revoked or has expired. The look-up is by hash, so its time says
// nothing of how much of a guess was right.
func (d *DB) APIKey(ctx context.Context, key string) (schema.Principal, error) {
	var row keyRow
	err := d.x.GetContext(ctx, &row, `
		SELECT `+keyColumns+` FROM api_key
		WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())`, hashOf(key))
	if err = classify("look up API key", err); schema.CodeOf(err) == schema.NotFound {
		return schema.Principal{}, schema.Errorf(schema.Unauthorized, "this API key is not known, or was revoked, or has expired")
	}
	if err != nil {
		return schema.Principal{}, err
	}
	return schema.Principal{KeyID: row.ID, OrganizationID: value(row.OrganizationID), Name: row.Name, Permissions: row.Permissions}, nil
}

// APIKeys returns the keys of an organization, or with an empty one the
// operators', the oldest first, and those that work no more among them.
func (d *DB) APIKeys(ctx context.Context, orgID string) ([]schema.APIKey, error) {
	var rows []keyRow
	err := d.x.SelectContext(ctx, &rows, `
		SELECT `+keyColumns+` FROM api_key WHERE organization_id IS NOT DISTINCT FROM $1::uuid ORDER BY created_at, id`, known(orgID))
	if err != nil {
		return nil, classify("list API keys", err)
	}
	list := make([]schema.APIKey, len(rows))
	for i, r := range rows {
		list[i] = r.key()
	}
	return list, nil
}

// administerKeys is [DB.administer], or with an empty organization a
// transaction about the operators' keys.
func (d *DB) administerKeys(ctx context.Context, what, orgID string, fn func(act) error) error {
	if orgID != "" {
		return d.administer(ctx, what, orgID, fn)
	}
	return d.transact(ctx, what, func(tx *sqlx.Tx) error { return fn(act{Tx: tx}) })
}

// CreateAPIKey makes a key for an organization, or with an empty one for an
// operator of all, and returns it: the only time that anybody sees it, since the
// database keeps its hash. [schema.NotFound] when there is no such organization.
func (d *DB) CreateAPIKey(ctx context.Context, orgID, name string, permissions []string) (key string, err error) {
	if err := checkName("an API key", name); err != nil {
		return "", err
	}
	key = newKey()
	err = d.administerKeys(ctx, "create API key", orgID, func(a act) error {
		_, err := a.createKey(ctx, key, name, permissions, nil)
		return err
	})
	if err != nil {
		return "", err
	}
	return key, nil
}

// createKey stores a key and returns its id; detail is what the audit log is
// told beside its name and permissions.
func (a act) createKey(ctx context.Context, key, name string, permissions []string, detail map[string]any) (id string, err error) {
	permissions = append([]string{}, permissions...)
	err = a.GetContext(ctx, &id, `
		INSERT INTO api_key (organization_id, name, hash, permissions) VALUES ($1, $2, $3, $4) RETURNING id`,
		known(a.org), name, hashOf(key), pq.Array(permissions))
	if err != nil {
		return "", err
	}
	told := map[string]any{"name": name, "permissions": permissions}
	for what, v := range detail {
		told[what] = v
	}
	return id, a.log(ctx, "key.create", id, told)
}

// lockKey reads a key of the act's organization and makes other changes of it
// wait.
func (a act) lockKey(ctx context.Context, keyID string) (row keyRow, err error) {
	err = a.GetContext(ctx, &row, `
		SELECT `+keyColumns+` FROM api_key
		WHERE id = $1 AND organization_id IS NOT DISTINCT FROM $2::uuid FOR UPDATE`, keyID, known(a.org))
	if err = classify("find API key "+keyID, err); schema.CodeOf(err) == schema.NotFound {
		return row, schema.Errorf(schema.NotFound, "API key %s does not exist", keyID)
	}
	return row, err
}
