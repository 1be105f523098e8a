package history

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/term"
)

// Print shows the deployments as a table: id, status, revision, duration, when, by whom,
// image; below it what took it back, or what it takes back, and why it failed.
func Print(s *term.Streams, all []Entry, now time.Time) {
	rows := make([][]string, len(all))
	width := make([]int, 6)
	for i, e := range all {
		rows[i] = []string{e.ID, e.Status, subject.Last(e.Revision), took(e, now), when(e.Created, now), by(e)}
		for j, cell := range rows[i] {
			width[j] = max(width[j], utf8.RuneCountInString(cell))
		}
	}
	for i, e := range all {
		cells := make([]string, len(rows[i]))
		for j, cell := range rows[i] {
			cells[j] = cell + strings.Repeat(" ", width[j]-utf8.RuneCountInString(cell))
		}
		cells[0], cells[1] = s.Bold(cells[0]), paint(s, e.Status, cells[1])
		cells[3], cells[4], cells[5] = s.Dim(cells[3]), s.Dim(cells[4]), s.Dim(cells[5])
		s.Talk("%s", strings.TrimRight(strings.Join(append(cells, images(e)), "  "), " "))
		for _, n := range notes(e) {
			s.Talk("    %s", s.Dim(n))
		}
	}
}

func paint(s *term.Streams, status, text string) string {
	switch status {
	case "Succeeded", "SUCCESSFUL":
		return s.Good(text)
	case "Failed", "Stopped", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED":
		return s.Bad(text)
	}
	return s.Odd(text)
}

func took(e Entry, now time.Time) string {
	if e.Completed.IsZero() {
		return term.Short(now.Sub(e.Created).Round(time.Second)) + "…"
	}
	return term.Short(e.Took)
}

// when is a time of day for what is recent, a date for the rest.
func when(t, now time.Time) string {
	if now.Sub(t) < 20*time.Hour {
		return t.Local().Format("15:04:05")
	}
	return t.Local().Format("2006-01-02 15:04")
}

// by is the creator, and who registered the revision.
func by(e Entry) string {
	who := subject.Last(e.RegisteredBy)
	if i := strings.LastIndexByte(who, ':'); i >= 0 {
		who = who[i+1:]
	}
	if e.Creator == "" || (e.Creator == "user" && who != "") {
		return who
	}
	return e.Creator
}

func images(e Entry) string {
	var out []string
	for _, i := range e.Images {
		out = append(out, i.Image[strings.LastIndexByte(i.Image, '/')+1:])
	}
	return strings.Join(out, ", ")
}

func notes(e Entry) []string {
	var out []string
	if e.RolledBackBy != "" {
		out = append(out, "rolled back by "+e.RolledBackBy)
	}
	if e.TakesBack != "" {
		out = append(out, "takes back "+e.TakesBack)
	}
	if e.Error != "" {
		out = append(out, fmt.Sprintf("%.200s", e.Error))
	}
	return out
}
