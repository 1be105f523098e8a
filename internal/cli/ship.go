package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/autopsy"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline"
	"github.com/turnoutdev/turnout/internal/pipeline/shift"
	"github.com/turnoutdev/turnout/internal/run"
)

// pipelineOptions are the options of ship, build and deploy.
type pipelineOptions struct {
	*global
	stages []pipeline.Stage
	run.Options
	image string
}

func newShip(g *global) *cobra.Command {
	o := &pipelineOptions{global: g, stages: pipeline.Ship}
	c := &cobra.Command{
		Use:   "ship",
		Short: "Build, push, render, register, shift and verify",
		Long: `Ship takes the work tree all the way to shifted traffic: the image is built and tagged
with the commit, pushed to ECR, put into the task definition, registered, and CodeDeploy
moves the traffic; the lifecycle is shown as it happens, and a failure is explained.`,
		Example: "  turnout ship\n  turnout ship --local --config CodeDeployDefault.ECSCanary10Percent5Minutes\n  turnout ship --wait-until shifted",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	o.waitFlags(c)
	return c
}

func newBuild(g *global) *cobra.Command {
	o := &pipelineOptions{global: g, stages: pipeline.Build}
	return &cobra.Command{
		Use:     "build",
		Short:   "Build the image, tag it with the commit and push it",
		Example: "  turnout build\n  turnout build --json | jq -r .image",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
}

func newDeploy(g *global) *cobra.Command {
	o := &pipelineOptions{global: g, stages: pipeline.Deploy}
	c := &cobra.Command{
		Use:   "deploy",
		Short: "Render, register, shift and verify an image that was pushed already",
		Example: `  turnout deploy --image 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:3f2a1c
  turnout deploy              # the task definition as it stands`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	c.Flags().StringVar(&o.image, "image", "", "image to put into the task definition (default: the one it names)")
	o.waitFlags(c)
	return c
}

func (o *pipelineOptions) waitFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.WaitUntil, "wait-until", "done", "how far to wait: shifted (traffic is on green) or done (the old tasks are ended)")
	f.DurationVar(&o.Deadline, "deadline", 30*time.Minute, "longest wait beyond the deployment group's own waits")
	f.StringVar(&o.DeploymentConfig, "config", "", "deployment configuration for this deployment")
	f.StringVar(&o.Description, "description", "", "description of the deployment")
}

func (o *pipelineOptions) run(ctx context.Context) error {
	switch o.WaitUntil {
	case "", "done", "shifted":
	default:
		return fault.New(fault.Usage, "shifted or done", "--wait-until %q is unknown", o.WaitUntil)
	}
	r, err := o.begin(ctx, o.Options)
	if err != nil {
		return err
	}
	r.Facts.Image = o.image
	began := time.Now()
	err = pipeline.Execute(ctx, r, o.stages)
	err = errors.Join(err, r.Journal.Close())
	if o.JSON {
		return errors.Join(o.print(r, err), err)
	}
	if err == nil {
		o.Talk("%s in %s", o.Good("done"), time.Since(began).Round(10*time.Millisecond))
	}
	return err
}

// result is what --json prints: the facts, and how it ended.
type result struct {
	run.Facts
	Run     string          `json:"run"`
	OK      bool            `json:"ok"`
	Error   string          `json:"error,omitempty"`
	Hint    string          `json:"hint,omitempty"`
	Code    int             `json:"exitCode"`
	Autopsy *autopsy.Report `json:"autopsy,omitempty"`
}

func (o *pipelineOptions) print(r *run.Run, err error) error {
	out := result{Facts: r.Facts, Run: r.ID, OK: err == nil, Code: fault.Code(err), Hint: fault.Hint(err)}
	out.Rendered = nil // long, and `turnout render` prints it
	if err != nil {
		out.Error = err.Error()
		var f *shift.Failure
		if errors.As(err, &f) {
			out.Autopsy = f.Report
		}
	}
	b, merr := json.MarshalIndent(out, "", "  ")
	if merr != nil {
		return merr
	}
	_, werr := fmt.Fprintf(o.Out, "%s\n", b)
	return werr
}
