package messages

import (
	"cmp"
	"context"
	"fmt"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// store keeps the messages' rows.
type store interface {
	MergeMessages(ctx context.Context, updates []schema.MessageUpdated) error
}

// records reads a message, for an empty organization whoever's it is.
type records interface {
	Message(ctx context.Context, orgID, messageSID string) (schema.MessageRecord, error)
}

// Config is what the consumer works with.
type Config struct {
	Store   store
	Records records // only Plan reads them
}

// Consumer merges the news of SMS messages.
type Consumer struct {
	store   store
	records records
}

// New returns a Consumer.
func New(config Config) *Consumer { return &Consumer{store: config.Store, records: config.Records} }

// HandleBatch merges the deliveries, all or nothing, and returns one error for
// each: nil once it is stored; the store's, for all alike, when it takes none.
// The runner then tries each alone.
func (c *Consumer) HandleBatch(ctx context.Context, deliveries []stream.Delivery) []error {
	errs := make([]error, len(deliveries))
	updates := make([]schema.MessageUpdated, 0, len(deliveries))
	for i, d := range deliveries {
		update, ok := d.Event.(schema.MessageUpdated)
		if !ok {
			errs[i] = stream.Terminal(schema.Errorf(schema.Invalid, "%T is no news of a message", d.Event))
			continue
		}
		updates = append(updates, update)
	}
	if err := c.merge(ctx, updates); err != nil {
		for i := range errs {
			errs[i] = cmp.Or(errs[i], err)
		}
	}
	return errs
}

func (c *Consumer) merge(ctx context.Context, updates []schema.MessageUpdated) error {
	if len(updates) == 0 {
		return nil
	}
	if err := c.store.MergeMessages(ctx, updates); err != nil {
		return fmt.Errorf("merge %d messages: %w", len(updates), err)
	}
	return nil
}
