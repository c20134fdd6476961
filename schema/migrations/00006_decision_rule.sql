-- +goose Up

-- Lists of calls by why they were recorded or not, where that is rare.
CREATE INDEX idx_recording_decision_rule ON recording_decision (rule);
