package term

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/turnoutdev/turnout/internal/watch"
)

// Reporter shows a run as lines on stderr, one for each thing that happened, so that a
// CI log reads like the terminal. It is safe for concurrent use.
type Reporter struct {
	s     *Streams
	mu    sync.Mutex
	began time.Time // of the first lifecycle event, for the timeline
	open  bool      // the last line is a passing one, which the next one replaces
}

// NewReporter returns a reporter on s.
func NewReporter(s *Streams) *Reporter { return &Reporter{s: s} }

// Begin tells that a stage has begun, to people at a terminal who would wait otherwise.
func (r *Reporter) Begin(stage string) { r.passing("%s %-9s", r.s.style(blue, "▸"), stage) }

// Done tells a stage's result.
func (r *Reporter) Done(stage, result string, took time.Duration) {
	r.line("%s %-9s %s %s", r.s.style(green, "✓"), stage, result, r.s.Dim("("+Short(took)+")"))
}

// Skipped tells why a stage had nothing to do.
func (r *Reporter) Skipped(stage, reason string) {
	r.line("%s %-9s %s", r.s.Dim("–"), stage, r.s.Dim("skipped: "+reason))
}

// Failed tells that a stage failed; the error itself is told at the end.
func (r *Reporter) Failed(stage string, took time.Duration) {
	r.line("%s %-9s %s", r.s.style(red, "✗"), stage, r.s.Dim("("+Short(took)+")"))
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

// Watched tells what happened to a deployment, as a timeline.
func (r *Reporter) Watched(e watch.Event) {
	r.mu.Lock()
	if r.began.IsZero() || e.Kind == watch.Following {
		r.began = e.Time
	}
	at := max(0, e.Time.Sub(r.began))
	r.mu.Unlock()
	clock := r.s.Dim(fmt.Sprintf("%7s", Short(at)))
	switch e.Kind {
	case watch.Ended:
		mark := r.s.Good("✓")
		if e.Status != "Succeeded" {
			mark = r.s.Bad("✗")
		}
		r.line("  %s  %s %-21s %s", clock, mark, e.Name, strings.TrimSpace(Short(e.Took)+"  "+failure(e)))
	case watch.Weights:
		r.line("  %s  %s blue %3.0f %%  %s  green %3.0f %%", clock, r.s.style(bold, "⇄"), e.Blue, r.bar(e.Green), e.Green)
	case watch.Status:
		r.line("  %s    %s %s", clock, e.Status, r.s.Dim(e.Message))
	case watch.Began: // its end says all, with the duration; at a terminal the wait is told
		r.passing("  %s  %s %s", clock, r.s.Dim("…"), r.s.Dim(e.Name))
	default:
		r.line("  %s    %s", clock, r.s.Dim(e.Message))
	}
}

func failure(e watch.Event) string {
	if e.Status == "Succeeded" {
		return ""
	}
	return e.Message
}

// bar draws how much of the traffic is green.
func (r *Reporter) bar(green float64) string {
	const width = 20
	n := int(green/100*width + 0.5)
	return r.s.style(blue, strings.Repeat("▒", width-n)) + r.s.style("32", strings.Repeat("█", n))
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
