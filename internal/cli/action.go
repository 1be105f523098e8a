package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/action"
	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/ci"
	"github.com/turnoutdev/turnout/internal/document"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline/shift"
	"github.com/turnoutdev/turnout/internal/term"
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
	c := &cobra.Command{
		Use:   "action",
		Short: "Stand in for the official GitHub actions, with their inputs and outputs",
		Long: `Action has one entry point for each official GitHub action around ECS. Inputs come as the
runner passes them, in INPUT_TASK-DEFINITION and so on (INPUT_TASK_DEFINITION where a
shell must set them); outputs go to the file GITHUB_OUTPUT names, masks and annotations
to stdout. docs/ci/actions.md has the inputs, and where faults of the originals are mended.`,
	}
	for _, a := range actions {
		c.AddCommand(&cobra.Command{
			Use:     a.name,
			Short:   a.short + ", as " + a.official + " does",
			Example: "  - run: turnout action " + a.name,
			Args:    cobra.NoArgs,
			RunE:    func(c *cobra.Command, _ []string) error { return runAction(c.Context(), g, a.run) },
		})
	}
	return c
}

// runAction runs one entry point. All it says goes to stdout, where the runner looks for
// commands, in one order.
func runAction(ctx context.Context, g *global, run func(context.Context, *action.Job) error) error {
	s := *g.Streams
	s.Err = s.Out
	j := &action.Job{
		GitHub: ci.NewGitHub(os.Getenv, s.Out),
		Connect: func(ctx context.Context, region string) (*awsclient.Clients, error) {
			in := *g
			in.Region = first(region, g.Region)
			return in.clients(ctx, nil)
		},
		Watched: term.NewReporter(&s).Watched,
	}
	err := run(ctx, j)
	if err == nil {
		return nil
	}
	var failure *shift.Failure
	if errors.As(err, &failure) {
		j.Verbatim(failure.Report.String()) // it quotes logs
	}
	j.Error(annotation(err))
	if hint := fault.Hint(err); hint != "" {
		j.Info(" hint: %s", hint)
	}
	return &silent{err}
}

// annotation shows an error where it arose, if that is known.
func annotation(err error) ci.Note {
	n := ci.Note{Message: err.Error()}
	var doc *document.Error
	if errors.As(err, &doc) {
		n.File, n.Line, n.Column, n.Message = inRepository(doc.File), doc.Line, doc.Column, doc.Message
	}
	return n
}

// inRepository is a file's path as GitHub wants it: from the repository's root.
func inRepository(file string) string {
	root := os.Getenv("GITHUB_WORKSPACE")
	if root == "" || !filepath.IsAbs(file) {
		return file
	}
	if rel, err := filepath.Rel(root, file); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return file
}
