package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // to bring parked messages' times forward

	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

var (
	_ stream.Retries    = (*postgres.DB)(nil)
	_ stream.LetterBook = (*postgres.DB)(nil)
)

// desk is a rig whose books are kept by a database, with an operator at work.
type desk struct {
	*rig
	db      *postgres.DB
	sql     *sqlx.DB
	letters stream.Letters
	fail    atomic.Bool // whether the handler fails
	ran     chan stream.Delivery
}

func newDesk(t *testing.T, d stream.Durable) *desk {
	t.Helper()
	url := embeddedtest.Postgres(t)
	k := &desk{rig: newRig(t, d), db: postgrestest.Open(t, url), sql: sqlx.MustOpen("postgres", url), ran: make(chan stream.Delivery, 1000)}
	t.Cleanup(func() { k.sql.Close() })
	k.config.Ledger, k.config.Parking = k.db, k.db
	k.letters = stream.Letters{Conn: k.conn, Book: k.db}
	k.fail.Store(true)
	return k
}

// start runs the durable's handler, which fails while k.fail says so.
func (k *desk) start() (stop func()) {
	k.t.Helper()
	return k.run(func(ctx context.Context, _ schema.CallAnswered) error {
		k.ran <- stream.DeliveryFrom(ctx)
		if k.fail.Load() {
			return stream.Terminal(errors.New("it cannot be done"))
		}
		return nil
	})
}

// due makes every parked message's time come.
func (k *desk) due() {
	k.t.Helper()
	if _, err := k.sql.Exec(`UPDATE parked_message SET next_attempt_at = now()`); err != nil {
		k.t.Fatal(err)
	}
}

// show returns a letter that has to be there.
func (k *desk) show(id uint64) schema.LetterHistory {
	k.t.Helper()
	h, err := k.letters.Show(k.t.Context(), id)
	if err != nil {
		k.t.Fatal(err)
	}
	return h
}

// await waits until the letter is in the state, bringing forward what waits.
func (k *desk) await(id uint64, state schema.LetterState) {
	k.t.Helper()
	streamtest.Await(k.t, fmt.Sprintf("dead letter %d to be %s", id, state), func(ctx context.Context) bool {
		h, err := k.letters.Show(ctx, id)
		return err == nil && h.Status.State == state
	})
}

// retry has the letter tried again by ann.
func (k *desk) retry(id uint64) {
	k.t.Helper()
	if err := k.letters.Retry(schema.WithActor(k.t.Context(), "key:ann"), id); err != nil {
		k.t.Fatal(err)
	}
}

// list returns the ids that the filter selects, over all pages.
func (k *desk) list(f schema.LetterFilter) (ids []uint64) {
	k.t.Helper()
	for {
		page, next, err := k.letters.List(k.t.Context(), f)
		if err != nil {
			k.t.Fatal(err)
		}
		for _, e := range page {
			ids = append(ids, e.ID)
		}
		if f.Cursor = next; next == "" {
			return ids
		}
	}
}

// parked returns how many messages wait.
func (k *desk) parked() int {
	k.t.Helper()
	n, err := k.db.Parked(k.t.Context(), k.config.Durable.Name)
	if err != nil {
		k.t.Fatal(err)
	}
	return n
}

