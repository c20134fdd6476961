package postgres

import (
	"context"
	"encoding/json"

	"github.com/jmoiron/sqlx"

	"github.com/loquent/callstream/schema"
)

// VoicePlan returns how calls to one of the organization's numbers are
// answered, nil when callstream does not answer them; [schema.NotFound] when
// the number is not the organization's.
func (d *DB) VoicePlan(ctx context.Context, orgID, number string) (*schema.VoicePlan, error) {
	return readPlan(ctx, d.x, orgID, number)
}

// voicePlan is [DB.VoicePlan] as the transaction sees it.
func (a act) voicePlan(ctx context.Context, number string) (*schema.VoicePlan, error) {
	return readPlan(ctx, a.Tx, a.org, number)
}

func readPlan(ctx context.Context, db sqlx.QueryerContext, orgID, number string) (*schema.VoicePlan, error) {
	var row numberRow
	err := sqlx.GetContext(ctx, db, &row, `
		SELECT number, voice, created_at FROM phone_number WHERE organization_id = $1 AND number = $2`, orgID, storable(number))
	if err = classify("read the voice plan of "+number, err); schema.CodeOf(err) == schema.NotFound {
		return nil, schema.Errorf(schema.NotFound, "%q is not a number of organization %s", number, orgID)
	}
	if err != nil {
		return nil, err
	}
	return row.plan()
}

// SetVoicePlan says how calls to one of the organization's numbers are answered
// from now on; nil: not by callstream. [schema.NotFound] when the number is not
// the organization's, [schema.Invalid] for a plan that makes no sense.
func (d *DB) SetVoicePlan(ctx context.Context, orgID, number string, plan *schema.VoicePlan) error {
	var stored *string
	if plan != nil {
		if err := plan.Validate(); err != nil {
			return err
		}
		encoded, err := json.Marshal(plan)
		if err != nil {
			return schema.Errorf(schema.Invalid, "encode the voice plan of %s: %w", number, err)
		}
		stored = known(string(encoded))
	}
	return d.administer(ctx, "set the voice plan of "+number, orgID, func(a act) error {
		before, err := a.voicePlan(ctx, number)
		if err != nil || value(before) == value(plan) { // no plan has an empty action
			return err
		}
		_, err = a.ExecContext(ctx, `UPDATE phone_number SET voice = $3 WHERE organization_id = $1 AND number = $2`, a.org, number, stored)
		if err != nil {
			return err
		}
		return a.log(ctx, "number.voice", number, changed("voice", before, plan))
	})
}
