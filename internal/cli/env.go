package cli

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/localcloud"
)

// addressTag is the tag in which the local cloud tells where a listener really listens.
const addressTag = "aws:turnout:address"

// listener is where a load balancer's listener is reached.
type listener struct {
	LoadBalancer string `json:"loadBalancer"` // its name
	Port         int32  `json:"port"`         // as declared
	Address      string `json:"address"`      // host:port that answers
}

// surroundings are what --json prints.
type surroundings struct {
	Environment map[string]string `json:"environment"`   // variables for AWS clients
	Account     string            `json:"account"`       // id of the one account
	Console     string            `json:"console"`       // the cloud's page for people
	Listeners   []listener        `json:"listeners"`     // of its load balancers
	TLS         *secured          `json:"tls,omitempty"` // with up --tls
}

// secured is where AWS's own names are served.
type secured struct {
	Endpoint string `json:"endpoint"` // https://host:port
	CA       string `json:"ca"`       // file of the certificate that vouches for them
}

// envForm is how the environment is written for one kind of client.
type envForm struct {
	name, help string
	write      func(*environment) (string, error)
}

// envForms are the forms that `turnout env` writes.
var envForms = []envForm{
	{"shell", "as export lines, for eval", (*environment).shell},
	{"node", "as export lines for Node programs that know no endpoint, such as the JavaScript SDK v2 (needs --tls)", (*environment).node},
	{"docker", "as options of docker run", (*environment).docker},
	{"terraform", "as a provider block for Terraform", (*environment).terraform},
	{"github", "for the steps of a GitHub job that follow (into $GITHUB_ENV where there is one)", (*environment).github},
}

func newEnv(g *global) *cobra.Command {
	chosen := make([]bool, len(envForms))
	c := &cobra.Command{
		Use:   "env",
		Short: "Print what points AWS clients at the local cloud",
		Long: `Env prints what clients need to talk to the local cloud, and where its load balancers
listen. Most clients know AWS_ENDPOINT_URL. For those that do not, ` + "`turnout up --tls`" + `
serves AWS's own host names under TLS, with a certificate authority of its own that is
made once; env prints how to trust and reach it. Nothing is changed by itself: neither
/etc/hosts nor a trust store.`,
		Example: `  eval "$(turnout env --shell)"
  eval "$(turnout env --node)"                 # after turnout up --tls
  docker run $(turnout env --docker) amazon/aws-cli ecs list-clusters
  turnout env --terraform > local_override.tf
  turnout env --github                         # in a step of a job
  turnout env --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for i, f := range envForms {
				if chosen[i] {
					return runEnv(c.Context(), g, f.write)
				}
			}
			return runEnv(c.Context(), g, nil)
		},
	}
	g.stateFlag(c)
	g.jsonFlag(c)
	var names []string
	for i, f := range envForms {
		c.Flags().BoolVar(&chosen[i], f.name, false, f.help)
		names = append(names, f.name)
	}
	c.MarkFlagsMutuallyExclusive(names...)
	return c
}

// environment is what clients need to know.
type environment struct {
	handle    *localcloud.Handle
	vars      [][2]string
	listeners []listener
}

func runEnv(ctx context.Context, g *global, write func(*environment) (string, error)) error {
	h, err := g.handle()
	if err != nil {
		return err
	}
	ls, err := listeners(ctx, h)
	if err != nil {
		return err
	}
	e := &environment{handle: h, listeners: ls, vars: append([][2]string{
		{"AWS_ENDPOINT_URL", h.Endpoint},
		{"AWS_REGION", h.Region},
		{"AWS_DEFAULT_REGION", h.Region},
		{"AWS_ACCESS_KEY_ID", h.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", h.SecretAccessKey},
	}, idTokenVars(ctx, h)...)}
	if g.JSON {
		return e.json(g)
	}
	if write == nil {
		write = (*environment).plain
	}
	text, err := write(e)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(g.Out, text)
	return err
}

func (e *environment) json(g *global) error {
	out := surroundings{Environment: map[string]string{}, Account: e.handle.Account, Console: e.handle.Console, Listeners: e.listeners}
	for _, v := range e.vars {
		out.Environment[v[0]] = v[1]
	}
	if e.handle.TLS != "" {
		out.TLS = &secured{e.handle.TLS, e.handle.CA}
	}
	return g.printJSON(out)
}

// listeners asks the cloud where its load balancers listen.
func listeners(ctx context.Context, h *localcloud.Handle) ([]listener, error) {
	a, err := connect(ctx, h)
	if err != nil {
		return nil, err
	}
	lbs, err := a.ELB().DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{})
	if err != nil {
		return nil, err
	}
	out := []listener{}
	for _, lb := range lbs.LoadBalancers {
		ls, err := a.ELB().DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: lb.LoadBalancerArn})
		if err != nil {
			return nil, err
		}
		for _, l := range ls.Listeners {
			addr, err := address(ctx, a, aws.ToString(l.ListenerArn))
			if err != nil {
				return nil, err
			}
			out = append(out, listener{aws.ToString(lb.LoadBalancerName), aws.ToInt32(l.Port), addr})
		}
	}
	return out, nil
}

func address(ctx context.Context, a *awsclient.Clients, arn string) (string, error) {
	t, err := a.ELB().DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: []string{arn}})
	if err != nil {
		return "", err
	}
	for _, d := range t.TagDescriptions {
		for _, tag := range d.Tags {
			if aws.ToString(tag.Key) == addressTag {
				return aws.ToString(tag.Value), nil
			}
		}
	}
	return "", fmt.Errorf("listener %s does not tell where it listens", arn)
}