// closed returns how many letters of the stream need nobody any more.
func (k *desk) closed() uint64 {
	k.t.Helper()
	info, err := k.conn.Info(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	letters := info.Streams[1]
	n, err := k.db.ClosedLetters(k.t.Context(), letters.Created, letters.FirstSeq)
	if err != nil {
		k.t.Fatal(err)
	}
	return n
}

func TestARetriedDeadLetterThatSucceedsIsResolved(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]stream.Durable{"one at a time": durable("one"), "in batches": batchDurable("one")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newDesk(t, d)
			if d.Batch > 0 {
				k.runBatch(func(_ context.Context, deliveries []stream.Delivery) []error {
					errs := make([]error, len(deliveries))
					for i, d := range deliveries {
						k.ran <- d
						if k.fail.Load() {
							errs[i] = stream.Terminal(errors.New("it cannot be done"))
						}
					}
					return errs
				})
			} else {
				k.start()
			}
			k.publish(streamtest.Answered(1))
			streamtest.DeadLetters(t, k.conn, 1)
			first := <-k.ran
			if s := k.show(1).Status; s != (schema.LetterStatus{State: schema.LetterOpen}) {
				t.Errorf("before: %+v", s)
			}
			k.fail.Store(false)
			k.retry(1)
			k.await(1, schema.LetterResolved)
			second := <-k.ran
			if second.Sequence != first.Sequence || second.Attempt != 1 || !second.Redelivered {
				t.Errorf("it ran as %+v", second)
			}
			s := k.show(1).Status
			if s.Retries != 1 || s.Actor != "key:ann" || s.RetriedAt.IsZero() || s.EndedAt.IsZero() || k.parked() != 0 {
				t.Errorf("after: %+v, %d parked", s, k.parked())
			}
			if err := k.letters.Retry(t.Context(), 1); schema.CodeOf(err) != schema.Conflict {
				t.Errorf("retried once more: %v", err)
			}
			if ids := k.list(schema.LetterFilter{}); len(ids) > 0 {
				t.Errorf("still listed: %v", ids)
			}
			if n := k.closed(); n != 1 {
				t.Errorf("%d are closed", n)
			}
		})
	}
}

func TestARetriedDeadLetterThatFailsAgainKeepsItsHistory(t *testing.T) {
	t.Parallel()
	k := newDesk(t, durable("one"))
	k.start()
	k.publish(streamtest.Answered(1))
	for id := uint64(1); id <= 3; id++ { // within the window of duplicates, too
		streamtest.DeadLetters(t, k.conn, int(id)) //nolint:gosec // small
		k.retry(id)
		k.await(id, schema.LetterFailedAgain)
	}
	streamtest.DeadLetters(t, k.conn, 4)
	last := k.show(4)
	var earlier []uint64
	for _, e := range last.Earlier {
		earlier = append(earlier, e.ID)
		if e.Status.State != schema.LetterFailedAgain || e.Status.Note == "" {
			t.Errorf("letter %d: %+v", e.ID, e.Status)
		}
	}
	if diff := cmp.Diff([]uint64{3, 2, 1}, earlier); diff != "" || last.Status.State != schema.LetterOpen || last.Attempts != 1 {
		t.Errorf("history of %+v\n%s", last.LetterEntry, diff)
	}
	if later := k.show(2).Later; later != 3 {
		t.Errorf("the letter after 2 is %d", later)
	}
	if diff := cmp.Diff([]uint64{4}, k.list(schema.LetterFilter{})); diff != "" {
		t.Errorf("to look after:\n%s", diff)
	}
	if err := k.letters.Retry(t.Context(), 2); schema.CodeOf(err) != schema.Conflict {
		t.Errorf("an old letter retried: %v", err)
	}
	k.fail.Store(false)
	k.retry(4)
	k.await(4, schema.LetterResolved)
	if ids := k.list(schema.LetterFilter{}); len(ids) > 0 || k.parked() != 0 {
		t.Errorf("listed %v, %d parked", ids, k.parked())
	}
}

// fragile is a database that fails where a process may die.
type fragile struct {
	*postgres.DB
	mu   sync.Mutex
	left map[string]int // failures to come, by method
}

func (f *fragile) broken(method string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left[method] == 0 {
		return nil
	}
	f.left[method]--
	return schema.Errorf(schema.Unavailable, "died before %s", method)
}

func (f *fragile) Retried(ctx context.Context, durable string, seq uint64) (uint64, error) {
	if err := f.broken("Retried"); err != nil {
		return 0, err
	}
	return f.DB.Retried(ctx, durable, seq)
}

func (f *fragile) Resolve(ctx context.Context, durable string, seq uint64) error {
	if err := f.broken("Resolve"); err != nil {
		return err
	}
	return f.DB.Resolve(ctx, durable, seq)
}

