package console

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// addressTag is the tag in which a listener tells where it really listens.
const addressTag = "aws:turnout:address"

// network is all load balancers and target groups.
type network struct {
	Balancers []balancer `json:"balancers"`
	Groups    []group    `json:"groups"`
}

type balancer struct {
	Name      string     `json:"name"`
	ARN       string     `json:"arn"`
	Type      string     `json:"type"`
	DNS       string     `json:"dns"`
	State     string     `json:"state"`
	Listeners []listener `json:"listeners"`
}

type listener struct {
	ARN      string `json:"arn"`
	Protocol string `json:"protocol"`
	Port     int32  `json:"port"`
	URL      string `json:"url"` // where it really listens
	Rules    []rule `json:"rules"`
}

// rule is a rule of a listener; its default action is the last one.
type rule struct {
	ARN        string   `json:"arn"`
	Priority   string   `json:"priority"`
	Conditions []string `json:"conditions"`
	Action     string   `json:"action"` // what is done where nothing is forwarded
	Weights    []weight `json:"weights"`
}

type weight struct {
	Group   string  `json:"group"`
	Weight  int32   `json:"weight"`
	Percent float64 `json:"percent"`
}

type group struct {
	Name      string   `json:"name"`
	ARN       string   `json:"arn"`
	Protocol  string   `json:"protocol"`
	Port      int32    `json:"port"`
	Check     string   `json:"check"` // what is probed
	Balancers []string `json:"balancers"`
	Healthy   int      `json:"healthy"`
	Targets   []target `json:"targets"`
}

type target struct {
	ID          string `json:"id"`
	Port        int32  `json:"port"`
	State       string `json:"state"`
	Reason      string `json:"reason"`
	Description string `json:"description"`
}

// survey reads the network as it is.
func (c *Console) survey(ctx context.Context) (*network, error) {
	n := &network{Balancers: []balancer{}, Groups: []group{}}
	groups, err := pages(func(token *string) ([]types.TargetGroup, *string, error) {
		out, err := c.Health.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Marker: token})
		if err != nil {
			return nil, nil, err
		}
		return out.TargetGroups, out.NextMarker, nil
	})
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		one, err := c.group(ctx, g)
		if err != nil {
			return nil, err
		}
		n.Groups = append(n.Groups, one)
	}
	balancers, err := pages(func(token *string) ([]types.LoadBalancer, *string, error) {
		out, err := c.Routes.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Marker: token})
		if err != nil {
			return nil, nil, err
		}
		return out.LoadBalancers, out.NextMarker, nil
	})
	for _, b := range balancers {
		one := balancer{Name: aws.ToString(b.LoadBalancerName), ARN: aws.ToString(b.LoadBalancerArn), Type: string(b.Type), DNS: aws.ToString(b.DNSName)}
		if b.State != nil {
			one.State = string(b.State.Code)
		}
		if one.Listeners, err = c.listeners(ctx, one.ARN); err != nil {
			return nil, err
		}
		n.Balancers = append(n.Balancers, one)
	}
	slices.SortFunc(n.Balancers, func(a, b balancer) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(n.Groups, func(a, b group) int { return cmp.Compare(a.Name, b.Name) })
	return n, err
}

// pages reads a list to its end.
func pages[T any](read func(token *string) ([]T, *string, error)) ([]T, error) {
	var all []T
	var token *string
	for {
		part, next, err := read(token)
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
		if aws.ToString(next) == "" {
			return all, nil
		}
		token = next
	}
}

func (c *Console) group(ctx context.Context, g types.TargetGroup) (group, error) {
	out := group{
		Name: aws.ToString(g.TargetGroupName), ARN: aws.ToString(g.TargetGroupArn), Protocol: string(g.Protocol), Port: aws.ToInt32(g.Port),
		Check: strings.TrimSpace(string(g.HealthCheckProtocol) + " " + aws.ToString(g.HealthCheckPath)), Balancers: []string{}, Targets: []target{},
	}
	for _, arn := range g.LoadBalancerArns {
		out.Balancers = append(out.Balancers, part(arn, "/", 2))
	}
	health, err := c.Health.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: g.TargetGroupArn})
	if err != nil {
		return out, err
	}
	for _, d := range health.TargetHealthDescriptions {
		t := target{ID: aws.ToString(d.Target.Id), Port: aws.ToInt32(d.Target.Port)}
		if h := d.TargetHealth; h != nil {
			t.State, t.Reason, t.Description = string(h.State), string(h.Reason), aws.ToString(h.Description)
		}
		if t.State == string(types.TargetHealthStateEnumHealthy) {
			out.Healthy++
		}
		out.Targets = append(out.Targets, t)
	}
	slices.SortFunc(out.Targets, func(a, b target) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Port, b.Port)) })
	return out, nil
}

// part is the i-th part of a name, "" where there is none.
func part(name, by string, i int) string {
	if parts := strings.Split(name, by); i < len(parts) {
		return parts[i]
	}
	return ""
}

