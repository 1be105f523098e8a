// Package cli is the command line: one file per verb, each an options struct and a run
// function. It parses, connects and prints; what happens stands in the packages below.
package cli

//go:generate go test . -run ^(TestSchemas|TestManual)$ -update

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/ci"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/term"
)

// Main runs the command line and returns its exit code. A first Ctrl-C (or SIGTERM)
// cancels the context, so that commands can end what they began; a second one ends the
// process at once.
func Main(args []string, s *term.Streams) int {
	collect(brief)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal has its default effect
	return Run(ctx, args, s)
}

// Run is Main without signals, for tests.
func Run(ctx context.Context, args []string, s *term.Streams) int {
	g := &global{Streams: s}
	root := newRoot(g)
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		completes(root)
	}
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	began := false
	mark(root, &began)
	c, err := root.ExecuteContextC(ctx)
	if err != nil && !began && fault.Code(err) == fault.Failed { // cobra's own: arguments, flags that exclude each other
		err = badUsage(c, err)
	}
	if err != nil && ctx.Err() != nil && fault.Code(err) == fault.Failed { // it failed because of the signal, whatever it says
		err = fault.New(fault.Interrupted, fault.Hint(err), "%w", err)
	}
	onGitHub, terr := g.tell(err)
	err = errors.Join(err, terr)
	if err == nil {
		return 0
	}
	if g.JSON || !began && asksForJSON(args) {
		err = errors.Join(err, g.failed(err))
	}
	if !onGitHub {
		report(g, err)
	}
	return fault.Code(err)
}

// mark has every verb tell that it began: what fails before is bad usage.
func mark(c *cobra.Command, began *bool) {
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			*began = true
			return run(c, args)
		}
	}
	for _, sub := range c.Commands() {
		mark(sub, began)
	}
}

// report prints an error with its autopsy and hint.
func report(g *global, err error) {
	var quiet *silent
	if errors.As(err, &quiet) {
		return
	}
	if a := autopsyOf(err); a != "" {
		g.Talk("")
		g.Talk("%s", a)
	}
	g.Fail(err, fault.Hint(err))
}

// silent is an error whose story has been told already; only its code remains.
type silent struct{ err error }

func (e *silent) Error() string { return e.err.Error() }
func (e *silent) Unwrap() error { return e.err }

// global are the options of every verb.
type global struct {
	*term.Streams
	Config  string // --config-file
	Local   bool
	Region  string
	Profile string
	State   string
	Builder string
	JSON    bool
	NoColor bool
	Role    string

	answered bool       // the result of --json is printed
	lines    bool       // it is several objects, one a line
	shown    *ci.Report // to the runner of a GitHub job, nil for nothing
}

// families are the verbs in the order and under the headings of help.
var families = []struct {
	title string
	verbs []func(*global) *cobra.Command
}{
	{"Rehearse and ship", []func(*global) *cobra.Command{newRehearse, newShip, newBuild, newDeploy, newRender, newResume, newDoctor}},
	{"Look", []func(*global) *cobra.Command{newStatus, newWatch, newHistory, newLogs, newDiff, newVerify, newWait}},
	{"Intervene", []func(*global) *cobra.Command{newRollback, newStop, newContinue, newRun}},
	{"The local cloud", []func(*global) *cobra.Command{newUp, newDown, newEnv, newReset, newSnapshot, newChaos}},
	{"Set up", []func(*global) *cobra.Command{newInit, newProvision, newDeprovision, newMirror, newPolicy}},
	{"CI and tools", []func(*global) *cobra.Command{newAction, newBench, newSchema, newCompletion, newMan, newVersion, newHelp}},
}

func newRoot(g *global) *cobra.Command {
	asked := false
	root := family(&cobra.Command{
		Use:   "turnout",
		Short: "Ship containers to Amazon ECS by blue/green, rehearsed on a local cloud first",
		Long: `Turnout takes a service from commit to shifted traffic on Amazon ECS with CodeDeploy
blue/green, and carries a local cloud that speaks AWS's own protocols, so that the same
deployment is rehearsed on this machine before it touches production.`,
		Example: `  turnout rehearse examples/hello    # build, provision, ship under load, drill a rollback
  turnout up                         # start the local cloud and keep it running
  turnout ship                       # build, push, render, register, shift, verify`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			if g.NoColor {
				g.Color, g.OutColor = false, false
			}
		},
	})
	help := root.RunE
	root.RunE = func(c *cobra.Command, args []string) error {
		if asked {
			return g.version()
		}
		return help(c, args)
	}
	g.everywhere(root)
	root.Flags().BoolVarP(&asked, "version", "v", false, "print the version, as \"turnout version\" does")
	for _, f := range families {
		root.AddGroup(&cobra.Group{ID: f.title, Title: f.title})
		for _, newVerb := range f.verbs {
			c := newVerb(g)
			c.GroupID = f.title
			root.AddCommand(c)
			if c.Name() == "help" {
				root.SetHelpCommand(c)
			}
		}
	}
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { g.help(c) })
	root.SetFlagErrorFunc(badFlag)
	return root
}
