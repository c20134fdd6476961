package console_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// The browser that all tests share; each has a window of its own with its own
// cookies.
var (
	launched     sync.Once
	chromium     context.Context
	closeBrowser = func() {}
	errChromium  error
)

// launch starts the browser.
func launch() error {
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		return fmt.Errorf("the console is tested in a real browser, and none is on PATH: install Chromium (apt-get install chromium)")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("mute-audio", true),
		chromedp.Flag("lang", "en-GB"),
		chromedp.Env("TZ=Europe/Berlin", "LANGUAGE=en_GB"),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	chromium, closeBrowser = ctx, func() { cancel(); stop() }
	return chromedp.Do(ctx)
}

// The sizes at which pages are looked at, in CSS pixels.
const (
	desktopWidth, desktopHeight = 1440, 900
	phoneWidth, phoneHeight     = 390, 844
)

// browser is one window. What its pages complain of fails the test.
type browser struct {
	t      testing.TB
	ctx    context.Context
	world  *world
	mu     sync.Mutex
	faults []string
	expect []string // parts of complaints that the test provokes
}

// open opens a window in which nobody is signed in.
func open(t testing.TB) *browser {
	t.Helper()
	w := here(t)
	launched.Do(func() { errChromium = launch() })
	if errChromium != nil {
		t.Fatal(errChromium)
	}
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, world: w}
	b.do(chromedp.EmulateViewport(desktopWidth, desktopHeight))
	b.listen()
	t.Cleanup(b.judge)
	return b
}

// signedIn opens a window in which the holder of a key is signed in, the
// administrator when it is empty.
func signedIn(t testing.TB, key string) *browser {
	t.Helper()
	b := open(t)
	if key == "" {
		key = b.world.key
	}
	b.visit("/sign-in")
	b.do(
		chromedp.SendKeys(chromedp.ID("key"), key),
		chromedp.Click(chromedp.CSS("form .primary")),
	)
	b.waitFor(`document.querySelector("nav a[aria-current]")`)
	return b
}

// listen collects what the pages complain of.
func (b *browser) listen() {
	messages := chromedp.Console(b.ctx)
	failures := chromedp.Events(b.ctx, network.LoadingFailed)
	b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
		return chromedp.Void{}, err
	})
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning || m.Type == chromedp.ConsoleException {
				b.fault("console: " + m.Text)
			}
		}
	}()
	go func() {
		for f, err := range failures {
			if err != nil {
				return
			}
			if !f.Canceled && f.ErrorText != "net::ERR_ABORTED" {
				b.fault("request failed: " + f.ErrorText + " " + string(f.BlockedReason))
			}
		}
	}()
}

func (b *browser) fault(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, text)
}

// expects says that the test provokes a complaint that has text in it.
func (b *browser) expects(text string) { b.expect = append(b.expect, text) }

// judge fails the test for what the pages complained of.
func (b *browser) judge() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.faults {
		if !slices.ContainsFunc(b.expect, func(e string) bool { return strings.Contains(f, e) }) {
			b.t.Errorf("the page complains: %s", f)
		}
	}
}

// patience bounds each step.
const patience = time.Minute

// do takes steps in the window.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx); err != nil { // a tab outlives the limit of a step
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for i, step := range steps {
		if err := chromedp.Do(ctx, step); err != nil {
			b.fail("step %d: %v", i+1, err)
		}
	}
}

