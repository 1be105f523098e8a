package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/spell"
)

// The headings under which help shows flags that many verbs have; the verb's own come
// first.
const (
	inDefinition = "Changes to the task definition"
	whichService = "Which service"
	whichCloud   = "Which cloud"
	anyVerb      = "Of every verb"
)

// heading is the annotation of a flag that stands under one of these headings.
const heading = "turnout_heading"

// under puts flags under a heading of help.
func under(head string, f *pflag.FlagSet, names ...string) {
	for _, n := range names {
		_ = f.SetAnnotation(n, heading, []string{head}) // the flag exists
	}
}

// everywhere are the flags that mean something to every verb.
func (g *global) everywhere(root *cobra.Command) {
	f := root.PersistentFlags()
	f.BoolVarP(&g.Quiet, "quiet", "q", false, "print errors only")
	f.BoolVar(&g.NoColor, "no-color", false, "no colour on terminals (also $NO_COLOR)")
	f.BoolP("help", "h", false, "show this")
	under(anyVerb, f, "quiet", "no-color", "help")
	// Flags may stand before the verb, too. Cobra looks for the verb behind them and has to
	// know which take no value.
	for name, to := range map[string]*bool{"json": &g.JSON, "local": &g.Local} {
		root.Flags().BoolVar(to, name, false, "")
		_ = root.Flags().MarkHidden(name) // the flag exists
	}
}

// jsonFlag is for verbs that have a result to print.
func (g *global) jsonFlag(c *cobra.Command) {
	c.Flags().BoolVar(&g.JSON, "json", false, "print the result as JSON on stdout; \"turnout schema\" has its schema")
	under(anyVerb, c.Flags(), "json")
}

// fileFlag is for verbs that read turnout.yml.
func (g *global) fileFlag(c *cobra.Command) {
	c.Flags().StringVarP(&g.Config, "file", "f", ".", "turnout.yml's `PATH`, or the folder it stands in")
	under(whichService, c.Flags(), "file")
}

// cloudFlags are for verbs that talk to AWS or to the local cloud.
func (g *global) cloudFlags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&g.Local, "local", false, "talk to the local cloud that \"turnout up\" started")
	f.StringVar(&g.Profile, "profile", "", "`NAME` of the profile in AWS's configuration files")
	f.StringVar(&g.Role, "role", "", "`ARN` of an IAM role to act as, by the CI job's identity token where there is one (default: $TURNOUT_ROLE)")
	under(whichCloud, f, "local", "profile", "role")
	g.regionFlag(c)
	g.stateFlag(c)
}

func (g *global) regionFlag(c *cobra.Command) {
	c.Flags().StringVar(&g.Region, "region", "", "`NAME` of the AWS region (default: turnout.yml's, else the environment's)")
	under(whichCloud, c.Flags(), "region")
}

// stateFlag is for verbs that look for the local cloud.
func (g *global) stateFlag(c *cobra.Command) {
	c.Flags().StringVar(&g.State, "state", "", "`FOLDER` of the local cloud's state (default: the user's state folder)")
	under(whichCloud, c.Flags(), "state")
}

// builders are what builds images.
var builders = []string{"auto", "docker", "podman", "buildah", "builtin"}

// builderFlag is for verbs that build an image.
func (g *global) builderFlag(c *cobra.Command) {
	choice(c, &g.Builder, "builder", "", "`TOOL` that builds images: auto, docker, podman, buildah or builtin (default: turnout.yml's)", builders...)
}

// stages are how far a deployment that exists can be waited for.
var stages = []string{"shifted", "stable", "done"}

// predefined are the deployment configurations that CodeDeploy has for ECS by itself; a
// name of one's own will do as well.
var predefined = []string{
	"CodeDeployDefault.ECSAllAtOnce",
	"CodeDeployDefault.ECSCanary10Percent5Minutes", "CodeDeployDefault.ECSCanary10Percent15Minutes",
	"CodeDeployDefault.ECSLinear10PercentEvery1Minutes", "CodeDeployDefault.ECSLinear10PercentEvery3Minutes",
}

// choice is a flag with values that are known, which shells complete.
func choice(c *cobra.Command, p *string, name, value, usage string, known ...string) {
	c.Flags().StringVar(p, name, value, usage)
	_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(known, cobra.ShellCompDirectiveNoFileComp)) // once per flag
}

// onPaths are the names of values for which shells complete paths.
var onPaths = []string{"FILE", "FOLDER", "PATH"}

// completes keeps shells from offering files where a flag or an argument is none.
func completes(c *cobra.Command) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		name, _ := pflag.UnquoteUsage(f)
		_, known := c.GetFlagCompletionFunc(f.Name)
		if !known && f.NoOptDefVal == "" && !slices.Contains(onPaths, name) {
			_ = c.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions) // not known so far
		}
	})
	if c.ValidArgsFunction == nil && len(c.ValidArgs) == 0 && !strings.ContainsAny(c.Use, "[") && !strings.Contains(c.Use, "FILE") {
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, sub := range c.Commands() {
		completes(sub)
	}
}

// badFlag is how a flag is refused that a verb does not have, or whose value cannot be.
func badFlag(c *cobra.Command, err error) error {
	if words := c.Flags().Args(); c.HasSubCommands() && len(words) > 0 {
		return unknownVerb(c, words[0]) // what its flags are is another question
	}
	hint := "`" + c.CommandPath() + " --help` shows what there is"
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		if near := spell.Nearest(name, flagNames(c)); near != "" && len(name) > 1 {
			hint = "did you mean --" + near + "?"
		} else if has := havers(c.Root(), name); c == c.Root() && len(has) > 0 {
			hint = "flags stand after the verb, such as `" + has[0] + " --" + name + "`"
		}
	}
	return fault.New(fault.Usage, hint, "%s: %w", c.CommandPath(), err)
}

func flagNames(c *cobra.Command) []string {
	var out []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			out = append(out, f.Name)
		}
	})
	return out
}

// havers are the commands that have a flag of this name.
func havers(c *cobra.Command, name string) []string {
	var out []string
	for _, sub := range c.Commands() {
		if sub.LocalFlags().Lookup(name) != nil {
			out = append(out, sub.CommandPath())
		}
		out = append(out, havers(sub, name)...)
	}
	return out
}

// Help lists verbs in the order of their use.
func init() { cobra.EnableCommandSorting = false }
