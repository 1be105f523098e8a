package elbv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func balancerAttributes(lb loadBalancer) (out []types.LoadBalancerAttribute) {
	attributesOf(lb).each(func(k, v string) {
		out = append(out, types.LoadBalancerAttribute{Key: aws.String(k), Value: aws.String(v)})
	})
	return out
}

func groupAttributes(g targetGroup) (out []types.TargetGroupAttribute) {
	attributesOf(g).each(func(k, v string) {
		out = append(out, types.TargetGroupAttribute{Key: aws.String(k), Value: aws.String(v)})
	})
	return out
}

func listenerAttributes(l listener) (out []types.ListenerAttribute) {
	attributesOf(l).each(func(k, v string) {
		out = append(out, types.ListenerAttribute{Key: aws.String(k), Value: aws.String(v)})
	})
	return out
}

// DescribeLoadBalancerAttributes returns all of them, with their defaults.
func (s *Service) DescribeLoadBalancerAttributes(_ context.Context, in *elb.DescribeLoadBalancerAttributesInput, _ ...func(*elb.Options)) (*elb.DescribeLoadBalancerAttributesOutput, error) {
	lb, err := s.balancerByARN(aws.ToString(in.LoadBalancerArn))
	if err != nil {
		return nil, err
	}
	return &elb.DescribeLoadBalancerAttributesOutput{Attributes: balancerAttributes(lb)}, nil
}

// ModifyLoadBalancerAttributes sets the ones that are given, all or none.
func (s *Service) ModifyLoadBalancerAttributes(_ context.Context, in *elb.ModifyLoadBalancerAttributesInput, _ ...func(*elb.Options)) (*elb.ModifyLoadBalancerAttributesOutput, error) {
	var pairs [][2]string
	for _, a := range in.Attributes {
		pairs = append(pairs, [2]string{aws.ToString(a.Key), aws.ToString(a.Value)})
	}
	id := aws.ToString(in.LoadBalancerArn)
	if err := s.tryLogs(id, pairs); err != nil {
		return nil, err
	}
	lb, err := s.changeBalancer(id, func(_ *store.Tx, lb *loadBalancer) (err error) {
		lb.Attributes, err = attributesOf(*lb).with("Load balancer", pairs)
		if err != nil {
			return err
		}
		return checkLogs(attributesOf(*lb))
	})
	if err != nil {
		return nil, err
	}
	return &elb.ModifyLoadBalancerAttributesOutput{Attributes: balancerAttributes(lb)}, nil
}

// tryLogs writes the test files of logs that the pairs turn on. S3 reads the same store:
// no transaction may be under way.
func (s *Service) tryLogs(id string, pairs [][2]string) error {
	was, err := s.balancerByARN(id)
	if err != nil {
		return nil // the change will tell
	}
	now := was
	if now.Attributes, err = attributesOf(was).with("Load balancer", pairs); err != nil {
		return err
	}
	if err := checkLogs(attributesOf(now)); err != nil {
		return err
	}
	for _, kind := range []logKind{accessLog, connectionLog} {
		if err := s.tryLog(was, now, kind); err != nil {
			return err
		}
	}
	return nil
}

func checkLogs(a attributes) error {
	for _, kind := range []string{"access_logs", "connection_logs", "health_check_logs"} {
		if a.get(kind+".s3.enabled") == "true" && a.get(kind+".s3.bucket") == "" {
			return badConfiguration("The value of '%s.s3.bucket' cannot be empty", kind)
		}
	}
	return nil
}

// DescribeTargetGroupAttributes returns all of them, with their defaults.
func (s *Service) DescribeTargetGroupAttributes(_ context.Context, in *elb.DescribeTargetGroupAttributesInput, _ ...func(*elb.Options)) (*elb.DescribeTargetGroupAttributesOutput, error) {
	id := aws.ToString(in.TargetGroupArn)
	if err := checkARN(id, "targetgroup"); err != nil {
		return nil, err
	}
	var g targetGroup
	var ok bool
	s.Store.View(func(tx *store.Tx) { g, ok = s.tables.groups.Get(tx, id) })
	if !ok {
		return nil, errTargetGroups
	}
	return &elb.DescribeTargetGroupAttributesOutput{Attributes: groupAttributes(g)}, nil
}

// ModifyTargetGroupAttributes sets the ones that are given, all or none.
func (s *Service) ModifyTargetGroupAttributes(_ context.Context, in *elb.ModifyTargetGroupAttributesInput, _ ...func(*elb.Options)) (*elb.ModifyTargetGroupAttributesOutput, error) {
	id := aws.ToString(in.TargetGroupArn)
	if err := checkARN(id, "targetgroup"); err != nil {
		return nil, err
	}
	var pairs [][2]string
	for _, a := range in.Attributes {
		pairs = append(pairs, [2]string{aws.ToString(a.Key), aws.ToString(a.Value)})
	}
	var g targetGroup
	err := s.change(func(tx *store.Tx) (err error) {
		var ok bool
		if g, ok = s.tables.groups.Get(tx, id); !ok {
			return noTargetGroup(id)
		}
		if g.Attributes, err = attributesOf(g).with("Target group", pairs); err != nil {
			return err
		}
		s.tables.groups.Put(tx, id, g)
		return checkAppCookie(attributesOf(g))
	})
	if err != nil {
		return nil, err
	}
	return &elb.ModifyTargetGroupAttributesOutput{Attributes: groupAttributes(g)}, nil
}

func checkAppCookie(a attributes) error {
	if a.get("stickiness.enabled") == "true" && a.get("stickiness.type") == "app_cookie" && a.get("stickiness.app_cookie.cookie_name") == "" {
		return badConfiguration("You must set an application cookie name to enable stickiness of type 'app_cookie'")
	}
	return nil
}

// DescribeListenerAttributes returns all of them, with their defaults.
func (s *Service) DescribeListenerAttributes(_ context.Context, in *elb.DescribeListenerAttributesInput, _ ...func(*elb.Options)) (*elb.DescribeListenerAttributesOutput, error) {
	l, err := s.listenerByARN(aws.ToString(in.ListenerArn))
	if err != nil {
		return nil, err
	}
	return &elb.DescribeListenerAttributesOutput{Attributes: listenerAttributes(l)}, nil
}

// ModifyListenerAttributes sets the ones that are given, all or none.
func (s *Service) ModifyListenerAttributes(_ context.Context, in *elb.ModifyListenerAttributesInput, _ ...func(*elb.Options)) (*elb.ModifyListenerAttributesOutput, error) {
	var pairs [][2]string
	for _, a := range in.Attributes {
		pairs = append(pairs, [2]string{aws.ToString(a.Key), aws.ToString(a.Value)})
	}
	l, err := s.changeListener(aws.ToString(in.ListenerArn), func(_ *store.Tx, l *listener) (err error) {
		l.Attributes, err = attributesOf(*l).with("Listener", pairs)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &elb.ModifyListenerAttributesOutput{Attributes: listenerAttributes(l)}, nil
}
