package elbv2

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// SetSubnets moves a load balancer to other subnets of its VPC; its address stays.
func (s *Service) SetSubnets(_ context.Context, in *elb.SetSubnetsInput, _ ...func(*elb.Options)) (*elb.SetSubnetsOutput, error) {
	lb, err := s.balancerByARN(aws.ToString(in.LoadBalancerArn))
	if err != nil {
		return nil, err
	}
	// The network reads the store by itself, and must not be asked within a transaction.
	zones, vpc, err := s.zones(lb.Desc.Type, in.Subnets, in.SubnetMappings)
	if err != nil {
		return nil, err
	}
	lb, err = s.changeBalancer(*lb.Desc.LoadBalancerArn, func(_ *store.Tx, lb *loadBalancer) error {
		lb.Desc.AvailabilityZones, lb.Desc.VpcId = zones, vpc
		lb.Desc.IpAddressType = cmp.Or(in.IpAddressType, lb.Desc.IpAddressType)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.SetSubnetsOutput{AvailabilityZones: lb.Desc.AvailabilityZones, IpAddressType: lb.Desc.IpAddressType}, nil
}

// SetSecurityGroups replaces a load balancer's security groups, a record.
func (s *Service) SetSecurityGroups(_ context.Context, in *elb.SetSecurityGroupsInput, _ ...func(*elb.Options)) (*elb.SetSecurityGroupsOutput, error) {
	lb, err := s.changeBalancer(aws.ToString(in.LoadBalancerArn), func(_ *store.Tx, lb *loadBalancer) (err error) {
		if lb.Desc.Type == types.LoadBalancerTypeEnumNetwork && len(lb.Desc.SecurityGroups) == 0 {
			return badConfiguration("You cannot set security groups on a Network Load Balancer that was created without security groups")
		}
		if v := in.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic; v != "" {
			lb.Desc.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic = aws.String(string(v))
		}
		lb.Desc.SecurityGroups = append([]string{}, in.SecurityGroups...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.SetSecurityGroupsOutput{SecurityGroupIds: lb.Desc.SecurityGroups}, nil
}

// SetIpAddressType changes the type of addresses, a record: load balancers have an IPv4
// loopback address.
func (s *Service) SetIpAddressType(_ context.Context, in *elb.SetIpAddressTypeInput, _ ...func(*elb.Options)) (*elb.SetIpAddressTypeOutput, error) {
	lb, err := s.changeBalancer(aws.ToString(in.LoadBalancerArn), func(_ *store.Tx, lb *loadBalancer) error {
		if lb.Desc.Scheme == types.LoadBalancerSchemeEnumInternal && in.IpAddressType != types.IpAddressTypeIpv4 {
			return badConfiguration("Internal load balancers must use the IP address type 'ipv4'")
		}
		lb.Desc.IpAddressType = in.IpAddressType
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.SetIpAddressTypeOutput{IpAddressType: lb.Desc.IpAddressType}, nil
}

// ModifyIpPools keeps a record.
func (s *Service) ModifyIpPools(_ context.Context, in *elb.ModifyIpPoolsInput, _ ...func(*elb.Options)) (*elb.ModifyIpPoolsOutput, error) {
	lb, err := s.changeBalancer(aws.ToString(in.LoadBalancerArn), func(_ *store.Tx, lb *loadBalancer) error {
		switch {
		case len(in.RemoveIpamPools) > 0:
			lb.Desc.IpamPools = nil
		case in.IpamPools == nil:
			return validation("Either IPAM pools or the ones to remove must be specified")
		default:
			lb.Desc.IpamPools = in.IpamPools
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.ModifyIpPoolsOutput{IpamPools: lb.Desc.IpamPools}, nil
}
