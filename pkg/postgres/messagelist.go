package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/loquent/callstream/schema"
)

type messageRow struct {
	ID         int64                `db:"id"`
	MessageSID string               `db:"message_sid"`
	AccountSID string               `db:"account_sid"`
	Status     schema.MessageStatus `db:"status"`
	From       *string              `db:"from_number"`
	To         *string              `db:"to_number"`
	Body       *string              `db:"body"`
	Segments   *int                 `db:"segments"`
	Media      *int                 `db:"media"`
	ErrorCode  *int                 `db:"error_code"`
	ServiceSID *string              `db:"messaging_service_sid"`
	OccurredAt time.Time            `db:"occurred_at"`
	UpdatedAt  time.Time            `db:"updated_at"`
}

const messageColumns = `id, message_sid, account_sid, status, from_number, to_number, body, segments, media, error_code,
	messaging_service_sid, occurred_at, updated_at`

func (r messageRow) record() schema.MessageRecord {
	return schema.MessageRecord{
		MessageSID: r.MessageSID, AccountSID: r.AccountSID, Status: r.Status, From: value(r.From), To: value(r.To),
		Body: value(r.Body), Segments: value(r.Segments), Media: value(r.Media), ErrorCode: value(r.ErrorCode),
		MessagingServiceSID: value(r.ServiceSID), OccurredAt: r.OccurredAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// Messages returns a page of SMS messages, the last that were heard of first,
// and the cursor of the next page, empty on the last. An empty organization is
// the operator: all of them.
func (d *DB) Messages(ctx context.Context, orgID string, f schema.MessageFilter) (page []schema.MessageRecord, next string, err error) {
	limit := f.Limit
	if limit <= 0 {
		limit = pageSize
	}
	w, err := messageConditions(orgID, f)
	if err != nil {
		return nil, "", err
	}
	most := w.arg(limit + 1)
	var rows []messageRow
	err = d.x.SelectContext(ctx, &rows, `SELECT `+messageColumns+` FROM message WHERE `+w.String()+` ORDER BY id DESC LIMIT `+most, w.args...)
	if err != nil {
		return nil, "", classify("list messages", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = strconv.FormatInt(rows[limit-1].ID, 10)
	}
	page = make([]schema.MessageRecord, len(rows))
	for i, r := range rows {
		page[i] = r.record()
	}
	return page, next, nil
}

// messageConditions are the filter in SQL.
func messageConditions(orgID string, f schema.MessageFilter) (w where, err error) {
	if orgID != "" {
		w.add("organization_id = ?::uuid", orgID)
	}
	if f.Status != "" {
		w.add("status = ?::message_status", f.Status)
	}
	if !f.Since.IsZero() {
		w.add("occurred_at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		w.add("occurred_at < ?", f.Until)
	}
	if f.Number != "" {
		w.add("(strpos(from_number, ?) > 0 OR strpos(to_number, ?) > 0)", f.Number)
	}
	return w, w.before("id", f.Cursor)
}

// Message returns one of the organization's SMS messages; an empty organization
// is the operator. [schema.NotFound] when it has no such message.
func (d *DB) Message(ctx context.Context, orgID, messageSID string) (schema.MessageRecord, error) {
	var row messageRow
	err := d.x.GetContext(ctx, &row, `
		SELECT `+messageColumns+` FROM message WHERE message_sid = $1 AND ($2::uuid IS NULL OR organization_id = $2::uuid)`,
		storable(messageSID), known(orgID))
	if err = classify("read message "+messageSID, err); schema.CodeOf(err) == schema.NotFound {
		return schema.MessageRecord{}, schema.Errorf(schema.NotFound, "message %s is not known", messageSID)
	}
	return row.record(), err
}
