package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

// CreateOrganization creates an organization and returns its id.
func (d *DB) CreateOrganization(ctx context.Context, name string) (id string, err error) {
	err = d.x.GetContext(ctx, &id, `INSERT INTO organization (name) VALUES ($1) RETURNING id`, name)
	return id, classify("create organization", err)
}

// AddPhoneNumber gives a number to an organization. One that it has already is
// no error; one that another has is [schema.Conflict], one that is not
// normalized (see [schema.NormalizeNumber]) [schema.Invalid].
func (d *DB) AddPhoneNumber(ctx context.Context, orgID, number string) error {
	if number == "" || schema.NormalizeNumber(number) != number {
		return schema.Errorf(schema.Invalid, "%q is not written as calls name it; did you mean %q?", number, schema.NormalizeNumber(number))
	}
	var own bool
	err := d.x.GetContext(ctx, &own, `
		INSERT INTO phone_number (organization_id, number) VALUES ($1, $2)
		ON CONFLICT (number) DO UPDATE SET number = EXCLUDED.number
		RETURNING organization_id = $1`, orgID, number)
	if err != nil {
		return classify("add number "+number, err)
	}
	if !own {
		return schema.Errorf(schema.Conflict, "number %s belongs to another organization", number)
	}
	return nil
}

// apiKeyPrefix makes a key that leaked recognizable as one.
const apiKeyPrefix = "csk_"

// CreateAPIKey makes a key for an organization, or with an empty one for an
// operator of all, and returns it: the only time that anybody sees it, since the
// database keeps its hash.
func (d *DB) CreateAPIKey(ctx context.Context, orgID, name string, permissions []string) (key string, err error) {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	key = apiKeyPrefix + base64.RawURLEncoding.EncodeToString(random)
	_, err = d.x.ExecContext(ctx, `INSERT INTO api_key (organization_id, name, hash, permissions) VALUES ($1, $2, $3, $4)`,
		known(orgID), name, hashOf(key), pq.Array(append([]string{}, permissions...)))
	if err != nil {
		return "", classify("create API key", err)
	}
	return key, nil
}

// APIKey returns the holder of a key; [schema.Unauthorized] for one that is not
// known or is revoked. The look-up is by hash, so its time says nothing of how
// much of a guess was right.
func (d *DB) APIKey(ctx context.Context, key string) (schema.Principal, error) {
	var row struct {
		ID             string         `db:"id"`
		OrganizationID *string        `db:"organization_id"`
		Name           string         `db:"name"`
		Permissions    pq.StringArray `db:"permissions"`
	}
	err := d.x.GetContext(ctx, &row, `
		SELECT id, organization_id, name, permissions FROM api_key WHERE hash = $1 AND revoked_at IS NULL`, hashOf(key))
	if err = classify("look up API key", err); schema.CodeOf(err) == schema.NotFound {
		return schema.Principal{}, schema.Errorf(schema.Unauthorized, "this API key is not known, or was revoked")
	}
	if err != nil {
		return schema.Principal{}, err
	}
	return schema.Principal{KeyID: row.ID, OrganizationID: value(row.OrganizationID), Name: row.Name, Permissions: row.Permissions}, nil
}

// hashOf needs no salt: keys are random and long.
func hashOf(key string) []byte {
	hash := sha256.Sum256([]byte(key))
	return hash[:]
}
