// Package cli is the command line: one file per verb, each an options struct and a run
// function. It parses, connects and prints; what happens stands in the packages below.
package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal has its default effect
	return Run(ctx, args, s)
}

// Run is Main without signals, for tests.
func Run(ctx context.Context, args []string, s *term.Streams) int {
	g := &global{Streams: s}
	root := newRoot(g)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	began := false
	mark(root, &began)
	err := root.ExecuteContext(ctx)
	if err != nil && !began && fault.Code(err) == fault.Failed { // cobra's own: arguments, unknown verbs, flags that exclude each other
		err = fault.New(fault.Usage, fault.Hint(err), "%w", err)
	}
	onGitHub, terr := g.tell(err)
	err = errors.Join(err, terr)
	if err == nil {
		return 0
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

	shown *ci.Report // to the runner of a GitHub job, nil for nothing
}

func newRoot(g *global) *cobra.Command {
	root := &cobra.Command{
		Use:   "turnout",
		Short: "Ship containers to Amazon ECS by blue/green, rehearsed on a local cloud first",
		Long: `Turnout takes a service from commit to shifted traffic on Amazon ECS with CodeDeploy
blue/green, and carries a local cloud that speaks AWS's own protocols, so that the same
deployment is rehearsed on this machine before it touches production.

  turnout rehearse examples/hello    build, provision, ship under load, drill a rollback
  turnout up                         start the local cloud and keep it running
  turnout ship                       build, push, render, register, shift, verify`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			if g.NoColor {
				g.Color, g.OutColor = false, false
			}
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	f := root.PersistentFlags()
	f.StringVarP(&g.Config, "file", "f", ".", "turnout.yml, or the folder it stands in")
	f.BoolVar(&g.Local, "local", false, "talk to the local cloud that `turnout up` started")
	f.StringVar(&g.Region, "region", "", "AWS region (default: the configuration's, else the environment's)")
	f.StringVar(&g.Profile, "profile", "", "AWS profile")
	f.StringVar(&g.Role, "role", os.Getenv("TURNOUT_ROLE"), "ARN of an IAM role to act as, by the CI job's identity token where there is one (default: TURNOUT_ROLE)")
	f.StringVar(&g.State, "state", "", "folder of the local cloud's state (default: the user's state folder)")
	f.StringVar(&g.Builder, "builder", "", "what builds images: auto, docker, podman, buildah, builtin (default: turnout.yml's)")
	f.BoolVar(&g.JSON, "json", false, "print the result as one JSON object on stdout")
	f.BoolVarP(&g.Quiet, "quiet", "q", false, "print errors only")
	f.BoolVar(&g.NoColor, "no-color", false, "no colour on terminals (also NO_COLOR)")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fault.New(fault.Usage, "`"+c.CommandPath()+" --help` shows what there is", "%w", err)
	})
	root.AddCommand(newInit(g), newDeprovision(g), newPolicy(g), newMirror(g))
	root.AddCommand(newShip(g), newBuild(g), newDeploy(g), newResume(g), newDoctor(g), newRender(g), newProvision(g), newWatch(g),
		newUp(g), newDown(g), newEnv(g), newRehearse(g), newBench(g), newReset(g), newSnapshot(g), newChaos(g), newSchema(g))
	root.AddCommand(newAction(g))
	root.AddCommand(newStatus(g), newStop(g), newContinue(g), newRollback(g), newDiff(g), newHistory(g), newLogs(g), newRun(g), newWait(g), newVerify(g))
	return root
}

// tool is this program by name and version, for the record.
func tool() string { return "turnout " + version() }

// version is what the module system knows of this binary.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
