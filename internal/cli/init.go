package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/regex"
	"github.com/turnoutdev/turnout/internal/scaffold"
	"github.com/turnoutdev/turnout/internal/survey"
	"github.com/turnoutdev/turnout/internal/term"
)

// initOptions are the options of `turnout init`.
type initOptions struct {
	*global
	dir, fromService, fromWorkflow                   string
	service, cluster, container, account, repository string
	health, github, branch, vpc, out                 string
	port, testPort                                   int
	force, dry                                       bool
}

func newInit(g *global) *cobra.Command {
	o := &initOptions{global: g}
	c := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write turnout.yml, task definition, appspec, workflow, Terraform",
		Long: `Init writes what a service needs to be deployed blue/green: turnout.yml, taskdef.json,
appspec.json, a GitHub workflow, and Terraform modules for all of the infrastructure. It
begins from nothing, from a service that runs (--from-service reads it through AWS's API
and changes nothing), or from a workflow that uses the official actions (--from-workflow;
the documents that it names are kept as they are).

Either all files are written or none. A file that stands already with other content is
never replaced without --force. On a terminal it asks for what no option said.`,
		Example: `  turnout init
  turnout init --service web --port 8080 --account 123456789012 --region eu-west-1 --github acme/web
  turnout init --from-service prod/web --profile readonly
  turnout init --from-workflow .github/workflows/deploy.yml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.dir = "."
			if len(args) > 0 {
				o.dir = args[0]
			}
			return o.run(c.Context(), c.Flags().NFlag() == 0)
		},
	}
	g.cloudFlags(c)
	g.jsonFlag(c)
	f := c.Flags()
	f.StringVar(&o.fromService, "from-service", "", "begin from a running service, as `CLUSTER/SERVICE`")
	f.StringVar(&o.fromWorkflow, "from-workflow", "", "begin from the `FILE` of a workflow that uses the official actions")
	f.StringVar(&o.service, "service", "", "`NAME` of the service (default: the folder's)")
	f.StringVar(&o.cluster, "cluster", "", "`NAME` of the cluster (default \"default\")")
	f.StringVar(&o.container, "container", "", "`NAME` of the container behind the load balancer (default: the service's)")
	f.IntVar(&o.port, "port", 0, "`PORT` that it listens on (default: the Dockerfile's EXPOSE, else 8080)")
	f.IntVar(&o.testPort, "test-port", 0, "`PORT` of a test listener (default: none)")
	f.StringVar(&o.health, "health", "", "`PATH` of the health check (default /)")
	f.StringVar(&o.account, "account", "", "`ID` of the AWS account (default: "+scaffold.ExampleAccount+", AWS's example)")
	f.StringVar(&o.repository, "repository", "", "`NAME` of the ECR repository (default: the service's)")
	f.StringVar(&o.vpc, "vpc", "", "`ID` of the VPC, for Terraform")
	f.StringVar(&o.github, "github", "", "`OWNER/NAME` of the GitHub repository that deploys (default: git's remote origin)")
	f.StringVar(&o.branch, "branch", "", "`BRANCH` whose pushes deploy (default main)")
	f.StringVar(&o.out, "workflow", "", "`FILE` of the workflow to write")
	f.BoolVar(&o.force, "force", false, "replace files that stand already")
	f.BoolVar(&o.dry, "dry-run", false, "name the files, and write none")
	c.MarkFlagsMutuallyExclusive("from-service", "from-workflow")
	return c
}

func (o *initOptions) run(ctx context.Context, bare bool) error {
	p, notes, err := o.begin(ctx)
	if err != nil {
		return err
	}
	o.apply(ctx, p)
	if bare && o.TTY && !o.JSON {
		if err := o.ask(p); err != nil {
			return err
		}
	}
	if err := p.Finish(); err != nil {
		return fault.New(fault.Usage, fault.Hint(err), "%w", err)
	}
	files, err := p.Files()
	if err != nil {
		return err
	}
	for _, n := range notes {
		o.Warn("%s", n)
	}
	return o.write(p, files)
}

// begin makes the project from where it is to come from.
func (o *initOptions) begin(ctx context.Context) (*scaffold.Project, []string, error) {
	switch {
	case o.fromWorkflow != "":
		return scaffold.FromWorkflow(o.dir, o.fromWorkflow, o.service)
	case o.fromService != "":
		return o.surveyed(ctx)
	}
	return scaffold.New(o.dir), nil, nil
}

func (o *initOptions) surveyed(ctx context.Context) (*scaffold.Project, []string, error) {
	cluster, service, ok := strings.Cut(o.fromService, "/")
	if !ok || cluster == "" || service == "" {
		return nil, nil, fault.New(fault.Usage, "such as --from-service prod/web", "--from-service %q is not CLUSTER/SERVICE", o.fromService)
	}
	a, err := o.clients(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	c := config.Blank(filepath.Join(o.dir, "turnout.yml"))
	c.Cluster, c.Service = cluster, service
	s, err := survey.Read(ctx, a, c, term.NewReporter(o.Streams))
	if err != nil {
		return nil, nil, err
	}
	return scaffold.FromSurvey(o.dir, s), s.Notes, nil
}

// apply puts the options over what was found.
func (o *initOptions) apply(ctx context.Context, p *scaffold.Project) {
	c := p.Config
	for _, f := range []struct {
		option string
		to     *string
	}{
		{o.service, &c.Service}, {o.cluster, &c.Cluster}, {o.container, &p.Container}, {o.account, &p.Account},
		{o.repository, &c.Image.Repository}, {o.health, &c.Infrastructure.Health.Path}, {o.github, &p.GitHub},
		{o.branch, &p.Branch}, {o.vpc, &p.Network.VPC}, {o.out, &p.Workflow}, {o.Region, &c.Region},
	} {
		if f.option != "" {
			*f.to = f.option
		}
	}
	if o.port != 0 {
		p.Port = o.port
	}
	if o.testPort != 0 {
		c.Infrastructure.LoadBalancer.TestPort = o.testPort
	}
	if p.GitHub == "" {
		p.GitHub = origin(ctx, o.dir)
	}
}

// github finds OWNER/NAME in a remote's address.
var github = regex.New(`github\.com[:/]([A-Za-z0-9-]+/[A-Za-z0-9._-]+?)(?:\.git)?/?$`)

// origin is the GitHub repository that dir was cloned from, or "".
func origin(ctx context.Context, dir string) string {
	cmd := exec.CommandContext(ctx, "git", "-C", dir, "remote", "get-url", "origin")
	out, err := cmd.Output()
	if err != nil {
		return "" // no repository, no remote, or no git: it is only a guess
	}
	if m := github.FindStringSubmatch(strings.TrimSpace(string(out))); m != nil {
		return m[1]
	}
	return ""
}

// ask puts the few questions that only a person can answer; an empty answer keeps what
// stands in brackets.
func (o *initOptions) ask(p *scaffold.Project) error {
	draft := *p
	conf := *p.Config
	draft.Config = &conf
	if err := draft.Finish(); err != nil {
		return err
	}
	c := p.Config
	port := strconv.Itoa(draft.Port)
	in := bufio.NewScanner(o.In)
	for _, q := range []struct {
		text, value string
		to          *string
	}{
		{"service", draft.Config.Service, &c.Service}, {"cluster", draft.Config.Cluster, &c.Cluster},
		{"port that the container listens on", port, &port}, {"path of the health check", draft.Config.Infrastructure.Health.Path, &c.Infrastructure.Health.Path},
		{"AWS region", draft.Config.Region, &c.Region}, {"AWS account", draft.Account, &p.Account},
		{"GitHub repository, OWNER/NAME", draft.GitHub, &p.GitHub},
	} {
		fmt.Fprintf(o.Err, "%s [%s] ", o.Bold(q.text+":"), q.value)
		if !in.Scan() {
			return errors.Join(fault.New(fault.Usage, "options answer all questions: `turnout init --help`", "no answer; nothing was written"), in.Err())
		}
		*q.to = q.value
		if text := strings.TrimSpace(in.Text()); text != "" {
			*q.to = text
		}
	}
	var err error
	if p.Port, err = strconv.Atoi(port); err != nil {
		return fault.New(fault.Usage, "a number from 1 to 65535", "%q is no port", port)
	}
	return nil
}

// wrote is what --json prints.
type wrote struct {
	Written []string `json:"written"` // paths of the files, or of those that would be written
	DryRun  bool     `json:"dryRun"`  // nothing was written
}

func (o *initOptions) write(p *scaffold.Project, files []scaffold.File) error {
	var paths []string
	if o.dry {
		for _, f := range files {
			paths = append(paths, f.Path)
		}
	} else {
		var err error
		if paths, err = scaffold.Write(o.dir, files, o.force); err != nil {
			return err
		}
	}
	if o.JSON {
		return o.printJSON(wrote{append([]string{}, paths...), o.dry})
	}
	for _, path := range paths {
		o.Talk("%s %s", o.Good("+"), path)
	}
	if o.dry {
		o.Talk("nothing was written (--dry-run)")
		return nil
	}
	o.next(p)
	return nil
}

// next tells what is left to a person.
func (o *initOptions) next(p *scaffold.Project) {
	if p.Account == scaffold.ExampleAccount {
		o.Warn("account %s is AWS's example: put yours into %s and terraform/terraform.tfvars", p.Account, p.Config.TaskDef)
	}
	if p.Network.VPC == "" {
		o.Warn("terraform/terraform.tfvars lacks vpc, public_subnets and subnets")
	}
	o.Talk("next: `turnout rehearse` plays the deployment through on this machine; terraform/README.md has the way to AWS")
}
