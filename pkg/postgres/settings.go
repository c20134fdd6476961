package postgres

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/loquent/callstream/schema"
)

// settingsRow is an organization's Twilio settings, whole.
type settingsRow struct {
	accountRow
	Since time.Time `db:"call_recording_enabled_at"`
	By    string    `db:"call_recording_enabled_by"`
	streamingRow
}

// streamingRow is what is stored of the event sinks.
type streamingRow struct {
	SMSActive        bool       `db:"sms_events_active"`
	SMSSink          *string    `db:"sms_sink_sid"`
	SMSSubscription  *string    `db:"sms_subscription_sid"`
	SMSTested        *time.Time `db:"sms_events_tested_at"`
	CallActive       bool       `db:"call_events_active"`
	CallSink         *string    `db:"call_sink_sid"`
	CallSubscription *string    `db:"call_subscription_sid"`
	CallTested       *time.Time `db:"call_events_tested_at"`
}

const settingsColumns = accountColumns + `, call_recording_enabled_at, call_recording_enabled_by,
	sms_events_active, sms_sink_sid, sms_subscription_sid, sms_events_tested_at,
	call_events_active, call_sink_sid, call_subscription_sid, call_events_tested_at`

func (r settingsRow) settings() schema.Settings {
	return schema.Settings{
		AccountSID: r.AccountSID, SecondaryToken: r.Secondary != nil, Region: value(r.Region), Edge: value(r.Edge),
		RecordingEnabled: r.Recording, RecordingSince: r.Since.UTC(), RecordingBy: schema.Actor(r.By), TranscriptionEnabled: r.Transcription,
		Unexpected: r.Unexpected, Delete: r.Delete,
		SMSEvents: schema.EventStreaming{
			Active: r.SMSActive, SinkSID: value(r.SMSSink), SubscriptionSID: value(r.SMSSubscription), TestedAt: utc(r.SMSTested),
		},
		CallEvents: schema.EventStreaming{
			Active: r.CallActive, SinkSID: value(r.CallSink), SubscriptionSID: value(r.CallSubscription), TestedAt: utc(r.CallTested),
		},
	}
}

// Settings returns the organization's Twilio settings as people may see them;
// [schema.NotFound] when it has none yet.
func (d *DB) Settings(ctx context.Context, orgID string) (schema.Settings, error) {
	row, err := readSettings(ctx, d.x, orgID)
	if err != nil {
		return schema.Settings{}, err
	}
	return row.settings(), nil
}

func readSettings(ctx context.Context, db sqlx.QueryerContext, orgID string) (row settingsRow, err error) {
	err = sqlx.GetContext(ctx, db, &row, `SELECT `+settingsColumns+` FROM organization_twilio_settings WHERE organization_id = $1`, orgID)
	if err = classify("read the Twilio settings of organization "+orgID, err); schema.CodeOf(err) == schema.NotFound {
		return row, schema.Errorf(schema.NotFound, "organization %s has no Twilio settings yet", orgID)
	}
	return row, err
}
