package codedeploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// colours finds the primary task set's target group (blue) and the other one (green).
func (s *Service) colours(ctx context.Context, g *types.DeploymentGroupInfo) (blue, green side, sv *ecstypes.Service, err error) {
	pair, _, err := s.pair(ctx, g)
	if err != nil {
		return blue, green, nil, err
	}
	out, err := s.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: g.EcsServices[0].ClusterName, Services: []string{aws.ToString(g.EcsServices[0].ServiceName)}})
	if err != nil {
		return blue, green, nil, err
	}
	if len(out.Services) == 0 {
		return blue, green, nil, errors.New("the service does not exist")
	}
	sv = &out.Services[0]
	for _, x := range sv.TaskSets {
		if aws.ToString(x.Status) != "PRIMARY" || len(x.LoadBalancers) == 0 {
			continue
		}
		for i := range pair {
			if pair[i].ARN == aws.ToString(x.LoadBalancers[0].TargetGroupArn) {
				blue, green = pair[i], pair[1-i]
				blue.Set = aws.ToString(x.Id)
				return blue, green, sv, nil
			}
		}
	}
	return blue, green, sv, errors.New("the primary task set is not behind one of the deployment group's target groups")
}

// weights are the forward weights of an action by target group ARN.
func weights(actions []elbtypes.Action) map[string]int32 {
	out := map[string]int32{}
	for _, a := range actions {
		if a.Type != elbtypes.ActionTypeEnumForward {
			continue
		}
		if a.ForwardConfig != nil && len(a.ForwardConfig.TargetGroups) > 0 {
			for _, t := range a.ForwardConfig.TargetGroups {
				w := int32(1)
				if t.Weight != nil {
					w = *t.Weight
				}
				out[aws.ToString(t.TargetGroupArn)] = w
			}
		} else if a.TargetGroupArn != nil {
			out[*a.TargetGroupArn] = 1
		}
	}
	return out
}

// route is a listener's default action or one of its rules that serves the pair.
type route struct {
	listener, rule string
	actions        []elbtypes.Action
}

// routes are the relevant actions of a listener.
func (s *Service) routes(ctx context.Context, t *types.TrafficRoute, blue, green side) ([]route, error) {
	if t == nil {
		return nil, nil
	}
	var out []route
	for _, arn := range t.ListenerArns {
		l, err := s.ELB.DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: []string{arn}})
		if err != nil {
			return nil, err
		}
		if w := weights(l.Listeners[0].DefaultActions); has(w, blue) || has(w, green) {
			out = append(out, route{listener: arn, actions: l.Listeners[0].DefaultActions})
		}
		r, err := s.ELB.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: &arn})
		if err != nil {
			return nil, err
		}
		for _, rule := range r.Rules {
			if w := weights(rule.Actions); !aws.ToBool(rule.IsDefault) && (has(w, blue) || has(w, green)) {
				out = append(out, route{listener: arn, rule: aws.ToString(rule.RuleArn), actions: rule.Actions})
			}
		}
		if !slices.ContainsFunc(out, func(r route) bool { return r.listener == arn }) {
			return nil, &stale{arn}
		}
	}
	return out, nil
}

func has(w map[string]int32, x side) bool { _, ok := w[x.ARN]; return ok }

// stale is a listener or rule that does not serve blue.
type stale struct{ arn string }

func (e *stale) Error() string {
	return "The ELB could not be updated due to the following error: Primary taskset target group must be behind listener " + e.arn
}

// behind checks that every relevant action serves blue: on the production listener with
// its weight, on the test listener at all, where a deployment that was stopped may have
// left green in front.
func (s *Service) behind(ctx context.Context, g *types.DeploymentGroupInfo, blue, green side) error {
	pair := g.LoadBalancerInfo.TargetGroupPairInfoList[0]
	for _, t := range []*types.TrafficRoute{pair.ProdTrafficRoute, pair.TestTrafficRoute} {
		rs, err := s.routes(ctx, t, blue, green)
		if err != nil {
			return err
		}
		for _, r := range rs {
			w := weights(r.actions)
			if w[blue.ARN] > 0 || (t == pair.TestTrafficRoute && has(w, blue)) {
				continue
			}
			if r.rule != "" {
				return &stale{r.rule}
			}
			return &stale{r.listener}
		}
	}
	return nil
}

// shiftListeners gives green w percent of the traffic.
func (s *Service) shiftListeners(ctx context.Context, t *types.TrafficRoute, blue, green side, w float64) error {
	rs, err := s.routes(ctx, t, blue, green)
	if err != nil {
		return err
	}
	for _, r := range rs {
		var actions []elbtypes.Action
		for _, a := range r.actions {
			if a.Type == elbtypes.ActionTypeEnumForward {
				fc := &elbtypes.ForwardActionConfig{TargetGroups: []elbtypes.TargetGroupTuple{
					{TargetGroupArn: &green.ARN, Weight: aws.Int32(int32(w))}, {TargetGroupArn: &blue.ARN, Weight: aws.Int32(int32(100 - w))},
				}}
				if a.ForwardConfig != nil {
					fc.TargetGroupStickinessConfig = a.ForwardConfig.TargetGroupStickinessConfig
				}
				a = elbtypes.Action{Type: a.Type, Order: a.Order, ForwardConfig: fc}
			}
			actions = append(actions, a)
		}
		if r.rule != "" {
			_, err = s.ELB.ModifyRule(ctx, &elb.ModifyRuleInput{RuleArn: &r.rule, Actions: actions})
		} else {
			_, err = s.ELB.ModifyListener(ctx, &elb.ModifyListenerInput{ListenerArn: &r.listener, DefaultActions: actions})
		}
		if err != nil {
			return fmt.Errorf("the ELB could not be updated due to the following error: %w", err)
		}
	}
	return nil
}
