package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help writes a command's help to stdout.
func (g *global) help(c *cobra.Command) {
	out := g.OnOut()
	if g.NoColor {
		out.Color = false
	}
	fmt.Fprint(out.Out, helpText(c, out.Width(), out.Bold))
}

// helpText is a command's help, width columns wide: what it does, how it is written,
// examples, the commands it has, and the flags that mean something to it.
func helpText(c *cobra.Command, width int, bold func(string) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n  %s\n", first(c.Long, c.Short), bold("Usage:"), useLine(c))
	if c.Example != "" {
		fmt.Fprintf(&b, "\n%s\n%s\n", bold("Examples:"), c.Example)
	}
	for _, s := range commandsOf(c) {
		fmt.Fprintf(&b, "\n%s\n", bold(s.title+":"))
		for _, sub := range s.verbs {
			fmt.Fprintf(&b, "  %-11s %s\n", sub.Name(), sub.Short)
		}
	}
	for _, s := range flagsOf(c) {
		fmt.Fprintf(&b, "\n%s\n%s", bold(s.title+":"), s.flags.FlagUsagesWrapped(width))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n`%s COMMAND --help` tells more.\n", c.CommandPath())
	}
	return b.String()
}

// useLine is how a command is written.
func useLine(c *cobra.Command) string {
	if c.HasAvailableSubCommands() {
		return c.CommandPath() + " COMMAND"
	}
	return c.UseLine()
}

// commands are some that belong together.
type commands struct {
	title string
	verbs []*cobra.Command
}

// commandsOf are a command's own, by their group where there are groups. They stand in the
// order in which they were added, which is that of their use.
func commandsOf(c *cobra.Command) []commands {
	var out []commands
	for _, g := range c.Groups() {
		out = append(out, commands{title: g.Title})
	}
	if len(out) == 0 && c.HasAvailableSubCommands() {
		out = append(out, commands{title: "Commands"})
	}
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() && sub.Name() != "help" {
			continue
		}
		for i := range out {
			if sub.GroupID == out[i].title || sub.GroupID == "" {
				out[i].verbs = append(out[i].verbs, sub)
			}
		}
	}
	return out
}

// flags are some under one heading.
type flags struct {
	title string
	flags *pflag.FlagSet
}

// flagsOf are a command's flags: its own first, then those that others have too.
func flagsOf(c *cobra.Command) []flags {
	out := []flags{{title: "Flags"}, {title: inDefinition}, {title: whichService}, {title: whichCloud}, {title: anyVerb}}
	for i := range out {
		out[i].flags = pflag.NewFlagSet(out[i].title, pflag.ContinueOnError)
	}
	add := func(f *pflag.Flag) {
		at := 0
		for i := range out {
			if h := f.Annotations[heading]; len(h) > 0 && h[0] == out[i].title {
				at = i
			}
		}
		out[at].flags.AddFlag(f)
	}
	c.LocalFlags().VisitAll(add)
	c.InheritedFlags().VisitAll(add)
	some := out[:0]
	for _, s := range out {
		if s.flags.HasAvailableFlags() {
			some = append(some, s)
		}
	}
	return some
}
