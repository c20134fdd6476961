package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/loquent/callstream/schema"
)

// messageMerge is what a set of events knows of a message.
type messageMerge struct {
	MessageSID     string               `json:"message_sid"`
	AccountSID     string               `json:"account_sid"`
	OrganizationID string               `json:"organization_id,omitempty"`
	Status         schema.MessageStatus `json:"status"`
	From           string               `json:"from,omitempty"`
	To             string               `json:"to,omitempty"`
	Body           string               `json:"body,omitempty"`
	Segments       int                  `json:"segments,omitempty"`
	Media          int                  `json:"media,omitempty"`
	ErrorCode      int                  `json:"error_code,omitempty"`
	ServiceSID     string               `json:"messaging_service_sid,omitempty"`
	OccurredAt     time.Time            `json:"occurred_at"`
}

// merge is commutative, associative and idempotent, as for calls.
func (m messageMerge) merge(other messageMerge) messageMerge {
	if other.Status.Rank() > m.Status.Rank() {
		m.Status = other.Status
	}
	if m.OccurredAt.IsZero() || other.OccurredAt.Before(m.OccurredAt) {
		m.OccurredAt = other.OccurredAt
	}
	m.MessageSID = max(m.MessageSID, other.MessageSID)
	m.AccountSID = max(m.AccountSID, other.AccountSID)
	m.OrganizationID = max(m.OrganizationID, other.OrganizationID)
	m.From, m.To, m.Body = max(m.From, other.From), max(m.To, other.To), max(m.Body, other.Body)
	m.Segments, m.Media = max(m.Segments, other.Segments), max(m.Media, other.Media)
	m.ErrorCode, m.ServiceSID = max(m.ErrorCode, other.ErrorCode), max(m.ServiceSID, other.ServiceSID)
	return m
}

// MergeMessages merges news of SMS messages into their rows. A message whose
// event names no organization belongs to its account's; news that claims
// another account's message is dropped. [schema.Invalid] when one can be nobody's.
func (d *DB) MergeMessages(ctx context.Context, updates []schema.MessageUpdated) error {
	return d.transact(ctx, "merge messages", func(tx *sqlx.Tx) error {
		for _, rows := range rounds(mergeMessages(updates), func(m messageMerge) string { return m.MessageSID }) {
			if err := upsertMessages(ctx, tx, rows); err != nil {
				return err
			}
		}
		return nil
	})
}

// mergeMessages makes one row of the updates of each message, sorted.
func mergeMessages(updates []schema.MessageUpdated) []messageMerge {
	type key struct{ messageSID, accountSID string }
	merged := map[key]messageMerge{}
	for _, u := range updates {
		k := key{u.MessageSID, u.AccountSID}
		merged[k] = merged[k].merge(messageMerge{
			MessageSID: u.MessageSID, AccountSID: u.AccountSID, OrganizationID: u.OrganizationID, Status: u.Status,
			From: storable(u.From), To: storable(u.To), Body: storable(u.Body), Segments: u.Segments, Media: u.Media,
			ErrorCode: u.ErrorCode, ServiceSID: storable(u.MessagingServiceSID), OccurredAt: u.OccurredAt,
		})
	}
	rows := make([]messageMerge, 0, len(merged))
	for _, m := range merged {
		rows = append(rows, m)
	}
	slices.SortFunc(rows, func(a, b messageMerge) int {
		return cmp.Or(cmp.Compare(a.MessageSID, b.MessageSID), cmp.Compare(a.AccountSID, b.AccountSID))
	})
	return rows
}

func upsertMessages(ctx context.Context, tx *sqlx.Tx, rows []messageMerge) error {
	input, err := encode("messages", rows)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO message AS m (message_sid, account_sid, organization_id, status, from_number, to_number, body, segments, media,
			error_code, messaging_service_sid, occurred_at)
		SELECT r.message_sid, r.account_sid, COALESCE(r.organization_id, s.organization_id), r.status, r."from", r."to", r.body,
			r.segments, r.media, r.error_code, r.messaging_service_sid, r.occurred_at
		FROM jsonb_to_recordset($1::jsonb) AS r (message_sid text, account_sid text, organization_id uuid, status message_status,
			"from" text, "to" text, body text, segments integer, media integer, error_code integer,
			messaging_service_sid text, occurred_at timestamptz)
		LEFT JOIN organization_twilio_settings s USING (account_sid)
		ORDER BY r.message_sid COLLATE "C"
		ON CONFLICT (message_sid) DO UPDATE SET
			status                = GREATEST(m.status, EXCLUDED.status),
			from_number           = GREATEST(m.from_number, EXCLUDED.from_number),
			to_number             = GREATEST(m.to_number, EXCLUDED.to_number),
			body                  = GREATEST(m.body, EXCLUDED.body),
			segments              = GREATEST(m.segments, EXCLUDED.segments),
			media                 = GREATEST(m.media, EXCLUDED.media),
			error_code            = GREATEST(m.error_code, EXCLUDED.error_code),
			messaging_service_sid = GREATEST(m.messaging_service_sid, EXCLUDED.messaging_service_sid),
			occurred_at           = LEAST(m.occurred_at, EXCLUDED.occurred_at),
			updated_at            = now()
		WHERE m.account_sid = EXCLUDED.account_sid`, input)
	return err
}
