package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/term"
	"github.com/turnoutdev/turnout/internal/watch"
)

// barWidth is how many columns show a share of the traffic.
const barWidth = 20

// Print shows a status on one screen.
func Print(s *term.Streams, st *Status) {
	p := printer{s, st}
	p.head()
	p.deployment()
	for i := range st.Parts {
		p.part(&st.Parts[i])
	}
	p.events()
	for _, m := range st.Missing {
		p.s.Talk("  %s", p.s.Odd("not read: "+m))
	}
}

type printer struct {
	s  *term.Streams
	st *Status
}

func (p printer) head() {
	st := p.st
	facts := []string{"cluster " + st.Cluster, st.Region, st.Controller}
	for _, f := range []string{st.Strategy, st.LaunchType} {
		if f != "" {
			facts = append(facts, f)
		}
	}
	p.s.Talk("%s  %s", p.s.Bold(st.Service), p.s.Dim(strings.Join(facts, " · ")))
	tasks := fmt.Sprintf("%d of %d tasks running", st.Running, st.Desired)
	if st.Running > st.Desired { // of both colours
		tasks = fmt.Sprintf("%d tasks running, %d desired", st.Running, st.Desired)
	}
	if st.Pending > 0 {
		tasks += fmt.Sprintf(", %d pending", st.Pending)
	}
	mark := p.s.Good("●")
	if st.Running < st.Desired || st.State != "ACTIVE" {
		mark = p.s.Odd("●")
	}
	if st.Running == 0 && st.Desired > 0 {
		mark = p.s.Bad("●")
	}
	p.s.Talk("  %s %s, %s", mark, st.State, tasks)
	for _, r := range st.Routes {
		kind := "traffic on port"
		if r.Test {
			kind = "test traffic on port"
		}
		p.s.Talk("    %s %d: %s", kind, r.Port, r)
	}
}

// deployment tells the active deployment with its lifecycle, or how the last one ended.
func (p printer) deployment() {
	d := p.st.Deployment
	if d == nil {
		return
	}
	facts := []string{}
	for _, f := range []string{d.Config, d.Description} {
		if f != "" {
			facts = append(facts, f)
		}
	}
	if d.Creator != "" {
		facts = append(facts, "by "+d.Creator)
	}
	when := p.ago(d.Created)
	if d.Active {
		when = "for " + strings.TrimSuffix(when, " ago")
	} else if !d.Completed.IsZero() {
		when = p.ago(d.Completed)
	}
	p.s.Talk("")
	p.s.Talk("  %s %s %s %s  %s", p.mark(d.Status), p.s.Bold(d.ID), d.Status, when, p.s.Dim(strings.Join(facts, " · ")))
	if len(d.Lifecycle) > 0 {
		var steps []string
		for _, st := range d.Lifecycle {
			steps = append(steps, p.step(st))
		}
		p.s.Talk("    %s", strings.Join(steps, " "))
	}
	switch d.Waits {
	case WaitsReady:
		p.s.Talk("    waits before it moves traffic: %s", p.s.Bold("turnout continue"))
	case WaitsTermination:
		p.s.Talk("    waits before the old tasks are ended: %s ends the wait, %s goes back", p.s.Bold("turnout continue"), p.s.Bold("turnout rollback"))
	}
	if d.Error != "" {
		p.s.Talk("    %s", p.s.Bad(d.Error))
	}
}

func (p printer) step(st Step) string {
	text := st.Name
	if st.Took >= time.Second {
		text += " " + term.Short(st.Took)
	}
	switch st.Status {
	case "Succeeded":
		return p.s.Good("✓") + text
	case "Failed":
		return p.s.Bad("✗" + text)
	case "InProgress":
		return p.s.Odd("▸" + text)
	case "Skipped":
		return p.s.Dim("–" + text)
	}
	return p.s.Dim("·" + text)
}

// mark is a state's colour in one character.
func (p printer) mark(state string) string {
	switch state {
	case "Succeeded", "COMPLETED", "STEADY_STATE", "healthy":
		return p.s.Good("✓")
	case "Failed", "FAILED", "Stopped", "unhealthy", "unavailable":
		return p.s.Bad("✗")
	}
	return p.s.Odd("▸")
}

func (p printer) part(x *Part) {
	tasks := fmt.Sprintf("%d/%d tasks", x.Running, x.Desired)
	if x.Pending > 0 {
		tasks += fmt.Sprintf(", %d pending", x.Pending)
	}
	if x.Failed > 0 {
		tasks += ", " + p.s.Bad(fmt.Sprintf("%d failed", x.Failed))
	}
	p.s.Talk("")
	share := ""
	if x.Weight != nil {
		share = fmt.Sprintf("%s %3.0f %%  ", p.s.Bar(*x.Weight, barWidth), *x.Weight)
	}
	p.s.Talk("  %s%s %s  %s %s", share, p.s.Bold(fmt.Sprintf("%-8s", x.Role)), p.s.Bold(subject.Last(x.Revision)), p.mark(x.State), strings.TrimSpace(x.State+"  "+tasks))
	for _, i := range x.Images {
		p.s.Talk("    %s", p.s.Dim(fmt.Sprintf("%-12s %s", i.Container, short(i.Image))))
	}
	if len(x.Targets) > 0 {
		p.targets(x)
	}
	if x.State == "FAILED" && x.Reason != "" {
		p.s.Talk("    %s", p.s.Bad(x.Reason))
	}
}

// targets counts the healthy ones and names the others with their reasons.
func (p printer) targets(x *Part) {
	counts, order := map[string]int{}, []string{}
	for _, t := range x.Targets {
		if counts[t.State] == 0 {
			order = append(order, t.State)
		}
		counts[t.State]++
	}
	var parts []string
	for _, state := range order {
		text := fmt.Sprintf("%d %s", counts[state], state)
		if state == "healthy" {
			text = p.s.Good(text)
		}
		parts = append(parts, text)
	}
	p.s.Talk("    %s %s", p.s.Dim(fmt.Sprintf("%-12s", subject.GroupName(x.TargetGroup))), strings.Join(parts, ", "))
	for _, t := range x.Targets {
		if t.State != "healthy" && t.Reason != "" {
			p.s.Talk("      %s %s %s  %s", p.mark(t.State), t.Address, t.State, p.s.Dim(t.Reason))
		}
	}
}

func (p printer) events() {
	if len(p.st.Events) == 0 {
		return
	}
	p.s.Talk("")
	last := ""
	for _, e := range p.st.Events {
		line := fmt.Sprintf("  %s  %s", p.s.Dim(fmt.Sprintf("%8s", p.ago(e.Time))), watch.Plain(e.Message))
		if line != last { // ECS says some things once for each target
			p.s.Talk("%s", line)
		}
		last = line
	}
}

func (p printer) ago(t time.Time) string { return Age(p.st.Time.Sub(t)) + " ago" }

// Age is a duration for people, in its largest unit or two: 45s, 12m, 3h, 2d.
func Age(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// short cuts a digest to what tells it apart.
func short(image string) string {
	const shown = len("@sha256:") + 12
	if i := strings.Index(image, "@sha256:"); i >= 0 && len(image) > i+shown {
		return image[:i+shown] + "…"
	}
	return image
}
