package cli

import (
	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/spell"
)

// family makes c a command that does nothing without one of its own; alone it tells which
// there are.
func family(c *cobra.Command, verbs ...*cobra.Command) *cobra.Command {
	c.AddCommand(verbs...)
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return unknownVerb(c, args[0])
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	return c
}

// unknownVerb refuses a word that is no command of c, and guesses what was meant.
func unknownVerb(c *cobra.Command, word string) error {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	hint := "`" + c.CommandPath() + " --help` lists what there is"
	if near := spell.Nearest(word, names); near != "" {
		hint = "did you mean `" + c.CommandPath() + " " + near + "`?"
	}
	return fault.New(fault.Usage, hint, "unknown command %q for %s", word, c.CommandPath())
}

func newHelp(*global) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show the help of a command, as --help does",
		Example: "  turnout help ship\n  turnout help wait task",
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			at, _, err := c.Root().Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var out []string
			for _, sub := range at.Commands() {
				if sub.IsAvailableCommand() {
					out = append(out, sub.Name()+"\t"+sub.Short)
				}
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			at, rest, err := c.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return unknownVerb(at, rest[0])
			}
			return at.Help()
		},
	}
}
