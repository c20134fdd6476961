package postgres

import (
	"context"
	"time"

	"github.com/loquent/callstream/schema"
)

// RotateAPIKey makes a new key with the name and permissions of an
// organization's (or with an empty one an operator's) key and returns it, which
// is the only time that anybody sees it. The old key works for grace longer; 0:
// not at all. [schema.NotFound] when the key is not the organization's,
// [schema.Conflict] when it is revoked, or was rotated already: a second
// successor would be one too many.
func (d *DB) RotateAPIKey(ctx context.Context, orgID, keyID string, grace time.Duration) (key string, err error) {
	if grace < 0 {
		return "", schema.Errorf(schema.Invalid, "the old key cannot work for %s more; say 0 for not at all", grace)
	}
	key = newKey()
	err = d.administerKeys(ctx, "rotate API key "+keyID, orgID, func(a act) error {
		old, err := a.lockKey(ctx, keyID)
		if err != nil {
			return err
		}
		if err := rotatable(old); err != nil {
			return err
		}
		successor, err := a.createKey(ctx, key, old.Name, old.Permissions, map[string]any{"rotated_from": old.ID})
		if err != nil {
			return err
		}
		var expires time.Time
		err = a.GetContext(ctx, &expires, `
			UPDATE api_key SET expires_at = clock_timestamp() + $2 * interval '1 microsecond' WHERE id = $1 RETURNING expires_at`,
			old.ID, grace.Microseconds())
		if err != nil {
			return err
		}
		return a.log(ctx, "key.rotate", old.ID, map[string]any{"name": old.Name, "successor": successor, "expires_at": expires.UTC()})
	})
	if err != nil {
		return "", err
	}
	return key, nil
}

// rotatable returns a [schema.Conflict] error for a key that has no successor
// to come.
func rotatable(old keyRow) error {
	switch {
	case old.RevokedAt != nil:
		return schema.Errorf(schema.Conflict, "API key %s (%s) was revoked; create a new one", old.ID, old.Name)
	case old.ExpiresAt != nil:
		return schema.Errorf(schema.Conflict, "API key %s (%s) was rotated already and ends at %s; rotate its successor, or create a new one",
			old.ID, old.Name, old.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return nil
}

// RevokeAPIKey ends a key of an organization, or with an empty one an
// operator's, from the next look-up on. One that is revoked already is no
// error; [schema.NotFound] when it is not the organization's.
func (d *DB) RevokeAPIKey(ctx context.Context, orgID, keyID string) error {
	return d.administerKeys(ctx, "revoke API key "+keyID, orgID, func(a act) error {
		key, err := a.lockKey(ctx, keyID)
		if err != nil || key.RevokedAt != nil {
			return err
		}
		if _, err := a.ExecContext(ctx, `UPDATE api_key SET revoked_at = clock_timestamp() WHERE id = $1`, key.ID); err != nil {
			return err
		}
		return a.log(ctx, "key.revoke", key.ID, map[string]any{"name": key.Name})
	})
}
