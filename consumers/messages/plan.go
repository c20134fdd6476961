package messages

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// Plan returns what HandleBatch would change in the message's row, without the
// message's text.
func (c *Consumer) Plan(ctx context.Context, d stream.Delivery) (schema.Plan, error) {
	news, ok := d.Event.(schema.MessageUpdated)
	if !ok {
		return schema.Plan{}, schema.Errorf(schema.Invalid, "%T is no news of a message", d.Event)
	}
	row, err := c.records.Message(ctx, "", news.MessageSID)
	switch {
	case schema.CodeOf(err) == schema.NotFound:
		return schema.Plan{Change: "would create the row of message " + news.MessageSID}, nil
	case err != nil:
		return schema.Plan{}, fmt.Errorf("read message %s: %w", news.MessageSID, err)
	case row.AccountSID != news.AccountSID: // another account's news changes nothing
		return schema.Plan{}, nil
	}
	return schema.Plan{Change: change(row, news)}, nil
}

// change says what the news would set in the row, by the rules of the store, or
// nothing.
func change(row schema.MessageRecord, news schema.MessageUpdated) string {
	var sets []string
	set := func(name string, is bool, value string) {
		if is {
			sets = append(sets, name+" "+value)
		}
	}
	set("status", news.Status.Rank() > row.Status.Rank(), string(news.Status))
	set("from", news.From > row.From, news.From)
	set("to", news.To > row.To, news.To)
	set("text of", news.Body > row.Body, strconv.Itoa(len(news.Body))+" bytes")
	set("segments", news.Segments > row.Segments, strconv.Itoa(news.Segments))
	set("attachments", news.Media > row.Media, strconv.Itoa(news.Media))
	set("error", news.ErrorCode > row.ErrorCode, strconv.Itoa(news.ErrorCode))
	set("service", news.MessagingServiceSID > row.MessagingServiceSID, news.MessagingServiceSID)
	first := news.OccurredAt.Round(time.Microsecond)
	set("first news", first.Before(row.OccurredAt), first.UTC().Format(time.RFC3339Nano))
	if len(sets) == 0 {
		return ""
	}
	return "would set of message " + row.MessageSID + ": " + strings.Join(sets, ", ")
}
