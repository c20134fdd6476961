package messages_test

import (
	"context"
	"testing"
	"time"

	"github.com/loquent/callstream/consumers/messages"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// known reads the one message that there is, if there is one.
type known struct{ row *schema.MessageRecord }

func (k known) Message(context.Context, string, string) (schema.MessageRecord, error) {
	if k.row == nil {
		return schema.MessageRecord{}, schema.Errorf(schema.NotFound, "none")
	}
	return *k.row, nil
}

func TestPlans(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	news := schema.MessageUpdated{
		Header: schema.Header{AccountSID: "AC1", OccurredAt: at}, MessageSID: "SM1", Status: schema.MessageDelivered, Body: "See you at nine",
	}
	row := func(change func(*schema.MessageRecord)) *schema.MessageRecord {
		r := &schema.MessageRecord{MessageSID: "SM1", AccountSID: "AC1", Status: schema.MessageDelivered, Body: news.Body, OccurredAt: at}
		change(r)
		return r
	}
	for name, c := range map[string]struct {
		row  *schema.MessageRecord
		want string
	}{
		"new":       {nil, "would create the row of message SM1"},
		"no news":   {row(func(*schema.MessageRecord) {}), ""},
		"old news":  {row(func(r *schema.MessageRecord) { r.Status = schema.MessageRead }), ""},
		"another's": {row(func(r *schema.MessageRecord) { r.AccountSID, r.Status = "AC2", schema.MessageSent }), ""},
		"news": {
			row(func(r *schema.MessageRecord) {
				r.Status, r.Body, r.OccurredAt = schema.MessageSent, "", at.Add(time.Second)
			}),
			"would set of message SM1: status delivered, text of 15 bytes, first news 2026-05-04T12:00:00Z",
		},
	} {
		consumer := messages.New(messages.Config{Records: known{c.row}}) // no store: a plan writes nothing
		plan, err := consumer.Plan(t.Context(), stream.Delivery{Event: news})
		if err != nil || plan.Change != c.want {
			t.Errorf("%s: %q, %v; want %q", name, plan.Change, err, c.want)
		}
	}
}
