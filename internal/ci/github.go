// Package ci speaks to the CI system that runs this program. On GitHub it knows the
// runner's protocol: workflow commands on stdout (masks, groups, annotations) and files
// named by the environment (outputs, variables, state, the job summary).
//
// A value reaches those files between delimiters that it cannot contain, and text that is
// not ours, such as a container's log, is shown with commands switched off, so that
// nobody who writes a log line can give the runner orders.
package ci

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// GitHub is the runner of a GitHub job. It is safe for concurrent use.
type GitHub struct {
	env func(string) string
	mu  sync.Mutex
	out io.Writer
}

// NewGitHub returns the runner that env (os.Getenv, outside tests) describes; out is the
// step's stdout.
func NewGitHub(env func(string) string, out io.Writer) *GitHub {
	return &GitHub{env: env, out: out}
}

// OnGitHub tells whether a GitHub job runs this program.
func OnGitHub(env func(string) string) bool { return env("GITHUB_ACTIONS") == "true" }

// Input is an action's input, without surrounding space, "" when it was not given. The
// runner passes `with: task-definition` as INPUT_TASK-DEFINITION; because shells know no
// such name, INPUT_TASK_DEFINITION is taken too.
func (g *GitHub) Input(name string) string {
	key := "INPUT_" + strings.ToUpper(strings.ReplaceAll(name, " ", "_"))
	if v := strings.TrimSpace(g.env(key)); v != "" {
		return v
	}
	return strings.TrimSpace(g.env(strings.ReplaceAll(key, "-", "_")))
}

// Env is a variable of the job.
func (g *GitHub) Env(name string) string { return g.env(name) }

// Mask hides a value in all that the job prints from now on; a value of several lines is
// hidden line by line too.
func (g *GitHub) Mask(secret string) {
	if strings.TrimSpace(secret) == "" {
		return // the runner refuses it with a warning
	}
	g.command("add-mask", "", secret)
	lines := strings.Split(secret, "\n")
	for _, l := range lines {
		if l = strings.TrimSpace(l); len(lines) > 1 && l != "" {
			g.command("add-mask", "", l)
		}
	}
}

// Group folds what is printed until EndGroup under a title.
func (g *GitHub) Group(title string) { g.command("group", "", title) }

// EndGroup ends the group.
func (g *GitHub) EndGroup() { g.command("endgroup", "", "") }

// Debug prints a line that only jobs with step debugging show.
func (g *GitHub) Debug(format string, args ...any) {
	g.command("debug", "", fmt.Sprintf(format, args...))
}

// Note is an annotation: a message that GitHub shows beside the job and, if it names a
// file, in the change itself. Line and Column count from 1; 0 leaves them out.
type Note struct {
	Title, File  string
	Line, Column int
	Message      string
}

func (n Note) properties() string {
	var out []string
	add := func(key, value string) {
		if value != "" {
			out = append(out, key+"="+escapeProperty(value))
		}
	}
	number := func(key string, n int) {
		if n > 0 {
			add(key, fmt.Sprint(n))
		}
	}
	add("title", n.Title)
	add("file", n.File)
	if n.File != "" {
		number("line", n.Line)
		number("col", n.Column)
	}
	return strings.Join(out, ",")
}

// Error annotates the job with what went wrong.
func (g *GitHub) Error(n Note) { g.command("error", n.properties(), n.Message) }

// Warning annotates the job with what may be wrong.
func (g *GitHub) Warning(n Note) { g.command("warning", n.properties(), n.Message) }

// Info prints a line of ours; a line that looks like a command is none.
func (g *GitHub) Info(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if commandLike(text) {
		g.Verbatim(text)
		return
	}
	g.print(text + "\n")
}

// commandLike tells whether the runner might take a line of text for a command: its form
// of today begins with "::" after any space, the old one may stand anywhere.
func commandLike(text string) bool {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(l), "::") || strings.Contains(l, "##[") {
			return true
		}
	}
	return false
}

// Verbatim prints text of others: the runner obeys nothing in it.
func (g *GitHub) Verbatim(text string) {
	token := random()
	g.print("::stop-commands::" + token + "\n" + strings.TrimSuffix(text, "\n") + "\n::" + token + "::\n")
}

// Output sets an output of the step.
func (g *GitHub) Output(name, value string) error {
	if g.env("GITHUB_OUTPUT") == "" { // runners before 2022
		g.print("\n")
		g.command("set-output", "name="+escapeProperty(name), value)
		return nil
	}
	return g.file("GITHUB_OUTPUT", name, value)
}

// Export sets a variable for all later steps of the job.
func (g *GitHub) Export(name, value string) error {
	if g.env("GITHUB_ENV") == "" {
		g.command("set-env", "name="+escapeProperty(name), value)
		return nil
	}
	return g.file("GITHUB_ENV", name, value)
}

// State keeps a value for the action's own clean-up step, which reads it as STATE_name.
func (g *GitHub) State(name, value string) error {
	if g.env("GITHUB_STATE") == "" {
		g.command("save-state", "name="+escapeProperty(name), value)
		return nil
	}
	return g.file("GITHUB_STATE", name, value)
}

// maxSummary is what GitHub takes of one step's summary, in bytes.
const maxSummary = 1 << 20

// Summary adds Markdown to the job's summary page. Without one it does nothing.
func (g *GitHub) Summary(markdown string) error {
	path := g.env("GITHUB_STEP_SUMMARY")
	if path == "" {
		return nil
	}
	if len(markdown) > maxSummary {
		const end = "\n\n(cut)\n"
		markdown = strings.ToValidUTF8(markdown[:maxSummary-len(end)], "") + end
	}
	return appendTo(path, markdown)
}

// file writes name and value to the file that a variable names.
func (g *GitHub) file(variable, name, value string) error {
	end := "turnout_" + random()
	for strings.Contains(value, end) {
		end = "turnout_" + random()
	}
	if strings.ContainsAny(name, "\r\n=") || strings.Contains(name, "<<") {
		return fmt.Errorf("%q is no name for %s", name, variable)
	}
	if err := appendTo(g.env(variable), name+"<<"+end+"\n"+value+"\n"+end+"\n"); err != nil {
		return fmt.Errorf("tell the runner %s by %s: %w", name, variable, err)
	}
	return nil
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func (g *GitHub) command(name, properties, data string) {
	if properties != "" {
		properties = " " + properties
	}
	g.print("::" + name + properties + "::" + escapeData(data) + "\n")
}

func (g *GitHub) print(s string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, _ = io.WriteString(g.out, s) // a closed stdout is the runner's own end
}

func random() string { return strings.ToLower(rand.Text()) }

var (
	data       = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	properties = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func escapeData(s string) string     { return data.Replace(s) }
func escapeProperty(s string) string { return properties.Replace(s) }
