package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/loquent/callstream/schema"
)

// conversation is a call of two people, recorded and transcribed, that no other
// test is given.
func (w *world) conversation(t testing.TB) (call, recording string) {
	t.Helper()
	found := w.await(t, "transcript=true", func(c schema.CallRecord) bool {
		fits := len(c.Recordings) == 1 && c.Recordings[0].Channels == 2 && c.Recordings[0].Transcript != nil &&
			len(c.Recordings[0].Transcript.Segments) > 2 && c.Recordings[0].Receipt != nil && c.Decision != nil && c.From != ""
		if !fits {
			return false
		}
		_, given := w.given.LoadOrStore(c.CallSID, true)
		return !given
	})
	return found.CallSID, found.Recordings[0].RecordingSID
}

// playbacks counts how often the audit log has that the recording was played.
func (w *world) playbacks(t testing.TB, recording string) int {
	t.Helper()
	var log struct{ Entries []schema.AuditEntry }
	w.api(t, http.MethodGet, "/api/audit?action=recording.play&target="+recording, nil, &log)
	return len(log.Entries)
}

func TestConsoleCallIsHeardAndRead(t *testing.T) {
	t.Parallel()
	b := signedIn(t, "")
	call, recording := b.world.conversation(t)
	b.visit("/calls/" + call)
	b.waitFor(`document.querySelectorAll(".wave .rest").length === 2`)
	b.accessible()
	if n := b.world.playbacks(t, recording); n > 0 {
		t.Errorf("looking at a call is %d playbacks in the audit log", n)
	}

	b.click("[data-play]")
	b.waitFor(`document.querySelector(".playing")`)
	b.waitFor(`Number(document.querySelector("[data-position]").value) > 0.5`)
	b.waitFor(`document.querySelector(".lines li[aria-current]")`)
	if n := b.world.playbacks(t, recording); n == 0 {
		t.Error("the playback is not in the audit log")
	}
	b.do(chromedp.KeyEvent("k"))
	b.waitFor(`!document.querySelector(".playing")`)

	third := eval[float64](b, `Number(document.querySelectorAll(".lines li")[2].dataset.start)`)
	b.click(".lines li:nth-child(3) button")
	b.waitFor(fmt.Sprintf(`Number(document.querySelector("[data-position]").value) >= %f`, third))
	b.waitFor(`document.querySelectorAll(".lines li")[2].hasAttribute("aria-current")`)
	b.click("[data-play]")
	b.waitFor(`!document.querySelector(".playing")`)
	b.picture("call")
	b.click(`[data-skip="-10"]`)
	b.waitFor(`Number(document.querySelector("[data-position]").value) === 0`)

	b.do(chromedp.Focus(chromedp.CSS("[data-position]")), chromedp.KeyEvent(kb.End))
	b.waitFor(`document.querySelector("[data-now]").innerText === document.querySelector("[data-total]").innerText`)
	b.do(chromedp.SetValue(chromedp.CSS("[data-speed]"), "2"))
}

func TestConsoleCallSaysWhy(t *testing.T) {
	t.Parallel()
	b := signedIn(t, "")
	call, _ := b.world.conversation(t)
	b.visit("/calls/" + call)
	for _, words := range []string{
		"Recorded:", "What was looked up:", "Decided to record", "Twilio told of the recording", "The copy in the archive was proven whole",
		"The transcript was stored", "SHA-256", "when the copy had been proven", "in the stream",
	} {
		if !strings.Contains(b.text("main"), words) {
			t.Errorf("the page does not say %q:\n%s", words, b.text("main"))
		}
	}
	silent := b.world.await(t, "rule=call_ended", anyCall)
	b.visit("/calls/" + silent.CallSID)
	b.says("Not recorded: the call was over before a recording could start.")
	b.accessible()
	b.picture("why")
}