func (f *fragile) FailAgain(ctx context.Context, durable string, seq, letter uint64, failure string) error {
	if err := f.broken("FailAgain"); err != nil {
		return err
	}
	return f.DB.FailAgain(ctx, durable, seq, letter, failure)
}

// Whatever dies between which steps, a retried letter ends as it would have,
// with one letter for each death.
func TestARetryIsNotForgottenWhereItsProcessDies(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"Retried", "Resolve", "FailAgain"} {
		for _, succeeds := range []bool{true, false} {
			t.Run(fmt.Sprintf("before %s, succeeds %t", method, succeeds), func(t *testing.T) {
				t.Parallel()
				k := newDesk(t, durable("one"))
				weak := &fragile{DB: k.db, left: map[string]int{}}
				k.config.Parking, k.config.Ledger = weak, weak
				k.start()
				k.publish(streamtest.Answered(1))
				streamtest.DeadLetters(t, k.conn, 1)
				streamtest.Drained(t, k.conn, "one")
				k.fail.Store(!succeeds)
				weak.mu.Lock()
				weak.left[method] = 1
				weak.mu.Unlock()
				k.retry(1)
				want, letters := schema.LetterResolved, 1
				if !succeeds {
					want, letters = schema.LetterFailedAgain, 2
				}
				streamtest.Await(t, "the end of the retry", func(context.Context) bool {
					k.due()
					return k.show(1).Status.State == want
				})
				streamtest.DeadLetters(t, k.conn, letters)
				if n, err := k.conn.DeadLetters(t.Context()); n != uint64(letters) || err != nil || k.parked() != 0 { //nolint:gosec // small
					t.Errorf("%d letters, %v; %d parked", n, err, k.parked())
				}
				if !succeeds && k.show(2).RetryOf != 1 {
					t.Errorf("the second letter is %+v", k.show(2).DeadLetter)
				}
			})
		}
	}
}

