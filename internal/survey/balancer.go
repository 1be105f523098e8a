package survey

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/run"
)

// balancer takes over the load balancer, its listeners and the two target groups.
func (s *Survey) balancer(ctx context.Context, clients *awsclient.Clients, r *run.Run) error {
	client := clients.ELB()
	names, production, test := s.pairOf(r)
	in := &elb.DescribeTargetGroupsInput{Names: names}
	if len(names) == 0 {
		in.TargetGroupArns = s.pair
	}
	if len(in.Names)+len(in.TargetGroupArns) == 0 {
		s.note("the service has no load balancer")
		return nil
	}
	groups, err := client.DescribeTargetGroups(ctx, in)
	if err != nil {
		return err
	}
	slices.SortFunc(groups.TargetGroups, func(a, b types.TargetGroup) int {
		return slices.Index(names, aws.ToString(a.TargetGroupName)) - slices.Index(names, aws.ToString(b.TargetGroupName))
	})
	if err := s.groups(ctx, client, groups.TargetGroups); err != nil {
		return err
	}
	if production == "" {
		if production, err = s.first(ctx, client, groups.TargetGroups); err != nil || production == "" {
			return err
		}
	}
	return s.listeners(ctx, client, production, test)
}

// pairOf is what CodeDeploy shifts between, and on which listeners.
func (s *Survey) pairOf(r *run.Run) (names []string, production, test string) {
	if r.Group == nil || r.Group.LoadBalancerInfo == nil || len(r.Group.LoadBalancerInfo.TargetGroupPairInfoList) == 0 {
		return nil, "", ""
	}
	pair := r.Group.LoadBalancerInfo.TargetGroupPairInfoList[0]
	for _, g := range pair.TargetGroups {
		names = append(names, aws.ToString(g.Name))
	}
	if n := len(r.Group.LoadBalancerInfo.TargetGroupPairInfoList); n > 1 {
		s.note("the group has %d pairs of target groups: the first one is described", n)
	}
	return names, s.listener("production", pair.ProdTrafficRoute), s.listener("test", pair.TestTrafficRoute)
}

// listener is the first one of a route, "" for none.
func (s *Survey) listener(kind string, route *cdtypes.TrafficRoute) string {
	if route == nil || len(route.ListenerArns) == 0 {
		return ""
	}
	if n := len(route.ListenerArns); n > 1 {
		s.note("the group has %d %s listeners: the first one is described", n, kind)
	}
	return route.ListenerArns[0]
}

// groups takes over the health checks and the delay of the first group, and tells where
// the second one differs.
func (s *Survey) groups(ctx context.Context, client *elb.Client, found []types.TargetGroup) error {
	in := &s.Config.Infrastructure
	var seen []shape
	var names []string
	for _, g := range found {
		attributes, err := client.DescribeTargetGroupAttributes(ctx, &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: g.TargetGroupArn})
		if err != nil {
			return err
		}
		seen, names = append(seen, s.shape(g, attributes.Attributes)), append(names, aws.ToString(g.TargetGroupName))
	}
	if len(seen) == 0 {
		return nil
	}
	if len(names) == 2 {
		in.TargetGroups = names
	}
	in.Health, in.DeregistrationDelay, in.VPC = seen[0].health, seen[0].delay, aws.ToString(found[0].VpcId)
	if len(seen) == 2 && seen[0] != seen[1] {
		s.note("the two target groups differ; the health check and delay of %s were taken", aws.ToString(found[0].TargetGroupName))
	}
	return nil
}

// shape is what matters of a target group.
type shape struct {
	health config.Health
	delay  time.Duration
}

func (s *Survey) shape(g types.TargetGroup, attributes []types.TargetGroupAttribute) shape {
	out := shape{delay: 5 * time.Minute, health: config.Health{
		Path:     aws.ToString(g.HealthCheckPath),
		Interval: time.Duration(aws.ToInt32(g.HealthCheckIntervalSeconds)) * time.Second,
		Timeout:  time.Duration(aws.ToInt32(g.HealthCheckTimeoutSeconds)) * time.Second,
		Healthy:  int(aws.ToInt32(g.HealthyThresholdCount)), Unhealthy: int(aws.ToInt32(g.UnhealthyThresholdCount)),
	}}
	if g.Matcher != nil {
		out.health.Matcher = aws.ToString(g.Matcher.HttpCode)
	}
	name := aws.ToString(g.TargetGroupName)
	if g.Protocol != types.ProtocolEnumHttp {
		s.note("target group %s has the protocol %s: HTTP is made", name, g.Protocol)
	}
	if p := aws.ToString(g.HealthCheckPort); p != "" && p != "traffic-port" && p != strconv.Itoa(s.Port) {
		s.note("target group %s is checked on port %s: the traffic's port is made", name, p)
	}
	for _, a := range attributes {
		value := aws.ToString(a.Value)
		switch key := aws.ToString(a.Key); {
		case key == "deregistration_delay.timeout_seconds":
			if n, err := strconv.Atoi(value); err == nil {
				out.delay = time.Duration(n) * time.Second
			}
		case key == "stickiness.enabled" && value == "true", key == "slow_start.duration_seconds" && value != "0",
			key == "load_balancing.algorithm.type" && value != "round_robin":
			s.note("target group %s has %s=%s: not in turnout.yml", name, key, value)
		}
	}
	return out
}

