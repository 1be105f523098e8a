package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/autopsy"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline"
	"github.com/turnoutdev/turnout/internal/pipeline/shift"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/watch"
)

// pipelineOptions are the options of ship, build and deploy.
type pipelineOptions struct {
	*global
	verb string
	run.Options
	edits    edits
	until    string
	ifActive string
	onCancel string
	bundle   string // that is deployed
	key      string // that signed it
}

func newShip(g *global) *cobra.Command {
	o := &pipelineOptions{global: g, verb: "ship"}
	c := &cobra.Command{
		Use:   "ship",
		Short: "Build, push, render, register, shift and verify",
		Long: `Ship takes the work tree all the way to shifted traffic: the image is built and tagged
with the commit, pushed to ECR, put into the task definition, registered, and CodeDeploy
(or ECS itself, for a rolling service) moves the traffic; the lifecycle is shown as it
happens, and a failure is explained.`,
		Example: "  turnout ship\n  turnout ship --local --config CodeDeployDefault.ECSCanary10Percent5Minutes\n  turnout ship --wait-until shifted --on-cancel rollback",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	g.builderFlag(c)
	o.flags(c)
	o.edits.flags(c.Flags())
	return c
}

func newBuild(g *global) *cobra.Command {
	o := &pipelineOptions{global: g, verb: "build"}
	c := &cobra.Command{
		Use:   "build",
		Short: "Build the image, tag it with the commit and push it",
		Long: `Build makes the image from the Dockerfile, tags it with the commit and pushes it to ECR.
With --bundle it renders the task definition too and writes everything that a later job
needs to deploy into one checksummed file.`,
		Example: "  turnout build\n  turnout build --json | jq -r .image\n  turnout build --bundle deploy.bundle --sign-key key.pem",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Bundle != "" {
				o.verb = "bundle"
			}
			return o.run(c.Context())
		},
	}
	o.edits.flags(c.Flags())
	o.pipelineFlags(c)
	g.builderFlag(c)
	c.Flags().StringVar(&o.Bundle, "bundle", "", "write task definition, appspec, digest, commit and provenance to this `FILE`, for \"turnout deploy --bundle\"")
	c.Flags().StringVar(&o.SignKey, "sign-key", "", "sign the bundle with the Ed25519 key in this `FILE` (PEM)")
	return c
}

