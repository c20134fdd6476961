-- +goose Up

CREATE TABLE organization (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The values of the enums are in the order of schema.CallStatuses, schema.Legs
-- and schema.MessageStatuses, so that GREATEST is the merge of package schema;
-- a recording's in the order in which one overrules another until it is archived.
CREATE TYPE call_status AS ENUM ('queued', 'initiated', 'ringing', 'in-progress', 'canceled', 'failed', 'no-answer', 'busy', 'completed');
CREATE TYPE call_leg AS ENUM ('inbound', 'outbound-api', 'outbound-dial', 'trunking-terminating', 'trunking-originating');
CREATE TYPE recording_status AS ENUM ('in-progress', 'paused', 'stopped', 'processing', 'completed', 'absent', 'failed', 'deleted');
CREATE TYPE message_status AS ENUM ('queued', 'sent', 'undelivered', 'failed', 'delivered', 'read', 'received');

CREATE TABLE organization_twilio_settings (
    organization_id           uuid PRIMARY KEY REFERENCES organization ON DELETE CASCADE,
    account_sid               text NOT NULL UNIQUE,
    auth_token                bytea NOT NULL, -- sealed
    secondary_auth_token      bytea,          -- sealed; while tokens are rotated
    call_recording_enabled    boolean NOT NULL DEFAULT false,
    call_recording_enabled_at timestamptz NOT NULL DEFAULT now(), -- since when the switch is where it is
    transcription_enabled     boolean NOT NULL DEFAULT true,
    unexpected_recordings     text NOT NULL DEFAULT 'process' CHECK (unexpected_recordings IN ('process', 'quarantine')),
    delete_from_twilio        text NOT NULL DEFAULT 'archived' CHECK (delete_from_twilio IN ('archived', 'own', 'never')),
    sms_events_active         boolean NOT NULL DEFAULT false,
    call_events_active        boolean NOT NULL DEFAULT false,
    sms_subscription_sid      text,
    call_subscription_sid     text,
    sms_sink_sid              text,
    call_sink_sid             text,
    created_at                timestamptz NOT NULL DEFAULT now(),
    updated_at                timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE phone_number (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    number          text NOT NULL, -- normalized
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX idx_phone_number_unique ON phone_number (number);

CREATE TABLE call (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    call_sid        text NOT NULL UNIQUE,
    account_sid     text NOT NULL,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    parent_call_sid text COLLATE "C",
    from_number     text COLLATE "C",
    to_number       text COLLATE "C",
    direction       text COLLATE "C", -- seen from the organization
    leg             call_leg,         -- as Twilio calls it
    phone_number    text COLLATE "C", -- the organization's own
    status          call_status,
    started_at      timestamptz,
    answered_at     timestamptz,
    ended_at        timestamptz,
    duration        integer,          -- seconds, from answer to end
    trunk_sid       text COLLATE "C",
    caller_name     text COLLATE "C",
    recording_url   text,
    transcription   text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    -- What lists are ordered by: history that is imported late is still old.
    happened_at     timestamptz GENERATED ALWAYS AS (COALESCE(started_at, answered_at, ended_at, created_at)) STORED
);
CREATE INDEX idx_call_organization ON call (organization_id, happened_at DESC, call_sid DESC);
CREATE INDEX idx_call_happened ON call (happened_at DESC, call_sid DESC);
CREATE INDEX idx_call_parent ON call (parent_call_sid) WHERE parent_call_sid IS NOT NULL;

CREATE TABLE recording (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recording_sid   text NOT NULL UNIQUE,
    call_sid        text NOT NULL,
    account_sid     text NOT NULL,
    organization_id uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    status          recording_status NOT NULL,
    source          text COLLATE "C",
    track           text COLLATE "C",
    channels        integer,
    duration        integer,          -- seconds
    started_at      timestamptz,
    error_code      integer,
    quarantined     boolean NOT NULL DEFAULT false,
    recording_url   text,             -- set once the object is proven whole
    object_key      text,
    object_size     bigint,
    object_sha256   text,
    archived_at     timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_recording_call ON recording (call_sid);

CREATE TABLE transcript (
    recording_sid text PRIMARY KEY REFERENCES recording (recording_sid) ON DELETE CASCADE,
    text          text NOT NULL,
    language      text,
    model         text NOT NULL,
    duration      double precision NOT NULL,
    search        tsvector GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_transcript_search ON transcript USING gin (search);

CREATE TABLE transcript_segment (
    recording_sid text NOT NULL REFERENCES transcript ON DELETE CASCADE,
    position      integer NOT NULL,
    started       double precision NOT NULL, -- seconds from the recording's start
    ended         double precision NOT NULL,
    text          text NOT NULL,
    PRIMARY KEY (recording_sid, position)
);

CREATE TABLE recording_decision (
    call_sid        text PRIMARY KEY,
    account_sid     text NOT NULL,
    organization_id uuid,
    outcome         text NOT NULL,
    rule            text NOT NULL,
    enabled         boolean NOT NULL,
    evidence        text NOT NULL DEFAULT '',
    recording_sid   text,
    decided_at      timestamptz NOT NULL
);

-- The timeline of a call, and where its messages lie in the stream. pending is
-- what events know that may not create the call's row, a list because two
-- tellings of one fact may differ; the event that creates the row takes it in.
CREATE TABLE call_event (
    call_sid      text NOT NULL,
    msg_id        text NOT NULL,
    kind          text NOT NULL,
    recording_sid text,
    origin        text NOT NULL,
    occurred_at   timestamptz NOT NULL,
    stored_at     timestamptz NOT NULL,
    stream_seq    bigint NOT NULL,
    detail        text NOT NULL DEFAULT '',
    pending       jsonb,
    PRIMARY KEY (call_sid, msg_id, kind)
);
CREATE INDEX idx_call_event_pending ON call_event (call_sid) WHERE pending IS NOT NULL;
CREATE INDEX idx_call_event_sequence ON call_event (stream_seq);

CREATE TABLE deletion_receipt (
    recording_sid text PRIMARY KEY,
    call_sid      text NOT NULL,
    already_gone  boolean NOT NULL,
    object_url    text NOT NULL,
    object_key    text NOT NULL,
    object_size   bigint NOT NULL,
    object_sha256 text NOT NULL,
    deleted_at    timestamptz NOT NULL
);

CREATE TABLE message (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_sid           text NOT NULL UNIQUE,
    account_sid           text NOT NULL,
    organization_id       uuid NOT NULL REFERENCES organization ON DELETE CASCADE,
    status                message_status NOT NULL,
    from_number           text COLLATE "C",
    to_number             text COLLATE "C",
    body                  text COLLATE "C",
    segments              integer,
    media                 integer,
    error_code            integer,
    messaging_service_sid text COLLATE "C",
    occurred_at           timestamptz NOT NULL, -- the first news of it
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_message_organization ON message (organization_id, id DESC);

CREATE TABLE api_key (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid REFERENCES organization ON DELETE CASCADE, -- none: an operator's, of all organizations
    name            text NOT NULL,
    hash            bytea NOT NULL UNIQUE, -- SHA-256 of the key, which is shown once
    permissions     text[] NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    revoked_at      timestamptz
);

CREATE TABLE audit_log (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid REFERENCES organization ON DELETE CASCADE,
    actor           text NOT NULL,
    action          text NOT NULL,
    target          text NOT NULL,
    detail          jsonb NOT NULL DEFAULT '{}',
    at              timestamptz NOT NULL DEFAULT now()
);

-- The runner's books.
CREATE TABLE delivery_attempt (
    durable    text NOT NULL,
    stream_seq bigint NOT NULL,
    attempts   integer NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (durable, stream_seq)
);

CREATE TABLE parked_message (
    durable         text NOT NULL,
    stream_seq      bigint NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    reason          text NOT NULL DEFAULT '',
    PRIMARY KEY (durable, stream_seq)
);
CREATE INDEX idx_parked_message_due ON parked_message (durable, next_attempt_at);

CREATE TABLE lease (
    name       text PRIMARY KEY,
    token      text NOT NULL,
    expires_at timestamptz NOT NULL
);
