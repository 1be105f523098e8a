package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/turnoutdev/turnout/internal/term"
)

// TestManual holds docs/cli.md against the commands.
func TestManual(t *testing.T) {
	const path = "../../docs/cli.md"
	want := manual(newRoot(&global{Streams: &term.Streams{}}))
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s is not current: go generate ./internal/cli (%v)", path, err)
	}
}

const preface = `# The command line

What ` + "`--help`" + ` says, in one document; made from the program by ` + "`go generate ./internal/cli`" + `.
[Exit codes](exit-codes.md) mean the same for all verbs, but for run, whose exit code is that of the task.

**For people.** stdout is the result, stderr is talk. ` + "`--quiet`" + ` leaves errors and warnings only. Colour is for terminals,
and not with ` + "`--no-color`, `NO_COLOR` or `TERM=dumb`" + `. In a GitHub job errors are annotations too.

**For programs.** ` + "`--json`" + ` prints the result as one JSON object on stdout; ` + "`watch`, `logs --follow` and `status --watch`" + `
print one object a line. Each verb's output has a JSON schema: ` + "[schema/](schema), `turnout schema VERB`" + `. A verb that fails
before it has a result prints ` + "`{\"ok\": false, \"error\": …, \"hint\": …, \"exitCode\": …}`" + `, wrong options too. Fields are
added, but never renamed or removed.

**For shells.** ` + "`turnout completion bash`" + ` (zsh, fish, powershell) prints a script that completes verbs, flags and the
values of flags that have a few. ` + "`turnout man --dir DIR`" + ` writes manual pages. Releases carry both.
`

// manual is docs/cli.md.
func manual(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString(preface)
	for _, s := range commandsOf(root) {
		fmt.Fprintf(&b, "\n| %s | |\n|---|---|\n", s.title)
		for _, c := range s.verbs {
			fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", c.Name(), anchor(c), c.Short)
		}
	}
	b.WriteString("\n| Exit code | |\n|---|---|\n")
	for _, e := range exitCodes {
		fmt.Fprintf(&b, "| %d | %s |\n", e.code, e.means)
	}
	shared := map[string]bool{}
	for _, c := range everyCommand(root) {
		for _, s := range flagsOf(c) {
			if s.title != "Flags" && !shared[s.title] && complete(s.flags) {
				shared[s.title] = true
				fmt.Fprintf(&b, "\n## %s\n\n```\n%s```\n", s.title, s.flags.FlagUsagesWrapped(100))
			}
		}
	}
	for _, c := range allOf(root)[1:] {
		chapter(&b, c)
	}
	return b.String()
}

// complete tells whether flags are all that can stand under a heading: the fullest verb
// shows them for all.
func complete(f *pflag.FlagSet) bool {
	for _, last := range []string{"log-option", "deployment-group", "role", "json"} {
		if f.Lookup(last) != nil {
			return true
		}
	}
	return false
}

func anchor(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func chapter(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n```\n%s\n```\n", c.CommandPath(), prose(first(c.Long, c.Short+".")), useLine(c))
	var also []string
	for _, s := range flagsOf(c) {
		if s.title == "Flags" {
			fmt.Fprintf(b, "\n```\n%s```\n", s.flags.FlagUsagesWrapped(100))
			continue
		}
		if s.title == anyVerb {
			continue
		}
		var names []string
		s.flags.VisitAll(func(f *pflag.Flag) { names = append(names, "`--"+f.Name+"`") })
		also = append(also, fmt.Sprintf("[%s](#%s): %s", strings.ToLower(s.title[:1])+s.title[1:], strings.ToLower(strings.ReplaceAll(s.title, " ", "-")), strings.Join(names, ", ")))
	}
	if len(also) > 0 {
		fmt.Fprintf(b, "\nAlso %s.\n", strings.Join(also, "; "))
	}
	if c.HasSubCommands() {
		b.WriteString("\n")
		for _, sub := range c.Commands() {
			fmt.Fprintf(b, "- [%s](#%s): %s\n", sub.Name(), anchor(sub), sub.Short)
		}
	}
	fmt.Fprintf(b, "\n```sh\n%s\n```\n", regexp.MustCompile(`(?m)^  `).ReplaceAllString(c.Example, ""))
	verb := strings.TrimPrefix(c.CommandPath(), "turnout ")
	if r, ok := results[verb]; ok {
		fmt.Fprintf(b, "\n`--json` prints %s: [schema](schema/%s).\n", r.about, file(verb))
	}
}

// prose is a text whose indented parts are code.
func prose(text string) string {
	var out []string
	for _, p := range strings.Split(text, "\n\n") {
		if strings.HasPrefix(p, "  ") || strings.Contains(p, "\n  ") {
			p = "```\n" + p + "\n```"
		}
		out = append(out, strings.ReplaceAll(p, "<", "&lt;"))
	}
	return strings.Join(out, "\n\n")
}

// TestManualPages has the system's own formatter read each page: it complains about what
// is not roff.
func TestManualPages(t *testing.T) {
	dir := t.TempDir()
	if code, _, talk := turnout(t, "man", "--dir", dir); code != 0 || !strings.Contains(talk, "manual pages in "+dir) {
		t.Fatalf("code %d, %s", code, talk)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 45 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "turnout-ship.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		".TH \"TURNOUT-SHIP\" 1", ".SH NAME\nturnout\\-ship \\- Build, push", ".TP\n\\fB\\-\\-wait\\-until\\fR \\fISTAGE\\fR\nSTAGE to wait for",
		".SH WHICH CLOUD", ".SH EXAMPLES\n.nf\n  turnout ship\n", ".SH EXIT STATUS", ".BR turnout (1)",
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("turnout-ship.1 has no %q:\n%s", want, b)
		}
	}
	if _, err := exec.LookPath("groff"); err != nil {
		return // the words were looked at
	}
	for _, p := range pages {
		if out, err := exec.CommandContext(t.Context(), "groff", "-man", "-ww", "-Tutf8", "-z", p).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", p, err, out)
		}
	}
}

// TestExitCodes holds the manual's exit codes against docs/exit-codes.md.
func TestExitCodes(t *testing.T) {
	b, err := os.ReadFile("../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, e := range exitCodes {
		row := fmt.Sprintf("| %d | %s |", e.code, strings.Replace(e.means, "diff --exit-code", "`turnout diff --exit-code`", 1))
		if strings.Contains(string(b), row+"\n") {
			rows++
		} else {
			t.Errorf("docs/exit-codes.md has no row %s", row)
		}
	}
	if n := strings.Count(string(b), "\n| ") - 1; n != rows {
		t.Errorf("docs/exit-codes.md has %d codes, manuals have %d", n, rows)
	}
}