func newDeploy(g *global) *cobra.Command {
	o := &pipelineOptions{global: g, verb: "deploy"}
	c := &cobra.Command{
		Use:   "deploy",
		Short: "Render, register, shift and verify an image that is pushed",
		Long: `Deploy brings an image that stands in a registry into service. The service's controller
decides how: CodeDeploy's blue/green, or ECS's rolling update. The application and the
deployment group are found by themselves when turnout.yml does not name them. A revision
that is equal to the newest one is used again.`,
		Example: `  turnout deploy --image 123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:3f2a1c
  turnout deploy --image web=$IMAGE --image proxy=envoy:v1.31 --env RELEASE=$GITHUB_SHA
  turnout deploy --wait-until shifted --if-active wait
  turnout deploy              # the task definition as it stands`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	o.edits.flags(c.Flags())
	c.Flags().StringVar(&o.bundle, "bundle", "", "deploy the bundle in this `FILE`, checked; no other file is needed")
	c.Flags().StringVar(&o.key, "verify-key", "", "`FILE` (PEM) of the Ed25519 key that must have signed the bundle")
	o.flags(c)
	return c
}

// pipelineFlags are those of every run of the pipeline.
func (o *pipelineOptions) pipelineFlags(c *cobra.Command) {
	o.fileFlag(c)
	o.cloudFlags(c)
	o.jsonFlag(c)
}

func (o *pipelineOptions) flags(c *cobra.Command) {
	o.pipelineFlags(c)
	f := c.Flags()
	choice(c, &o.until, "wait-until", "done", "`STAGE` to wait for: registered, created, shifted (traffic), stable (tasks) or done (the old tasks have ended)", append([]string{"registered", "created"}, stages...)...)
	f.DurationVar(&o.Deadline, "deadline", 30*time.Minute, "longest `TIME` to wait beyond the group's own waits")
	choice(c, &o.DeploymentConfig, "config", "", "`NAME` of CodeDeploy's configuration (default: the group's)", predefined...)
	f.StringVar(&o.Description, "description", "", "`TEXT` that describes the deployment")
	f.BoolVar(&o.Preflight, "preflight", o.verb == "ship", "have \"turnout doctor\" look first; about ten calls more")
	f.BoolVar(&o.Strict, "strict", false, "refuse unknown fields, and what the preflight warns of")
	f.BoolVar(&o.ForceRegister, "force-register", false, "register a revision even if the newest one is equal")
	choice(c, &o.ifActive, "if-active", "refuse", "`ACTION` when one is active already: refuse, wait, or supersede (stop) it", "refuse", "wait", "supersede")
	choice(c, &o.onCancel, "on-cancel", "", "`ACTION` at Ctrl-C or SIGTERM: leave, stop or rollback (default: ask on a terminal, else leave)", "leave", "stop", "rollback")
}

// check reads the options that have a few known values, before any call is made.
func (o *pipelineOptions) check() error {
	o.WaitUntil, o.IfActive, o.OnCancel = watch.Until(o.until), run.IfActive(o.ifActive), run.OnCancel(o.onCancel)
	for _, e := range []error{
		oneOf("--wait-until", o.WaitUntil, append(slices.Clone(watch.Untils), "")...),
		oneOf("--if-active", o.IfActive, "", run.Refuse, run.Wait, run.Supersede),
		oneOf("--on-cancel", o.OnCancel, "", run.Leave, run.Stop, run.Rollback),
	} {
		if e != nil {
			return e
		}
	}
	if o.Deadline < 0 {
		return fault.New(fault.Usage, "such as 30m", "--deadline %s is negative", o.Deadline)
	}
	c, err := o.edits.change()
	if err != nil {
		return err
	}
	o.Images, o.Change = split(c)
	o.Changed = !o.Change.Empty()
	return o.checkEdits()
}

// checkEdits refuses changes that have no place in what is done.
func (o *pipelineOptions) checkEdits() error {
	edited := len(o.Images) > 0 || o.Changed
	switch {
	case len(o.Images) > 0 && o.bundle != "":
		return fault.New(fault.Usage, "leave one out", "--image and --bundle exclude each other: the bundle names its image")
	case edited && o.bundle != "":
		return fault.New(fault.Usage, "give them to `turnout build --bundle`", "a bundle is deployed as it was built; nothing of its task definition is changed")
	case o.SignKey != "" && o.verb == "build":
		return fault.New(fault.Usage, "add --bundle FILE", "--sign-key without a bundle: an image alone is not signed")
	case edited && o.verb == "build":
		return fault.New(fault.Usage, "add --bundle, or give them to `turnout deploy`", "build alone renders no task definition")
	case o.verb == "deploy":
		return nil
	}
	for _, i := range o.Images {
		if i.Container == "" {
			return fault.New(fault.Usage, "--image CONTAINER=IMAGE for other containers, or `turnout deploy --image`", "%s builds the image of the container behind the load balancer itself", o.verb)
		}
	}
	return nil
}

// oneOf refuses a value that is none of those known; "" among them means that it may be
// left out.
func oneOf[T ~string](flag string, value T, known ...T) error {
	if slices.Contains(known, value) {
		return nil
	}
	var words []string
	for _, k := range known {
		if k != "" {
			words = append(words, string(k))
		}
	}
	return fault.New(fault.Usage, "one of "+strings.Join(words, ", "), "%s %q is unknown", flag, value)
}

func (o *pipelineOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.bundle != "" {
		return o.deployBundle(ctx)
	}
	if o.key != "" {
		return fault.New(fault.Usage, "name the bundle with --bundle", "--verify-key without a bundle")
	}
	r, err := o.begin(ctx, o.Options)
	if err != nil {
		return err
	}
	r.Start.Verb = o.verb
	return o.execute(ctx, r)
}

// execute runs a verb's stages and tells how it ended.
func (g *global) execute(ctx context.Context, r *run.Run) error {
	began := time.Now()
	if g.TTY && !g.JSON {
		r.Options.Ask = g.Ask
	}
	err := pipeline.Execute(ctx, r, pipeline.Lists[r.Start.Verb])
	err = errors.Join(err, r.Journal.Close())
	if g.JSON {
		return errors.Join(g.print(r, err), err)
	}
	if err == nil {
		g.Talk("%s in %s", g.Good("done"), time.Since(began).Round(10*time.Millisecond))
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

func (g *global) print(r *run.Run, err error) error {
	out := result{Facts: r.Facts, Run: r.ID, OK: err == nil, Code: fault.Code(err), Hint: fault.Hint(err)}
	out.Rendered = nil // long, and `turnout render` prints it
	if err != nil {
		out.Error = err.Error()
		var f *shift.Failure
		if errors.As(err, &f) {
			out.Autopsy = f.Report
		}
	}
	return g.printJSON(out)
}
