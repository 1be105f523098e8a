// Package endpoint finds out where the listeners of a service's load balancer are reached.
package endpoint

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// Production is the ARN of a deployment group's production listener, "" for none.
func Production(g *cdtypes.DeploymentGroupInfo) string {
	return route(g, func(p cdtypes.TargetGroupPairInfo) *cdtypes.TrafficRoute { return p.ProdTrafficRoute })
}

// Test is the ARN of a deployment group's test listener, "" for none.
func Test(g *cdtypes.DeploymentGroupInfo) string {
	return route(g, func(p cdtypes.TargetGroupPairInfo) *cdtypes.TrafficRoute { return p.TestTrafficRoute })
}

func route(g *cdtypes.DeploymentGroupInfo, of func(cdtypes.TargetGroupPairInfo) *cdtypes.TrafficRoute) string {
	if g == nil || g.LoadBalancerInfo == nil {
		return ""
	}
	for _, p := range g.LoadBalancerInfo.TargetGroupPairInfoList {
		if r := of(p); r != nil && len(r.ListenerArns) > 0 {
			return r.ListenerArns[0]
		}
	}
	return ""
}

// Forwarding is the ARN of the listener that forwards to a target group by its default
// action, "" for none.
func Forwarding(ctx context.Context, client *elb.Client, group string) (string, error) {
	t, err := client.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{group}})
	if err != nil {
		return "", err
	}
	for _, g := range t.TargetGroups {
		for _, lb := range g.LoadBalancerArns {
			ls, err := client.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: &lb})
			if err != nil {
				return "", err
			}
			for _, l := range ls.Listeners {
				if forwards(l.DefaultActions, group) {
					return aws.ToString(l.ListenerArn), nil
				}
			}
		}
	}
	return "", nil
}

func forwards(actions []elbtypes.Action, group string) bool {
	for _, a := range actions {
		if aws.ToString(a.TargetGroupArn) == group {
			return true
		}
		if a.ForwardConfig == nil {
			continue
		}
		for _, g := range a.ForwardConfig.TargetGroups {
			if aws.ToString(g.TargetGroupArn) == group {
				return true
			}
		}
	}
	return false
}

// URL is where a listener is reached, without a slash at its end.
func URL(ctx context.Context, client *elb.Client, listener string) (string, error) {
	ls, err := client.DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: []string{listener}})
	if err != nil {
		return "", err
	}
	if len(ls.Listeners) == 0 {
		return "", fmt.Errorf("listener %s is gone", listener)
	}
	l := ls.Listeners[0]
	b, err := client.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{aws.ToString(l.LoadBalancerArn)}})
	if err != nil {
		return "", err
	}
	if len(b.LoadBalancers) == 0 {
		return "", fmt.Errorf("the load balancer of listener %s is gone", listener)
	}
	scheme := "http"
	if l.Protocol == elbtypes.ProtocolEnumHttps || l.Protocol == elbtypes.ProtocolEnumTls {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, aws.ToString(b.LoadBalancers[0].DNSName), aws.ToInt32(l.Port)), nil
}
