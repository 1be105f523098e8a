package cloud_test

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/turnoutdev/turnout/testkit"
)

// browser is a real one, on one page.
type browser struct {
	testing.TB
	ctx context.Context
}

// browse starts a browser that ends with the test. What a page throws, or loads against its
// policy, fails the test.
func browse(t testing.TB) *browser {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && program == "" {
			program = path
		}
	}
	if program == "" {
		testkit.NeedOrSkip(t, "needs chromium")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(program), chromedp.WindowSize(1280, 1400), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("disable-dev-shm-usage", true), // it is small in containers
		chromedp.NoSandbox,                           // for root and in containers there is none; the pages are our own
	)
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	b := &browser{TB: t}
	b.ctx, _ = chromedp.NewContext(ctx) // ends with the browser
	messages := chromedp.Console(b.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleException || m.Type == "error" {
				t.Errorf("the browser complains: %s (%s:%d)", m.Text, m.URL, m.Line+1)
			}
		}
	}()
	t.Cleanup(func() {
		_ = chromedp.Cancel(b.ctx) // a browser that has died already was noticed
		end()
		<-done
	})
	return b
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// evaluate runs a script on the page, on the next one if this one is just being left.
func evaluate[T any](b *browser, script string) T {
	b.Helper()
	for tries := 0; ; tries++ {
		v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
		if err == nil {
			return v
		}
		left := strings.Contains(err.Error(), "navigated") || strings.Contains(err.Error(), "context was")
		if !left || tries > 100 || b.ctx.Err() != nil {
			b.Fatalf("%s: %v", script, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// text is what a part of the page says, "" while there is none.
func (b *browser) text(selector string) string {
	b.Helper()
	return evaluate[string](b, "document.querySelector("+quote(selector)+")?.textContent ?? ''")
}

// holds tells whether something is true on the page.
func (b *browser) holds(script string) bool {
	b.Helper()
	return evaluate[bool](b, "Boolean("+script+")")
}

// until waits until a part of the page says something.
func (b *browser) until(selector, says string) {
	b.Helper()
	b.wait(selector+" saying "+says, func() bool { return strings.Contains(b.text(selector), says) })
}

// wait waits for at most a minute.
func (b *browser) wait(what string, ok func() bool) {
	b.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("a minute has passed without %s; the page is\n%s", what, b.text("main"))
		}
	}
}

// click presses what stands in the page with this text.
func (b *browser) click(selector, text string) {
	b.Helper()
	found := "[...document.querySelectorAll(" + quote(selector) + ")].find((e) => e.textContent.includes(" + quote(text) + "))"
	b.wait(selector+" with "+text, func() bool { return b.holds(found) })
	evaluate[chromedp.Void](b, found+".click()")
}

func quote(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" }
