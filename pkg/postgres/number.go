package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/loquent/callstream/schema"
)

type numberRow struct {
	Number    string    `db:"number"`
	Voice     []byte    `db:"voice"`
	CreatedAt time.Time `db:"created_at"`
}

// plan is how calls to the number are answered; nil: not by us.
func (r numberRow) plan() (*schema.VoicePlan, error) {
	if r.Voice == nil {
		return nil, nil
	}
	var plan schema.VoicePlan
	if err := json.Unmarshal(r.Voice, &plan); err != nil {
		return nil, schema.Errorf(schema.Corrupt, "read the voice plan of %s: %w", r.Number, err)
	}
	return &plan, nil
}

// PhoneNumbers returns the organization's numbers in their order.
func (d *DB) PhoneNumbers(ctx context.Context, orgID string) ([]schema.PhoneNumber, error) {
	var rows []numberRow
	err := d.x.SelectContext(ctx, &rows, `
		SELECT number, voice, created_at FROM phone_number WHERE organization_id = $1 ORDER BY number COLLATE "C"`, orgID)
	if err != nil {
		return nil, classify("list the numbers of organization "+orgID, err)
	}
	list := make([]schema.PhoneNumber, len(rows))
	for i, r := range rows {
		plan, err := r.plan()
		if err != nil {
			return nil, err
		}
		list[i] = schema.PhoneNumber{Number: r.Number, Voice: plan, CreatedAt: r.CreatedAt.UTC()}
	}
	return list, nil
}

// AddPhoneNumber gives a number to an organization. One that it has already is
// no error; one that another has is [schema.Conflict], one that is not
// normalized (see [schema.NormalizeNumber]) [schema.Invalid].
func (d *DB) AddPhoneNumber(ctx context.Context, orgID, number string) error {
	if number == "" || schema.NormalizeNumber(number) != number {
		return schema.Errorf(schema.Invalid, "%q is not written as calls name it; did you mean %q?", number, schema.NormalizeNumber(number))
	}
	return d.administer(ctx, "add number "+number, orgID, func(a act) error {
		var row struct {
			Own   bool `db:"own"`
			Added bool `db:"added"`
		}
		// The update changes nothing but makes the row there to be read, whoever
		// added it meanwhile; only a row that was inserted has no xmax.
		err := a.GetContext(ctx, &row, `
			INSERT INTO phone_number (organization_id, number) VALUES ($1, $2)
			ON CONFLICT (number) DO UPDATE SET number = EXCLUDED.number
			RETURNING organization_id = $1 AS own, xmax = 0 AS added`, a.org, number)
		switch {
		case err != nil:
			return err
		case !row.Own:
			return schema.Errorf(schema.Conflict, "number %s belongs to another organization", number)
		case !row.Added:
			return nil
		}
		return a.log(ctx, "number.add", number, nil)
	})
}

// RemovePhoneNumber takes a number away from an organization, with its voice
// plan: its calls are not recorded from then on. [schema.NotFound] when it is
// not the organization's.
func (d *DB) RemovePhoneNumber(ctx context.Context, orgID, number string) error {
	return d.administer(ctx, "remove number "+number, orgID, func(a act) error {
		plan, err := a.voicePlan(ctx, number)
		if err != nil {
			return err
		}
		if _, err := a.ExecContext(ctx, `DELETE FROM phone_number WHERE organization_id = $1 AND number = $2`, a.org, number); err != nil {
			return err
		}
		var detail map[string]any
		if plan != nil {
			detail = map[string]any{"voice": plan}
		}
		return a.log(ctx, "number.remove", number, detail)
	})
}
