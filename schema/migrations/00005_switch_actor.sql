-- +goose Up

-- Who turned the recording switch to where it is, empty where nobody knows.
ALTER TABLE organization_twilio_settings ADD COLUMN call_recording_enabled_by text NOT NULL DEFAULT '';
UPDATE organization_twilio_settings s SET call_recording_enabled_by = turned.actor
FROM (
    SELECT DISTINCT ON (organization_id) organization_id, actor FROM audit_log
    WHERE action = 'settings.create' OR action = 'settings.update' AND jsonb_exists(detail, 'call_recording_enabled')
    ORDER BY organization_id, id DESC) turned
WHERE turned.organization_id = s.organization_id;
