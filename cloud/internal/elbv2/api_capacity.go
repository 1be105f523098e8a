package elbv2

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const decreases = 2 // of a reservation a day

// reservation is what is told of a load balancer's reserved units: they are provisioned
// in all zones, in equal shares.
func reservation(lb loadBalancer) (*types.MinimumLoadBalancerCapacity, []types.ZonalCapacityReservationState) {
	if lb.Capacity == 0 {
		return nil, nil
	}
	var zones []types.ZonalCapacityReservationState
	share := float64(lb.Capacity) / float64(len(lb.Desc.AvailabilityZones))
	for _, z := range lb.Desc.AvailabilityZones {
		zones = append(zones, types.ZonalCapacityReservationState{
			AvailabilityZone: z.ZoneName, EffectiveCapacityUnits: aws.Float64(share),
			State: &types.CapacityReservationStatus{Code: types.CapacityReservationStateEnumProvisioned},
		})
	}
	return &types.MinimumLoadBalancerCapacity{CapacityUnits: aws.Int32(lb.Capacity)}, zones
}

// DescribeCapacityReservation returns a record.
func (s *Service) DescribeCapacityReservation(_ context.Context, in *elb.DescribeCapacityReservationInput, _ ...func(*elb.Options)) (*elb.DescribeCapacityReservationOutput, error) {
	lb, err := s.balancerByARN(aws.ToString(in.LoadBalancerArn))
	if err != nil {
		return nil, err
	}
	out := &elb.DescribeCapacityReservationOutput{DecreaseRequestsRemaining: aws.Int32(decreases)}
	out.MinimumLoadBalancerCapacity, out.CapacityReservationState = reservation(lb)
	return out, nil
}

// ModifyCapacityReservation keeps a record.
func (s *Service) ModifyCapacityReservation(_ context.Context, in *elb.ModifyCapacityReservationInput, _ ...func(*elb.Options)) (*elb.ModifyCapacityReservationOutput, error) {
	lb, err := s.changeBalancer(aws.ToString(in.LoadBalancerArn), func(_ *store.Tx, lb *loadBalancer) error {
		switch {
		case aws.ToBool(in.ResetCapacityReservation):
			lb.Capacity = 0
		case in.MinimumLoadBalancerCapacity == nil:
			return validation("Either a minimum load balancer capacity or a reset must be specified")
		default:
			lb.Capacity = aws.ToInt32(in.MinimumLoadBalancerCapacity.CapacityUnits)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &elb.ModifyCapacityReservationOutput{
		DecreaseRequestsRemaining: aws.Int32(decreases), LastModifiedTime: aws.Time(s.Clock.Now()),
	}
	out.MinimumLoadBalancerCapacity, out.CapacityReservationState = reservation(lb)
	return out, nil
}

// accountLimits are AWS's default quotas; the service keeps those that are named in its
// own constants.
var accountLimits = []struct {
	name string
	max  int
}{
	{"application-load-balancers", 50},
	{"condition-values-per-alb-rule", maxConditionValues},
	{"condition-wildcards-per-alb-rule", maxWildcards},
	{"certificates-per-application-load-balancer", maxCertificates},
	{"certificates-per-network-load-balancer", maxCertificates},
	{"listeners-per-application-load-balancer", maxListeners},
	{"listeners-per-network-load-balancer", maxListeners},
	{"network-load-balancers", 50},
	{"rules-per-application-load-balancer", maxRules},
	{"target-groups", 3000},
	{"target-groups-per-action-on-application-load-balancer", maxForwardGroups},
	{"target-groups-per-action-on-network-load-balancer", maxForwardGroups},
	{"target-groups-per-application-load-balancer", maxBalancerGroups},
	{"targets-per-application-load-balancer", maxTargets},
	{"targets-per-availability-zone-per-network-load-balancer", 500},
	{"targets-per-network-load-balancer", 3000},
	{"target-id-registrations-per-application-load-balancer", maxTargets},
}

// DescribeAccountLimits returns the quotas.
func (s *Service) DescribeAccountLimits(_ context.Context, in *elb.DescribeAccountLimitsInput, _ ...func(*elb.Options)) (*elb.DescribeAccountLimitsOutput, error) {
	all := []types.Limit{}
	for _, l := range accountLimits {
		all = append(all, types.Limit{Name: aws.String(l.name), Max: aws.String(strconv.Itoa(l.max))})
	}
	part, next, err := cut(all, func(l types.Limit) string { return *l.Name }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elb.DescribeAccountLimitsOutput{Limits: part, NextMarker: next}, nil
}
