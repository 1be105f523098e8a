package cli

import (
	"github.com/spf13/cobra"
)

// shells are those that can complete, each with the line that sets it up for good.
var shells = []struct {
	name, setUp string
	write       func(g *global, root *cobra.Command) error
}{
	{"bash", "  turnout completion bash > /etc/bash_completion.d/turnout\n  source <(turnout completion bash)     # this shell only",
		func(g *global, root *cobra.Command) error { return root.GenBashCompletionV2(g.Out, true) }},
	{"zsh", "  turnout completion zsh > \"${fpath[1]}/_turnout\"",
		func(g *global, root *cobra.Command) error { return root.GenZshCompletion(g.Out) }},
	{"fish", "  turnout completion fish > ~/.config/fish/completions/turnout.fish",
		func(g *global, root *cobra.Command) error { return root.GenFishCompletion(g.Out, true) }},
	{"powershell", "  turnout completion powershell | Out-String | Invoke-Expression",
		func(g *global, root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(g.Out) }},
}

func newCompletion(g *global) *cobra.Command {
	var each []*cobra.Command
	for _, s := range shells {
		each = append(each, &cobra.Command{
			Use:     s.name,
			Short:   "Print the completions for " + s.name,
			Example: s.setUp,
			Args:    cobra.NoArgs,
			RunE:    func(c *cobra.Command, _ []string) error { return s.write(g, c.Root()) },
		})
	}
	return family(&cobra.Command{
		Use:   "completion",
		Short: "Print shell completions for verbs, flags and their values",
		Long: `Completion prints a script for bash, zsh, fish or PowerShell. With it the shell completes
verbs, flags, the values of flags that have a few (--wait-until, --on-cancel, --driver,
--config), runs that can be resumed, and verbs that have a schema. Bash needs its package
bash-completion.`,
		Example: "  source <(turnout completion bash)\n  turnout completion fish > ~/.config/fish/completions/turnout.fish",
	}, each...)
}
