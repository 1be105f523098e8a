package elbv2

import (
	"context"
	"net/netip"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// DescribeTargetHealth tells of the group's targets, those that drain included, or of the
// ones that are asked for, registered or not.
func (s *Service) DescribeTargetHealth(_ context.Context, in *elb.DescribeTargetHealthInput, _ ...func(*elb.Options)) (*elb.DescribeTargetHealthOutput, error) {
	id := aws.ToString(in.TargetGroupArn)
	if err := checkARN(id, "targetgroup"); err != nil {
		return nil, err
	}
	var g targetGroup
	var ok, used bool
	known := map[string]target{}
	var order []string
	s.Store.View(func(tx *store.Tx) {
		if g, ok = s.tables.groups.Get(tx, id); !ok {
			return
		}
		used = len(s.associations(tx)[id]) > 0
		for key, t := range s.tables.targets.All(tx, targetPrefix(id)) {
			t.Addr = s.targetAddr(tx, t)
			known[key] = t
			order = append(order, key)
		}
	})
	if !ok {
		return nil, errTargetGroups
	}
	now := s.Balancer.Health(id)
	for _, h := range now {
		if t := drained(h); h.State == string(types.TargetHealthStateEnumDraining) && known[targetKey(id, t.Desc)].Desc.Id == nil {
			known[targetKey(id, t.Desc)] = t
			order = append(order, targetKey(id, t.Desc))
		}
	}
	if len(in.Targets) > 0 {
		order = nil
		for _, d := range in.Targets {
			d = withPort(g.Desc, d)
			key := targetKey(id, d)
			if _, ok := known[key]; !ok {
				known[key] = target{Desc: d}
			}
			order = append(order, key)
		}
	}
	anomalies := slices.Contains(in.Include, types.DescribeTargetHealthInputIncludeEnumAnomaly) ||
		slices.Contains(in.Include, types.DescribeTargetHealthInputIncludeEnumAll)
	out := &elb.DescribeTargetHealthOutput{TargetHealthDescriptions: []types.TargetHealthDescription{}}
	for _, key := range order {
		d := describeHealth(g.Desc, known[key], now, used)
		if anomalies {
			d.AnomalyDetection = &types.AnomalyDetection{
				Result: types.AnomalyResultEnumNormal, MitigationInEffect: types.MitigationInEffectEnumNo,
			}
		}
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, d)
	}
	return out, nil
}

// drained is the target that the balancer still has though it is registered no more.
func drained(h balancer.Health) target {
	return target{
		Desc: types.TargetDescription{Id: aws.String(h.Addr.Addr().String()), Port: aws.Int32(int32(h.Addr.Port()))},
		Addr: h.Addr,
	}
}

func describeHealth(g types.TargetGroup, t target, now []balancer.Health, used bool) types.TargetHealthDescription {
	out := types.TargetHealthDescription{Target: &t.Desc, HealthCheckPort: g.HealthCheckPort}
	if aws.ToString(g.HealthCheckPort) == trafficPort {
		out.HealthCheckPort = aws.String(portText(t.Desc.Port))
	}
	i := slices.IndexFunc(now, func(h balancer.Health) bool { return h.Addr == t.Addr })
	switch {
	case t.Addr == netip.AddrPort{}:
		out.HealthCheckPort = nil
		out.TargetHealth = health(types.TargetHealthStateEnumUnused, types.TargetHealthReasonEnumNotRegistered,
			"Target is not registered to the target group")
	case i < 0 && !used:
		out.TargetHealth = health(types.TargetHealthStateEnumUnused, types.TargetHealthReasonEnumNotInUse,
			"Target group is not configured to receive traffic from the load balancer")
	case i < 0:
		out.TargetHealth = health(types.TargetHealthStateEnumInitial, types.TargetHealthReasonEnumRegistrationInProgress,
			"Target registration is in progress")
	default:
		h := now[i]
		out.TargetHealth = health(types.TargetHealthStateEnum(h.State), types.TargetHealthReasonEnum(h.Reason), h.Description)
		if h.Port != 0 {
			out.HealthCheckPort = aws.String(strconv.Itoa(int(h.Port)))
		}
	}
	if isHTTP(g.Protocol) && out.TargetHealth.Reason != types.TargetHealthReasonEnumNotRegistered {
		out.AdministrativeOverride = &types.AdministrativeOverride{
			State:       types.TargetAdministrativeOverrideStateEnumNoOverride,
			Reason:      types.TargetAdministrativeOverrideReasonEnumNoOverrideEngaged,
			Description: aws.String("No override is currently active on target"),
		}
	}
	return out
}

func health(state types.TargetHealthStateEnum, reason types.TargetHealthReasonEnum, description string) *types.TargetHealth {
	h := &types.TargetHealth{State: state, Reason: reason}
	if description != "" {
		h.Description = aws.String(description)
	}
	return h
}