// first is the listener that a rolling service is reached by.
func (s *Survey) first(ctx context.Context, client *elb.Client, groups []types.TargetGroup) (string, error) {
	if len(groups) == 0 || len(groups[0].LoadBalancerArns) == 0 {
		s.note("the target group stands behind no load balancer")
		return "", nil
	}
	out, err := client.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: &groups[0].LoadBalancerArns[0]})
	if err != nil {
		return "", err
	}
	for _, l := range out.Listeners {
		if forwards(l.DefaultActions, groups) {
			return aws.ToString(l.ListenerArn), nil
		}
	}
	for _, l := range out.Listeners { // one that others share has rules
		rules, err := client.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: l.ListenerArn})
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(rules.Rules, func(r types.Rule) bool { return forwards(r.Actions, groups) }) {
			return aws.ToString(l.ListenerArn), nil
		}
	}
	s.note("no listener of the load balancer forwards to the target group")
	return "", nil
}

func forwards(actions []types.Action, groups []types.TargetGroup) bool {
	for _, a := range actions {
		var to []string
		if a.ForwardConfig != nil {
			for _, t := range a.ForwardConfig.TargetGroups {
				to = append(to, aws.ToString(t.TargetGroupArn))
			}
		}
		to = append(to, aws.ToString(a.TargetGroupArn))
		for _, g := range groups {
			if slices.Contains(to, aws.ToString(g.TargetGroupArn)) {
				return true
			}
		}
	}
	return false
}

// listeners takes over the ports, the load balancer and what its rules say.
func (s *Survey) listeners(ctx context.Context, client *elb.Client, production, test string) error {
	arns := []string{production}
	if test != "" && test != production {
		arns = append(arns, test)
	}
	out, err := client.DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: arns})
	if err != nil {
		return err
	}
	lb := &s.Config.Infrastructure.LoadBalancer
	var balancer string
	for _, l := range out.Listeners {
		port := int(aws.ToInt32(l.Port))
		if aws.ToString(l.ListenerArn) == test {
			lb.TestPort = port
			continue
		}
		lb.Port, s.Protocol, balancer = port, string(l.Protocol), aws.ToString(l.LoadBalancerArn)
		if len(l.Certificates) > 0 {
			s.Certificate = aws.ToString(l.Certificates[0].CertificateArn)
		}
	}
	if s.Protocol != "HTTP" {
		s.note("the production listener speaks %s: the local one speaks HTTP on the same port", s.Protocol)
	}
	if err := s.rules(ctx, client, production); err != nil {
		return err
	}
	return s.named(ctx, client, balancer)
}

// named takes over the load balancer's name and subnets.
func (s *Survey) named(ctx context.Context, client *elb.Client, arn string) error {
	out, err := client.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{arn}})
	if err != nil || len(out.LoadBalancers) == 0 {
		return err
	}
	lb := out.LoadBalancers[0]
	s.Config.Infrastructure.LoadBalancer.Name = aws.ToString(lb.LoadBalancerName)
	for _, z := range lb.AvailabilityZones {
		s.LoadBalancer = append(s.LoadBalancer, aws.ToString(z.SubnetId))
	}
	if lb.Type != types.LoadBalancerTypeEnumApplication {
		s.note("the load balancer is of the type %s: an application load balancer is made", lb.Type)
	}
	return nil
}

// rules tells of the rules beside the default one.
func (s *Survey) rules(ctx context.Context, client *elb.Client, listener string) error {
	out, err := client.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: &listener})
	if err != nil {
		return err
	}
	var priorities []string
	for _, r := range out.Rules {
		if !aws.ToBool(r.IsDefault) {
			priorities = append(priorities, aws.ToString(r.Priority))
		}
	}
	if len(priorities) > 0 {
		s.note("the production listener has rules (priorities %s): the local one forwards everything", strings.Join(priorities, ", "))
	}
	return nil
}
