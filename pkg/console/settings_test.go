package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/loquent/callstream/schema"
)

// settings are the organization's, as the API has them.
func (w *world) settings(t testing.TB) (s schema.Settings) {
	t.Helper()
	w.api(t, http.MethodGet, "/api/twilio/settings", nil, &s)
	return s
}

// audited returns what the audit log tells last of an action.
func (w *world) audited(t testing.TB, action string) schema.AuditEntry {
	t.Helper()
	var log struct{ Entries []schema.AuditEntry }
	w.api(t, http.MethodGet, "/api/audit?"+url.Values{"action": {action}, "limit": {"1"}}.Encode(), nil, &log)
	if len(log.Entries) == 0 {
		t.Fatalf("the audit log has no %s", action)
	}
	return log.Entries[0]
}

// fill types text into the field of that id, instead of what is there.
func (b *browser) fill(id, text string) {
	b.t.Helper()
	b.waitFor(fmt.Sprintf(`document.getElementById(%q)`, id))
	eval[bool](b, fmt.Sprintf(`(f => { f.value = ""; f.focus(); return true })(document.getElementById(%q))`, id))
	b.do(chromedp.SendKeys(chromedp.ID(id), text))
}

// agree answers the question that is asked with yes.
func (b *browser) agree() {
	b.t.Helper()
	b.waitFor(`document.getElementById("confirm").open`)
	b.click("#confirm [data-yes]")
}

func TestConsoleRecordingSwitch(t *testing.T) {
	b := signedIn(t, "")
	b.visit("/settings/telephony")
	b.says("On since")
	b.accessible()
	b.picture("telephony")

	b.click("[data-switch]") // and thinks better of it
	b.waitFor(`document.getElementById("confirm").open`)
	b.click(`#confirm [value="no"]`)
	b.waitFor(`!document.getElementById("confirm").open`)
	if !b.world.settings(t).RecordingEnabled {
		t.Fatal("the switch turned without a yes")
	}

	b.click("[data-switch]")
	b.agree()
	b.says("Recording is off.")
	s := b.world.settings(t)
	if entry := b.world.audited(t, "settings.update"); s.RecordingEnabled || s.RecordingBy != entry.Actor || !strings.HasPrefix(string(entry.Actor), "key:") ||
		fmt.Sprint(entry.Detail) != "map[call_recording_enabled:map[from:true to:false]]" {
		t.Errorf("settings %+v, audited as %+v", s, entry)
	}
	if switched := eval[string](b, `document.querySelector("[data-switch]").getAttribute("aria-checked")`); switched != "false" || !strings.Contains(b.text("#recording-since"), "Off since") {
		t.Errorf("the switch is shown as %s: %s", switched, b.text("#recording-since"))
	}

	eval[bool](b, `document.querySelector("[data-switch]").focus() || true`) // by the keyboard
	b.do(chromedp.KeyEvent(" "))
	b.agree()
	b.says("Recording is on.")
	if !b.world.settings(t).RecordingEnabled {
		t.Error("the switch did not turn on again")
	}

	for _, choice := range []schema.Unexpected{schema.UnexpectedQuarantine, schema.UnexpectedProcess} {
		b.click(fmt.Sprintf(`[name=unexpected_recordings][value=%q]`, choice))
		b.click(`form[action="/settings/telephony"] .primary`)
		b.says("The configuration is saved.")
		if got := b.world.settings(t); got.Unexpected != choice || !got.RecordingEnabled || !got.TranscriptionEnabled {
			t.Errorf("stored %+v, chosen %s", got, choice)
		}
		b.visit("/settings/telephony")
	}
}

