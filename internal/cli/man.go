package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newMan(g *global) *cobra.Command {
	dir := ""
	c := &cobra.Command{
		Use:   "man",
		Short: "Write the manual pages",
		Long: `Man writes a manual page for each command into --dir: turnout.1, turnout-ship.1 and so on.
They say what --help says.`,
		Example: "  turnout man --dir /usr/local/share/man/man1\n  turnout man --dir man && man man/turnout-ship.1",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return g.man(c.Root(), dir) },
	}
	c.Flags().StringVar(&dir, "dir", "", "`FOLDER` to write to (needed); it is made where there is none")
	_ = c.MarkFlagRequired("dir") // the flag exists
	g.jsonFlag(c)
	return c
}

// pages is what --json prints.
type pages struct {
	Written []string `json:"written"` // paths of the pages
}

// man writes a manual page for each command.
func (g *global) man(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	out := pages{Written: []string{}}
	for _, c := range allOf(root) {
		file := filepath.Join(dir, pageName(c)+".1")
		if err := os.WriteFile(file, []byte(page(c)), 0o644); err != nil {
			return err
		}
		out.Written = append(out.Written, file)
	}
	g.Talk("%s %d manual pages in %s", g.Good("wrote"), len(out.Written), dir)
	return g.answer(out)
}

// allOf are a command and all below it that help shows.
func allOf(c *cobra.Command) []*cobra.Command {
	out := []*cobra.Command{c}
	for _, s := range commandsOf(c) {
		for _, sub := range s.verbs {
			out = append(out, allOf(sub)...)
		}
	}
	return out
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// page is a command's manual page, in the man macros of roff. It has no date: the same
// source makes the same bytes.
func page(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %q 1 \"\" %q \"Turnout\"\n.nh\n.ad l\n", strings.ToUpper(pageName(c)), tool())
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(pageName(c)), roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(useLine(c)))
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", paragraphs(first(c.Long, c.Short)))
	for _, s := range commandsOf(c) {
		fmt.Fprintf(&b, ".SH %s\n", strings.ToUpper(roff(s.title)))
		for _, sub := range s.verbs {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(sub.Name()), roff(sub.Short))
		}
	}
	for _, s := range flagsOf(c) {
		fmt.Fprintf(&b, ".SH %s\n", strings.ToUpper(roff(s.title)))
		s.flags.VisitAll(func(f *pflag.Flag) { b.WriteString(option(f)) })
	}
	if c.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(c.Example))
	}
	if !c.HasAvailableSubCommands() {
		b.WriteString(".SH EXIT STATUS\n")
		for _, e := range exitCodes {
			fmt.Fprintf(&b, ".TP\n.B %d\n%s\n", e.code, roff(e.means))
		}
	}
	fmt.Fprintf(&b, ".SH SEE ALSO\n%s\n", seeAlso(c))
	return b.String()
}

// option is a flag's paragraph.
func option(f *pflag.Flag) string {
	if f.Hidden {
		return ""
	}
	value, usage := pflag.UnquoteUsage(f)
	name := `\-\-` + roff(f.Name)
	if f.Shorthand != "" {
		name = `\-` + f.Shorthand + ", " + name
	}
	if value != "" {
		name += `\fR \fI` + roff(value)
	}
	if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "0s" && d != "[]" {
		usage += " (default " + d + ")"
	}
	return fmt.Sprintf(".TP\n\\fB%s\\fR\n%s\n", name, roff(usage))
}

// paragraphs are a text with its lines filled anew; lines that are indented stay.
func paragraphs(text string) string {
	var out []string
	for _, p := range strings.Split(text, "\n\n") {
		if strings.HasPrefix(p, "  ") || strings.Contains(p, "\n  ") {
			p = ".nf\n" + roff(p) + "\n.fi"
		} else {
			p = roff(p)
		}
		out = append(out, p)
	}
	return strings.Join(out, "\n.PP\n")
}

// seeAlso names the pages above and below.
func seeAlso(c *cobra.Command) string {
	var near []string
	if c.HasParent() {
		near = append(near, pageName(c.Parent()))
	}
	for _, s := range commandsOf(c) {
		for _, sub := range s.verbs {
			near = append(near, pageName(sub))
		}
	}
	for i, n := range near {
		near[i] = ".BR " + roff(n) + " (1)"
		if i < len(near)-1 {
			near[i] += " ,"
		}
	}
	return strings.Join(near, "\n")
}

// roff escapes what roff would read as its own.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