func TestARetryOutlivesProcesses(t *testing.T) {
	t.Parallel()
	k := newDesk(t, durable("one"))
	stop := k.start()
	k.publish(streamtest.Answered(1))
	streamtest.DeadLetters(t, k.conn, 1)
	streamtest.Drained(t, k.conn, "one")
	stop()
	k.retry(1) // while nobody runs the durable
	if err := k.letters.Retry(t.Context(), 1); schema.CodeOf(err) != schema.Conflict {
		t.Errorf("retried while it waits: %v", err)
	}
	k.server.Stop()
	k.server.Restart()
	k.conn = streamtest.Connect(t, stream.Config{InProcess: k.server.InProcess()})
	k.config.Conn, k.letters.Conn, k.config.Grace = k.conn, k.conn, 0
	begun := make(chan struct{}, 1)
	stop = k.run(func(ctx context.Context, _ schema.CallAnswered) error {
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	<-begun
	stop() // in the middle of the work
	k.fail.Store(false)
	k.due()
	k.start()
	k.await(1, schema.LetterResolved)
}

func TestDeadLettersAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	k := newDesk(t, durable("one"))
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	var all []schema.DeadLetter
	for i := range 700 {
		all = append(all, schema.DeadLetter{
			Consumer: []string{"archiver", "transcriber"}[i%2], Reason: []string{"refused", "exhausted", "corrupt"}[i%3],
			Org: fmt.Sprint("org-", i%5), Sequence: uint64(i + 1), FailedAt: noon.Add(time.Duration(i) * time.Second), Data: []byte("bytes"), //nolint:gosec // small
		})
	}
	for page := range slices.Chunk(all, 100) {
		if err := k.conn.DeadLetter(t.Context(), page...); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.letters.Remove(t.Context(), 699, "known"); err != nil {
		t.Fatal(err)
	}
	want := func(selects func(i int) bool) (ids []uint64) {
		for i := 699; i >= 0; i-- {
			if selects(i) {
				ids = append(ids, uint64(i+1)) //nolint:gosec // small
			}
		}
		return ids
	}
	for name, tc := range map[string]struct {
		filter  schema.LetterFilter
		selects func(i int) bool
	}{
		"open":         {schema.LetterFilter{}, func(i int) bool { return i != 698 }},
		"all":          {schema.LetterFilter{All: true, Limit: 300}, func(int) bool { return true }},
		"removed":      {schema.LetterFilter{State: schema.LetterRemoved}, func(i int) bool { return i == 698 }},
		"consumer":     {schema.LetterFilter{Consumer: "archiver"}, func(i int) bool { return i%2 == 0 && i != 698 }},
		"reason":       {schema.LetterFilter{Reason: "corrupt", Limit: 1000}, func(i int) bool { return i%3 == 2 && i != 698 }},
		"organization": {schema.LetterFilter{Organization: "org-3", Consumer: "archiver", Limit: 7}, func(i int) bool { return i%5 == 3 && i%2 == 0 && i != 698 }},
		"a time": {
			schema.LetterFilter{Since: noon.Add(100 * time.Second), Until: noon.Add(200 * time.Second)},
			func(i int) bool { return i >= 100 && i < 200 },
		},
		"nobody's": {schema.LetterFilter{Consumer: "reaper"}, func(int) bool { return false }},
	} {
		if diff := cmp.Diff(want(tc.selects), k.list(tc.filter)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	page, next, err := k.letters.List(t.Context(), schema.LetterFilter{Limit: 699})
	if err != nil || next != "" || len(page) != 699 || page[0].Data != nil || page[0].Header != nil {
		t.Errorf("one page of all: %d letters, next %q, %v", len(page), next, err)
	}
	if _, _, err := k.letters.List(t.Context(), schema.LetterFilter{Cursor: "x"}); schema.CodeOf(err) != schema.Invalid {
		t.Errorf("an odd cursor: %v", err)
	}
}

func TestASelectionOfDeadLettersIsTriedAgain(t *testing.T) {
	t.Parallel()
	k := newDesk(t, durable("one"))
	k.start()
	k.publish(answered(5)...)
	other := streamtest.Answered(6)
	other.OrganizationID = "org-2"
	k.publish(other)
	letters := streamtest.DeadLetters(t, k.conn, 6)
	var told []uint64
	n, err := k.letters.RetryAll(t.Context(), schema.LetterFilter{Organization: "org-1", Limit: 2}, 1000, func(e schema.LetterEntry, err error) {
		if err == nil {
			told = append(told, e.ID)
		}
	})
	if n != 5 || err != nil || !slices.IsSortedFunc(told, func(a, b uint64) int { return int(b) - int(a) }) { //nolint:gosec // small
		t.Errorf("%d on their way, %v; told of %v", n, err, told)
	}
	for _, l := range letters {
		if l.Org == "org-1" {
			k.await(l.ID, schema.LetterFailedAgain)
		} else if s := k.show(l.ID).Status; s.State != schema.LetterOpen {
			t.Errorf("not selected: %+v", s)
		}
	}
	streamtest.DeadLetters(t, k.conn, 11)
	k.fail.Store(false)
	if n, err := k.letters.RetryAll(t.Context(), schema.LetterFilter{}, 0, nil); n != 6 || err != nil {
		t.Errorf("%d on their way, %v", n, err)
	}
	streamtest.Await(t, "all to be resolved", func(context.Context) bool { return len(k.list(schema.LetterFilter{})) == 0 })
}

// What CALLS does not keep has only its bytes.
func TestADeadLetterWithoutItsMessageIsTakenInAgain(t *testing.T) {
	t.Parallel()
	k := newDesk(t, durable("one"))
	k.start()
	k.publish(streamtest.Answered(1))
	streamtest.DeadLetters(t, k.conn, 1)
	_, js := raw(t, k.server)
	calls, err := js.Stream(t.Context(), schema.StreamCalls)
	if err != nil {
		t.Fatal(err)
	}
	if err := calls.DeleteMsg(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := k.conn.DeadLetter(t.Context(), schema.DeadLetter{Consumer: "ingress", Reason: schema.ReasonUndecodable, Data: []byte("from Twilio")}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []uint64{1, 2} {
		k.letters.Reinject = nil
		if err := k.letters.Retry(t.Context(), id); schema.CodeOf(err) != schema.Conflict || k.show(id).Status.State != schema.LetterOpen {
			t.Errorf("letter %d without a way back: %v, %+v", id, err, k.show(id).Status)
		}
		k.letters.Reinject = func(context.Context, schema.DeadLetter) error { return errors.New("still not JSON") }
		if err := k.letters.Retry(t.Context(), id); err == nil {
			t.Error("a failure is no error")
		}
		if s := k.show(id).Status; s.State != schema.LetterOpen || s.Retries != 1 || s.Note != "still not JSON" {
			t.Errorf("letter %d after a failure: %+v", id, s)
		}
		var taken schema.DeadLetter
		dying, die := context.WithCancel(t.Context())
		k.letters.Reinject = func(_ context.Context, l schema.DeadLetter) error {
			taken = l
			die()
			return nil
		}
		if err := k.letters.Retry(dying, id); err != nil {
			t.Error(err)
		}
		if s := k.show(id).Status; s.State != schema.LetterResolved || s.Retries != 2 {
			t.Errorf("letter %d after a success: %+v", id, s)
		}
		if want := k.show(id); len(taken.Data) == 0 || cmp.Diff(want.Data, taken.Data) != "" || taken.Subject != want.Subject {
			t.Errorf("letter %d was taken in as %+v", id, taken)
		}
	}
}

func TestARemovedDeadLetterIsHidden(t *testing.T) {
	t.Parallel()
	k := newDesk(t, durable("one"))
	stop := k.start()
	k.publish(answered(2)...)
	streamtest.DeadLetters(t, k.conn, 2)
	streamtest.Drained(t, k.conn, "one")
	stop()
	k.retry(2) // and then somebody thinks better of it
	ctx := schema.WithActor(t.Context(), "cli:bob@host")
	for _, id := range []uint64{1, 2, 2} {
		if err := k.letters.Remove(ctx, id, "a test call"); err != nil {
			t.Fatal(err)
		}
	}
	if ids := k.list(schema.LetterFilter{}); len(ids) > 0 || k.parked() != 0 {
		t.Errorf("listed %v, %d parked", ids, k.parked())
	}
	s := k.show(2).Status
	if s.State != schema.LetterRemoved || s.Actor != "cli:bob@host" || s.Note != "a test call" || s.EndedAt.IsZero() {
		t.Errorf("status %+v", s)
	}
	k.retry(1) // it is still there
	if diff := cmp.Diff([]uint64{1}, k.list(schema.LetterFilter{})); diff != "" {
		t.Error(diff)
	}
	for _, id := range []uint64{0, 99} {
		if err := k.letters.Remove(ctx, id, ""); schema.CodeOf(err) != schema.NotFound {
			t.Errorf("letter %d: %v", id, err)
		}
	}
}

// Marks are about the letter, not about the number it had in a stream that was
// lost.
func TestLettersOfAStreamMadeAnewAreOpen(t *testing.T) {
	t.Parallel()
	k := newDesk(t, durable("one"))
	k.start()
	k.publish(streamtest.Answered(1))
	streamtest.DeadLetters(t, k.conn, 1)
	if err := k.letters.Remove(t.Context(), 1, "known"); err != nil {
		t.Fatal(err)
	}
	_, js := raw(t, k.server)
	if err := js.DeleteStream(t.Context(), schema.StreamDeadLetters); err != nil {
		t.Fatal(err)
	}
	if _, err := k.conn.Provision(t.Context(), streamtest.Settings(), []stream.Durable{k.config.Durable}); err != nil {
		t.Fatal(err)
	}
	k.publish(streamtest.Answered(2))
	streamtest.DeadLetters(t, k.conn, 1)
	if diff := cmp.Diff([]uint64{1}, k.list(schema.LetterFilter{})); diff != "" || k.closed() != 0 {
		t.Errorf("%d are closed\n%s", k.closed(), diff)
	}
}
