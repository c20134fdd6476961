package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/loquent/callstream/schema"
)

// await polls the API's list of calls until a call is as wanted, and returns
// the newest that is.
func (w *world) await(t testing.TB, query string, wanted func(schema.CallRecord) bool) schema.CallRecord {
	t.Helper()
	for limit := time.Now().Add(2 * time.Minute); time.Now().Before(limit); time.Sleep(200 * time.Millisecond) {
		var page struct{ Calls []schema.CallRecord }
		w.api(t, http.MethodGet, "/api/calls?limit=200&"+query, nil, &page)
		for _, c := range page.Calls {
			if wanted(c) {
				return c
			}
		}
	}
	t.Fatalf("no call of /api/calls?%s became as wanted", query)
	return schema.CallRecord{}
}

// anyCall is for tests to which any will do.
func anyCall(schema.CallRecord) bool { return true }

const rows = `[...document.querySelectorAll(".calls tbody tr")]`

// choose chooses from a select as a person does.
func (b *browser) choose(id, value string) {
	b.t.Helper()
	b.do(chromedp.SetValue(chromedp.ID(id), value),
		chromedp.Evaluate[chromedp.Void](`document.getElementById("`+id+`").dispatchEvent(new Event("change", {bubbles: true}))`))
}

func TestConsoleCallsAreListedAsTheyArrive(t *testing.T) {
	t.Parallel()
	b := signedIn(t, "")
	b.visit("/calls")
	first := eval[string](b, rows+`[0].id`)
	b.do(chromedp.Evaluate[chromedp.Void](`window.same = true`))
	b.waitFor(rows + `[0].id !== "` + first + `"`)
	if !eval[bool](b, `window.same === true`) {
		t.Error("the page was loaded anew")
	}
	if text := eval[string](b, `document.querySelector("time").textContent`); strings.Contains(text, "UTC") {
		t.Errorf("times are not in the viewer's zone: %s", text)
	}
	b.accessible()
	b.picture("calls")
}

func TestConsoleCallFilters(t *testing.T) {
	t.Parallel()
	b := signedIn(t, "")
	said := b.world.await(t, "text=invoice&recorded=true", anyCall)
	b.visit("/calls")
	b.click(".more summary")

	b.choose("recording", "no")
	b.waitFor(`new URLSearchParams(location.search).get("recording") === "no"`)
	b.waitFor(rows + `.length > 0 && ` + rows + `.every(r => r.querySelector(".call-recording .pill").innerText !== "Recorded")`)
	if address := eval[string](b, `location.search`); address != "?recording=no" {
		t.Errorf("the address has what was not asked for: %s", address)
	}

	b.choose("recording", "yes")
	b.waitFor(rows + `.length > 0 && ` + rows + `.every(r => r.querySelector(".call-recording .pill").innerText === "Recorded")`)
	b.do(chromedp.SendKeys(chromedp.ID("text"), "invoice"))
	b.waitFor(rows + `.length > 0 && ` + rows + `.every(r => r.querySelector("mark")?.innerText.toLowerCase() === "invoice")`)
	b.waitFor(`document.getElementById("` + said.CallSID + `")`)
	b.accessible()
	b.picture("search")

	b.click(`[id="` + said.CallSID + `"] a.cover`)
	b.waitFor(`document.querySelector(".lines mark")`)
	b.do(chromedp.NavigateBack())
	b.waitFor(`document.getElementById("text")?.value === "invoice" && document.querySelector("mark")`)

	b.visit("/calls?number=%28202%29+555-0100")
	b.waitFor(rows + `.length > 0 && ` + rows + `.every(r => r.innerText.includes("+1 202 555 0100"))`)

	b.visit("/calls?text=rhododendron")
	b.says("No call is like that")
	b.accessible()
	b.expects("422")
	b.visit("/calls?status=asleep")
	b.says("These filters do not work")
}

func TestConsoleCallsBetweenTimes(t *testing.T) {
	t.Parallel()
	b := signedIn(t, "")
	b.visit("/calls")
	b.click(".more summary")
	b.choose("period", "custom")
	b.do(chromedp.Evaluate[chromedp.Void](`since.value = "2001-02-03T04:05", until.value = "2001-02-03T05:05", until.dispatchEvent(new Event("change", {bubbles: true}))`))
	b.says("No call is like that")
	want := eval[string](b, `new Date("2001-02-03T04:05").toISOString()`)
	if got := eval[string](b, `new URLSearchParams(location.search).get("since")`); got != want {
		t.Errorf("calls since %s, want %s, the viewer's 04:05", got, want)
	}
	b.do(chromedp.Reload())
	b.waitFor(`document.documentElement.classList.contains("ready")`)
	if got := eval[string](b, `since.value`); got != "2001-02-03T04:05" {
		t.Errorf("after a reload the field says %s", got)
	}
}

func TestConsolePages(t *testing.T) {
	t.Parallel()
	b := signedIn(t, "")
	enough := 0
	b.world.await(t, "", func(schema.CallRecord) bool { enough++; return enough%200 > 60 })
	b.visit("/calls")
	b.waitFor(rows + `.length === 50`)
	last := eval[string](b, rows+`.at(-1).id`)
	b.click(".pager a:last-child")
	b.waitFor(`location.search.includes("cursor=")`)
	b.waitFor(rows + `.length > 0 && !document.getElementById("` + last + `")`)
	if eval[bool](b, `!!document.querySelector("[data-live]")`) {
		t.Error("a page of older calls moves under the reader")
	}
	b.click(".pager a:first-child")
	b.waitFor(`location.search === ""`)
}