// tail is what stands behind the last slash of an ARN.
func tail(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func (c *Console) listeners(ctx context.Context, arn string) ([]listener, error) {
	all, err := pages(func(token *string) ([]types.Listener, *string, error) {
		out, err := c.Routes.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: &arn, Marker: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Listeners, out.NextMarker, nil
	})
	out := []listener{}
	for _, l := range all {
		one := listener{ARN: aws.ToString(l.ListenerArn), Protocol: string(l.Protocol), Port: aws.ToInt32(l.Port)}
		if one.Rules, err = c.rules(ctx, one.ARN); err != nil {
			return nil, err
		}
		if one.URL, err = c.address(ctx, one); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b listener) int { return cmp.Compare(a.Port, b.Port) })
	return out, err
}

// address is where a listener is reached.
func (c *Console) address(ctx context.Context, l listener) (string, error) {
	out, err := c.Routes.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: []string{l.ARN}})
	if err != nil {
		return "", err
	}
	for _, d := range out.TagDescriptions {
		for _, t := range d.Tags {
			if aws.ToString(t.Key) == addressTag && aws.ToString(t.Value) != "" {
				return strings.ToLower(l.Protocol) + "://" + aws.ToString(t.Value), nil
			}
		}
	}
	return "", nil
}

func (c *Console) rules(ctx context.Context, arn string) ([]rule, error) {
	all, err := pages(func(token *string) ([]types.Rule, *string, error) {
		out, err := c.Routes.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: &arn, Marker: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Rules, out.NextMarker, nil
	})
	out := []rule{}
	for _, r := range all {
		one := rule{ARN: aws.ToString(r.RuleArn), Priority: aws.ToString(r.Priority), Conditions: []string{}, Weights: weights(r.Actions)}
		for _, k := range r.Conditions {
			one.Conditions = append(one.Conditions, aws.ToString(k.Field)+" "+condition(k))
		}
		if len(one.Weights) == 0 && len(r.Actions) > 0 {
			one.Action = string(r.Actions[len(r.Actions)-1].Type)
		}
		out = append(out, one)
	}
	return out, err
}

// condition is what a rule's condition compares with.
func condition(k types.RuleCondition) string {
	values := k.Values
	switch {
	case k.HttpHeaderConfig != nil:
		return aws.ToString(k.HttpHeaderConfig.HttpHeaderName) + " " + strings.Join(k.HttpHeaderConfig.Values, ", ")
	case k.QueryStringConfig != nil:
		for _, q := range k.QueryStringConfig.Values {
			values = append(values, strings.TrimPrefix(aws.ToString(q.Key)+"="+aws.ToString(q.Value), "="))
		}
	case k.PathPatternConfig != nil && len(values) == 0:
		values = k.PathPatternConfig.Values
	case k.HostHeaderConfig != nil && len(values) == 0:
		values = k.HostHeaderConfig.Values
	case k.HttpRequestMethodConfig != nil:
		values = k.HttpRequestMethodConfig.Values
	case k.SourceIpConfig != nil:
		values = k.SourceIpConfig.Values
	}
	return strings.Join(values, ", ")
}

// weights are the shares of the groups that actions forward to.
func weights(actions []types.Action) []weight {
	out := []weight{}
	sum := int32(0)
	for _, a := range actions {
		switch {
		case a.ForwardConfig != nil:
			for _, g := range a.ForwardConfig.TargetGroups {
				w := int32(1)
				if g.Weight != nil {
					w = *g.Weight
				}
				out, sum = append(out, weight{Group: part(aws.ToString(g.TargetGroupArn), "/", 1), Weight: w}), sum+w
			}
		case a.TargetGroupArn != nil:
			out, sum = append(out, weight{Group: part(*a.TargetGroupArn, "/", 1), Weight: 1}), sum+1
		}
	}
	for i := range out {
		if sum > 0 {
			out[i].Percent = float64(out[i].Weight) * 100 / float64(sum)
		}
	}
	slices.SortFunc(out, func(a, b weight) int { return cmp.Compare(a.Group, b.Group) })
	return out
}

// named finds a target group, nil for none.
func (n *network) named(name string) *group {
	for i := range n.Groups {
		if n.Groups[i].Name == name {
			return &n.Groups[i]
		}
	}
	return nil
}

// front is a rule by which requests reach a service.
type front struct {
	Balancer string   `json:"balancer"`
	Port     int32    `json:"port"`
	URL      string   `json:"url"`
	Rule     string   `json:"rule"` // its conditions, "" for the default
	Use      string   `json:"use"`  // production or test, where a deployment says so
	Weights  []weight `json:"weights"`
	listener string
}

// fronts are the rules that send to one of some groups.
func (n *network) fronts(groups map[string]bool) []front {
	out := []front{}
	for _, b := range n.Balancers {
		for _, l := range b.Listeners {
			for _, r := range l.Rules {
				if slices.ContainsFunc(r.Weights, func(w weight) bool { return groups[w.Group] }) {
					out = append(out, front{Balancer: b.Name, Port: l.Port, URL: l.URL, Rule: strings.Join(r.Conditions, " and "), Weights: r.Weights, listener: l.ARN})
				}
			}
		}
	}
	return out
}