func TestConsoleEventStreaming(t *testing.T) {
	b := signedIn(t, "")
	b.visit("/settings/events")
	b.says("Call events are not set up")
	b.accessible()

	// Who has scripts sees first what is going to be done, which then is.
	steps := eval[string](b, `fetch("/settings/events/sms/setup", {method: "POST", headers: {"HX-Request": "true"}}).then(a => a.text())`)
	if !strings.Contains(steps, "Creating sink and subscription") || !strings.Contains(steps, "/settings/events/sms/setup?run=1") || b.world.settings(t).SMSEvents.Active {
		t.Errorf("the steps of a set-up:\n%s", steps)
	}
	b.click(`form[action="/settings/events/call/setup"] button`)
	b.says("Set up, and the test event arrived.")
	b.waitFor(`document.activeElement.innerText.includes("the test event arrived")`) // who cannot see hears it
	s := b.world.settings(t).CallEvents
	if !s.Active || s.TestedAt == nil || !strings.Contains(b.text("#events-call"), s.SinkSID) {
		t.Errorf("stored %+v, shown %s", s, b.text("#events-call"))
	}
	b.waitFor(`!document.body.innerText.includes("Call events are not set up")`) // compared anew
	b.accessible()
	b.picture("events")
	b.click(`form[action="/settings/events/call/setup"] button`)
	b.says("Checked, and the test event arrived.")
	if again := b.world.settings(t).CallEvents; again.SinkSID != s.SinkSID || !again.TestedAt.After(*s.TestedAt) {
		t.Errorf("set up again as %+v", again)
	}

	b.click(`[commandfor="remove-call"]`)
	b.fill("remove-call-confirm", "cal")
	b.click("#remove-call .danger")
	if !eval[bool](b, `document.getElementById("remove-call").open`) || !b.world.settings(t).CallEvents.Active {
		t.Error("removed without the word")
	}
	b.do(chromedp.SendKeys(chromedp.ID("remove-call-confirm"), "l"))
	b.click("#remove-call .danger")
	b.says("Twilio sends these events no more.")
	if left := b.world.settings(t).CallEvents; left.Active || left.SinkSID != "" {
		t.Errorf("left %+v", left)
	}
}

func TestConsoleAccountHealth(t *testing.T) {
	b := signedIn(t, "")
	b.visit("/settings/health")
	b.says("Twilio accepts the credentials")
	b.accessible()
	b.picture("health")
}

func TestConsoleNumbers(t *testing.T) {
	b := signedIn(t, "")
	b.visit("/numbers")
	b.accessible()
	b.expects("422")
	b.fill("number", "operator")
	b.click(`form[action="/numbers"] .primary`)
	b.says("is not a number that calls can be told by")
	b.fill("number", "+1 (555) 000-4321")
	b.click(`form[action="/numbers"] .primary`)
	b.says("+1 555 000 4321 is added.")

	b.visit("/numbers/voice?number=%2B15550004321")
	b.click(`[name=action][value=forward]`)
	b.fill("to", "nobody")
	b.click("main .primary")
	b.says("forward needs a to")
	b.accessible()
	b.click(`[name=action][value=voicemail]`)
	b.fill("greeting", "Please leave a message.")
	b.click("main .primary")
	b.says("Saved, from the next call on.")
	if !strings.Contains(b.text("main"), "Voicemail") {
		t.Error("the list does not show the voice plan")
	}
	plan := b.world.audited(t, "number.voice")
	if plan.Target != "+15550004321" || !strings.Contains(fmt.Sprint(plan.Detail), "Please leave a message.") || strings.Contains(fmt.Sprint(plan.Detail), "nobody") {
		t.Errorf("audited %+v", plan)
	}

	at := func(number, action string) string {
		return fmt.Sprintf(`form[action="/numbers/%s"]:has([value=%q]) button`, action, number)
	}
	b.expects("409")
	b.click(at("+15550004321", "connect"))
	b.agree()
	b.says("is not a number of Twilio account")
	b.click(at("+12025550100", "connect"))
	b.agree()
	b.says("+1 202 555 0100 is connected")
	b.click(at("+15550004321", "remove"))
	b.agree()
	b.says("+1 555 000 4321 is removed.")
}

func TestConsoleCredentials(t *testing.T) {
	b := signedIn(t, "")
	b.visit("/settings/credentials")
	b.says("are never shown again")
	b.accessible()
	b.expects("422")
	b.fill("auth_token", "not-the-token-of-anybody")
	b.click("main .primary")
	b.waitFor(`document.querySelector("#credentials-error")`)
	if shown := eval[string](b, `document.documentElement.outerHTML`); strings.Contains(shown, "not-the-token-of-anybody") {
		t.Error("a token that was typed is in the page")
	}
	if said := b.text("#credentials-error"); !strings.Contains(said, "Twilio") {
		t.Errorf("said %q", said)
	}
	b.visit("/settings/credentials")
	b.click("main .primary")
	b.says("Nothing was changed.")
}
