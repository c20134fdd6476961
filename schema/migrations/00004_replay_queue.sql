-- +goose Up

-- Replays that no person waits for: they are queued, and a process that runs
-- their consumer takes them up, again after one that vanished.
ALTER TABLE replay
    DROP CONSTRAINT replay_state_check,
    ADD CONSTRAINT replay_state_check CHECK (state IN ('queued', 'running', 'done', 'interrupted', 'cancelled', 'failed')),
    ADD COLUMN unattended boolean NOT NULL DEFAULT false,
    ADD COLUMN lost integer NOT NULL DEFAULT 0; -- processes in a row that took it up and did not bring it on
CREATE INDEX idx_replay_unattended ON replay (started_at) WHERE unattended AND state IN ('queued', 'running', 'interrupted');
