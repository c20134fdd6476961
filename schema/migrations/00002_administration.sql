-- +goose Up

ALTER TABLE organization_twilio_settings
    ADD COLUMN region                text, -- Twilio's; none: us1
    ADD COLUMN edge                  text,
    ADD COLUMN sms_events_tested_at  timestamptz, -- when Twilio's test event last arrived
    ADD COLUMN call_events_tested_at timestamptz;

-- How calls to the number are answered, a schema.VoicePlan; none: not by us.
ALTER TABLE phone_number ADD COLUMN voice jsonb;

-- A key that was rotated works until then.
ALTER TABLE api_key ADD COLUMN expires_at timestamptz;

CREATE INDEX idx_phone_number_organization ON phone_number (organization_id);
CREATE INDEX idx_audit_organization ON audit_log (organization_id, id DESC);
CREATE INDEX idx_api_key_organization ON api_key (organization_id);
