package rehearse

import (
	"fmt"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/internal/term"
)

// Print writes the report as a table.
func (rep *Report) Print(s *term.Streams) {
	for _, a := range rep.Acts {
		verdict := s.Good("passed")
		if !a.OK {
			verdict = s.Bad("failed: " + a.Why)
		}
		s.Talk("\n%s: %s %s", s.Bold(a.Name), verdict, s.Dim("("+term.Short(a.Took)+")"))
		s.Talk("  %-26s %9s %9s %9s %9s", "served by", "requests", "failures", "p50", "p99")
		for _, c := range a.Colours {
			name := strings.TrimSpace(fmt.Sprintf("%-5s %s", c.Colour, c.Group))
			if name == "" {
				name = "(no target)"
			}
			line := fmt.Sprintf("  %-26s %9d %9d %9s %9s", name, c.Requests, c.Failures, millis(c.P50), millis(c.P99))
			if c.Failures > 0 {
				line = s.Bad(line + "  " + c.Example)
			}
			s.Talk("%s", line)
		}
	}
	if rep.Stream.Opened > 0 {
		s.Talk("\n  one long stream: %d events, opened %d times (a drained target ends its streams)", rep.Stream.Events, rep.Stream.Opened)
	}
	if rep.OK {
		s.Talk("\n%s no request failed, the shift completed and the rollback held", s.Good("✓"))
	} else {
		s.Talk("\n%s the rehearsal did not pass", s.Bad("✗"))
	}
}

func millis(d time.Duration) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)), ".0") + " ms"
}
