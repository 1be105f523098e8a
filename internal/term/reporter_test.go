package term

import (
	"strings"
	"testing"
	"time"

	"github.com/turnoutdev/turnout/internal/watch"
)

// tell plays a short run.
func tell(s *Streams) {
	r := NewReporter(s)
	at := time.Unix(0, 0)
	r.Begin("shift")
	r.Watched(watch.Event{Kind: watch.Began, Name: "Install", Time: at})
	r.Watched(watch.Event{Kind: watch.Ended, Name: "Install", Status: "Succeeded", Took: 1500 * time.Millisecond, Time: at.Add(1500 * time.Millisecond)})
	r.Watched(watch.Event{Kind: watch.Weights, Blue: 90, Green: 10, Time: at.Add(2 * time.Second)})
	r.Watched(watch.Event{Kind: watch.Ended, Name: "AllowTraffic", Status: "Failed", Took: time.Second, Message: "an alarm", Time: at.Add(3 * time.Second)})
	r.Failed("shift", 3*time.Second)
}

func TestALogFileGetsPlainLines(t *testing.T) {
	var b strings.Builder
	tell(&Streams{Err: &b})
	const want = "     1.5s  ✓ Install               1.5s\n" +
		"       2s  ⇄ blue  90 %  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒██  green  10 %\n" +
		"       3s  ✗ AllowTraffic          1s  an alarm\n" +
		"✗ shift     (3s)\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestATerminalSeesWhatIsWaitedFor(t *testing.T) {
	var b strings.Builder
	tell(&Streams{Err: &b, TTY: true, Color: true})
	if got := b.String(); !strings.Contains(got, "… ") && !strings.Contains(got, "\r\x1b[K") {
		t.Errorf("got %q", got)
	}
	if lines := strings.Count(b.String(), "\n"); lines != 4 {
		t.Errorf("%d lines stay", lines)
	}
}

func TestQuiet(t *testing.T) {
	var b strings.Builder
	s := &Streams{Err: &b, Quiet: true, TTY: true}
	tell(s)
	if b.Len() > 0 {
		t.Errorf("talked: %q", b.String())
	}
	s.Warn("careful")
	if b.String() != "warning: careful\n" {
		t.Errorf("warned %q", b.String())
	}
}
