package elbv2

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// CreateLoadBalancer makes a load balancer with an address of its own. Repeating it with
// the same settings returns the one that is there.
func (s *Service) CreateLoadBalancer(_ context.Context, in *elb.CreateLoadBalancerInput, _ ...func(*elb.Options)) (*elb.CreateLoadBalancerOutput, error) {
	lb, err := s.newLoadBalancer(in)
	if err != nil {
		return nil, err
	}
	var desc types.LoadBalancer
	err = s.Store.Update(func(tx *store.Tx) error {
		if old, ok := s.balancerNamed(tx, *lb.Desc.LoadBalancerName); ok {
			if !sameBalancer(old.Desc, lb.Desc) {
				return &types.DuplicateLoadBalancerNameException{Message: text(
					"A load balancer with the same name '%s' exists, but with different settings", *lb.Desc.LoadBalancerName)}
			}
			desc = old.Desc
			return nil
		}
		lb.Host = s.allocate(tx)
		lb.Desc.DNSName = aws.String(lb.Host.String())
		s.tables.loadBalancers.Put(tx, *lb.Desc.LoadBalancerArn, lb)
		desc = lb.Desc
		desc.State = &types.LoadBalancerState{Code: types.LoadBalancerStateEnumProvisioning}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.CreateLoadBalancerOutput{LoadBalancers: []types.LoadBalancer{desc}}, nil
}

// newLoadBalancer makes the record of what was asked for, all but the address.
func (s *Service) newLoadBalancer(in *elb.CreateLoadBalancerInput) (lb loadBalancer, err error) {
	name := aws.ToString(in.Name)
	if err := checkBalancerName(name); err != nil {
		return lb, err
	}
	kind := cmp.Or(in.Type, types.LoadBalancerTypeEnumApplication)
	short := "app"
	switch kind {
	case types.LoadBalancerTypeEnumApplication:
	case types.LoadBalancerTypeEnumNetwork:
		short = "net"
	default:
		return lb, badConfiguration("Load balancers of type '%s' are not offered by the local cloud", kind)
	}
	lb.Desc = types.LoadBalancer{
		LoadBalancerArn:       aws.String(s.Place.Of("elasticloadbalancing", "loadbalancer/"+short+"/"+name+"/"+ids.Hex(16))),
		LoadBalancerName:      in.Name,
		CanonicalHostedZoneId: aws.String(hostedZone(s.Place.Region, kind)),
		CreatedTime:           aws.Time(s.Clock.Now()),
		IpAddressType:         cmp.Or(in.IpAddressType, types.IpAddressTypeIpv4),
		Scheme:                cmp.Or(in.Scheme, types.LoadBalancerSchemeEnumInternetFacing),
		State:                 &types.LoadBalancerState{Code: types.LoadBalancerStateEnumActive},
		Type:                  kind,
		CustomerOwnedIpv4Pool: in.CustomerOwnedIpv4Pool,
		IpamPools:             in.IpamPools,
	}
	if kind == types.LoadBalancerTypeEnumNetwork {
		lb.Desc.EnablePrefixForIpv6SourceNat = cmp.Or(in.EnablePrefixForIpv6SourceNat, types.EnablePrefixForIpv6SourceNatEnumOff)
	}
	lb.Desc.AvailabilityZones, lb.Desc.VpcId, err = s.zones(kind, in.Subnets, in.SubnetMappings)
	if err != nil {
		return lb, err
	}
	lb.Desc.SecurityGroups = append([]string{}, in.SecurityGroups...)
	lb.Tags, err = mergeTags(nil, in.Tags)
	return lb, err
}

// hostedZone is the Route 53 zone of a region's load balancers.
func hostedZone(region string, kind types.LoadBalancerTypeEnum) string {
	zones, other := applicationZones, "Z35SXDOTRQ7X7K"
	if kind == types.LoadBalancerTypeEnumNetwork {
		zones, other = networkZones, "Z26RNL4JYFTOTI"
	}
	return cmp.Or(zones[region], other)
}

var (
	applicationZones = map[string]string{
		"us-east-1": "Z35SXDOTRQ7X7K", "us-east-2": "Z3AADJGX6KTTL2", "us-west-1": "Z368ELLRRE2KJ0",
		"us-west-2": "Z1H1FL5HABSF5", "eu-west-1": "Z32O12XQLNTSW2", "eu-central-1": "Z215JYRZR1TBD5",
		"ap-southeast-2": "Z1GM3OXH4ZPM65", "ap-northeast-1": "Z14GRHDCWA56QT",
	}
	networkZones = map[string]string{
		"us-east-1": "Z26RNL4JYFTOTI", "us-east-2": "ZLMOA37VPKANP", "us-west-1": "Z24FKFUX50B4VW",
		"us-west-2": "Z18D5FSROUN65G", "eu-west-1": "Z2IFOLAFXWLO4F", "eu-central-1": "Z3F0SRJ5LGBH90",
		"ap-southeast-2": "ZCT6FZBF4DROD", "ap-northeast-1": "Z31USIVHYNEOWT",
	}
)

func (s *Service) balancerNamed(tx *store.Tx, name string) (loadBalancer, bool) {
	for _, lb := range s.tables.loadBalancers.All(tx, "") {
		if *lb.Desc.LoadBalancerName == name {
			return lb, true
		}
	}
	return loadBalancer{}, false
}

func sameBalancer(a, b types.LoadBalancer) bool {
	return a.Type == b.Type && a.Scheme == b.Scheme && a.IpAddressType == b.IpAddressType &&
		slices.EqualFunc(a.AvailabilityZones, b.AvailabilityZones, func(x, y types.AvailabilityZone) bool {
			return *x.SubnetId == *y.SubnetId
		}) && slices.Equal(a.SecurityGroups, b.SecurityGroups)
}

// DescribeLoadBalancers returns all load balancers, or those that are named.
func (s *Service) DescribeLoadBalancers(_ context.Context, in *elb.DescribeLoadBalancersInput, _ ...func(*elb.Options)) (*elb.DescribeLoadBalancersOutput, error) {
	if len(in.LoadBalancerArns) > 0 && len(in.Names) > 0 {
		return nil, validation("Load balancer names and load balancer ARNs cannot be specified at the same time")
	}
	var all []types.LoadBalancer
	var err error
	s.Store.View(func(tx *store.Tx) { all, err = s.findBalancers(tx, in.LoadBalancerArns, in.Names) })
	if err != nil {
		return nil, err
	}
	part, next, err := cut(all, func(lb types.LoadBalancer) string { return *lb.LoadBalancerArn }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elb.DescribeLoadBalancersOutput{LoadBalancers: part, NextMarker: next}, nil
}

func (s *Service) findBalancers(tx *store.Tx, arns, names []string) ([]types.LoadBalancer, error) {
	out := []types.LoadBalancer{}
	for _, a := range arns {
		if err := checkARN(a, "loadbalancer"); err != nil {
			return nil, err
		}
		lb, ok := s.tables.loadBalancers.Get(tx, a)
		if !ok {
			return nil, errLoadBalancers
		}
		out = append(out, lb.Desc)
	}
	for _, n := range names {
		lb, ok := s.balancerNamed(tx, n)
		if !ok {
			return nil, &types.LoadBalancerNotFoundException{Message: text("Load balancers '[%s]' not found", n)}
		}
		out = append(out, lb.Desc)
	}
	if len(arns)+len(names) == 0 {
		for _, lb := range s.tables.loadBalancers.All(tx, "") {
			out = append(out, lb.Desc)
		}
	}
	return out, nil
}

// DeleteLoadBalancer removes a load balancer with its listeners and rules; its target
// groups stay. One that does not exist is no error.
func (s *Service) DeleteLoadBalancer(_ context.Context, in *elb.DeleteLoadBalancerInput, _ ...func(*elb.Options)) (*elb.DeleteLoadBalancerOutput, error) {
	id := aws.ToString(in.LoadBalancerArn)
	if err := checkARN(id, "loadbalancer"); err != nil {
		return nil, err
	}
	err := s.change(func(tx *store.Tx) error {
		lb, ok := s.tables.loadBalancers.Get(tx, id)
		if !ok {
			return nil
		}
		if attributesOf(lb).get("deletion_protection.enabled") == "true" {
			return notPermitted("Load balancer '%s' cannot be deleted because deletion protection is enabled", id)
		}
		if group, used := s.targetedBy(tx, id); used {
			return &types.ResourceInUseException{Message: text(
				"Load balancer '%s' cannot be deleted because it is currently associated with target group '%s'", id, group)}
		}
		for l := range s.tables.listeners.All(tx, listenerPrefix(id)) {
			s.removeListener(tx, l)
		}
		s.tables.loadBalancers.Delete(tx, id)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.DeleteLoadBalancerOutput{}, nil
}

// targetedBy finds the target group that has a load balancer as its target.
func (s *Service) targetedBy(tx *store.Tx, loadBalancerARN string) (group string, ok bool) {
	for g := range s.tables.groups.All(tx, "") {
		for _, t := range s.tables.targets.All(tx, targetPrefix(g)) {
			if *t.Desc.Id == loadBalancerARN {
				return g, true
			}
		}
	}
	return "", false
}
