package twilio

import (
	"context"
	"fmt"

	"github.com/twilio/twilio-go/client"
	events "github.com/twilio/twilio-go/rest/events/v1"

	"github.com/loquent/callstream/schema"
)

// sinkConfiguration is what Twilio asks of a webhook sink, as a JSON object in
// a form field. A batch of events may be delivered in one request all the
// same; it is declined because one event a request fails alone.
type sinkConfiguration struct {
	Destination string `json:"destination"`
	Method      string `json:"method"`
	Batch       bool   `json:"batch_events"`
}

// CreateSink makes a sink that delivers events to destination by POST. An
// account has at most 100, so look for one to reuse first.
func (c *Client) CreateSink(ctx context.Context, a schema.Account, description, destination string) (schema.Sink, error) {
	if err := checkURL("sink's destination", destination); err != nil {
		return schema.Sink{}, err
	}
	params := (&events.CreateSinkParams{}).
		SetDescription(description).
		SetSinkType(schema.SinkWebhook).
		SetSinkConfiguration(sinkConfiguration{Destination: destination, Method: "POST"})
	made, err := call(ctx, c, a, "create_sink", func(h *client.RequestHandler) (*events.EventsV1Sink, error) {
		return events.NewApiService(h).CreateSink(params)
	})
	if err == nil && !schema.ValidSID(value(made.Sid), schema.SinkPrefix) {
		err = mismatch("a sink", value(made.Sid))
	}
	if err != nil {
		return schema.Sink{}, fmt.Errorf("create sink: %w", err)
	}
	return sink(made), nil
}

// ListSinks returns all sinks of the account. Twilio has no filter by
// destination.
func (c *Client) ListSinks(ctx context.Context, a schema.Account) ([]schema.Sink, error) {
	params := (&events.ListSinkParams{}).SetPageSize(pageSize)
	listed, err := call(ctx, c, a, "list_sinks", func(h *client.RequestHandler) ([]events.EventsV1Sink, error) {
		return events.NewApiService(h).ListSink(params)
	})
	if err != nil {
		return nil, fmt.Errorf("list sinks: %w", err)
	}
	sinks := make([]schema.Sink, 0, len(listed))
	for i := range listed {
		sinks = append(sinks, sink(&listed[i]))
	}
	return sinks, nil
}

// DeleteSink removes a sink; alreadyGone reports that there was none. One that
// a subscription still uses is Conflict and [schema.ErrSinkInUse].
func (c *Client) DeleteSink(ctx context.Context, a schema.Account, sinkSID string) (alreadyGone bool, err error) {
	if err := schema.CheckSID("sink_sid", sinkSID, schema.SinkPrefix); err != nil {
		return false, err
	}
	alreadyGone, err = c.remove(ctx, a, "delete_sink", func(h *client.RequestHandler) error {
		return events.NewApiService(h).DeleteSink(sinkSID)
	})
	if err != nil {
		return false, fmt.Errorf("delete sink %s: %w", sinkSID, err)
	}
	return alreadyGone, nil
}

// TestSink asks Twilio to send its test event to the sink. That it arrived is
// seen by its arrival only.
func (c *Client) TestSink(ctx context.Context, a schema.Account, sinkSID string) error {
	if err := schema.CheckSID("sink_sid", sinkSID, schema.SinkPrefix); err != nil {
		return err
	}
	_, err := call(ctx, c, a, "test_sink", func(h *client.RequestHandler) (*events.EventsV1SinkTest, error) {
		return events.NewApiService(h).CreateSinkTest(sinkSID)
	})
	if err != nil {
		return fmt.Errorf("test sink %s: %w", sinkSID, err)
	}
	return nil
}

// sink normalizes a sink. Its configuration is an object whose form depends on
// the sink's type.
func sink(s *events.EventsV1Sink) schema.Sink {
	normalized := schema.Sink{
		SID:         value(s.Sid),
		Description: value(s.Description),
		Type:        value(s.SinkType),
		Status:      value(s.Status),
	}
	if configuration, ok := value(s.SinkConfiguration).(map[string]any); ok {
		normalized.Destination, _ = configuration["destination"].(string)
		normalized.Method, _ = configuration["method"].(string)
	}
	return normalized
}
