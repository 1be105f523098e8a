// Package term is the only place that knows whether a person or a log file reads.
//
// stdout is data, stderr is talk. Colour is for terminals only, and not when NO_COLOR is
// set or TERM is dumb; CI logs get the same lines without it.
package term

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Streams are a command's three files and what is known about them.
type Streams struct {
	In    io.Reader
	Out   io.Writer
	Err   io.Writer
	Color bool // on Err
	Quiet bool // no progress on Err, errors only
	TTY   bool // Err is a terminal

	OutColor bool // on Out
	OutTTY   bool // Out is a terminal
}

// System returns the process's own streams.
func System() *Streams {
	tty, outTTY := term.IsTerminal(int(os.Stderr.Fd())), term.IsTerminal(int(os.Stdout.Fd()))
	color := os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return &Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, TTY: tty, Color: tty && color, OutTTY: outTTY, OutColor: outTTY && color}
}

// OnOut are the streams of verbs whose result is for people to read: the same styles,
// but on stdout and by what stdout is.
func (s *Streams) OnOut() *Streams {
	return &Streams{In: s.In, Out: s.Out, Err: s.Out, Color: s.OutColor, TTY: s.OutTTY, OutColor: s.OutColor, OutTTY: s.OutTTY}
}

// The styles of talk.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	blue   = "34"
	cyan   = "36"
)

func (s *Streams) style(code, text string) string {
	if !s.Color || text == "" || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Talk writes a line of progress, unless quiet.
func (s *Streams) Talk(format string, args ...any) {
	if !s.Quiet {
		fmt.Fprintf(s.Err, format+"\n", args...)
	}
}

// Warn writes a warning, even when quiet.
func (s *Streams) Warn(format string, args ...any) {
	fmt.Fprintf(s.Err, "%s %s\n", s.style(yellow, "warning:"), fmt.Sprintf(format, args...))
}

// Fail writes an error and, if there is one, the next step.
func (s *Streams) Fail(err error, hint string) {
	fmt.Fprintf(s.Err, "%s %v\n", s.style(red, "error:"), err)
	if hint != "" {
		fmt.Fprintf(s.Err, "%s %s\n", s.style(cyan, " hint:"), hint)
	}
}

// Bold marks a heading.
func (s *Streams) Bold(text string) string { return s.style(bold, text) }

// Dim marks what matters less.
func (s *Streams) Dim(text string) string { return s.style(dim, text) }

// Good and Bad colour a verdict.
func (s *Streams) Good(text string) string { return s.style(green, text) }

// Caution colours a warning.
func (s *Streams) Caution(text string) string { return s.style(yellow, text) }

// Bad colours a failure.
func (s *Streams) Bad(text string) string { return s.style(red, text) }

// Odd colours what is neither good nor bad, or not yet.
func (s *Streams) Odd(text string) string { return s.style(yellow, text) }

// hues tell apart what is many: tasks in a log.
var hues = []string{cyan, "35", blue, yellow, green, "96", "95", "94", "93", "92"}

// Hue colours the n-th of many.
func (s *Streams) Hue(n int, text string) string { return s.style(hues[n%len(hues)], text) }

// Bar draws a share of width columns, percent of them full.
func (s *Streams) Bar(percent float64, width int) string {
	n := min(max(int(percent/100*float64(width)+0.5), 0), width)
	return s.style(green, strings.Repeat("█", n)) + s.Dim(strings.Repeat("░", width-n))
}

// Ask puts a question to the person at the terminal until one of the answers comes back,
// by its word or its first letter; the first answer is the default.
func (s *Streams) Ask(question string, answers ...string) (string, error) {
	in := bufio.NewScanner(s.In)
	for {
		fmt.Fprintf(s.Err, "%s %s [%s] ", s.style(bold, question+":"), strings.Join(answers, ", "), answers[0])
		if !in.Scan() {
			return "", errors.Join(errors.New("no answer"), in.Err())
		}
		text := strings.ToLower(strings.TrimSpace(in.Text()))
		if text == "" {
			return answers[0], nil
		}
		for _, a := range answers {
			if text == a || text == a[:1] {
				return a, nil
			}
		}
	}
}

// Width is how many columns lines on Out may have: a terminal's, else a hundred.
func (s *Streams) Width() int {
	if f, ok := s.Out.(*os.File); ok && s.OutTTY {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 40 {
			return min(w, 120)
		}
	}
	return 100
}
