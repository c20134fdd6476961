-- +goose Up

-- On which of the recording's channels a line is spoken, 1 or 2; 0: it is not known.
ALTER TABLE transcript_segment ADD channel smallint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE transcript_segment DROP channel;