func TestConsoleCallDownloads(t *testing.T) {
	t.Parallel()
	b := signedIn(t, "")
	call, recording := b.world.conversation(t)
	b.visit("/calls/" + call)
	fetched := func(path string) []string {
		return eval[[]string](b, `fetch("`+path+`").then(async r => [String(r.status), r.headers.get("Content-Type"), r.headers.get("Content-Disposition") || "", await r.text()])`)
	}
	for form, want := range map[string]string{"txt": "Speaker 1: ", "vtt": "WEBVTT\n\n00:00:0", "json": `"segments": [`} {
		got := fetched("/calls/" + call + "/transcripts/" + recording + "." + form)
		if got[0] != "200" || !strings.HasPrefix(got[2], "attachment") || !strings.Contains(got[3], want) {
			t.Errorf("%s: %q", form, got)
		}
	}
	if got := fetched("/recordings/" + recording + "/audio?download"); got[0] != "200" || got[1] != "audio/mpeg" || !strings.Contains(got[2], recording+".mp3") {
		t.Errorf("audio: %q", got[:3])
	}
	part := eval[string](b, `fetch("/recordings/`+recording+`/audio", {headers: {Range: "bytes=100-199"}}).then(async r => r.status + " " + (await r.arrayBuffer()).byteLength)`)
	if part != "206 100" {
		t.Errorf("a part of the audio: %s", part)
	}
}

func TestConsoleTranscribesAgain(t *testing.T) {
	t.Parallel()
	b := signedIn(t, "")
	call, recording := b.world.conversation(t)
	b.visit("/calls/" + call)
	b.click(`form[action$="/transcribe"] button`)
	b.waitFor(`document.getElementById("confirm").open`)
	b.click(`#confirm [value="no"]`)
	b.waitFor(`!document.getElementById("confirm").open`)
	b.click(`form[action$="/transcribe"] button`)
	b.click(`#confirm [data-yes]`)
	b.says("The recording will be transcribed again")
	var list struct{ Replays []schema.Replay }
	b.world.api(t, http.MethodGet, "/api/replays", nil, &list)
	for _, r := range list.Replays {
		if r.Spec.RecordingSID == recording && r.Spec.Consumer == "transcriber" && r.Spec.Force && r.Spec.FromSeq > 0 {
			return
		}
	}
	t.Errorf("no replay of the transcriber for %s: %+v", recording, list.Replays)
}

// A call that is watched while it lasts tells by itself how it ends.
func TestConsoleCallIsWatched(t *testing.T) {
	t.Parallel()
	b := signedIn(t, "")
	begun := b.world.await(t, "", func(c schema.CallRecord) bool { return !c.Status.Final() })
	b.visit("/calls/" + begun.CallSID)
	b.do(chromedp.Evaluate[chromedp.Void](`window.same = true`))
	b.waitFor(`document.querySelector(".timeline").innerText.includes("The call ended")`)
	if !eval[bool](b, `window.same === true`) {
		t.Error("the page was loaded anew")
	}
}

func TestConsoleCallForWhoMayOnlyRead(t *testing.T) {
	t.Parallel()
	_, key := here(t).issue(t, "read")
	b := signedIn(t, key)
	call, recording := b.world.conversation(t)
	b.visit("/calls/" + call)
	b.says("your key needs the permission “play”")
	b.says("Transcript")
	for _, forbidden := range []string{"[data-player]", `form[action$="/transcribe"]`, `a[href^="/recordings/"]`} {
		if eval[bool](b, fmt.Sprintf(`!!document.querySelector(%q)`, forbidden)) {
			t.Errorf("who may only read is offered %s", forbidden)
		}
	}
	b.accessible()
	b.expects("403")
	b.visit("/recordings/" + recording + "/audio")
	b.says("You may not see this")
	b.accessible()
	b.expects("404")
	b.visit("/calls/CA00000000000000000000000000000000")
	b.says("There is no call")
	b.visit("/nowhere")
	b.says("There is nothing here")
}
