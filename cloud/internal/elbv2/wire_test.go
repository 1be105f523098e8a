package elbv2

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// client is the SDK's, reaching s without a socket.
func client(s *Service) *elb.Client {
	h := wire.NewServer(wire.Options{Services: []*wire.Service{wire.ELBv2(s.Ops())}})
	return elb.New(elb.Options{
		Region: place.Region, BaseEndpoint: aws.String("http://cloud.local"), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", ""),
		HTTPClient:  &http.Client{Transport: wire.Transport(h)},
	})
}

// The real client, over awsQuery: what goes in comes out, and errors keep code and text.
func TestOverTheWire(t *testing.T) {
	s := newScene(t)
	c := client(s.Service)
	_, err := c.ModifyListener(bg, &elb.ModifyListenerInput{ListenerArn: &s.listener, DefaultActions: weighted(s.green, 0, s.blue, 100)})
	must(t, 0, err)
	got, err := c.DescribeListeners(bg, &elb.DescribeListenersInput{ListenerArns: []string{s.listener}})
	want := weighted(s.green, 0, s.blue, 100)
	want[0].ForwardConfig.TargetGroupStickinessConfig = &types.TargetGroupStickinessConfig{Enabled: aws.Bool(false)}
	if d := cmp.Diff(want, must(t, got, err).Listeners[0].DefaultActions, ignoreSerde); d != "" {
		t.Errorf("actions (-want +got):\n%s", d)
	}

	made, err := c.CreateRule(bg, &elb.CreateRuleInput{
		ListenerArn: &s.listener, Priority: aws.Int32(7), Actions: forward(s.green),
		Conditions: []types.RuleCondition{{Field: aws.String("host-header"), HostHeaderConfig: &types.HostHeaderConditionConfig{Values: []string{"a.example", "b.example"}}}},
	})
	if r := must(t, made, err).Rules[0]; *r.Priority != "7" || len(r.Conditions[0].Values) != 2 {
		t.Errorf("made the rule %+v", r)
	}
	groups, err := c.DescribeTargetGroups(bg, &elb.DescribeTargetGroupsInput{LoadBalancerArn: &s.lb})
	if g := must(t, groups, err).TargetGroups; len(g) != 2 || *g[0].HealthCheckPath != "/" || g[0].LoadBalancerArns[0] != s.lb {
		t.Errorf("the load balancer's groups are %+v", g)
	}
	_, err = c.DeleteTargetGroup(bg, &elb.DeleteTargetGroupInput{TargetGroupArn: &s.blue})
	wantError(t, err, "ResourceInUse", "Target group '"+s.blue+"' is currently in use by a listener or a rule")
	_, err = c.DescribeLoadBalancers(bg, &elb.DescribeLoadBalancersInput{Names: []string{"none"}})
	wantError(t, err, "LoadBalancerNotFound", "Load balancers '[none]' not found")
}
