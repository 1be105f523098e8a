package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// findBalancer finds the listeners and the load balancer. With a listener of somebody
// else's the load balancer stays.
func (p *Provisioner) findBalancer(ctx context.Context) ([]Item, error) {
	client, conf := p.AWS.ELB(), p.Config.Infrastructure.LoadBalancer
	found, err := client.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Names: []string{conf.Name}})
	var none *types.LoadBalancerNotFoundException
	if errors.As(err, &none) || err == nil && len(found.LoadBalancers) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	arn := found.LoadBalancers[0].LoadBalancerArn
	listeners, err := client.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: arn})
	if err != nil {
		return nil, err
	}
	var out []Item
	strange := 0
	for _, l := range listeners.Listeners {
		port := int(aws.ToInt32(l.Port))
		if port != conf.Port && (conf.TestPort == 0 || port != conf.TestPort) {
			strange++
			continue
		}
		i, err := p.listenerItem(ctx, fmt.Sprintf("%s:%d", conf.Name, port), l)
		if err != nil {
			return nil, err
		}
		if i.Kept != "" {
			strange++
		}
		out = append(out, i)
	}
	mine, err := p.elbOwned(ctx, *arn)
	if err != nil {
		return nil, err
	}
	i := item("load balancer", conf.Name, mine, func(ctx context.Context) error { return p.removeBalancer(ctx, *arn) })
	if strange > 0 {
		i.Kept = fmt.Sprintf("%d of its listeners stay", strange)
	}
	return append(out, i), nil
}

// listenerItem is a listener, kept while its rules lead elsewhere.
func (p *Provisioner) listenerItem(ctx context.Context, name string, l types.Listener) (Item, error) {
	client := p.AWS.ELB()
	mine, err := p.elbOwned(ctx, *l.ListenerArn)
	if err != nil {
		return Item{}, err
	}
	i := item("listener", name, mine, func(ctx context.Context) error {
		_, err := client.DeleteListener(ctx, &elb.DeleteListenerInput{ListenerArn: l.ListenerArn})
		var none *types.ListenerNotFoundException
		if errors.As(err, &none) {
			return nil
		}
		return err
	})
	rules, err := client.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: l.ListenerArn})
	if err != nil {
		return Item{}, err
	}
	groups, err := p.ourGroups(ctx)
	if err != nil {
		return Item{}, err
	}
	for _, r := range rules.Rules {
		for _, to := range destinations(r.Actions) {
			if !slices.Contains(groups, to) {
				i.Kept = "its rule " + aws.ToString(r.Priority) + " leads to another target group"
			}
		}
	}
	return i, nil
}

func destinations(actions []types.Action) []string {
	var out []string
	for _, a := range actions {
		if a.ForwardConfig != nil {
			for _, g := range a.ForwardConfig.TargetGroups {
				out = append(out, aws.ToString(g.TargetGroupArn))
			}
		} else if a.TargetGroupArn != nil {
			out = append(out, *a.TargetGroupArn)
		}
	}
	return out
}

// ourGroups are the ARNs of the configured target groups that stand.
func (p *Provisioner) ourGroups(ctx context.Context) ([]string, error) {
	var out []string
	for _, name := range p.Config.Infrastructure.TargetGroups {
		arn, err := p.groupARN(ctx, name)
		if err != nil {
			return nil, err
		}
		if arn != "" {
			out = append(out, arn)
		}
	}
	return out, nil
}

// groupARN is the ARN of a target group, "" if there is none of the name.
func (p *Provisioner) groupARN(ctx context.Context, name string) (string, error) {
	found, err := p.AWS.ELB().DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Names: []string{name}})
	var none *types.TargetGroupNotFoundException
	if errors.As(err, &none) || err == nil && len(found.TargetGroups) == 0 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(found.TargetGroups[0].TargetGroupArn), nil
}

// removeBalancer deletes the load balancer and waits until it is gone.
func (p *Provisioner) removeBalancer(ctx context.Context, arn string) error {
	client := p.AWS.ELB()
	if _, err := client.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerArn: &arn}); err != nil {
		return err
	}
	return p.until(ctx, "it is still there", func(ctx context.Context) (bool, error) {
		_, err := client.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{arn}})
		var none *types.LoadBalancerNotFoundException
		if errors.As(err, &none) {
			return true, nil
		}
		return false, err
	})
}

// findTargetGroups finds the two target groups.
func (p *Provisioner) findTargetGroups(ctx context.Context) ([]Item, error) {
	var out []Item
	for _, name := range p.Config.Infrastructure.TargetGroups {
		arn, err := p.groupARN(ctx, name)
		if err != nil {
			return nil, err
		}
		if arn == "" {
			continue
		}
		mine, err := p.elbOwned(ctx, arn)
		if err != nil {
			return nil, err
		}
		out = append(out, item("target group", name, mine, func(ctx context.Context) error { return p.removeGroup(ctx, arn) }))
	}
	return out, nil
}

// removeGroup deletes a target group. A listener that was deleted a moment ago may still
// count as its user.
func (p *Provisioner) removeGroup(ctx context.Context, arn string) error {
	const tries = 20
	n := 0
	return p.until(ctx, "it is still in use", func(ctx context.Context) (bool, error) {
		_, err := p.AWS.ELB().DeleteTargetGroup(ctx, &elb.DeleteTargetGroupInput{TargetGroupArn: &arn})
		var used *types.ResourceInUseException
		if n++; errors.As(err, &used) && n < tries {
			return false, nil
		}
		return err == nil, err
	})
}

// elbOwned reads the tags of something of the load balancer's.
func (p *Provisioner) elbOwned(ctx context.Context, arn string) (bool, error) {
	out, err := p.AWS.ELB().DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: []string{arn}})
	if err != nil || len(out.TagDescriptions) == 0 {
		return false, err
	}
	return owned(p, out.TagDescriptions[0].Tags, elbTag), nil
}
