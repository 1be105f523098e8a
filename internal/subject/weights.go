package subject

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// Weight is how much of a listener's traffic a target group gets.
type Weight struct {
	Name    string  `json:"targetGroup"`
	ARN     string  `json:"targetGroupArn"`
	Percent float64 `json:"percent"`
}

// Route is where a listener sends its traffic.
type Route struct {
	Listener string   `json:"listenerArn"`
	Port     int32    `json:"port"`
	Test     bool     `json:"test,omitempty"` // the deployment group's test listener
	Weights  []Weight `json:"weights"`
}

// String says in words where traffic stands: "blue 100 %, green 0 %".
func (r Route) String() string {
	parts := make([]string, len(r.Weights))
	for i, w := range r.Weights {
		parts[i] = fmt.Sprintf("%s %.0f %%", w.Name, w.Percent)
	}
	if len(parts) == 0 {
		return "no target group of the service"
	}
	return strings.Join(parts, ", ")
}

// Of is how much a target group gets.
func (r Route) Of(group string) float64 {
	for _, w := range r.Weights {
		if w.ARN == group {
			return w.Percent
		}
	}
	return 0
}

// Routes asks the load balancer where traffic stands: the deployment group's production
// listeners, then its test listeners; for a rolling service the listeners that forward to
// its target groups. The listener itself is asked, because it is what moves requests,
// whatever a deployment says of itself.
func (s *Subject) Routes(ctx context.Context) ([]Route, error) {
	prod, test := s.listeners()
	if prod == nil {
		var err error
		if prod, err = s.inFront(ctx); err != nil {
			return nil, err
		}
	}
	var out []Route
	for _, arn := range slices.Concat(prod, test) {
		r, err := s.route(ctx, arn)
		if err != nil {
			return nil, err
		}
		r.Test = slices.Contains(test, arn)
		if len(r.Weights) > 0 || s.Group != nil {
			out = append(out, r)
		}
	}
	return out, nil
}

// listeners are those of the deployment group.
func (s *Subject) listeners() (prod, test []string) {
	if s.Group == nil || s.Group.LoadBalancerInfo == nil {
		return nil, nil
	}
	for _, p := range s.Group.LoadBalancerInfo.TargetGroupPairInfoList {
		if p.ProdTrafficRoute != nil {
			prod = append(prod, p.ProdTrafficRoute.ListenerArns...)
		}
		if p.TestTrafficRoute != nil {
			test = append(test, p.TestTrafficRoute.ListenerArns...)
		}
	}
	return prod, test
}

// inFront finds the listeners of the load balancers in front of the target groups.
func (s *Subject) inFront(ctx context.Context) ([]string, error) {
	groups := s.TargetGroups()
	if len(groups) == 0 {
		return nil, nil
	}
	t, err := s.AWS.ELB().DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: groups})
	if err != nil {
		return nil, err
	}
	var balancers, out []string
	for _, g := range t.TargetGroups {
		balancers = append(balancers, g.LoadBalancerArns...)
	}
	slices.Sort(balancers)
	for _, b := range slices.Compact(balancers) {
		ls, err := s.AWS.ELB().DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: &b})
		if err != nil {
			return nil, err
		}
		for _, l := range ls.Listeners {
			out = append(out, aws.ToString(l.ListenerArn))
		}
	}
	return out, nil
}

// route reads one listener: its default rule, or where that does not forward to the
// service, the first rule that does.
func (s *Subject) route(ctx context.Context, arn string) (Route, error) {
	r := Route{Listener: arn}
	l, err := s.AWS.ELB().DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: []string{arn}})
	if err != nil {
		return r, err
	}
	if len(l.Listeners) == 0 {
		return r, nil
	}
	ours := s.TargetGroups()
	r.Port, r.Weights = aws.ToInt32(l.Listeners[0].Port), weights(l.Listeners[0].DefaultActions)
	if r.forwardsTo(ours) {
		return r, nil
	}
	rules, err := s.AWS.ELB().DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: &arn})
	if err != nil {
		return r, err
	}
	for _, rule := range rules.Rules {
		if r.Weights = weights(rule.Actions); r.forwardsTo(ours) {
			return r, nil
		}
	}
	r.Weights = nil
	return r, nil
}

func (r Route) forwardsTo(groups []string) bool {
	return slices.ContainsFunc(r.Weights, func(w Weight) bool { return slices.Contains(groups, w.ARN) })
}

// weights are the shares of a forward action in percent.
func weights(actions []elbtypes.Action) []Weight {
	for _, a := range actions {
		if a.Type != elbtypes.ActionTypeEnumForward {
			continue
		}
		if a.ForwardConfig == nil {
			return []Weight{{GroupName(aws.ToString(a.TargetGroupArn)), aws.ToString(a.TargetGroupArn), 100}}
		}
		var total int32
		for _, g := range a.ForwardConfig.TargetGroups {
			total += share(g, len(a.ForwardConfig.TargetGroups))
		}
		var out []Weight
		for _, g := range a.ForwardConfig.TargetGroups {
			w := Weight{Name: GroupName(aws.ToString(g.TargetGroupArn)), ARN: aws.ToString(g.TargetGroupArn)}
			if total > 0 {
				w.Percent = 100 * float64(share(g, len(a.ForwardConfig.TargetGroups))) / float64(total)
			}
			out = append(out, w)
		}
		return out
	}
	return nil
}

// share is a group's weight; one alone gets everything whatever its weight is.
func share(g elbtypes.TargetGroupTuple, of int) int32 {
	if of == 1 {
		return 1
	}
	return aws.ToInt32(g.Weight)
}

// GroupName is the name in a target group's ARN.
func GroupName(arn string) string {
	if parts := strings.Split(arn, "/"); len(parts) > 1 && strings.Contains(arn, ":targetgroup/") {
		return parts[1]
	}
	return arn
}
