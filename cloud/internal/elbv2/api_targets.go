package elbv2

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func portText(p *int32) string { return strconv.Itoa(int(aws.ToInt32(p))) }

// RegisterTargets adds targets; the same address and port again changes nothing.
func (s *Service) RegisterTargets(_ context.Context, in *elb.RegisterTargetsInput, _ ...func(*elb.Options)) (*elb.RegisterTargetsOutput, error) {
	id := aws.ToString(in.TargetGroupArn)
	if err := checkARN(id, "targetgroup"); err != nil {
		return nil, err
	}
	if len(in.Targets) == 0 {
		return nil, validation("At least one target must be specified")
	}
	if err := s.mayInvokeAll(id, in.Targets); err != nil {
		return nil, err
	}
	err := s.change(func(tx *store.Tx) error {
		g, ok := s.tables.groups.Get(tx, id)
		if !ok {
			return noTargetGroup(id)
		}
		for _, d := range in.Targets {
			t, err := s.newTarget(tx, g.Desc, d)
			if err != nil {
				return err
			}
			s.tables.targets.Put(tx, targetKey(id, t.Desc), t)
		}
		n := 0
		for range s.tables.targets.All(tx, targetPrefix(id)) {
			n++
		}
		most := maxTargets
		if isFunction(g.Desc) {
			most = 1
		}
		if n > most {
			return &types.TooManyTargetsException{Message: text("The maximum number of targets per target group is '%d'", most)}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.RegisterTargetsOutput{}, nil
}

func (s *Service) newTarget(tx *store.Tx, g types.TargetGroup, d types.TargetDescription) (target, error) {
	d = withPort(g, d)
	switch g.TargetType {
	case types.TargetTypeEnumIp:
		addr, err := netip.ParseAddr(*d.Id)
		if err != nil {
			return target{}, validation("The IP address '%s' is not a valid IPv4 address", *d.Id)
		}
		if d.AvailabilityZone == nil {
			d.AvailabilityZone = aws.String(s.Place.Region + "a")
		}
		return target{Desc: d, Addr: netip.AddrPortFrom(addr.Unmap(), uint16(*d.Port))}, nil
	case types.TargetTypeEnumLambda:
		return functionTarget(d)
	case types.TargetTypeEnumAlb:
		return target{Desc: d}, s.checkBalancerTarget(tx, d)
	}
	return target{}, &types.InvalidTargetException{Message: text(
		"The following targets are not in a running state and cannot be registered: '%s'", *d.Id)}
}

// checkBalancerTarget wants an application load balancer with a listener on the port.
func (s *Service) checkBalancerTarget(tx *store.Tx, d types.TargetDescription) error {
	for _, l := range s.tables.listeners.All(tx, listenerPrefix(*d.Id)) {
		if *l.Desc.Port == *d.Port && !isNetwork(*d.Id) {
			return nil
		}
	}
	return &types.InvalidTargetException{Message: text(
		"The Application Load Balancer '%s' must have a listener on port '%d'", *d.Id, *d.Port)}
}

// withPort is d with the group's port where it has none of its own.
func withPort(g types.TargetGroup, d types.TargetDescription) types.TargetDescription {
	d.Id = aws.String(aws.ToString(d.Id))
	if d.Port == nil {
		d.Port = g.Port
	}
	return d
}

// DeregisterTargets takes targets away; they drain. Without a port all of the address's
// go. One that is not registered is no error.
func (s *Service) DeregisterTargets(_ context.Context, in *elb.DeregisterTargetsInput, _ ...func(*elb.Options)) (*elb.DeregisterTargetsOutput, error) {
	id := aws.ToString(in.TargetGroupArn)
	if err := checkARN(id, "targetgroup"); err != nil {
		return nil, err
	}
	err := s.change(func(tx *store.Tx) error {
		if _, ok := s.tables.groups.Get(tx, id); !ok {
			return noTargetGroup(id)
		}
		for _, d := range in.Targets {
			prefix := targetPrefix(id) + aws.ToString(d.Id) + " "
			if d.Port != nil {
				prefix += portText(d.Port)
			}
			for key := range s.tables.targets.All(tx, prefix) {
				if d.Port == nil || strings.EqualFold(key, prefix) { // not port 80 for 8080
					s.tables.targets.Delete(tx, key)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.DeregisterTargetsOutput{}, nil
}
