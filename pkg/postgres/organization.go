package postgres

import (
	"context"
	"database/sql"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"github.com/loquent/callstream/schema"
)

// maxName is the longest name of an organization or an API key, in bytes.
const maxName = 200

// checkName returns an [schema.Invalid] error unless name is one to tell what
// by.
func checkName(of, name string) error {
	if strings.TrimSpace(name) == "" || len(name) > maxName || !utf8.ValidString(name) || strings.Contains(name, "\x00") {
		return schema.Errorf(schema.Invalid, "the name of %s is 1 to %d bytes of text, and %q is not", of, maxName, name)
	}
	return nil
}

type organizationRow struct {
	ID         string    `db:"id"`
	Name       string    `db:"name"`
	AccountSID *string   `db:"account_sid"`
	Numbers    int       `db:"numbers"`
	CreatedAt  time.Time `db:"created_at"`
}

const selectOrganization = `
	SELECT o.id, o.name, s.account_sid, o.created_at,
		(SELECT count(*) FROM phone_number p WHERE p.organization_id = o.id) AS numbers
	FROM organization o LEFT JOIN organization_twilio_settings s ON s.organization_id = o.id `

func (r organizationRow) organization() schema.Organization {
	return schema.Organization{
		ID: r.ID, Name: r.Name, AccountSID: value(r.AccountSID), Numbers: r.Numbers, CreatedAt: r.CreatedAt.UTC(),
	}
}

// Organizations returns all of them, the oldest first.
func (d *DB) Organizations(ctx context.Context) ([]schema.Organization, error) {
	var rows []organizationRow
	if err := d.x.SelectContext(ctx, &rows, selectOrganization+`ORDER BY o.created_at, o.id`); err != nil {
		return nil, classify("list organizations", err)
	}
	list := make([]schema.Organization, len(rows))
	for i, r := range rows {
		list[i] = r.organization()
	}
	return list, nil
}

// Organization returns one of them; [schema.NotFound] when there is no such.
func (d *DB) Organization(ctx context.Context, orgID string) (schema.Organization, error) {
	var row organizationRow
	err := d.x.GetContext(ctx, &row, selectOrganization+`WHERE o.id = $1`, orgID)
	if err = classify("read organization "+orgID, err); schema.CodeOf(err) == schema.NotFound {
		return schema.Organization{}, schema.Errorf(schema.NotFound, "organization %s does not exist", orgID)
	}
	return row.organization(), err
}

// CreateOrganization creates an organization and returns its id. The name is
// for people and need not be the only one of its kind.
func (d *DB) CreateOrganization(ctx context.Context, name string) (id string, err error) {
	return d.createOrganization(ctx, sql.NullString{}, name)
}

// RestoreOrganization makes an organization with the id that it had in another
// database: events and objects name it by that. The error is [schema.Invalid]
// for an id that is none and [schema.Conflict] for one that is there.
func (d *DB) RestoreOrganization(ctx context.Context, id, name string) error {
	_, err := d.createOrganization(ctx, sql.NullString{String: id, Valid: true}, name)
	return err
}

func (d *DB) createOrganization(ctx context.Context, wanted sql.NullString, name string) (id string, err error) {
	if err := checkName("an organization", name); err != nil {
		return "", err
	}
	err = d.transact(ctx, "create organization", func(tx *sqlx.Tx) error {
		err := tx.GetContext(ctx, &id, `INSERT INTO organization (id, name) VALUES (COALESCE($1::uuid, gen_random_uuid()), $2) RETURNING id`, wanted, name)
		if err != nil {
			return err
		}
		return act{tx, id}.log(ctx, "organization.create", id, map[string]any{"name": name})
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

// RenameOrganization gives an organization another name.
func (d *DB) RenameOrganization(ctx context.Context, orgID, name string) error {
	if err := checkName("an organization", name); err != nil {
		return err
	}
	return d.administer(ctx, "rename organization "+orgID, orgID, func(a act) error {
		var before string
		if err := a.GetContext(ctx, &before, `SELECT name FROM organization WHERE id = $1`, a.org); err != nil || before == name {
			return err
		}
		if _, err := a.ExecContext(ctx, `UPDATE organization SET name = $2 WHERE id = $1`, a.org, name); err != nil {
			return err
		}
		return a.log(ctx, "organization.rename", a.org, changed("name", before, name))
	})
}

// changed is the detail of an audit entry of which one thing changed.
func changed(what string, from, to any) map[string]any {
	return map[string]any{what: map[string]any{"from": from, "to": to}}
}
