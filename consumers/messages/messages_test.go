package messages_test

import (
	"context"
	"slices"
	"testing"

	"github.com/loquent/callstream/consumers/messages"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// double is a store that may refuse.
type double func([]schema.MessageUpdated) error

func (d double) MergeMessages(_ context.Context, updates []schema.MessageUpdated) error {
	return d(updates)
}

// handle hands messages with the given SIDs to a consumer as one batch.
func handle(t *testing.T, store double, sids ...string) []error {
	t.Helper()
	batch := make([]stream.Delivery, len(sids))
	for i, sid := range sids {
		batch[i] = stream.Delivery{Event: schema.MessageUpdated{MessageSID: sid, Status: schema.MessageSent}, Attempt: 1}
	}
	return messages.New(messages.Config{Store: store}).HandleBatch(t.Context(), batch)
}

func TestABatchIsOneStatement(t *testing.T) {
	t.Parallel()
	var got [][]schema.MessageUpdated
	store := double(func(updates []schema.MessageUpdated) error { got = append(got, updates); return nil })
	errs := handle(t, store, "SM1", "SM2", "SM3")
	if len(got) != 1 || len(got[0]) != 3 || slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		t.Errorf("statements %v, errors %v", got, errs)
	}
}

func TestAnOutageIsEverybodysError(t *testing.T) {
	t.Parallel()
	asked := 0
	store := double(func([]schema.MessageUpdated) error {
		asked++
		return schema.Errorf(schema.Unavailable, "database away")
	})
	for _, err := range handle(t, store, "SM1", "SM2") {
		if schema.CodeOf(err) != schema.Unavailable {
			t.Errorf("got %v", err)
		}
	}
	if asked != 1 {
		t.Errorf("asked a database that is away %d times", asked)
	}
}

func TestWhatIsNoMessageIsGivenUpAlone(t *testing.T) {
	t.Parallel()
	stored := 0
	store := double(func(updates []schema.MessageUpdated) error { stored += len(updates); return nil })
	errs := messages.New(messages.Config{Store: store}).HandleBatch(t.Context(), []stream.Delivery{
		{Event: schema.CallAnswered{}}, {Event: schema.MessageUpdated{MessageSID: "SM1"}},
	})
	if streamtest.VerdictOf(errs[0]).Kind != stream.KindTerminal || errs[1] != nil || stored != 1 {
		t.Errorf("got %v, %d stored", errs, stored)
	}
}
