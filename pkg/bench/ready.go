package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/schema"
)

// Goals of the part, in seconds, and what arrives.
const (
	archivedWithin   = 1.0
	transcriptWithin = 1.5
	readyRate        = 5   // recordings a second
	callSeconds      = 300 // of each recording
)

// ready measures from the webhook that says that a recording is there.
func (b *bench) ready(ctx context.Context) ([]Figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	defer w.close()
	twilio, err := newDouble(ctx)
	if err != nil {
		return nil, err
	}
	defer twilio.close()
	twilio.size = callSeconds * 4000 // 32 kbit/s
	server, err := w.start(ctx, nil, "ingress")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{consumers.Archiver, consumers.Transcriber} {
		if _, err := w.start(ctx, twilio.env(), "consume", name); err != nil {
			return nil, err
		}
	}
	n := b.size(200)
	events, err := w.recordings(ctx, newSIDs(), n, callSeconds)
	if err != nil {
		return nil, err
	}
	requests := make([][]byte, n)
	for i, e := range events {
		requests[i] = w.recordingPost(e)
	}
	skew, err := w.skew(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now().Add(20 * time.Millisecond)
	due := func(i int) time.Time { return began.Add(time.Duration(i) * time.Second / readyRate) }
	if _, err := send(ctx, server.addr, requests, due); err != nil {
		return nil, err
	}
	var archived, transcribed series
	for i, e := range events {
		copied, written, err := w.transcript(ctx, e)
		if err != nil {
			return nil, err
		}
		archived = append(archived, copied.Add(-skew).Sub(due(i)).Seconds())
		transcribed = append(transcribed, written.Add(-skew).Sub(due(i)).Seconds())
	}
	return []Figure{
		alone("recording ready to archived, p50", "s", series{archived.median()}),
		alone("recording ready to archived, p95", "s", series{archived.quantile(.95)}).atMost(archivedWithin),
		alone("recording ready to transcript, p50", "s", series{transcribed.median()}),
		alone("recording ready to transcript, p95", "s", series{transcribed.quantile(.95)}).atMost(transcriptWithin),
	}, nil
}

// recordingPost returns the signed callback of a recording.
func (w *world) recordingPost(e schema.Event) []byte {
	call, recording := e.Refs()
	form := url.Values{
		"AccountSid": {w.account.AccountSID}, "CallSid": {call}, "RecordingSid": {recording}, "RecordingStatus": {"completed"},
		"RecordingSource": {"DialVerb"}, "RecordingDuration": {fmt.Sprint(callSeconds)}, "RecordingChannels": {"1"},
		"RecordingStartTime": {time.Now().UTC().Format(time.RFC1123Z)}, "RecordingTrack": {"both"}, "ErrorCode": {"0"},
		"RecordingUrl": {"https://api.twilio.com/2010-04-01/Accounts/" + w.account.AccountSID + "/Recordings/" + recording},
	}
	target := ingress.RouteRecording + "?org=" + url.QueryEscape(w.account.OrganizationID)
	var signed strings.Builder
	signed.WriteString(w.base + target)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		signed.WriteString(name + form.Get(name))
	}
	return w.sign(target, "application/x-www-form-urlencoded", form.Encode(), signed.String())
}

// skew returns by how much the database's clock is ahead of this one's.
func (w *world) skew(ctx context.Context) (time.Duration, error) {
	var there time.Time
	began := time.Now()
	if err := w.pool.QueryRowContext(ctx, `SELECT clock_timestamp()`).Scan(&there); err != nil {
		return 0, fmt.Errorf("read the database's clock: %w", err)
	}
	took := time.Since(began)
	return there.Sub(began.Add(took / 2)), nil
}

// transcript waits for a recording's transcript and returns when the database
// stored that the recording is archived, and the transcript.
func (w *world) transcript(ctx context.Context, e schema.Event) (archived, transcribed time.Time, err error) {
	_, sid := e.Refs()
	deadline := time.Now().Add(time.Minute)
	for {
		err := w.pool.QueryRowContext(ctx, `
			SELECT r.archived_at, t.created_at FROM recording r JOIN transcript t USING (recording_sid) WHERE recording_sid = $1`, sid).Scan(&archived, &transcribed)
		switch {
		case err == nil:
			return archived, transcribed, nil
		case !errors.Is(err, sql.ErrNoRows):
			return archived, transcribed, fmt.Errorf("look for the transcript of %s: %w", sid, err)
		case time.Now().After(deadline):
			return archived, transcribed, schema.Errorf(schema.Internal, "recording %s has no transcript", sid)
		}
		select {
		case <-ctx.Done():
			return archived, transcribed, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}
