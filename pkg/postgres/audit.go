package postgres

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/loquent/callstream/schema"
)

// act is a transaction in which somebody changes what an organization has.
type act struct {
	*sqlx.Tx
	org string // its id as Postgres writes it; empty: the operators'
}

// administer runs fn in a transaction that other changes of the organization
// wait for, so that each audit entry tells from what to what it went.
// [schema.NotFound] when there is no such organization.
func (d *DB) administer(ctx context.Context, what, orgID string, fn func(act) error) error {
	return d.transact(ctx, what, func(tx *sqlx.Tx) error {
		a := act{Tx: tx}
		// Events refer to the organization's row meanwhile: this lock lets them.
		err := tx.GetContext(ctx, &a.org, `SELECT id FROM organization WHERE id = $1 FOR NO KEY UPDATE`, orgID)
		if err = classify("find organization "+orgID, err); schema.CodeOf(err) == schema.NotFound {
			return schema.Errorf(schema.NotFound, "organization %s does not exist", orgID)
		}
		if err != nil {
			return err
		}
		return fn(a)
	})
}

// log writes down, with the change and only if that comes about, what was done
// to target, by whoever acts in ctx. detail holds no secret.
func (a act) log(ctx context.Context, action, target string, detail map[string]any) error {
	return insertAudit(ctx, a.Tx, a.org, schema.AuditEntry{Action: action, Target: target, Detail: detail})
}

func insertAudit(ctx context.Context, db sqlx.ExecerContext, org string, e schema.AuditEntry) error {
	if e.Detail == nil {
		e.Detail = map[string]any{}
	}
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		return schema.Errorf(schema.Invalid, "encode what the audit log is told: %w", err)
	}
	// The time of now() is that of the transaction's start: entries that waited
	// for each other would be out of order.
	_, err = db.ExecContext(ctx, `
		INSERT INTO audit_log (organization_id, actor, action, target, detail, at) VALUES ($1, $2, $3, $4, $5, clock_timestamp())`,
		known(org), storable(string(schema.ActorOf(ctx))), storable(e.Action), storable(e.Target), string(detail))
	return classify("write the audit log", err)
}

// Audit writes down an act that changes nothing here, such as playing a
// recording: action, target and detail, which must hold no secret, are the
// entry's; who acts is in ctx, the time is the database's. An empty
// organization is the operators'.
func (d *DB) Audit(ctx context.Context, orgID string, e schema.AuditEntry) error {
	return insertAudit(ctx, d.x, orgID, e)
}

type auditRow struct {
	ID             int64     `db:"id"`
	OrganizationID *string   `db:"organization_id"`
	Actor          string    `db:"actor"`
	Action         string    `db:"action"`
	Target         string    `db:"target"`
	Detail         []byte    `db:"detail"`
	At             time.Time `db:"at"`
}

func (r auditRow) entry() (schema.AuditEntry, error) {
	e := schema.AuditEntry{
		ID: r.ID, OrganizationID: value(r.OrganizationID), Actor: schema.Actor(r.Actor),
		Action: r.Action, Target: r.Target, At: r.At.UTC(),
	}
	if err := json.Unmarshal(r.Detail, &e.Detail); err != nil {
		return e, schema.Errorf(schema.Corrupt, "read the detail of audit entry %d: %w", r.ID, err)
	}
	return e, nil
}

// AuditLog returns the page of the organization's audit log that the filter
// selects, newest first, and the cursor of the next page, empty on the last. An
// empty organization is the operator: all of them, and the operators' own.
func (d *DB) AuditLog(ctx context.Context, orgID string, f schema.AuditFilter) (page []schema.AuditEntry, next string, err error) {
	if f.Limit <= 0 {
		f.Limit = pageSize
	}
	w, err := auditConditions(orgID, f)
	if err != nil {
		return nil, "", err
	}
	most := w.arg(f.Limit + 1)
	var rows []auditRow
	err = d.x.SelectContext(ctx, &rows, `SELECT id, organization_id, actor, action, target, detail, at FROM audit_log
		WHERE `+w.String()+` ORDER BY id DESC LIMIT `+most, w.args...)
	if err != nil {
		return nil, "", classify("read the audit log", err)
	}
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		next = strconv.FormatInt(rows[f.Limit-1].ID, 10)
	}
	page = make([]schema.AuditEntry, len(rows))
	for i, r := range rows {
		if page[i], err = r.entry(); err != nil {
			return nil, "", err
		}
	}
	return page, next, nil
}

// auditConditions are the filter in SQL.
func auditConditions(orgID string, f schema.AuditFilter) (w where, err error) {
	if orgID != "" {
		w.add("organization_id = ?::uuid", orgID)
	}
	if f.Actor != "" {
		w.add("strpos(actor, ?) > 0", storable(f.Actor))
	}
	if f.Action != "" {
		w.add("starts_with(action, ?)", storable(f.Action))
	}
	if f.Target != "" {
		w.add("strpos(target, ?) > 0", storable(f.Target))
	}
	if !f.Since.IsZero() {
		w.add("at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		w.add("at < ?", f.Until)
	}
	return w, w.before("id", f.Cursor)
}
