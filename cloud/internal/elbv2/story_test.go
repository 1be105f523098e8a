package elbv2

import (
	"net/netip"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
)

// ignoreSerde leaves out the SDK types' unexported marker.
var ignoreSerde = cmpopts.IgnoreUnexported(types.Action{}, types.ForwardActionConfig{}, types.TargetGroupTuple{},
	types.TargetGroupStickinessConfig{}, types.TargetDescription{}, types.TargetHealth{}, types.Tag{},
	types.RuleCondition{}, types.HostHeaderConditionConfig{}, types.PathPatternConditionConfig{}, types.HttpHeaderConditionConfig{})

// A blue/green shift as CodeDeploy makes it: the weights are the balancer's when
// ModifyListener answers, and the group at weight 0 stays in use.
func TestShiftWeights(t *testing.T) {
	s := newScene(t)
	want := []types.Action{{
		Type: types.ActionTypeEnumForward, TargetGroupArn: &s.blue,
		ForwardConfig: &types.ForwardActionConfig{
			TargetGroups:                []types.TargetGroupTuple{{TargetGroupArn: &s.blue, Weight: aws.Int32(1)}},
			TargetGroupStickinessConfig: &types.TargetGroupStickinessConfig{Enabled: aws.Bool(false)},
		},
	}}
	if d := cmp.Diff(want, s.actions(t), ignoreSerde); d != "" {
		t.Errorf("a single group's echo (-want +got):\n%s", d)
	}
	if s.b.group(t, s.green).InUse {
		t.Error("green is in use before anything names it")
	}

	for _, green := range []int{0, 10, 100} {
		_, err := s.ModifyListener(bg, &elb.ModifyListenerInput{
			ListenerArn: &s.listener, DefaultActions: weighted(s.green, green, s.blue, 100-green),
		})
		must(t, 0, err)
		rule := s.b.listener(t, s.listener).Rules[0]
		if d := cmp.Diff([]balancer.Weighted{{Group: s.green, Weight: green}, {Group: s.blue, Weight: 100 - green}},
			rule.Action.Forward.Groups); d != "" {
			t.Errorf("the balancer's weights (-want +got):\n%s", d)
		}
		if !s.b.group(t, s.green).InUse || !s.b.group(t, s.blue).InUse {
			t.Errorf("at %d %%: a group that is named is not in use", green)
		}
		if a := s.actions(t); a[0].TargetGroupArn != nil {
			t.Error("several groups are echoed with a TargetGroupArn")
		}
	}
}

func (s scene) actions(t *testing.T) []types.Action {
	t.Helper()
	out, err := s.DescribeListeners(bg, &elb.DescribeListenersInput{LoadBalancerArn: &s.lb})
	return must(t, out, err).Listeners[0].DefaultActions
}

// A target's life, as DescribeTargetHealth tells it.
func TestTargetLife(t *testing.T) {
	s := newScene(t)
	addr := netip.MustParseAddrPort("10.0.0.7:9000")
	one := []types.TargetDescription{{Id: aws.String("10.0.0.7")}}
	_, err := s.RegisterTargets(bg, &elb.RegisterTargetsInput{TargetGroupArn: &s.green, Targets: one})
	must(t, 0, err)
	s.wantHealth(t, s.green, "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")

	_, err = s.ModifyListener(bg, &elb.ModifyListenerInput{ListenerArn: &s.listener, DefaultActions: weighted(s.blue, 100, s.green, 0)})
	must(t, 0, err)
	s.wantHealth(t, s.green, "initial", "Elb.RegistrationInProgress", "Target registration is in progress")
	if got := s.b.group(t, s.green).Targets; len(got) != 1 || got[0].Addr != addr {
		t.Errorf("the balancer's targets are %v", got)
	}

	s.b.setHealth(s.green, balancer.Health{Addr: addr, Port: 9000, State: "healthy"})
	s.wantHealth(t, s.green, "healthy", "", "")

	_, err = s.DeregisterTargets(bg, &elb.DeregisterTargetsInput{TargetGroupArn: &s.green, Targets: one})
	must(t, 0, err)
	s.b.setHealth(s.green, balancer.Health{
		Addr: addr, Port: 9000, State: "draining", Reason: "Target.DeregistrationInProgress", Description: "Target deregistration is in progress",
	})
	s.wantHealth(t, s.green, "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")

	s.b.setHealth(s.green)
	out, err := s.DescribeTargetHealth(bg, &elb.DescribeTargetHealthInput{TargetGroupArn: &s.green})
	if n := len(must(t, out, err).TargetHealthDescriptions); n != 0 {
		t.Errorf("%d targets are left after draining", n)
	}
	out, err = s.DescribeTargetHealth(bg, &elb.DescribeTargetHealthInput{TargetGroupArn: &s.green, Targets: one})
	h := must(t, out, err).TargetHealthDescriptions[0]
	if h.TargetHealth.State != "unused" || h.TargetHealth.Reason != "Target.NotRegistered" {
		t.Errorf("a target that is gone is %s, %s", h.TargetHealth.State, h.TargetHealth.Reason)
	}
}

func (s scene) wantHealth(t *testing.T, group, state, reason, description string) {
	t.Helper()
	out, err := s.DescribeTargetHealth(bg, &elb.DescribeTargetHealthInput{TargetGroupArn: &group})
	ds := must(t, out, err).TargetHealthDescriptions
	if len(ds) != 1 {
		t.Fatalf("%d targets, want 1", len(ds))
	}
	want := types.TargetHealth{State: types.TargetHealthStateEnum(state), Reason: types.TargetHealthReasonEnum(reason)}
	if description != "" {
		want.Description = &description
	}
	if d := cmp.Diff(want, *ds[0].TargetHealth, ignoreSerde); d != "" {
		t.Errorf("health (-want +got):\n%s", d)
	}
	if *ds[0].HealthCheckPort != "9000" {
		t.Errorf("health check port is %s", *ds[0].HealthCheckPort)
	}
}
