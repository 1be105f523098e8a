// Testsummary reads `go test -json` on stdin and prints what a person wants of it: a line
// per package, the output of what failed, why tests were skipped, and the counts. It ends
// with 1 when anything failed, or when a test was skipped and TURNOUT_NO_SKIP is 1.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of `go test -json`.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// summary is what has been seen.
type summary struct {
	passed, failed, skipped int
	output                  map[string][]string // package and test → lines so far
	skips                   []string
	broken                  map[string]bool // packages that failed
}

func main() { os.Exit(run(os.Stdin, os.Stdout, os.Getenv("TURNOUT_NO_SKIP") == "1")) }

func run(in io.Reader, out io.Writer, noSkip bool) int {
	s := &summary{output: map[string][]string{}, broken: map[string]bool{}}
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		var e event
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil {
			fmt.Fprintln(out, sc.Text()) // the build's own words
			continue
		}
		s.see(out, e)
	}
	if err := sc.Err(); err != nil {
		fmt.Fprintln(out, "read test output:", err)
		return 1
	}
	for _, skip := range s.skips {
		fmt.Fprintln(out, "skipped", skip)
	}
	fmt.Fprintf(out, "\n%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	if s.failed > 0 || len(s.broken) > 0 || s.passed == 0 || (noSkip && s.skipped > 0) {
		return 1
	}
	return 0
}

func (s *summary) see(out io.Writer, e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		s.output[key] = append(s.output[key], e.Output)
		return
	case "pass", "fail", "skip", "build-fail":
	default:
		return
	}
	if e.Test == "" {
		s.pkg(out, e, key)
		return
	}
	switch e.Action {
	case "pass":
		s.passed++
	case "fail":
		s.failed++
		fmt.Fprintf(out, "--- FAIL %s\n%s", key, strings.Join(s.output[key], ""))
	case "skip":
		s.skipped++
		s.skips = append(s.skips, key+": "+reason(s.output[key]))
	}
	delete(s.output, key)
}

func (s *summary) pkg(out io.Writer, e event, key string) {
	if e.Action == "fail" || e.Action == "build-fail" {
		s.broken[e.Package] = true
		fmt.Fprintf(out, "%s", strings.Join(s.output[key], ""))
	}
	if e.Action != "skip" { // packages without tests
		fmt.Fprintf(out, "%-4s %-60s %6.1fs\n", e.Action, strings.TrimPrefix(e.Package, "github.com/turnoutdev/turnout/"), e.Elapsed)
	}
	delete(s.output, key)
}

// reason is the line that t.Skip wrote.
func reason(lines []string) string {
	for _, l := range lines {
		if _, why, ok := strings.Cut(l, ".go:"); ok {
			return strings.TrimSpace(why)
		}
	}
	return "no reason given"
}
