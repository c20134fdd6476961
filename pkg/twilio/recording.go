package twilio

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/loquent/callstream/schema"
)

// pageSize is the greatest that Twilio's lists allow.
const pageSize = 1000

// StartCallRecording records a call that is in progress, from now to its end:
// both parties on a channel each, nothing trimmed. Twilio reports the
// recording's statuses in-progress, completed and absent to callbackURL.
//
// A call that is over is Refused and [schema.ErrCallEnded], a final outcome
// rather than a fault. After Unavailable a recording may run all the same, and
// starting a second one may record the call twice: list before repeating.
func (c *Client) StartCallRecording(ctx context.Context, a schema.Account, callSID, callbackURL string) (schema.RecordingFacts, error) {
	if err := schema.CheckSID("call_sid", callSID, schema.CallPrefix); err != nil {
		return schema.RecordingFacts{}, err
	}
	if err := checkURL("recording callback", callbackURL); err != nil {
		return schema.RecordingFacts{}, err
	}
	// The events are one text, as in Twilio's own examples: repeated
	// parameters are what the library makes of three.
	params := (&api.CreateCallRecordingParams{}).
		SetRecordingChannels("dual").
		SetRecordingTrack("both").
		SetTrim("do-not-trim").
		SetRecordingStatusCallback(callbackURL).
		SetRecordingStatusCallbackMethod("POST").
		SetRecordingStatusCallbackEvent([]string{"in-progress completed absent"})
	started, err := call(ctx, c, a, "start_call_recording", func(h *client.RequestHandler) (*api.ApiV2010CallRecording, error) {
		return api.NewApiService(h).CreateCallRecording(callSID, params)
	})
	if err == nil && !schema.ValidSID(value(started.Sid), schema.RecordingPrefix) {
		err = mismatch("a recording", value(started.Sid))
	}
	if err != nil {
		return schema.RecordingFacts{}, fmt.Errorf("start recording of %s: %w", callSID, err)
	}
	return callRecordingFacts(started), nil
}

// ListCallRecordings returns all recordings of the call, running, finished and
// failed ones, whoever started them. A dialled call's recordings are its
// parent's; a trunk call's are the trunk leg's.
func (c *Client) ListCallRecordings(ctx context.Context, a schema.Account, callSID string) ([]schema.RecordingFacts, error) {
	if err := schema.CheckSID("call_sid", callSID, schema.CallPrefix); err != nil {
		return nil, err
	}
	params := (&api.ListCallRecordingParams{}).SetPageSize(pageSize)
	listed, err := call(ctx, c, a, "list_call_recordings", func(h *client.RequestHandler) ([]api.ApiV2010CallRecording, error) {
		return api.NewApiService(h).ListCallRecording(callSID, params)
	})
	if err != nil {
		return nil, fmt.Errorf("list recordings of %s: %w", callSID, err)
	}
	recordings := make([]schema.RecordingFacts, 0, len(listed))
	for i := range listed {
		if schema.ValidSID(value(listed[i].Sid), schema.RecordingPrefix) {
			recordings = append(recordings, callRecordingFacts(&listed[i]))
		}
	}
	return recordings, nil
}

// FetchRecording returns what Twilio knows of the recording. NotFound once it
// is deleted.
func (c *Client) FetchRecording(ctx context.Context, a schema.Account, recordingSID string) (schema.RecordingFacts, error) {
	if err := schema.CheckSID("recording_sid", recordingSID, schema.RecordingPrefix); err != nil {
		return schema.RecordingFacts{}, err
	}
	got, err := call(ctx, c, a, "fetch_recording", func(h *client.RequestHandler) (*api.ApiV2010Recording, error) {
		return api.NewApiService(h).FetchRecording(recordingSID, nil)
	})
	if err == nil && value(got.Sid) != recordingSID {
		err = mismatch(recordingSID, value(got.Sid))
	}
	if err != nil {
		return schema.RecordingFacts{}, fmt.Errorf("fetch recording %s: %w", recordingSID, err)
	}
	return recordingFacts(got), nil
}

// DeleteRecording removes the recording's audio at Twilio, for good: call it
// only once a copy is proven. alreadyGone reports that there was none, which
// is as good.
func (c *Client) DeleteRecording(ctx context.Context, a schema.Account, recordingSID string) (alreadyGone bool, err error) {
	if err := schema.CheckSID("recording_sid", recordingSID, schema.RecordingPrefix); err != nil {
		return false, err
	}
	alreadyGone, err = c.remove(ctx, a, "delete_recording", func(h *client.RequestHandler) error {
		return api.NewApiService(h).DeleteRecording(recordingSID, nil)
	})
	if err != nil {
		return false, fmt.Errorf("delete recording %s: %w", recordingSID, err)
	}
	return alreadyGone, nil
}

// remove makes a deletion, of which a 404 is a way to succeed if it is Twilio's.
func (c *Client) remove(ctx context.Context, a schema.Account, operation string, operate func(*client.RequestHandler) error) (alreadyGone bool, err error) {
	_, err = call(ctx, c, a, operation, func(h *client.RequestHandler) (struct{}, error) {
		return struct{}{}, operate(h)
	})
	if schema.CodeOf(err) != schema.NotFound {
		return false, err
	}
	var answer *Error
	if errors.As(err, &answer) && answer.Code == 0 {
		return false, notTwilio(answer.Status)
	}
	return true, nil
}

// recordingFacts normalizes a recording. Its duration counts only once it is
// completed: before that Twilio writes null or -1.
func recordingFacts(r *api.ApiV2010Recording) schema.RecordingFacts {
	facts := schema.RecordingFacts{
		RecordingSID: value(r.Sid),
		CallSID:      sid(r.CallSid, schema.CallPrefix),
		Source:       value(r.Source),
		Channels:     value(r.Channels),
		StartedAt:    instant(r.StartTime),
		ErrorCode:    value(r.ErrorCode),
	}
	facts.Status, _ = schema.ParseRecordingStatus(value(r.Status))
	if facts.Status == schema.RecordingCompleted {
		facts.Duration = seconds(r.Duration)
	}
	return facts
}

// callRecordingFacts normalizes a recording as its call's list shows it: the
// same fields and the track.
func callRecordingFacts(r *api.ApiV2010CallRecording) schema.RecordingFacts {
	facts := recordingFacts(&api.ApiV2010Recording{
		Sid: r.Sid, CallSid: r.CallSid, Status: r.Status, Source: r.Source,
		Channels: &r.Channels, Duration: r.Duration, StartTime: r.StartTime, ErrorCode: r.ErrorCode,
	})
	facts.Track = value(r.Track)
	return facts
}

// checkURL returns an Invalid error unless raw is an absolute web address.
func checkURL(what, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return schema.Errorf(schema.Invalid, "the %s is not an absolute URL; is APP_HOST set?", what)
	}
	return nil
}
