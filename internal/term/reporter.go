package term

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/turnoutdev/turnout/internal/regex"
	"github.com/turnoutdev/turnout/internal/watch"
)

// Reporter shows a run as lines on stderr, one for each thing that happened, so that a
// CI log reads like the terminal. It is safe for concurrent use.
type Reporter struct {
	s     *Streams
	mu    sync.Mutex
	began time.Time      // of the deployment, for the timeline
	at    time.Duration  // since then, of the last line
	id    string         // of the deployment
	forms map[string]int // how often lines of one form were told
	open  bool           // the last line is a passing one, which the next one replaces
}

// NewReporter returns a reporter on s.
func NewReporter(s *Streams) *Reporter { return &Reporter{s: s} }

// Begin tells that a stage has begun, to people at a terminal who would wait otherwise.
func (r *Reporter) Begin(stage string) { r.passing("%s %-9s", r.s.style(blue, "▸"), stage) }

// Done tells a stage's result.
func (r *Reporter) Done(stage, result string, took time.Duration) {
	r.line("%s", strings.TrimRight(fmt.Sprintf("%s %-9s %s %s", r.s.style(green, "✓"), stage, result, r.lasted(took)), " "))
}

// Skipped tells why a stage had nothing to do.
func (r *Reporter) Skipped(stage, reason string) {
	r.line("%s %-9s %s", r.s.Dim("–"), stage, r.s.Dim("skipped: "+reason))
}

// Failed tells that a stage failed; the error itself is told at the end.
func (r *Reporter) Failed(stage string, took time.Duration) {
	r.line("%s", strings.TrimRight(fmt.Sprintf("%s %-9s %s", r.s.style(red, "✗"), stage, r.lasted(took)), " "))
}

// lasted is how long a stage took, "" for no time worth telling.
func (r *Reporter) lasted(d time.Duration) string {
	if d < time.Millisecond {
		return ""
	}
	return r.s.Dim("(" + Short(d) + ")")
}

// Note tells progress inside a stage.
func (r *Reporter) Note(format string, args ...any) { r.line("  "+format, args...) }

// Warn tells what may be wrong.
func (r *Reporter) Warn(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear()
	r.s.Warn(format, args...)
}

// Watched tells what happened to a deployment, as a timeline. Its clock begins with the
// deployment, goes on through its rollback and never goes back: what is heard of late is
// told with the time at which it was.
func (r *Reporter) Watched(e watch.Event) {
	at := r.clock(e)
	clock := r.s.Dim(fmt.Sprintf("%7s", Short(at)))
	switch e.Kind {
	case watch.Ended:
		mark := r.s.Good("✓")
		if e.Status != "Succeeded" {
			mark = r.s.Bad("✗")
		}
		r.line("  %s  %s %s", clock, mark, strings.TrimRight(fmt.Sprintf("%-21s %s", e.Name, strings.TrimSpace(took(e.Took)+"  "+failure(e))), " "))
	case watch.Weights:
		r.line("  %s  %s %s %3.0f %%  %s  %s %3.0f %%", clock, r.s.style(bold, "⇄"), r.s.style(blue, "blue"), e.Blue, r.bar(e.Green), r.s.style(green, "green"), e.Green)
	case watch.Status:
		r.line("  %s  %s %s", clock, r.s.style(bold, "•"), strings.TrimSpace(e.Name+" "+e.Status+" "+r.s.Dim(e.Message)))
	case watch.Following:
		r.line("  %s  %s %s", clock, r.s.Caution("↩"), e.Message)
	case watch.Trouble:
		r.line("  %s  %s %s", clock, r.s.Caution("!"), r.s.Dim(e.Message))
	case watch.Began: // its end says all, with the duration; at a terminal the wait is told
		r.passing("  %s  %s %s", clock, r.s.Dim("…"), r.s.Dim(e.Name))
	default:
		if times, ok := r.again(e); ok {
			r.line("  %s    %s %s%s", clock, r.side(e.Name), r.s.Dim(e.Message+times), r.ago(e))
		}
	}
}

// oftenEnough is how often a line of one form is shown before only every tenth is.
const oftenEnough = 3

// again counts lines of one form, such as those of tasks that start and end again and
// again, and tells which of them are worth showing.
func (r *Reporter) again(e watch.Event) (times string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forms == nil {
		r.forms = map[string]int{}
	}
	form := e.DeploymentID + e.Name + numbers.ReplaceAllString(e.Message, "0")
	r.forms[form]++
	n := r.forms[form]
	if n <= oftenEnough {
		return "", true
	}
	return fmt.Sprintf(" (%d times so far)", n), n%10 == 0
}

// numbers are what changes in lines of one form: counts, ids, addresses.
var numbers = regex.New(`\b[0-9a-f]*[0-9][0-9a-f.:]*(, [0-9a-f]{8})*\b`)

// clock is how long after its deployment's beginning an event is told.
func (r *Reporter) clock(e watch.Event) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began.IsZero() || (e.DeploymentID != r.id && e.Kind != watch.Following) {
		r.began, r.at = e.Time, 0
	}
	r.id = e.DeploymentID
	r.at = max(r.at, e.Time.Sub(r.began))
	return r.at
}

// late is how old news has to be for its own time to be told.
const late = 1500 * time.Millisecond

// ago tells when something happened that was heard of only later.
func (r *Reporter) ago(e watch.Event) string {
	r.mu.Lock()
	own, at := e.Time.Sub(r.began), r.at
	r.mu.Unlock()
	if at-own < late {
		return ""
	}
	return r.s.Dim(" (at " + Short(max(0, own)) + ")")
}

// side is blue or green in its colour: what each is in this deployment, whatever its
// target group is called. Messages that are of no side keep the column free.
func (r *Reporter) side(name string) string {
	return r.s.style(map[string]string{"blue": blue, "green": green}[name], fmt.Sprintf("%-5s", name))
}

// took is how long a lifecycle event lasted, "" for no time worth telling.
func took(d time.Duration) string {
	if d < time.Millisecond {
		return ""
	}
	return Short(d)
}

func failure(e watch.Event) string {
	if e.Status == "Succeeded" {
		return ""
	}
	return e.Message
}

// bar draws how much of the traffic is green.
func (r *Reporter) bar(percent float64) string {
	const width = 20
	n := int(percent/100*width + 0.5)
	return r.s.style(blue, strings.Repeat("▒", width-n)) + r.s.style(green, strings.Repeat("█", n))
}

func (r *Reporter) line(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear()
	r.s.Talk(format, args...)
}

// passing shows a line on terminals until the next one takes its place.
func (r *Reporter) passing(format string, args ...any) {
	if !r.s.TTY || r.s.Quiet {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear()
	fmt.Fprintf(r.s.Err, format, args...)
	r.open = true
}

// clear takes a passing line away.
func (r *Reporter) clear() {
	if r.open {
		fmt.Fprint(r.s.Err, "\r\x1b[K")
		r.open = false
	}
}

// Short writes a duration for people: 12ms, 3.4s, 5m10s.
func Short(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
