package console_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/pkg/cli"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// operator opens a window in which an operator is signed in, whose key belongs
// to no organization.
func operator(t *testing.T) *browser {
	t.Helper()
	w := here(t)
	var out, complaints bytes.Buffer
	if status := cli.Run(t.Context(), []string{"keys", "create", t.Name(), "--operator", "--permission", "admin", "--data", w.dir}, &out, &complaints); status != 0 {
		t.Fatal(complaints.String())
	}
	key := regexp.MustCompile(`csk_\S+`).FindString(out.String())
	return signedIn(t, key)
}

// variable returns what callstream's parts are reached by.
func (w *world) variable(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "instance.env"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return strings.Trim(strings.TrimSpace(value), "'")
		}
	}
	t.Fatalf("there is no %s", name)
	return ""
}

// bury makes so many dead letters of the consumer calls about messages that it
// has done long since: tried again, they resolve.
func (w *world) bury(t *testing.T, failure string, letters int) {
	t.Helper()
	address := w.variable(t, "NATS_URL")
	nc, err := nats.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := js.Stream(t.Context(), schema.StreamCalls)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := stream.Connect(t.Context(), stream.Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	for seq := uint64(1); letters > 0; letters-- {
		m, err := calls.GetMsg(t.Context(), seq, jetstream.WithGetMsgSubject(schema.KindCallAnswered+".*"))
		if err != nil {
			t.Fatal(err)
		}
		seq = m.Sequence
		letter := schema.DeadLetter{
			Consumer: "calls", Reason: schema.ReasonExhausted, Error: "merge calls: " + failure, Attempts: 5, Subject: m.Subject, Sequence: seq,
			FailedAt: time.Now().UTC(), Published: m.Time, Header: m.Header, Data: m.Data, Org: w.org, MsgID: fmt.Sprintf("test/%s/%d", failure, seq),
		}
		if err := conn.DeadLetter(t.Context(), letter); err != nil {
			t.Fatal(err)
		}
		seq++
	}
}

func TestConsolePipeline(t *testing.T) {
	b := operator(t)
	b.visit("/pipeline")
	if rows := eval[int](b, `document.querySelectorAll("#now tbody tr").length`); rows != 6 {
		t.Errorf("%d durables: %s", rows, b.text("#now"))
	}
	b.waitFor(`document.querySelectorAll(".plot canvas").length === 4`)
	if heard := eval[string](b, `document.querySelector(".plot canvas").getAttribute("aria-label")`); !strings.Contains(heard, "calls: now") {
		t.Errorf("the first plot says %q", heard)
	}
	b.accessible()
	b.picture("pipeline")
	eval[bool](b, `(document.querySelector("#now .stat").textContent = "stale") && true`)
	b.waitFor(`document.querySelector("#now .stat").textContent !== "stale"`)
	b.click(`.segments a[href*="15m"]`)
	b.waitFor(`document.querySelector(".segments [aria-current]").innerText === "15 minutes" && document.querySelector(".plot canvas")`)
}

func TestConsoleDeadLetters(t *testing.T) {
	b := operator(t)
	b.visit("/dead-letters")
	b.says("No dead letters")
	b.accessible()

	b.world.bury(t, "the disk is full", 3)
	b.visit("/dead-letters")
	b.says("Attempts ran out")
	b.accessible()
	b.picture("dead-letters")
	b.click("tbody a.cover")
	b.says("the disk is full")
	b.accessible()
	if body := b.text("#bytes"); !strings.Contains(body, "  \"") {
		t.Errorf("the bytes are shown as %q", body)
	}
	b.click(`form[action$="/retry"] button`)
	b.says("It is being tried again.")
	b.says("Its message was processed") // by itself, when it is

	b.visit("/dead-letters")
	b.waitFor(`document.querySelectorAll("tbody tr").length === 2 && document.querySelector("[data-needs-choice]").disabled`)
	b.click("[data-all]")
	b.click("[data-needs-choice]")
	b.says("2 letters are being tried again.")
	b.visit("/dead-letters?state=resolved")
	b.waitFor(`document.querySelectorAll("tbody tr").length === 3 || (location.reload(), false)`)

	b.world.bury(t, "a test", 1)
	b.visit("/dead-letters")
	b.click("tbody a.cover")
	b.click(`[commandfor="remove-letter"]`)
	b.fill("reason", "Nobody needs it")
	b.click("#remove-letter .danger")
	b.says("Removed by")
	entry := b.world.audited(t, "deadletter.remove")
	if entry.OrganizationID != b.world.org || entry.Detail["reason"] != "Nobody needs it" || entry.Actor != schema.Actor("key:"+t.Name()) {
		t.Errorf("audited %+v", entry)
	}

	b.world.bury(t, "again", 2)
	b.visit("/dead-letters?consumer=calls")
	b.click(`form[action="/dead-letters/retry-all"] button`)
	b.agree()
	b.says("2 letters are being tried again")
	b.accessible()
}

func TestConsoleReplays(t *testing.T) {
	b := operator(t)
	b.visit("/replays")
	b.says("No replays yet")
	b.accessible()
	b.visit("/replays/new?mode=dry")
	b.accessible()
	b.click(`[formaction="/replays/estimate"]`)
	b.says("Counted, not read.")
	b.fill("call_sid", "CA1")
	b.click(`[formaction="/replays/estimate"]`)
	b.waitFor(`document.querySelector("#estimate .error")`)
	b.fill("call_sid", " ")
	b.click("main [name=start]")
	b.says("Dry run of calls")
	b.says("Nothing was changed.") // by itself, at its end
	if done := b.text(".counts"); !strings.Contains(done, "Would be run") {
		t.Errorf("counted %q", done)
	}
	b.accessible()
	b.picture("replay")

	b.visit("/replays/new?consumer=calls&mode=run&rate=0.5")
	b.click("main [name=start]")
	b.waitFor(`document.querySelector("h1 .pill").innerText === "Running"`)
	b.visit("/replays")
	b.accessible()
	b.click("tbody a.cover")
	b.click(`form[action$="/cancel"] button`)
	b.agree()
	b.says("The replay is cancelled.")
	b.waitFor(`document.querySelector("h1 .pill").innerText === "Cancelled" && !document.querySelector("form[action$='/cancel']")`)

	// What has effects outside callstream is not started by a click alone.
	b.visit("/replays/new?consumer=reaper&mode=run&allow_side_effects=reaper")
	b.expects("422")
	b.click("main [name=start]")
	b.says("type the consumer’s name, reaper")
}

func TestConsoleResumesAReplay(t *testing.T) {
	b := operator(t)
	db, err := postgres.Open(t.Context(), b.world.variable(t, "DATABASE_URL"), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, token, err := db.CreateReplay(t.Context(), schema.ReplaySpec{Consumer: "calls", ToSeq: 9}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.EndReplay(t.Context(), r.ID, token, schema.ReplayProgress{}, schema.ReplayFailed, "the stream is gone"); err != nil {
		t.Fatal(err)
	}
	b.visit("/replays/" + r.ID)
	b.says("the stream is gone")
	b.click(`form[action$="/resume"] button`)
	b.waitFor(`document.querySelector("h1 .pill").innerText === "Done"`)
}
