package elbv2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// noNetwork stands for the VPC that all subnets are in when nobody knows subnets.
const noNetwork = "vpc-00000000000000001"

// zones tells in which availability zones a load balancer stands, and in which VPC.
func (s *Service) zones(kind types.LoadBalancerTypeEnum, subnets []string, mappings []types.SubnetMapping) ([]types.AvailabilityZone, *string, error) {
	if len(subnets) > 0 && len(mappings) > 0 {
		return nil, nil, validation("Only one of subnets or subnet mappings may be specified")
	}
	for _, id := range subnets {
		mappings = append(mappings, types.SubnetMapping{SubnetId: aws.String(id)})
	}
	if len(mappings) == 0 {
		return nil, nil, validation("A load balancer must be attached to at least one subnet")
	}
	var out []types.AvailabilityZone
	var vpc string
	seen := map[string]bool{}
	for i, m := range mappings {
		v, zone, err := s.subnet(aws.ToString(m.SubnetId), i)
		if err != nil {
			return nil, nil, err
		}
		if vpc != "" && v != vpc {
			return nil, nil, badConfiguration("All subnets must belong to the same VPC: '%s'", vpc)
		}
		if seen[zone] {
			return nil, nil, badConfiguration("A load balancer cannot be attached to multiple subnets in the same Availability Zone")
		}
		vpc, seen[zone] = v, true
		out = append(out, availabilityZone(kind, m, zone))
	}
	if kind == types.LoadBalancerTypeEnumApplication && len(out) < 2 {
		return nil, nil, validation("At least two subnets in two different Availability Zones must be specified")
	}
	return out, aws.String(vpc), nil
}

// subnet looks a subnet up; without a Network the i-th one stands in the i-th zone.
func (s *Service) subnet(id string, i int) (vpc, zone string, err error) {
	if s.Network == nil {
		return noNetwork, s.Place.Region + string(rune('a'+i%26)), nil
	}
	vpc, zone, ok := s.Network.Subnet(id)
	if !ok {
		return "", "", &types.SubnetNotFoundException{Message: text("The subnet ID '%s' does not exist", id)}
	}
	return vpc, zone, nil
}

func availabilityZone(kind types.LoadBalancerTypeEnum, m types.SubnetMapping, zone string) types.AvailabilityZone {
	z := types.AvailabilityZone{SubnetId: m.SubnetId, ZoneName: aws.String(zone), LoadBalancerAddresses: []types.LoadBalancerAddress{}}
	if kind == types.LoadBalancerTypeEnumNetwork && (m.AllocationId != nil || m.PrivateIPv4Address != nil) {
		z.LoadBalancerAddresses = append(z.LoadBalancerAddresses, types.LoadBalancerAddress{
			AllocationId: m.AllocationId, PrivateIPv4Address: m.PrivateIPv4Address, IPv6Address: m.IPv6Address,
		})
	}
	return z
}

func (s *Service) securityGroups(ids []string) ([]string, error) {
	for _, id := range ids {
		if s.Network != nil && !s.Network.SecurityGroup(id) {
			return nil, &types.InvalidSecurityGroupException{Message: text("The security group ID '%s' does not exist", id)}
		}
	}
	return append([]string{}, ids...), nil
}
