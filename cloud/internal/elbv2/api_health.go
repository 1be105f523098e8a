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

// roster is a group's targets at one moment, by their keys: the registered ones, those that
// drain, and what the balancer knows of both.
type roster struct {
	group     types.TargetGroup
	used      bool // by a listener or a rule
	mitigates bool // sends fewer requests to anomalous targets
	targets   map[string]target
	order     []string
	health    []balancer.Health
}

// DescribeTargetHealth tells of the group's targets, those that drain included, or of the
// ones that are asked for, registered or not.
func (s *Service) DescribeTargetHealth(_ context.Context, in *elb.DescribeTargetHealthInput, _ ...func(*elb.Options)) (*elb.DescribeTargetHealthOutput, error) {
	id := aws.ToString(in.TargetGroupArn)
	if err := checkARN(id, "targetgroup"); err != nil {
		return nil, err
	}
	r, ok := s.roster(id)
	if !ok {
		return nil, errTargetGroups
	}
	keys := r.order
	if len(in.Targets) > 0 {
		keys = nil
		for _, d := range in.Targets {
			d = withPort(r.group, d)
			key := targetKey(id, d)
			if _, ok := r.targets[key]; !ok {
				r.targets[key] = target{Desc: d}
			}
			keys = append(keys, key)
		}
	}
	anomalies := slices.Contains(in.Include, types.DescribeTargetHealthInputIncludeEnumAnomaly) ||
		slices.Contains(in.Include, types.DescribeTargetHealthInputIncludeEnumAll)
	out := &elb.DescribeTargetHealthOutput{TargetHealthDescriptions: []types.TargetHealthDescription{}}
	for _, key := range keys {
		d := r.describe(r.targets[key])
		if anomalies {
			d.AnomalyDetection = r.anomaly(r.targets[key])
		}
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, d)
	}
	return out, nil
}

func (s *Service) roster(id string) (r roster, ok bool) {
	r.targets = map[string]target{}
	s.Store.View(func(tx *store.Tx) {
		var g targetGroup
		if g, ok = s.tables.groups.Get(tx, id); !ok {
			return
		}
		r.group, r.used = g.Desc, len(s.associations(tx)[id]) > 0
		r.mitigates = mitigates(attributesOf(g))
		for key, t := range s.tables.targets.All(tx, targetPrefix(id)) {
			t.Addr = s.targetAddr(tx, t)
			r.targets[key] = t
			r.order = append(r.order, key)
		}
	})
	r.health = s.Balancer.Health(id)
	for _, h := range r.health {
		t := drained(h)
		key := targetKey(id, t.Desc)
		if _, there := r.targets[key]; !there && h.State == string(types.TargetHealthStateEnumDraining) {
			r.targets[key] = t
			r.order = append(r.order, key)
		}
	}
	return r, ok
}

// drained is the target that the balancer still has though it is registered no more.
func drained(h balancer.Health) target {
	if h.Function != "" {
		return target{Desc: types.TargetDescription{Id: aws.String(h.Function), AvailabilityZone: aws.String("all")}, Addr: h.Addr}
	}
	return target{
		Desc: types.TargetDescription{Id: aws.String(h.Addr.Addr().String()), Port: aws.Int32(int32(h.Addr.Port()))},
		Addr: h.Addr,
	}
}

// anomaly tells whether a target fails much more often than the others of its group, and
// whether it gets fewer requests for that.
func (r *roster) anomaly(t target) *types.AnomalyDetection {
	out := &types.AnomalyDetection{Result: types.AnomalyResultEnumNormal, MitigationInEffect: types.MitigationInEffectEnumNo}
	i := slices.IndexFunc(r.health, func(h balancer.Health) bool { return h.Addr == t.Addr })
	if i >= 0 && r.health[i].Anomalous {
		out.Result = types.AnomalyResultEnumAnomalous
		if r.mitigates {
			out.MitigationInEffect = types.MitigationInEffectEnumYes
		}
	}
	return out
}

func (r *roster) describe(t target) types.TargetHealthDescription {
	g := r.group
	out := types.TargetHealthDescription{Target: &t.Desc, HealthCheckPort: g.HealthCheckPort}
	if aws.ToString(g.HealthCheckPort) == trafficPort {
		out.HealthCheckPort = aws.String(portText(t.Desc.Port))
	}
	i := slices.IndexFunc(r.health, func(h balancer.Health) bool { return h.Addr == t.Addr })
	switch {
	case t.Addr == netip.AddrPort{}:
		out.HealthCheckPort = nil
		out.TargetHealth = health(types.TargetHealthStateEnumUnused, types.TargetHealthReasonEnumNotRegistered,
			"Target is not registered to the target group")
	case i < 0 && !r.used:
		out.TargetHealth = health(types.TargetHealthStateEnumUnused, types.TargetHealthReasonEnumNotInUse,
			"Target group is not configured to receive traffic from the load balancer")
	case i < 0:
		out.TargetHealth = health(types.TargetHealthStateEnumInitial, types.TargetHealthReasonEnumRegistrationInProgress,
			"Target registration is in progress")
	default:
		h := r.health[i]
		out.TargetHealth = health(types.TargetHealthStateEnum(h.State), types.TargetHealthReasonEnum(h.Reason), h.Description)
		if h.Port != 0 && h.Function == "" {
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
