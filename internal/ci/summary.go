package ci

import (
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/internal/watch"
)

// summary is the run as Markdown: how it ended, its stages, the deployment's timeline and
// how the traffic moved.
func (p *Report) summary(err error, autopsy string) string {
	var b strings.Builder
	title := p.run.Config.Service
	if p.run.Facts.DeploymentID != "" && err == nil {
		title += " is deployed"
	}
	b.WriteString(heading(title, err))
	fmt.Fprintf(&b, "Cluster `%s`, in %s.\n\n", p.run.Config.Cluster, time.Since(p.began).Round(time.Second))
	if len(p.stages) > 0 {
		b.WriteString("| | Stage | Result | Took |\n|---|---|---|---:|\n")
		for _, s := range p.stages {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", s.mark, s.name, plain(s.result), s.took.Round(time.Millisecond))
		}
		b.WriteString("\n")
	}
	return b.String() + Timeline(p.events) + reasons(autopsy)
}

// Story is a deployment's Markdown: how it ended, its timeline and, if it failed, why.
func Story(title string, events []watch.Event, err error, autopsy string) string {
	return heading(title, err) + Timeline(events) + reasons(autopsy)
}

func heading(title string, err error) string {
	if err != nil {
		return "### ❌ " + plain(title+": "+err.Error()) + "\n\n"
	}
	return "### ✅ " + plain(title) + "\n\n"
}

func reasons(autopsy string) string {
	if autopsy == "" {
		return ""
	}
	return "<details open><summary>Why it failed</summary>\n\n<pre>" + html.EscapeString(autopsy) + "</pre>\n</details>\n\n"
}

// Timeline is what happened to a deployment, as a Markdown table: lifecycle events,
// traffic weights, status.
func Timeline(events []watch.Event) string {
	var rows []string
	var began time.Time
	for _, e := range events {
		if began.IsZero() {
			began = e.Time
		}
		what := row(e)
		if what == "" {
			continue
		}
		at := max(0, e.Time.Sub(began)).Round(100 * time.Millisecond)
		rows = append(rows, fmt.Sprintf("| %s | %s |\n", at, what))
	}
	if len(rows) == 0 {
		return ""
	}
	return "| At | Timeline |\n|---:|---|\n" + strings.Join(rows, "") + "\n"
}

func row(e watch.Event) string {
	switch e.Kind {
	case watch.Ended:
		mark := "✓"
		if e.Status != "Succeeded" {
			mark = "✗"
		}
		s := fmt.Sprintf("%s %s %s", mark, e.Name, e.Took.Round(10*time.Millisecond))
		if mark == "✗" && e.Message != "" {
			s += ": " + plain(e.Message)
		}
		return s
	case watch.Weights:
		return fmt.Sprintf("⇄ `%s` blue %.0f %%, green %.0f %%", bar(e.Green), e.Blue, e.Green)
	case watch.Status, watch.Following:
		return plain(strings.TrimSpace(strings.TrimSpace(e.Name+" **"+e.Status+"**") + " " + e.Message))
	}
	return ""
}

// bar draws how much of the traffic is green.
func bar(green float64) string {
	const width = 20
	n := min(width, max(0, int(green/100*width+0.5)))
	return strings.Repeat("░", width-n) + strings.Repeat("█", n)
}

// plain keeps text of others from being markup, and on one line of a table.
func plain(s string) string {
	s = html.EscapeString(strings.Join(strings.Fields(s), " "))
	return strings.NewReplacer("|", "\\|", "`", "&#96;", "[", "&#91;", "_", "&#95;", "~", "&#126;").Replace(s)
}
