package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

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
	LoadBalancer string `json:"loadBalancer"`
	Port         int32  `json:"port"`    // as declared
	Address      string `json:"address"` // host:port that answers
}

func newEnv(g *global) *cobra.Command {
	var shell bool
	c := &cobra.Command{
		Use:   "env",
		Short: "Print what points a shell's AWS clients at the local cloud",
		Example: `  eval "$(turnout env --shell)"
  turnout env --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runEnv(c.Context(), g, shell) },
	}
	c.Flags().BoolVar(&shell, "shell", false, "as export lines")
	return c
}

func runEnv(ctx context.Context, g *global, shell bool) error {
	h, err := g.handle()
	if err != nil {
		return err
	}
	ls, err := listeners(ctx, h)
	if err != nil {
		return err
	}
	vars := [][2]string{
		{"AWS_ENDPOINT_URL", h.Endpoint},
		{"AWS_REGION", h.Region},
		{"AWS_DEFAULT_REGION", h.Region},
		{"AWS_ACCESS_KEY_ID", h.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", h.SecretAccessKey},
	}
	vars = append(vars, idTokenVars(ctx, h)...)
	switch {
	case g.JSON:
		env := map[string]string{}
		for _, v := range vars {
			env[v[0]] = v[1]
		}
		b, err := json.MarshalIndent(map[string]any{"environment": env, "account": h.Account, "listeners": ls}, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(g.Out, "%s\n", b)
		return err
	case shell:
		var b strings.Builder
		for _, v := range vars {
			fmt.Fprintf(&b, "export %s='%s'\n", v[0], v[1])
		}
		b.WriteString("unset AWS_PROFILE AWS_SESSION_TOKEN\n")
		for _, l := range ls {
			fmt.Fprintf(&b, "# %s:%d  http://%s/\n", l.LoadBalancer, l.Port, l.Address)
		}
		_, err := fmt.Fprint(g.Out, b.String())
		return err
	}
	for _, v := range vars {
		fmt.Fprintf(g.Out, "%s=%s\n", v[0], v[1])
	}
	for _, l := range ls {
		fmt.Fprintf(g.Out, "load balancer %s, port %d: http://%s/\n", l.LoadBalancer, l.Port, l.Address)
	}
	return nil
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
