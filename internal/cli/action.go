package cli

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/action"
	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/ci"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/term"
	"github.com/turnoutdev/turnout/internal/watch"
)

// actions are the drop-in entry points.
var actions = []struct {
	name, official, short string
	run                   func(context.Context, *action.Job) error
}{
	{"login", "amazon-ecr-login", "Log docker in to Amazon ECR", action.Login},
	{"logout", "amazon-ecr-login's clean-up", "Log docker out again", action.Logout},
	{"render", "amazon-ecs-render-task-definition", "Put an image into a task definition", action.Render},
	{"deploy", "amazon-ecs-deploy-task-definition", "Register a task definition and deploy it to a service", action.Deploy},
	{"credentials", "configure-aws-credentials", "Give later steps credentials, by OIDC or keys", action.Credentials},
}

func newAction(g *global) *cobra.Command {
	var entries []*cobra.Command
	for _, a := range actions {
		c := &cobra.Command{
			Use:     a.name,
			Short:   a.short + ", as " + a.official + " does",
			Long:    contract(a.name),
			Example: "  - run: turnout action " + a.name,
			Args:    cobra.NoArgs,
			RunE:    func(c *cobra.Command, _ []string) error { return runAction(c.Context(), g, a.run) },
		}
		g.cloudFlags(c)
		entries = append(entries, c)
	}
	return family(&cobra.Command{
		Use:   "action",
		Short: "Stand in for the official GitHub actions",
		Long: `Action has one entry point for each official GitHub action around ECS. Inputs come as the
runner passes them, in INPUT_TASK-DEFINITION and so on (INPUT_TASK_DEFINITION where a
shell must set them); outputs go to the file GITHUB_OUTPUT names, masks and annotations
to stdout. docs/ci/actions.md has the inputs, and where faults of the originals are mended.`,
		Example: "  - run: turnout action login\n    env: {INPUT_REGISTRIES: \"123456789012\"}",
	}, entries...)
}

// contract is an entry point's help: what it takes and gives.
func contract(name string) string {
	for _, c := range action.Contracts {
		if c.Name == name {
			return c.Short + ", as " + c.Official + " does.\n\nInputs:\n" + action.Lines(c.Inputs) + "\nOutputs:\n" + action.Lines(c.Outputs)
		}
	}
	return ""
}

// runAction runs one entry point. All it says goes to stdout, where the runner looks for
// commands, in one order.
func runAction(ctx context.Context, g *global, run func(context.Context, *action.Job) error) error {
	s := *g.Streams
	s.Err = s.Out
	var events []watch.Event
	log := term.NewReporter(&s)
	j := &action.Job{
		GitHub: ci.NewGitHub(os.Getenv, s.Out),
		Connect: func(ctx context.Context, region string) (*awsclient.Clients, error) {
			in := *g
			in.Streams = &s // a role's masks too go to stdout
			in.Region = first(region, g.Region)
			return in.clients(ctx, nil)
		},
		Watched: func(e watch.Event) {
			events = append(events, e)
			log.Watched(e)
		},
	}
	err := run(ctx, j)
	if len(events) > 0 {
		err = errors.Join(err, j.Summary(ci.Story(j.Input("service"), events, err, autopsyOf(err))))
	}
	if err == nil {
		return nil
	}
	if a := autopsyOf(err); a != "" {
		j.Verbatim(a) // it quotes logs
	}
	j.Error(annotation(err))
	if hint := fault.Hint(err); hint != "" {
		j.Info(" hint: %s", hint)
	}
	return &silent{err}
}
