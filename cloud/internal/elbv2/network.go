package elbv2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// noNetwork stands for the VPC of subnets that nobody knows.
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
		v, zone := s.subnet(aws.ToString(m.SubnetId), i)
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

// subnet looks a subnet up; of those that the Network does not know the i-th one stands in
// the i-th zone.
func (s *Service) subnet(id string, i int) (vpc, zone string) {
	if s.Network != nil {
		if vpc, zone, ok := s.Network.Subnet(id); ok {
			return vpc, zone
		}
	}
	return noNetwork, s.Place.Region + string(rune('a'+i%26))
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
