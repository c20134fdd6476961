package postgres_test

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

var forward = &schema.VoicePlan{Action: schema.VoiceForward, To: "+15557770000", Announcement: `recorded <for "quality">`}

// numbers lists an organization's, without the times.
func (w *world) numbers(org string) []schema.PhoneNumber {
	w.t.Helper()
	list, err := w.PhoneNumbers(w.t.Context(), org)
	must(w.t, err)
	for i := range list {
		if list[i].CreatedAt.IsZero() {
			w.t.Errorf("%s has no time", list[i].Number)
		}
		list[i].CreatedAt = noon
	}
	return list
}

func TestNumbersComeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const second = "+15550001110"
	neighbour := w.neighbour("+15550002222").OrganizationID
	org := w.account.OrganizationID

	w.wantLog("a number added", func() {
		must(t, w.AddPhoneNumber(w.boss(), org, second))
		must(t, w.AddPhoneNumber(w.boss(), org, second))
	}, "cli:boss@desk number.add "+second+" {}")
	must(t, w.SetVoicePlan(t.Context(), org, second, forward))
	want := []schema.PhoneNumber{{Number: second, Voice: forward, CreatedAt: noon}, {Number: ours, CreatedAt: noon}}
	if diff := cmp.Diff(want, w.numbers(org)); diff != "" {
		t.Error(diff)
	}

	w.wantLog("what is not one's own", func() {
		for _, number := range []string{second, ours, "+15550009999", "\x00"} {
			wantCode(t, w.RemovePhoneNumber(t.Context(), neighbour, number), schema.NotFound)
		}
		wantCode(t, w.RemovePhoneNumber(t.Context(), nobody, second), schema.NotFound)
		wantCode(t, w.RemovePhoneNumber(t.Context(), "nonsense", second), schema.Invalid)
	})
	told := w.told("", func() { must(t, w.RemovePhoneNumber(w.boss(), org, second)) })
	encoded, err := json.Marshal(map[string]any{"voice": forward})
	must(t, err)
	var detail string
	must(t, w.sql.Get(&detail, `SELECT $1::jsonb::text`, string(encoded)))
	if diff := cmp.Diff([]string{"cli:boss@desk number.remove " + second + " " + detail}, told); diff != "" {
		t.Error(diff)
	}
	wantCode(t, w.RemovePhoneNumber(w.boss(), org, second), schema.NotFound)
	must(t, w.AddPhoneNumber(w.boss(), neighbour, second)) // free for others, and without the plan
	plan, err := w.VoicePlan(t.Context(), neighbour, second)
	if plan != nil || err != nil {
		t.Errorf("the plan came along: %v, %v", plan, err)
	}
	if got := w.numbers(org); len(got) != 1 || got[0].Number != ours {
		t.Errorf("%+v is left", got)
	}
}

// A number that is removed is not recorded from the next look-up on.
func TestARemovedNumberIsNotRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.SetRecordingEnabled(t.Context(), w.account.OrganizationID, true))
	if check := w.IsRecordingEnabled(t.Context(), toUs); !check.Enabled {
		t.Fatalf("%+v", check)
	}
	must(t, w.RemovePhoneNumber(t.Context(), w.account.OrganizationID, ours))
	if check := w.IsRecordingEnabled(t.Context(), toUs); check.Enabled || check.Rule != schema.RuleNumberUnknown {
		t.Errorf("%+v", check)
	}
}

func TestVoicePlans(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222").OrganizationID
	org := w.account.OrganizationID
	mail := &schema.VoicePlan{Action: schema.VoiceVoicemail, MaxSeconds: 60, Language: "de-DE"}
	for _, plan := range []*schema.VoicePlan{nil, forward, mail, nil} {
		must(t, w.SetVoicePlan(w.boss(), org, ours, plan))
		again := w.told("", func() { must(t, w.SetVoicePlan(w.boss(), org, ours, plan)) })
		got, err := w.VoicePlan(t.Context(), org, ours)
		must(t, err)
		if diff := cmp.Diff(plan, got); diff != "" || len(again) > 0 {
			t.Errorf("a repeat told %v; %s", again, diff)
		}
	}
	w.wantLog("a plan", func() {
		must(t, w.SetVoicePlan(w.boss(), org, ours, mail))
		must(t, w.SetVoicePlan(w.boss(), org, ours, nil))
	},
		`cli:boss@desk number.voice `+ours+` {"voice": {"to": {"action": "voicemail", "language": "de-DE", "max_seconds": 60}, "from": null}}`,
		`cli:boss@desk number.voice `+ours+` {"voice": {"to": null, "from": {"action": "voicemail", "language": "de-DE", "max_seconds": 60}}}`)

	w.wantLog("a plan that is none, or not one's own", func() {
		wantCode(t, w.SetVoicePlan(t.Context(), org, ours, &schema.VoicePlan{}), schema.Invalid)
		wantCode(t, w.SetVoicePlan(t.Context(), neighbour, ours, mail), schema.NotFound)
		_, err := w.VoicePlan(t.Context(), neighbour, ours)
		wantCode(t, err, schema.NotFound)
	})
	w.exec(`UPDATE phone_number SET voice = '"nonsense"' WHERE number = $1`, ours)
	_, err := w.VoicePlan(t.Context(), org, ours)
	wantCode(t, err, schema.Corrupt)
}

// Of two organizations that want a number at once one gets it.
func TestANumberThatTwoWant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222").OrganizationID
	const wanted = "+15550004444"
	results := make(chan error, 8)
	var racers sync.WaitGroup
	for i := range cap(results) {
		racers.Go(func() {
			results <- w.AddPhoneNumber(t.Context(), []string{w.account.OrganizationID, neighbour}[i%2], wanted)
		})
	}
	racers.Wait()
	close(results)
	codes := map[schema.Code]int{}
	for err := range results {
		codes[schema.CodeOf(err)]++
	}
	if codes[""] != 4 || codes[schema.Conflict] != 4 {
		t.Errorf("outcomes %v", codes)
	}
	if n := read[int](w, `SELECT count(*) FROM audit_log WHERE target = $1`, wanted); n != 1 {
		t.Errorf("told %d times", n)
	}
}
