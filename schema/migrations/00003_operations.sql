-- +goose Up

-- What operators run over history. Whoever runs one holds it by its token, and
-- renews the hold with each checkpoint.
CREATE TABLE replay (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    spec       jsonb NOT NULL, -- a schema.ReplaySpec
    state      text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'interrupted', 'cancelled', 'failed')),
    progress   jsonb NOT NULL DEFAULT '{}', -- a schema.ReplayProgress
    error      text NOT NULL DEFAULT '',
    actor      text NOT NULL,
    token      text NOT NULL,
    held_until timestamptz NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at   timestamptz
);
CREATE INDEX idx_replay_started ON replay (started_at DESC);

-- What became of dead letters; those that nobody has touched have no row. A
-- letter is named by its sequence in DEADLETTERS and its message id: in a stream
-- that was made anew the sequences begin anew.
CREATE TABLE dead_letter (
    letter_seq  bigint NOT NULL,
    msg_id      text NOT NULL,
    durable     text NOT NULL,
    message_seq bigint NOT NULL, -- in CALLS; 0: it is not there
    state       text NOT NULL CHECK (state IN ('open', 'retrying', 'resolved', 'failed_again', 'removed')),
    retries     integer NOT NULL DEFAULT 0,
    retried_at  timestamptz,
    ended_at    timestamptz,
    actor       text NOT NULL,
    note        text NOT NULL DEFAULT '',
    PRIMARY KEY (letter_seq, msg_id)
);
-- One retry of a message at a time; and how its end finds the letter.
CREATE UNIQUE INDEX idx_dead_letter_retrying ON dead_letter (durable, message_seq) WHERE state = 'retrying' AND message_seq > 0;

CREATE INDEX idx_call_event_recording ON call_event (recording_sid) WHERE recording_sid IS NOT NULL;
