package calls

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// store finds out whose calls they are and keeps their rows. MergeCalls
// returns for each update whether it joined or created a row; one that did
// neither is remembered for the row to come.
type store interface {
	ResolvePhoneAndDirection(ctx context.Context, queries []schema.PhoneQuery) ([]schema.Resolution, error)
	MergeCalls(ctx context.Context, updates []schema.CallUpdate) ([]bool, error)
}

// records reads all that is known of a call, for an empty organization whoever's
// it is.
type records interface {
	CallRecord(ctx context.Context, orgID, callSID string) (schema.CallRecord, error)
}

// Config is what the consumer works with.
type Config struct {
	Store      store
	Records    records               // only Plan reads them
	Logger     *slog.Logger          // nil: silence
	Registerer prometheus.Registerer // nil: the counts are not exposed
}

// Consumer merges the news of calls.
type Consumer struct {
	store   store
	records records
	log     *slog.Logger
	waiting prometheus.Counter
}

// New returns a Consumer.
func New(config Config) *Consumer {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Consumer{
		store:   config.Store,
		records: config.Records,
		log:     config.Logger,
		waiting: promauto.With(config.Registerer).NewCounter(prometheus.CounterOpts{
			Name: "callstream_calls_completed_unknown_total",
			Help: "Completed calls of which neither number nor row is known (yet).",
		}),
	}
}

// HandleBatch merges what the deliveries say, all or nothing, and returns one
// error for each: nil once it is stored; a terminal [schema.Refused] for a call
// of an account that belongs to nobody; the store's, for all alike, when it
// takes none. The runner then tries each alone.
func (c *Consumer) HandleBatch(ctx context.Context, deliveries []stream.Delivery) []error {
	errs := make([]error, len(deliveries))
	all := make([]news, 0, len(deliveries))
	for i, d := range deliveries {
		n, err := read(d)
		if errs[i] = err; err == nil {
			n.index = i
			all = append(all, n)
		}
	}
	if err := c.merge(ctx, all, errs); err != nil {
		for _, n := range all {
			errs[n.index] = err
		}
	}
	return errs
}

// merge stores all news of accounts that belong to somebody with one look-up
// and one statement, and marks those that do not in errs.
func (c *Consumer) merge(ctx context.Context, all []news, errs []error) error {
	if len(all) == 0 {
		return nil
	}
	queries := make([]schema.PhoneQuery, len(all))
	for i, n := range all {
		queries[i] = n.query()
	}
	resolutions, err := c.store.ResolvePhoneAndDirection(ctx, queries)
	if err != nil {
		return fmt.Errorf("resolve the numbers of %d calls: %w", len(all), err)
	}
	updates := make([]schema.CallUpdate, 0, len(all))
	for i, n := range all {
		if resolutions[i].AccountOrg == "" {
			errs[n.index] = stream.Terminal(schema.Errorf(schema.Refused,
				"call %s: account %s belongs to no organization (was it removed?)", n.facts.CallSID, n.header.AccountSID))
			continue
		}
		updates = append(updates, n.update(resolutions[i]))
	}
	if len(updates) == 0 {
		return nil
	}
	landed, err := c.store.MergeCalls(ctx, updates)
	if err != nil {
		return fmt.Errorf("merge %d calls: %w", len(updates), err)
	}
	if !all[0].replayed {
		c.count(ctx, updates, landed)
	}
	return nil
}

// count notes completions that found no row. They are nothing to worry about:
// the leg was nobody's, or a later event creates its row.
func (c *Consumer) count(ctx context.Context, updates []schema.CallUpdate, landed []bool) {
	for i, ok := range landed {
		if !ok {
			c.waiting.Inc()
			c.log.DebugContext(ctx, "call completed that nobody knows", "call_sid", updates[i].Facts.CallSID)
		}
	}
}
