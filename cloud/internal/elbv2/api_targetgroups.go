package elbv2

import (
	"cmp"
	"context"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// CreateTargetGroup makes a target group. Repeating it with the same settings returns the
// one that is there.
func (s *Service) CreateTargetGroup(_ context.Context, in *elb.CreateTargetGroupInput, _ ...func(*elb.Options)) (*elb.CreateTargetGroupOutput, error) {
	g, err := s.newTargetGroup(in)
	if err != nil {
		return nil, err
	}
	err = s.change(func(tx *store.Tx) error {
		if old, ok := s.groupNamed(tx, *in.Name); ok {
			if !sameGroup(old.Desc, g.Desc) {
				return &types.DuplicateTargetGroupNameException{Message: text(
					"A target group with the same name '%s' exists, but with different settings", *in.Name)}
			}
			g = old
		}
		s.tables.groups.Put(tx, *g.Desc.TargetGroupArn, g)
		g.Desc.LoadBalancerArns = append([]string{}, s.associations(tx)[*g.Desc.TargetGroupArn]...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.CreateTargetGroupOutput{TargetGroups: []types.TargetGroup{g.Desc}}, nil
}

func (s *Service) newTargetGroup(in *elb.CreateTargetGroupInput) (g targetGroup, err error) {
	name := aws.ToString(in.Name)
	if err := checkName("Target group", name); err != nil {
		return g, err
	}
	g.Desc = types.TargetGroup{
		TargetGroupArn:             aws.String(s.Place.Of("elasticloadbalancing", "targetgroup/"+name+"/"+ids.Hex(16))),
		TargetGroupName:            in.Name,
		Protocol:                   in.Protocol,
		ProtocolVersion:            in.ProtocolVersion,
		Port:                       in.Port,
		VpcId:                      in.VpcId,
		TargetType:                 cmp.Or(in.TargetType, types.TargetTypeEnumInstance),
		IpAddressType:              cmp.Or(in.IpAddressType, types.TargetGroupIpAddressTypeEnumIpv4),
		HealthCheckEnabled:         in.HealthCheckEnabled,
		HealthCheckIntervalSeconds: in.HealthCheckIntervalSeconds,
		HealthCheckPath:            in.HealthCheckPath,
		HealthCheckPort:            in.HealthCheckPort,
		HealthCheckProtocol:        in.HealthCheckProtocol,
		HealthCheckTimeoutSeconds:  in.HealthCheckTimeoutSeconds,
		HealthyThresholdCount:      in.HealthyThresholdCount,
		UnhealthyThresholdCount:    in.UnhealthyThresholdCount,
		Matcher:                    in.Matcher,
		TargetControlPort:          in.TargetControlPort,
	}
	if err := checkGroup(&g.Desc); err != nil {
		return g, err
	}
	defaultHealth(&g.Desc)
	if err := checkHealth(&g.Desc); err != nil {
		return g, err
	}
	g.Tags, err = mergeTags(nil, in.Tags)
	return g, err
}

// checkGroup looks at what target groups are made with once, and sets the protocol version.
func checkGroup(g *types.TargetGroup) error {
	switch {
	case isFunction(*g):
		return checkFunctionGroup(g)
	case g.Protocol == "":
		return validation("A protocol must be specified")
	case g.Port == nil:
		return validation("A port must be specified")
	case *g.Port < 1 || *g.Port > 65535:
		return validation("Port '%d' must be between '1' and '65535' inclusive", *g.Port)
	case g.VpcId == nil:
		return validation("A VPC ID must be specified")
	}
	if !isHTTP(g.Protocol) {
		if g.Protocol != types.ProtocolEnumTcp {
			return badConfiguration("Target group protocol '%s' is not offered by the local cloud", g.Protocol)
		}
		if g.ProtocolVersion != nil {
			return badConfiguration("Protocol version is not supported for target groups with the protocol '%s'", g.Protocol)
		}
		return nil
	}
	if g.TargetType == types.TargetTypeEnumAlb {
		return badConfiguration("Target type 'alb' is not supported for target groups with the protocol '%s'", g.Protocol)
	}
	fill(&g.ProtocolVersion, "HTTP1")
	if !slices.Contains([]string{"HTTP1", "HTTP2", grpc}, *g.ProtocolVersion) {
		return validation("Protocol version '%s' must be one of 'GRPC, HTTP1, HTTP2'", *g.ProtocolVersion)
	}
	return nil
}

func (s *Service) groupNamed(tx *store.Tx, name string) (targetGroup, bool) {
	for _, g := range s.tables.groups.All(tx, "") {
		if *g.Desc.TargetGroupName == name {
			return g, true
		}
	}
	return targetGroup{}, false
}

func sameGroup(a, b types.TargetGroup) bool {
	a.TargetGroupArn, b.TargetGroupArn = nil, nil
	return reflect.DeepEqual(a, b)
}

// associations maps each target group that is in use to its load balancer.
func (s *Service) associations(tx *store.Tx) map[string][]string {
	out := map[string][]string{}
	add := func(lb string, actions []types.Action) {
		for _, g := range forwardGroups(actions) {
			if !slices.Contains(out[g], lb) {
				out[g] = append(out[g], lb)
			}
		}
	}
	for _, l := range s.tables.listeners.All(tx, "") {
		add(*l.Desc.LoadBalancerArn, l.Desc.DefaultActions)
	}
	for id, r := range s.tables.rules.All(tx, "") {
		add(listenerBalancer(ruleListener(id)), r.Desc.Actions)
	}
	return out
}

// DescribeTargetGroups returns all target groups, those that are named, or a load
// balancer's.
func (s *Service) DescribeTargetGroups(_ context.Context, in *elb.DescribeTargetGroupsInput, _ ...func(*elb.Options)) (*elb.DescribeTargetGroupsOutput, error) {
	given := 0
	for _, b := range []bool{in.LoadBalancerArn != nil, len(in.TargetGroupArns) > 0, len(in.Names) > 0} {
		if b {
			given++
		}
	}
	if given > 1 {
		return nil, validation("Target group names, target group ARNs, and a load balancer ARN cannot be specified at the same time")
	}
	var all []types.TargetGroup
	var err error
	s.Store.View(func(tx *store.Tx) { all, err = s.findGroups(tx, in) })
	if err != nil {
		return nil, err
	}
	part, next, err := cut(all, func(g types.TargetGroup) string { return *g.TargetGroupArn }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elb.DescribeTargetGroupsOutput{TargetGroups: part, NextMarker: next}, nil
}

func (s *Service) findGroups(tx *store.Tx, in *elb.DescribeTargetGroupsInput) ([]types.TargetGroup, error) {
	used := s.associations(tx)
	out := []types.TargetGroup{}
	add := func(g targetGroup) {
		g.Desc.LoadBalancerArns = append([]string{}, used[*g.Desc.TargetGroupArn]...)
		out = append(out, g.Desc)
	}
	for _, a := range in.TargetGroupArns {
		if err := checkARN(a, "targetgroup"); err != nil {
			return nil, err
		}
		g, ok := s.tables.groups.Get(tx, a)
		if !ok {
			return nil, errTargetGroups
		}
		add(g)
	}
	for _, n := range in.Names {
		g, ok := s.groupNamed(tx, n)
		if !ok {
			return nil, errTargetGroups
		}
		add(g)
	}
	if in.LoadBalancerArn != nil {
		if _, ok := s.tables.loadBalancers.Get(tx, *in.LoadBalancerArn); !ok {
			return nil, noLoadBalancer(*in.LoadBalancerArn)
		}
	}
	if len(in.TargetGroupArns)+len(in.Names) == 0 {
		for id, g := range s.tables.groups.All(tx, "") {
			if in.LoadBalancerArn == nil || slices.Contains(used[id], *in.LoadBalancerArn) {
				add(g)
			}
		}
	}
	return out, nil
}

// ModifyTargetGroup changes the health check.
func (s *Service) ModifyTargetGroup(_ context.Context, in *elb.ModifyTargetGroupInput, _ ...func(*elb.Options)) (*elb.ModifyTargetGroupOutput, error) {
	id := aws.ToString(in.TargetGroupArn)
	if err := checkARN(id, "targetgroup"); err != nil {
		return nil, err
	}
	var g targetGroup
	err := s.change(func(tx *store.Tx) error {
		var ok bool
		if g, ok = s.tables.groups.Get(tx, id); !ok {
			return noTargetGroup(id)
		}
		d := &g.Desc
		d.HealthCheckProtocol = cmp.Or(in.HealthCheckProtocol, d.HealthCheckProtocol)
		d.HealthCheckEnabled = cmp.Or(in.HealthCheckEnabled, d.HealthCheckEnabled)
		d.HealthCheckPath = cmp.Or(in.HealthCheckPath, d.HealthCheckPath)
		d.HealthCheckPort = cmp.Or(in.HealthCheckPort, d.HealthCheckPort)
		d.HealthCheckIntervalSeconds = cmp.Or(in.HealthCheckIntervalSeconds, d.HealthCheckIntervalSeconds)
		d.HealthCheckTimeoutSeconds = cmp.Or(in.HealthCheckTimeoutSeconds, d.HealthCheckTimeoutSeconds)
		d.HealthyThresholdCount = cmp.Or(in.HealthyThresholdCount, d.HealthyThresholdCount)
		d.UnhealthyThresholdCount = cmp.Or(in.UnhealthyThresholdCount, d.UnhealthyThresholdCount)
		if d.Matcher = cmp.Or(in.Matcher, d.Matcher); in.Matcher == nil && !isHTTP(d.HealthCheckProtocol) && !isFunction(*d) {
			d.Matcher = nil // left from checks by HTTP
		}
		defaultHealth(d) // a change of protocol needs a path and a matcher, or none
		if err := checkHealth(d); err != nil {
			return err
		}
		s.tables.groups.Put(tx, id, g)
		g.Desc.LoadBalancerArns = append([]string{}, s.associations(tx)[id]...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.ModifyTargetGroupOutput{TargetGroups: []types.TargetGroup{g.Desc}}, nil
}

// DeleteTargetGroup removes a target group that no listener or rule names. One that does
// not exist is no error.
func (s *Service) DeleteTargetGroup(_ context.Context, in *elb.DeleteTargetGroupInput, _ ...func(*elb.Options)) (*elb.DeleteTargetGroupOutput, error) {
	id := aws.ToString(in.TargetGroupArn)
	if err := checkARN(id, "targetgroup"); err != nil {
		return nil, err
	}
	err := s.change(func(tx *store.Tx) error {
		if len(s.associations(tx)[id]) > 0 {
			return &types.ResourceInUseException{Message: text("Target group '%s' is currently in use by a listener or a rule", id)}
		}
		s.tables.groups.Delete(tx, id)
		for key := range s.tables.targets.All(tx, targetPrefix(id)) {
			s.tables.targets.Delete(tx, key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.DeleteTargetGroupOutput{}, nil
}
