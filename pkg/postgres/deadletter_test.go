package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

// letterOf is the dead letter of the archiver's message 7.
func letterOf(id uint64) schema.DeadLetter {
	return schema.DeadLetter{ID: id, Consumer: "archiver", Sequence: 7, MsgID: "dlq/archiver/7/" + string(rune('a'+id))}
}

// standing is the letter's state and note.
func (w *world) standing(l schema.DeadLetter) schema.LetterStatus {
	w.t.Helper()
	statuses, err := w.LetterStatuses(w.t.Context(), []schema.DeadLetter{l})
	must(w.t, err)
	return statuses[l.ID]
}

func TestARetriedLetterStartsFromScratch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 { // the attempts that it died of
		_, err := w.Attempt(t.Context(), "archiver", []uint64{7})
		must(t, err)
	}
	must(t, w.RetryLetter(t.Context(), letterOf(1), true))
	due, err := w.Due(t.Context(), "archiver", 10, time.Hour)
	must(t, err)
	if diff := cmp.Diff([]uint64{7}, due); diff != "" {
		t.Errorf("due:\n%s", diff)
	}
	counts, err := w.Attempt(t.Context(), "archiver", []uint64{7})
	must(t, err)
	must(t, w.Park(t.Context(), "archiver", 7, noon, "Twilio is away"))
	s := w.standing(letterOf(1))
	if counts[7] != 1 || s.State != schema.LetterRetrying || s.Attempts != 1 || !s.NextAttempt.Equal(noon) || s.Note != "Twilio is away" {
		t.Errorf("attempt %d, %+v", counts[7], s)
	}
	if letter, err := w.Retried(t.Context(), "archiver", 7); letter != 1 || err != nil {
		t.Errorf("it is a retry of letter %d, %v", letter, err)
	}
	if letter, err := w.Retried(t.Context(), "transcriber", 7); letter != 0 || err != nil {
		t.Errorf("another durable's is a retry of letter %d, %v", letter, err)
	}
}

// An operator may be quicker than the runner that has just stored the letter
// and is about to forget the message.
func TestARetryBegunBeforeTheMessageHasEndedIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.Park(t.Context(), "archiver", 7, time.Now().Add(time.Hour), "in work"))
	must(t, w.RetryLetter(t.Context(), letterOf(1), true))
	must(t, w.FailAgain(t.Context(), "archiver", 7, 0, "the first death"))
	if n, err := w.Parked(t.Context(), "archiver"); n != 1 || err != nil || w.standing(letterOf(1)).State != schema.LetterRetrying {
		t.Errorf("%d are parked (%v), the letter is %s", n, err, w.standing(letterOf(1)).State)
	}
	must(t, w.FailAgain(t.Context(), "archiver", 7, 1, "the second death"))
	s := w.standing(letterOf(1))
	if n, err := w.Parked(t.Context(), "archiver"); n != 0 || err != nil || s.State != schema.LetterFailedAgain || s.Note != "the second death" {
		t.Errorf("%d are parked (%v), the letter is %+v", n, err, s)
	}
}

func TestOfOneMessageOneLetterIsTriedAgainAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.RetryLetter(t.Context(), letterOf(1), true))
	wantCode(t, w.RetryLetter(t.Context(), letterOf(1), true), schema.Conflict)
	wantCode(t, w.RetryLetter(t.Context(), letterOf(2), true), schema.Conflict)
	if s := w.standing(letterOf(2)); s.State != schema.LetterOpen {
		t.Errorf("the other letter is %+v", s)
	}
	must(t, w.Resolve(t.Context(), "archiver", 7))
	must(t, w.RetryLetter(t.Context(), letterOf(2), true))
	wantCode(t, w.RetryLetter(t.Context(), letterOf(1), true), schema.Conflict)

	// A row that was lost, say in a database restored from a backup, is made again.
	must(t, w.Unpark(t.Context(), "archiver", 7))
	must(t, w.RetryLetter(t.Context(), letterOf(2), true))
	if n, err := w.Parked(t.Context(), "archiver"); n != 1 || err != nil {
		t.Errorf("%d are parked, %v", n, err)
	}
	// What was never in CALLS is not about any message.
	for id := range uint64(2) {
		must(t, w.RetryLetter(t.Context(), schema.DeadLetter{ID: 10 + id, Consumer: "ingress", MsgID: "x"}, false))
	}
}

func TestWhoTriedALetterAgainOrRemovedItIsWrittenDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := schema.WithActor(t.Context(), "cli:ann@host")
	must(t, w.RetryLetter(ctx, letterOf(1), true))
	must(t, w.CloseLetter(ctx, letterOf(1), schema.LetterRemoved, "a \x00 test"))
	must(t, w.CloseLetter(ctx, letterOf(1), schema.LetterRemoved, "again"))
	s := w.standing(letterOf(1))
	if s.State != schema.LetterRemoved || s.Note != "a \uFFFD test" || s.Actor != "cli:ann@host" || s.Retries != 1 {
		t.Errorf("status %+v", s)
	}
	must(t, w.RetryLetter(ctx, letterOf(1), true)) // it may be wanted after all
	must(t, w.Resolve(ctx, "archiver", 7))
	wantCode(t, w.CloseLetter(ctx, letterOf(1), schema.LetterRemoved, "too late"), schema.Conflict)
	entries, _, err := w.AuditLog(t.Context(), "", schema.AuditFilter{})
	must(t, err)
	var told []string
	for _, e := range entries {
		if e.Target == letterOf(1).MsgID && e.Actor == "cli:ann@host" {
			told = append(told, e.Action)
		}
	}
	if diff := cmp.Diff([]string{"deadletter.retry", "deadletter.remove", "deadletter.retry"}, told); diff != "" {
		t.Errorf("audit log:\n%s", diff)
	}
}

// What is done with an organization's letter is in its own audit log; with one
// that claims an organization that there is not, in the operators'.
func TestALettersAuditEntryIsItsOrganizations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := w.account.OrganizationID
	for claimed, owner := range map[string]string{org: org, strings.ToUpper(org): org, nobody: "", "no id": "", "": ""} {
		letter := schema.DeadLetter{ID: 7, Consumer: schema.ConsumerIngress, MsgID: "of " + claimed, Org: claimed}
		must(t, w.RetryLetter(w.boss(), letter, false))
		must(t, w.CloseLetter(w.boss(), letter, schema.LetterRemoved, "a test"))
		entries, _, err := w.AuditLog(t.Context(), "", schema.AuditFilter{Target: letter.MsgID, Limit: 2})
		must(t, err)
		for _, e := range entries {
			if e.OrganizationID != owner || e.Actor != "cli:boss@desk" {
				t.Errorf("of %q: %+v", claimed, e)
			}
		}
		if len(entries) != 2 || entries[0].Action != "deadletter.remove" || entries[0].Detail["reason"] != "a test" || entries[1].Action != "deadletter.retry" {
			t.Errorf("of %q: %+v", claimed, entries)
		}
	}
}
