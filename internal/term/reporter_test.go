package term

import (
	"fmt"
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

// One clock for a deployment and its rollback, which never goes back; another deployment
// has its own.
func TestTheClockNeverGoesBack(t *testing.T) {
	var b strings.Builder
	r := NewReporter(&Streams{Err: &b})
	at := time.Unix(0, 0)
	for _, e := range []watch.Event{
		{Kind: watch.Status, DeploymentID: "d-0", Status: "Succeeded", Time: at.Add(-time.Hour)},
		{Kind: watch.Status, DeploymentID: "d-1", Status: "Created", Time: at},
		{Kind: watch.Tasks, DeploymentID: "d-1", Name: "green", Message: "2 of 2 tasks run", Time: at.Add(20 * time.Second)},
		{Kind: watch.Service, DeploymentID: "d-1", Name: "green", Message: "has started 2 tasks", Time: at.Add(5 * time.Second)},
		{Kind: watch.Ended, DeploymentID: "d-1", Name: "AfterInstall", Status: "Succeeded", Time: at.Add(19 * time.Second)},
		{Kind: watch.Following, DeploymentID: "d-2", Message: "rolled back by deployment d-2", Time: at.Add(30 * time.Second)},
		{Kind: watch.Status, DeploymentID: "d-2", Name: "rollback", Status: "Succeeded", Time: at.Add(40 * time.Second)},
	} {
		r.Watched(e)
	}
	const want = "       0s  • Succeeded\n" +
		"       0s  • Created\n" +
		"      20s    green 2 of 2 tasks run\n" +
		"      20s    green has started 2 tasks (at 5s)\n" +
		"      20s  ✓ AfterInstall\n" +
		"      30s  ↩ rolled back by deployment d-2\n" +
		"      40s  • rollback Succeeded\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// A side is in its own colour, whatever its target group is called.
func TestSidesHaveTheirColours(t *testing.T) {
	var b strings.Builder
	r := NewReporter(&Streams{Err: &b, Color: true})
	r.Watched(watch.Event{Kind: watch.Service, Name: "green", Message: "registered 1 target in target group web-blue"})
	if !strings.Contains(b.String(), "\x1b[32mgreen\x1b[0m \x1b[2mregistered 1 target in target group web-blue\x1b[0m") {
		t.Errorf("%q", b.String())
	}
}

// Tasks that start and end again and again do not flood a log.
func TestLinesOfOneFormAreThinnedOut(t *testing.T) {
	var b strings.Builder
	r := NewReporter(&Streams{Err: &b})
	for i := range 25 {
		r.Watched(watch.Event{Kind: watch.Service, Name: "green", Message: fmt.Sprintf("has started 2 tasks: %08x, %08x", 0xabcd0000+i, 0xbc1f0000+i)})
		r.Watched(watch.Event{Kind: watch.Ended, Name: "Install", Status: "Succeeded"})
	}
	if n := strings.Count(b.String(), "has started"); n != 5 || !strings.Contains(b.String(), "(10 times so far)") || strings.Count(b.String(), "Install") != 25 {
		t.Errorf("%d lines\n%s", n, b.String())
	}
}
