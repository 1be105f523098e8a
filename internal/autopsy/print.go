package autopsy

import (
	"fmt"
	"strings"
)

// String is the report as one block of plain text.
func (r *Report) String() string {
	var b strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", label, fmt.Sprintf(format, args...))
	}
	if r.DeploymentID != "" {
		fmt.Fprintf(&b, "Why deployment %s failed\n", r.DeploymentID)
		line("status", "%s", r.Status)
	} else {
		b.WriteString("Why the service does not become steady\n")
	}
	if r.Event != "" {
		line("failed at", "%s", strings.TrimSpace(r.Event+"  "+r.Diagnostics))
	}
	if r.ErrorCode != "" {
		line("error", "%s: %s", r.ErrorCode, r.ErrorMessage)
	}
	for _, t := range r.Tasks {
		r.task(line, t)
	}
	for _, t := range r.Targets {
		line("target", "%s in %s: %s", t.Address, t.Group, strings.TrimSpace(t.State+"  "+t.Reason+" "+t.Description))
	}
	for _, e := range r.Service {
		line("service", "%s", e)
	}
	for _, m := range r.Missing {
		line("not read", "%s", m)
	}
	for _, f := range r.Fixes {
		line("likely fix", "%s", f)
	}
	return b.String()
}

func (r *Report) task(line func(string, string, ...any), t Task) {
	what := t.Status
	if t.StopCode != "" {
		what += "  " + t.StopCode
	}
	if t.Reason != "" {
		what += ": " + t.Reason
	}
	line("task", "%.8s %s", t.ID, what)
	for _, c := range t.Containers {
		s := c.Name
		if c.ExitCode != nil {
			s += fmt.Sprintf(" exited with code %d", *c.ExitCode)
		}
		if c.Reason != "" {
			s += ": " + c.Reason
		}
		if c.Health == "UNHEALTHY" {
			s += " (unhealthy)"
		}
		line("container", "%s", s)
		if c.NoLog != "" {
			line("", "log: %s", c.NoLog)
		}
		for _, l := range c.Log {
			line("", "│ %s", l)
		}
	}
}
