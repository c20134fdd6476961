package console_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestConsoleSignIn(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.visit("/calls?status=completed")
	b.says("Sign in")
	b.accessible()
	b.picture("sign-in")

	b.expects("401")
	b.do(chromedp.SendKeys(chromedp.ID("key"), "csk_nobodys"), chromedp.Click(chromedp.CSS("form .primary")))
	b.says("This key is not known")

	id, key := b.world.issue(t, "read")
	b.do(chromedp.SendKeys(chromedp.ID("key"), key), chromedp.Click(chromedp.CSS("form .primary")))
	b.waitFor(`location.pathname + location.search === "/calls?status=completed"`)
	if cookies := eval[string](b, `document.cookie`); cookies != "" {
		t.Errorf("scripts can read the session: %s", cookies)
	}

	b.world.api(t, http.MethodDelete, "/api/keys/"+id, nil, nil)
	b.visit("/calls")
	b.says("Your session has ended")
}

func TestConsoleSignOut(t *testing.T) {
	t.Parallel()
	b := signedIn(t, "")
	b.click(`form[action="/sign-out"] button`)
	b.says("Sign in")
	b.visit("/calls")
	b.waitFor(`location.pathname === "/sign-in"`)
}
