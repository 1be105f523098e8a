package autopsy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/turnoutdev/turnout/internal/regex"
	"github.com/turnoutdev/turnout/internal/watch"
)

// String is the report as one block of plain text.
func (r *Report) String() string {
	var b strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", label, fmt.Sprintf(format, args...))
	}
	switch {
	case r.DeploymentID == "":
		b.WriteString("Why the service does not become steady\n")
	case r.Status == "Stopped":
		fmt.Fprintf(&b, "Why deployment %s was stopped\n", r.DeploymentID)
	default:
		fmt.Fprintf(&b, "Why deployment %s failed\n", r.DeploymentID)
		if r.Status != "Failed" {
			line("status", "%s", r.Status)
		}
	}
	switch {
	case r.Event != "" && (r.Diagnostics == r.ErrorMessage || r.ErrorCode == ""):
		line("failed at", "%s", strings.Join(fields(r.Event, r.ErrorCode, r.Diagnostics), ": "))
	case r.Event != "":
		line("failed at", "%s", strings.Join(fields(r.Event, r.Diagnostics), ": "))
		fallthrough
	case r.ErrorCode+r.ErrorMessage != "":
		line("error", "%s", strings.Join(fields(r.ErrorCode, r.ErrorMessage), ": "))
	}
	r.hook(line)
	for _, like := range alike(r.Tasks) {
		r.task(line, like[0], len(like)-1)
	}
	for _, t := range r.Targets {
		line("target", "%s in %s: %s", t.Address, t.Group, strings.TrimSpace(t.State+"  "+t.Reason+" "+t.Description))
	}
	said := ""
	for _, e := range r.Service {
		if text := watch.Plain(e); text != said { // ECS says some things once for each target
			line("service", "%s", text)
			said = text
		}
	}
	for _, m := range r.Missing {
		line("not read", "%s", m)
	}
	for _, f := range r.Fixes {
		line("likely fix", "%s", f)
	}
	return b.String()
}

// fields are those of all that say something.
func fields(all ...string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// alike are the tasks in groups of those that ended in the same way.
func alike(tasks []Task) [][]Task {
	var out [][]Task
	index := map[string]int{}
	for _, t := range tasks {
		key := t.manner()
		i, ok := index[key]
		if !ok {
			i = len(out)
			index[key] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], t)
	}
	return out
}

// ids are what tells equal tasks apart in their reasons.
var ids = regex.New(`(?i)[0-9a-f]{32}|request ?id: \S+`)

// manner is how a task ended, without what is of this task alone.
func (t Task) manner() string {
	s := t.Status + t.Health + t.StopCode + t.Reason
	if t.endedWith() {
		s = scaledIn
	}
	for _, c := range t.Containers {
		s += "\n" + c.Name + c.Reason + c.Health
		if c.ExitCode != nil {
			s += fmt.Sprint(*c.ExitCode)
		}
	}
	return ids.ReplaceAllString(s, "")
}

// endedWith tells whether the task was ended because its deployment was.
func (t Task) endedWith() bool { return strings.HasPrefix(t.Reason, scaledIn) }

// hook tells of the function of the event that failed.
func (r *Report) hook(line func(string, string, ...any)) {
	switch h := r.Hook; {
	case h == nil:
	case h.NoLog != "":
		line("hook", "%s; its log: %s", h.Function, h.NoLog)
	default:
		line("hook", "%s; the end of its log:", h.Function)
		quote(line, h.Log)
	}
}

// quote shows lines of a log.
func quote(line func(string, string, ...any), log []string) {
	for _, l := range log {
		line("", "│ %s", strings.TrimRight(l, "\r\n"))
	}
}

// task tells of one task, and that others ended like it.
func (r *Report) task(line func(string, string, ...any), t Task, others int) {
	what := strings.Join(fields(t.Status, t.StopCode, watch.Plain(t.Reason)), ": ")
	switch {
	case t.endedWith():
		what = "ended with the deployment"
	case t.Status == "RUNNING" && t.Health != "UNHEALTHY":
		what = "runs"
	}
	switch {
	case others == 1:
		what += " (and another one like it)"
	case others > 1:
		what += fmt.Sprintf(" (and %d others like it)", others)
	}
	line("task", "%.8s %s", t.ID, what)
	for _, c := range t.Containers {
		s := c.Name
		if c.ExitCode != nil {
			s += fmt.Sprintf(" exited with code %d", *c.ExitCode)
		}
		if c.Reason != "" && !strings.Contains(t.Reason, c.Reason) {
			s += ": " + c.Reason
		}
		if c.Health == "UNHEALTHY" {
			s += " (unhealthy)"
		}
		switch {
		case c.NoLog != "":
			s += "; its log: " + c.NoLog
		case len(c.Log) > 0:
			s += "; the end of its log:"
		}
		if s != c.Name {
			line("container", "%s", s)
		}
		quote(line, c.Log)
	}
}
