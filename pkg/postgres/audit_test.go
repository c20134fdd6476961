package postgres_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

// nobody is the id of an organization that does not exist.
const nobody = "00000000-0000-0000-0000-000000000000"

// boss is the context of somebody who changes things.
func (w *world) boss() context.Context { return schema.WithActor(w.t.Context(), "cli:boss@desk") }

// audited returns what the audit log tells of the organization (of all for an
// empty one), oldest first, as "actor action target detail".
func (w *world) audited(org string) (lines []string) {
	w.t.Helper()
	must(w.t, w.sql.Select(&lines, `
		SELECT actor || ' ' || action || ' ' || target || ' ' || detail FROM audit_log
		WHERE $1 = '' OR organization_id::text = $1 ORDER BY id`, org))
	return lines
}

// told is what the log tells that it did not before.
func (w *world) told(org string, act func()) []string {
	w.t.Helper()
	before := len(w.audited(org))
	act()
	return append([]string(nil), w.audited(org)[before:]...)
}

// wantLog fails unless the act makes the log tell exactly that.
func (w *world) wantLog(name string, act func(), want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.told("", act)); diff != "" {
		w.t.Errorf("the audit log of %s:\n%s", name, diff)
	}
}

func TestAnActThatChangesNothingIsAudited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := w.account.OrganizationID
	before := time.Now().Add(-time.Minute)
	must(t, w.Audit(w.boss(), org, schema.AuditEntry{
		ID: 7, Actor: "forged", Action: "recording.play", Target: recordingSID(1), Detail: map[string]any{"bytes": 12.0}, At: noon,
	}))
	must(t, w.Audit(t.Context(), "", schema.AuditEntry{Action: "doctor.run", Target: "\x00"}))

	page, next, err := w.AuditLog(t.Context(), org, schema.AuditFilter{Limit: 1})
	must(t, err)
	got := page[0]
	if got.At.Before(before) || got.ID == 7 || got.At.Location() != time.UTC || next == "" {
		t.Errorf("%+v, next %q", got, next)
	}
	want := schema.AuditEntry{
		ID: got.ID, OrganizationID: org, Actor: "cli:boss@desk", Action: "recording.play", Target: recordingSID(1),
		Detail: map[string]any{"bytes": 12.0}, At: got.At,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	page, _, err = w.AuditLog(t.Context(), "", schema.AuditFilter{Limit: 1})
	must(t, err)
	if got := page[0]; got.Actor != schema.System || got.Target != "\uFFFD" || got.OrganizationID != "" || got.Detail == nil {
		t.Errorf("the operators': %+v", got)
	}
	wantCode(t, w.Audit(t.Context(), nobody, schema.AuditEntry{Action: "a"}), schema.NotFound)
	wantCode(t, w.Audit(t.Context(), org, schema.AuditEntry{Detail: map[string]any{"f": func() {}}}), schema.Invalid)
}

func TestTheAuditLogInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222").OrganizationID
	own := map[string][]string{}
	for i := range 7 {
		for _, org := range []string{w.account.OrganizationID, neighbour, ""} {
			target := strconv.Itoa(i) + org
			must(t, w.Audit(t.Context(), org, schema.AuditEntry{Action: "test", Target: target}))
			own[org] = append([]string{target}, own[org]...)
		}
	}
	read := func(org string, limit int) (targets []string) {
		for cursor := ""; ; {
			page, next, err := w.AuditLog(t.Context(), org, schema.AuditFilter{Limit: limit, Cursor: cursor})
			must(t, err)
			if limit > 0 && len(page) > limit {
				t.Fatalf("a page of %d, not %d", len(page), limit)
			}
			for _, e := range page {
				if e.Action == "test" {
					targets = append(targets, e.Target)
				}
			}
			if cursor = next; next == "" {
				return targets
			}
		}
	}
	for _, limit := range []int{0, 1, 3, 7} {
		for _, org := range []string{w.account.OrganizationID, neighbour} {
			if diff := cmp.Diff(own[org], read(org, limit)); diff != "" {
				t.Errorf("in pages of %d:\n%s", limit, diff)
			}
		}
		if got := read("", limit); len(got) != 3*7 || !strings.HasPrefix(got[0], "6") {
			t.Errorf("the operator reads %v", got)
		}
	}
	for _, cursor := range []string{"nonsense", "1.5", "2026-05-04T12:00:00Z_CA1"} {
		_, _, err := w.AuditLog(t.Context(), "", schema.AuditFilter{Limit: 1, Cursor: cursor})
		wantCode(t, err, schema.Invalid)
	}
	if page, next, err := w.AuditLog(t.Context(), nobody, schema.AuditFilter{Limit: 1}); page == nil || len(page) != 0 || next != "" || err != nil {
		t.Errorf("of nobody: %v, %q, %v", page, next, err)
	}
}

func TestTheAuditLogByFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := w.account.OrganizationID
	start := time.Now().Add(-time.Minute)
	for _, line := range []string{"key:Ada settings.update AC1", "key:Bob recording.play RE1", "cli:ada@desk recording.play RE2"} {
		part := strings.Fields(line)
		must(t, w.Audit(schema.WithActor(t.Context(), schema.Actor(part[0])), org, schema.AuditEntry{Action: part[1], Target: part[2]}))
	}
	for _, c := range []struct {
		filter schema.AuditFilter
		want   string // targets
	}{
		{schema.AuditFilter{Actor: "key:"}, "RE1 AC1"},
		{schema.AuditFilter{Action: "recording."}, "RE2 RE1"},
		{schema.AuditFilter{Action: "recording.play", Actor: "Bob"}, "RE1"},
		{schema.AuditFilter{Target: "E2"}, "RE2"},
		{schema.AuditFilter{Action: "play"}, ""}, // not how it begins
		{schema.AuditFilter{Actor: "%"}, ""},     // no pattern
		{schema.AuditFilter{Actor: "\x00"}, ""},
		{schema.AuditFilter{Action: "recording.", Since: start}, "RE2 RE1"},
		{schema.AuditFilter{Action: "recording.", Until: start}, ""},
		{schema.AuditFilter{Since: time.Now().Add(time.Hour)}, ""},
	} {
		page, _, err := w.AuditLog(t.Context(), org, c.filter)
		must(t, err)
		var targets []string
		for _, e := range page {
			targets = append(targets, e.Target)
		}
		if got := strings.Join(targets, " "); got != c.want {
			t.Errorf("%+v selects %q, want %q", c.filter, got, c.want)
		}
	}
}

// A change that does not come about is not told either.
func TestAChangeThatFailsIsNotAudited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222")
	w.exec(`ALTER TABLE audit_log RENAME TO elsewhere`) // nor is a change made that cannot be told
	org := w.account.OrganizationID
	for name, change := range map[string]func() error{
		"rename":   func() error { return w.RenameOrganization(t.Context(), org, "Other") },
		"add":      func() error { return w.AddPhoneNumber(t.Context(), org, "+15550003333") },
		"remove":   func() error { return w.RemovePhoneNumber(t.Context(), org, ours) },
		"switch":   func() error { return w.SetRecordingEnabled(t.Context(), org, true) },
		"key":      func() error { _, err := w.CreateAPIKey(t.Context(), org, "k", nil); return err },
		"organize": func() error { _, err := w.CreateOrganization(t.Context(), "Third"); return err },
	} {
		if err := change(); err == nil {
			t.Errorf("%s: done without a trace", name)
		}
	}
	w.exec(`ALTER TABLE elsewhere RENAME TO audit_log`)
	w.wantLog("what fails", func() {
		wantCode(t, w.AddPhoneNumber(t.Context(), neighbour.OrganizationID, ours), schema.Conflict)
		wantCode(t, w.RemovePhoneNumber(t.Context(), neighbour.OrganizationID, ours), schema.NotFound)
	})
	got, err := w.Organizations(t.Context())
	must(t, err)
	state := fmt.Sprintf("%d %s %d", len(got), got[0].Name, got[0].Numbers)
	if want := fmt.Sprintf("2 %s 1", t.Name()); state != want {
		t.Errorf("now it is %s, not %s", state, want)
	}
	if account, err := w.AccountByOrganization(t.Context(), org); err != nil || account.RecordingEnabled {
		t.Errorf("the switch: %+v, %v", account, err)
	}
}