// fail ends the test with what is seen in the window.
func (b *browser) fail(format string, args ...any) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	where, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText.slice(0, 1500)`))
	b.t.Fatalf("%s\nat %s:\n%s", fmt.Sprintf(format, args...), where, text)
}

// visit goes to a path of the console and waits until its scripts have run.
func (b *browser) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.world.address + path))
	b.waitFor(`document.documentElement.classList.contains("ready")`)
}

// click clicks what the selector finds.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// waitFor waits until a JavaScript expression is true.
func (b *browser) waitFor(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if ok {
			return
		}
		if ctx.Err() != nil {
			b.fail("waited for %s: %v", expression, err)
		}
		time.Sleep(20 * time.Millisecond) // a page that is changing has no one signal
	}
}

// says waits until the page shows the text.
func (b *browser) says(text string) {
	b.t.Helper()
	quoted, _ := json.Marshal(text)
	b.waitFor(fmt.Sprintf(`document.body.innerText.includes(%s)`, quoted))
}

// eval returns the value of a JavaScript expression.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.fail("%s: %v", expression, err)
	}
	return value
}

// text returns what the selector's first match shows.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector))
}

// colours shows pages as somebody sees them who prefers light or dark.
func (b *browser) colours(scheme string) {
	b.t.Helper()
	b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return chromedp.Void{}, err
	})
}

// size makes the window as large as a desktop's or a telephone's.
func (b *browser) size(width, height int64) {
	b.t.Helper()
	if width == phoneWidth {
		b.do(chromedp.EmulateViewport(width, height, chromedp.EmulateMobile, chromedp.EmulateTouch))
		return
	}
	b.do(chromedp.EmulateViewport(width, height))
}

//go:embed testdata/axe-4.14.1.min.js
var axe string

// violation is what axe finds.
type violation struct {
	ID, Help string
	Nodes    []struct {
		HTML           string
		FailureSummary string
	}
}

// accessible checks the page that is shown against WCAG 2.2 AA on a desktop and
// on a telephone, where nothing may be wider than it, in light, and in dark what
// colours can break.
func (b *browser) accessible() {
	b.t.Helper()
	if !eval[bool](b, `typeof axe === "object"`) {
		b.do(chromedp.Evaluate[chromedp.Void](axe))
	}
	const all, contrast = `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}`, `{type: "rule", values: ["color-contrast"]}`
	b.axe("on a desktop", all)
	b.colours("dark")
	b.axe("in dark", contrast)
	b.colours("light")
	b.size(phoneWidth, phoneHeight)
	b.axe("on a telephone", all)
	if wide := eval[int](b, `document.documentElement.scrollWidth`); wide > phoneWidth {
		b.t.Errorf("%s is %d pixels wide on a screen of %d", eval[string](b, `location.pathname`), wide, phoneWidth)
	}
	b.size(desktopWidth, desktopHeight)
}

// axe holds the page against rules.
func (b *browser) axe(where, rules string) {
	b.t.Helper()
	for _, v := range eval[[]violation](b, `axe.run(document, {runOnly: `+rules+`, resultTypes: ["violations"]}).then(r => r.violations)`) {
		for _, n := range v.Nodes {
			b.t.Errorf("%s %s: %s (%s)\n%s\n%s", eval[string](b, `location.pathname`), where, v.Help, v.ID, n.HTML, n.FailureSummary)
		}
	}
}

// pictures is where pictures for the documentation are.
const pictures = "../../docs/pictures"

// picture takes pictures of what is shown for the documentation, on a desktop
// and on a telephone, when -update asks for them.
func (b *browser) picture(name string) {
	b.t.Helper()
	if !*update {
		return
	}
	for _, shot := range []struct {
		name, scheme  string
		width, height int64
	}{
		{name, "light", desktopWidth, desktopHeight},
		{name + "-dark", "dark", desktopWidth, desktopHeight},
		{name + "-phone", "light", phoneWidth, phoneHeight},
	} {
		b.size(shot.width, shot.height)
		b.colours(shot.scheme)
		taken, err := chromedp.Run(b.ctx, func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
			quality := int64(80)
			result, err := cdp.Call(ctx, t, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: &quality})
			return result.Data, err
		})
		if err != nil {
			b.t.Fatal(err)
		}
		if err := os.MkdirAll(pictures, 0o755); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(pictures, shot.name+".webp"), taken, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	b.size(desktopWidth, desktopHeight)
	b.colours("light")
}
