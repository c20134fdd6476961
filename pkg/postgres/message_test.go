package postgres_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loquent/callstream/schema"
)

// messageRow is what the tests look at.
type messageRow struct {
	Organization string    `db:"organization_id"`
	Status       string    `db:"status"`
	From         *string   `db:"from_number"`
	Body         *string   `db:"body"`
	ErrorCode    *int      `db:"error_code"`
	OccurredAt   time.Time `db:"occurred_at"`
}

func (w *world) message() messageRow {
	w.t.Helper()
	row := read[messageRow](w, `SELECT organization_id, status, from_number, body, error_code, occurred_at FROM message WHERE message_sid = 'SM1'`)
	row.OccurredAt = row.OccurredAt.UTC()
	return row
}

func (w *world) news(status schema.MessageStatus, second int) schema.MessageUpdated {
	return schema.MessageUpdated{
		Header:     schema.Header{AccountSID: w.account.AccountSID, OrganizationID: w.account.OrganizationID, OccurredAt: *at(second)},
		MessageSID: "SM1", Status: status,
	}
}

func TestAMessageInAnyOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sent, undelivered, delivered := w.news(schema.MessageSent, 1), w.news(schema.MessageUndelivered, 2), w.news(schema.MessageDelivered, 3)
	sent.From, sent.Body, sent.Segments, sent.Media = ours, "hello\x00", 2, 1
	undelivered.ErrorCode = 30003
	delivered.OrganizationID = "" // its account's, then
	want := messageRow{
		Organization: w.account.OrganizationID, Status: "delivered", From: ptr(ours), Body: ptr("hello\uFFFD"), ErrorCode: ptr(30003), OccurredAt: *at(1),
	}
	rapid.Check(t, func(rt *rapid.T) {
		w.exec(`TRUNCATE message`)
		told := rapid.Permutation([]schema.MessageUpdated{sent, undelivered, delivered, sent}).Draw(rt, "order")
		var workers sync.WaitGroup
		for rest := told; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(rt, "batch")
			batch := rest[:n]
			rest = rest[n:]
			workers.Go(func() {
				if err := w.MergeMessages(t.Context(), batch); err != nil {
					t.Error(err)
				}
			})
		}
		workers.Wait()
		if diff := cmp.Diff(want, w.message()); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestMessagesOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222")
	own, forged := w.news(schema.MessageSent, 1), w.news(schema.MessageRead, 1)
	forged.AccountSID, forged.OrganizationID = neighbour.AccountSID, neighbour.OrganizationID
	must(t, w.MergeMessages(t.Context(), []schema.MessageUpdated{own}))
	must(t, w.MergeMessages(t.Context(), []schema.MessageUpdated{forged, own}))
	if got := w.message(); got.Status != "sent" || got.Organization != w.account.OrganizationID {
		t.Errorf("the neighbour changed it: %+v", got)
	}
	must(t, w.MergeMessages(t.Context(), nil))

	nobodys := w.news(schema.MessageSent, 1)
	nobodys.MessageSID, nobodys.AccountSID, nobodys.OrganizationID = "SM2", "AC0", ""
	wantCode(t, w.MergeMessages(t.Context(), []schema.MessageUpdated{nobodys}), schema.Invalid)
}
