package cli

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/policy"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// policyOptions are the options of `turnout policy`.
type policyOptions struct {
	*global
	observed        bool
	driver, account string
}

func newPolicy(g *global) *cobra.Command {
	o := &policyOptions{global: g}
	c := &cobra.Command{
		Use:   "policy",
		Short: "Print the smallest IAM policy with which the service is deployed",
		Long: `Policy prints an IAM policy for the role that deploys: to build and push, register, pass the
roles of the task definition, deploy, and explain a failure. Resources are exact where AWS
knows any. It is made from turnout.yml and the task definition; with --observed, from the
permissions that a rehearsal was seen to ask for, and has nothing that it did not need.`,
		Example: "  turnout policy > policy.json\n  turnout policy --observed\n  aws iam put-role-policy --role-name deploy --policy-name deploy --policy-document \"$(turnout policy)\"",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	g.fileFlag(c)
	g.cloudFlags(c)
	g.builderFlag(c)
	g.jsonFlag(c)
	f := c.Flags()
	f.BoolVar(&o.observed, "observed", false, "rehearse, and print what was asked for")
	choice(c, &o.driver, "driver", "auto", "`DRIVER` that runs the rehearsal's containers: auto, docker or native", "auto", "docker", "native")
	f.StringVar(&o.account, "account", "", "`ID` of the AWS account (default: the task definition's, else the credentials')")
	return c
}

func (o *policyOptions) run(ctx context.Context) error {
	c, err := o.load()
	if err != nil {
		return err
	}
	permissionsOf := o.static
	if o.observed {
		permissionsOf = o.rehearsed
	}
	permissions, err := permissionsOf(ctx, c)
	if err != nil {
		return err
	}
	doc, err := policy.Document(permissions)
	if err != nil {
		return err
	}
	return o.printDocument(doc)
}

// static are the permissions that the configuration tells of.
func (o *policyOptions) static(ctx context.Context, c *config.Config) ([]policy.Permission, error) {
	td, err := taskdef.Read(c.Path(c.TaskDef))
	if err != nil {
		return nil, err
	}
	def, err := td.Definition()
	if err != nil {
		return nil, err
	}
	at, err := o.place(ctx, c)
	if err != nil {
		return nil, err
	}
	return policy.Static(c, def, at), nil
}

// place is where the service is deployed. AWS is only asked for what no file says.
func (o *policyOptions) place(ctx context.Context, c *config.Config) (policy.Place, error) {
	at := policy.Place{Partition: "aws", Region: first(o.Region, c.Region), Account: o.account}
	if at.Account == "" && !o.Local {
		var err error
		if at.Account, err = accountOf(c); err != nil {
			return at, err
		}
	}
	if at.Region == "" || at.Account == "" {
		a, err := o.clients(ctx, c)
		if err != nil {
			return at, err
		}
		at.Region = a.Region
		if at.Account == "" {
			who, err := a.STS().GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
			if err != nil {
				return at, fault.New(fault.Usage, "--account names it", "the account is not known: %w", err)
			}
			at.Account = aws.ToString(who.Account)
		}
	}
	switch {
	case strings.HasPrefix(at.Region, "cn-"):
		at.Partition = "aws-cn"
	case strings.HasPrefix(at.Region, "us-gov-"):
		at.Partition = "aws-us-gov"
	}
	return at, nil
}

// rehearsed are the permissions that a rehearsal asks for.
func (o *policyOptions) rehearsed(ctx context.Context, _ *config.Config) ([]policy.Permission, error) {
	quiet := *o.global
	quiet.JSON = false
	var out []policy.Permission
	r := &rehearseOptions{global: &quiet, driver: o.driver, rounds: 1, drills: 1, observe: func(calls []cloud.Call) {
		for _, c := range calls {
			if c.Service == "" {
				out = append(out, policy.General(policy.Permission{Action: c.Action, Resource: c.Resource, PassedTo: c.PassedTo, Cluster: c.Cluster}))
			}
		}
	}}
	err := r.run(ctx)
	return out, err
}

// pushes are those calls of a provisioning that push an image: what is there already is
// not pushed again.
func pushes(calls []cloud.Call) []cloud.Call {
	var out []cloud.Call
	for _, c := range calls {
		switch {
		case !strings.HasPrefix(c.Action, "ecr:"), c.Action == "ecr:CreateRepository", c.Action == "ecr:TagResource":
		default:
			out = append(out, c)
		}
	}
	return out
}
