package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

type decisionRow struct {
	CallSID      string    `db:"call_sid"`
	AccountSID   string    `db:"account_sid"`
	Outcome      string    `db:"outcome"`
	Rule         string    `db:"rule"`
	Enabled      bool      `db:"enabled"`
	Evidence     string    `db:"evidence"`
	RecordingSID *string   `db:"recording_sid"`
	DecidedAt    time.Time `db:"decided_at"`
}

const decisionColumns = `call_sid, account_sid, outcome, rule, enabled, evidence, recording_sid, decided_at`

func (r decisionRow) decision() schema.Decision {
	return schema.Decision{
		CallSID: r.CallSID, Outcome: schema.Outcome(r.Outcome), Rule: schema.Rule(r.Rule), Enabled: r.Enabled,
		Evidence: r.Evidence, RecordingSID: value(r.RecordingSID), DecidedAt: r.DecidedAt.UTC(),
	}
}

// Decision returns the decision on a call; [schema.NotFound] when there is none.
func (d *DB) Decision(ctx context.Context, callSID string) (schema.Decision, error) {
	var row decisionRow
	err := d.x.GetContext(ctx, &row, `SELECT `+decisionColumns+` FROM recording_decision WHERE call_sid = $1`, callSID)
	if err != nil {
		return schema.Decision{}, classify("read the decision on "+callSID, err)
	}
	return row.decision(), nil
}

// SaveDecision stores a decision unless a final one is stored already, and
// returns what is stored then. [schema.Conflict] when it is another account's
// that is stored: that one yields only to the account that the call's row names.
func (d *DB) SaveDecision(ctx context.Context, accountSID, orgID string, decision schema.Decision) (stored schema.Decision, err error) {
	err = d.transact(ctx, "save the decision on "+decision.CallSID, func(tx *sqlx.Tx) error {
		stored, err = saveDecision(ctx, tx, accountSID, orgID, decision)
		return err
	})
	return stored, err
}

func saveDecision(ctx context.Context, tx *sqlx.Tx, accountSID, orgID string, decision schema.Decision) (schema.Decision, error) {
	var row decisionRow
	err := tx.GetContext(ctx, &row, `
		INSERT INTO recording_decision AS d (call_sid, account_sid, organization_id, outcome, rule, enabled, evidence, recording_sid, decided_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (call_sid) DO UPDATE SET
			outcome = EXCLUDED.outcome, rule = EXCLUDED.rule, enabled = EXCLUDED.enabled, evidence = EXCLUDED.evidence,
			recording_sid = EXCLUDED.recording_sid, decided_at = EXCLUDED.decided_at, account_sid = EXCLUDED.account_sid,
			organization_id = CASE WHEN d.account_sid = EXCLUDED.account_sid
				THEN COALESCE(EXCLUDED.organization_id, d.organization_id) ELSE EXCLUDED.organization_id END
		WHERE CASE WHEN d.account_sid = EXCLUDED.account_sid THEN d.outcome = 'starting'
			ELSE EXISTS (SELECT FROM call c WHERE c.call_sid = d.call_sid AND c.account_sid = EXCLUDED.account_sid) END
		RETURNING `+decisionColumns,
		decision.CallSID, accountSID, known(orgID), decision.Outcome, decision.Rule, decision.Enabled, storable(decision.Evidence),
		known(decision.RecordingSID), decision.DecidedAt)
	if !errors.Is(err, sql.ErrNoRows) {
		return row.decision(), err
	}
	// What is stored stays.
	err = tx.GetContext(ctx, &row, `SELECT `+decisionColumns+` FROM recording_decision WHERE call_sid = $1`, decision.CallSID)
	if err == nil && row.AccountSID != accountSID {
		return schema.Decision{}, schema.Errorf(schema.Conflict, "account %s decided on this call", row.AccountSID)
	}
	return row.decision(), err
}

// saveDecisions stores the decisions that updates carry, in one order. Where
// another account's stands the update itself still counts.
func saveDecisions(ctx context.Context, tx *sqlx.Tx, updates []schema.CallUpdate) error {
	sorted := slices.Clone(updates)
	slices.SortStableFunc(sorted, func(a, b schema.CallUpdate) int { return cmp.Compare(a.Facts.CallSID, b.Facts.CallSID) })
	for _, u := range sorted {
		if u.Decision == nil {
			continue
		}
		decision := *u.Decision
		decision.CallSID = u.Facts.CallSID
		if _, err := saveDecision(ctx, tx, u.AccountSID, u.OrganizationID, decision); err != nil && schema.CodeOf(err) != schema.Conflict {
			return err
		}
	}
	return nil
}

// decisions returns the decisions on the calls. The account is part of the key:
// what one account's event carried decides nothing for another's call.
func (d *DB) decisions(ctx context.Context, sids []string) (map[callKey]*schema.Decision, error) {
	var rows []decisionRow
	err := d.x.SelectContext(ctx, &rows, `SELECT `+decisionColumns+` FROM recording_decision WHERE call_sid = ANY($1)`, pq.Array(sids))
	if err != nil {
		return nil, classify("read decisions", err)
	}
	byCall := make(map[callKey]*schema.Decision, len(rows))
	for _, r := range rows {
		decision := r.decision()
		byCall[callKey{r.CallSID, r.AccountSID}] = &decision
	}
	return byCall, nil
}
