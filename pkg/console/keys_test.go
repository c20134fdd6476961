package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// holds reports whether the API takes the key.
func (w *world) holds(t testing.TB, key string) bool {
	t.Helper()
	own := *w
	own.key, own.org = key, ""
	return own.ask(t.Context(), http.MethodGet, "/api/me", nil, nil) == nil
}

func TestConsoleKeys(t *testing.T) {
	b := signedIn(t, "")
	b.visit("/keys")
	b.accessible()
	b.click(`[commandfor="new-key"]`)
	b.waitFor(`document.getElementById("new-key").open`)
	b.accessible()
	b.fill("key-name", "Night shift")
	b.click(`#new-key [value=read]`)
	b.click(`#new-key .primary`)
	b.waitFor(`document.getElementById("fresh")`)
	b.accessible()
	b.picture("key")
	made := b.text("#fresh")
	if !b.world.holds(t, made) {
		t.Errorf("the key that was shown, %d characters, is none", len(made))
	}
	b.visit("/keys")
	if strings.Contains(eval[string](b, `document.documentElement.outerHTML`), made) {
		t.Error("the key is shown again")
	}

	row := `tr:has(th:first-child)` // found by its name
	id := eval[string](b, fmt.Sprintf(`[...document.querySelectorAll(%q)].find(r => r.innerText.includes("Night shift")).querySelector("[commandfor^=rotate-]").getAttribute("commandfor").slice(7)`, row))
	b.click(fmt.Sprintf(`[commandfor="rotate-%s"]`, id))
	b.click(fmt.Sprintf(`#rotate-%s .primary`, id))
	b.waitFor(`document.getElementById("fresh")`)
	next := b.text("#fresh")
	if next == made || !b.world.holds(t, next) || !b.world.holds(t, made) {
		t.Error("after the rotation the new key, or for its day of grace the old, is not taken")
	}
	b.says("Works until")

	b.visit("/keys")
	b.click(fmt.Sprintf(`[commandfor="revoke-%s"]`, id)) // the old one, before its grace ends
	b.fill("confirm-"+id, "Night")
	b.click(fmt.Sprintf(`#revoke-%s .danger`, id))
	if !b.world.holds(t, made) {
		t.Error("revoked without its name")
	}
	b.do(chromedp.SendKeys(chromedp.ID("confirm-"+id), " shift"))
	b.click(fmt.Sprintf(`#revoke-%s .danger`, id))
	b.says("The key “Night shift” is revoked.")
	if b.world.holds(t, made) || !b.world.holds(t, next) {
		t.Error("the old key is taken, or the new one is not")
	}
	if entry := b.world.audited(t, "key."); entry.Action != "key.revoke" {
		t.Errorf("audited %+v", entry)
	}
}

func TestConsoleAuditLog(t *testing.T) {
	b := signedIn(t, "")
	b.visit("/audit")
	b.says("Entered the Twilio account")
	b.accessible()
	b.picture("audit")
	b.do(chromedp.SetValue(chromedp.CSS("#action"), "number.add"))
	b.fill("target", "0101")
	b.click(`form[action="/audit"] .primary`)
	b.waitFor(`location.search.includes("action=number.add") && document.querySelectorAll("tbody tr").length === 1`)
	b.visit("/audit?target=nothing")
	b.says("Nothing matches")
	// Times are chosen in the viewer's zone, and asked for in UTC.
	b.visit("/audit?since=2026-05-04T12:00:00Z")
	if shown := eval[string](b, `document.getElementById("since").value`); shown != "2026-05-04T14:00:00" && shown != "2026-05-04T14:00" {
		t.Errorf("noon in London is %s in Berlin", shown)
	}
	b.click(`form[action="/audit"] .primary`)
	b.waitFor(`new URLSearchParams(location.search).get("since") === "2026-05-04T12:00:00.000Z"`)
}

// What a key does not permit is neither in the menu nor on the pages, and whoever
// asks for it all the same is told what it needs.
func TestConsoleForbidden(t *testing.T) {
	w := here(t)
	_, key := w.issue(t, "read")
	b := signedIn(t, key)
	if menu := b.text("nav"); !strings.Contains(menu, "Telephony") || strings.Contains(menu, "API keys") || strings.Contains(menu, "Pipeline") || strings.Contains(menu, "Dead letters") {
		t.Errorf("the menu has %q", menu)
	}
	for path, says := range map[string]string{
		"/settings/telephony": "needs the permission update", "/settings/events": "TwilioCollectionPermission::Create", "/settings/credentials": "needs the permission admin",
	} {
		b.visit(path)
		b.says(says)
		if buttons := eval[int](b, `document.querySelectorAll("main form button:not(:disabled)").length`); buttons > 0 {
			t.Errorf("%s has %d buttons for who may only read", path, buttons)
		}
		b.accessible()
	}
	b.expects("403")
	for _, path := range []string{"/keys", "/audit", "/dead-letters", "/replays", "/replays/new"} {
		b.visit(path)
		b.says("You may not see this")
	}
	b.accessible()
	if status := eval[int](b, `fetch("/settings/telephony/recording", {method: "POST", body: new URLSearchParams({on: "false"})}).then(a => a.status)`); status != http.StatusForbidden || !w.settings(t).RecordingEnabled {
		t.Errorf("turning the switch without the permission: %d", status)
	}
	// An organization's administrator is no operator.
	admin := signedIn(t, "")
	admin.expects("403")
	for _, path := range []string{"/pipeline", "/organizations"} {
		admin.visit(path)
		admin.says("only for operators")
	}
}

func TestConsoleOrganizations(t *testing.T) {
	b := operator(t)
	b.visit("/organizations")
	b.accessible()
	b.fill("name", "Second Ltd")
	b.click(`form[action="/organizations"] .primary`)
	b.says("Second Ltd is there")
	b.says("There is no Twilio account yet")
	b.accessible()
	for path, says := range map[string]string{
		"/settings/telephony": "No Twilio account yet", "/settings/events": "No Twilio account yet", "/numbers": "No numbers yet", "/keys": "No keys yet",
	} {
		b.visit(path)
		b.says(says)
		b.accessible()
	}
	b.visit("/organizations")
	id := eval[string](b, `[...document.querySelectorAll("tbody tr")].find(r => r.innerText.includes("Second Ltd")).querySelector("[commandfor]").getAttribute("commandfor").slice(7)`)
	b.click(fmt.Sprintf(`[commandfor="rename-%s"]`, id))
	b.fill("name-"+id, "Third Ltd")
	b.click(fmt.Sprintf(`#rename-%s .primary`, id))
	b.says("The organization is called Third Ltd now.")
	b.click(`tr form[action="/organization"] button`) // back to the first
	b.waitFor(fmt.Sprintf(`document.querySelector("#organization").value === %q`, b.world.org))
}
