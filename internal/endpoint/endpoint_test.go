package endpoint

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
)

func TestTheGroupsListeners(t *testing.T) {
	route := func(arns ...string) *cdtypes.TrafficRoute { return &cdtypes.TrafficRoute{ListenerArns: arns} }
	pairs := func(all ...cdtypes.TargetGroupPairInfo) *cdtypes.DeploymentGroupInfo {
		return &cdtypes.DeploymentGroupInfo{LoadBalancerInfo: &cdtypes.LoadBalancerInfo{TargetGroupPairInfoList: all}}
	}
	for _, c := range []struct {
		group            *cdtypes.DeploymentGroupInfo
		production, test string
	}{
		{nil, "", ""}, {&cdtypes.DeploymentGroupInfo{}, "", ""}, {pairs(), "", ""},
		{pairs(cdtypes.TargetGroupPairInfo{ProdTrafficRoute: route("p")}), "p", ""},
		{pairs(cdtypes.TargetGroupPairInfo{ProdTrafficRoute: route("p", "q"), TestTrafficRoute: route("t")}), "p", "t"},
		{pairs(cdtypes.TargetGroupPairInfo{ProdTrafficRoute: route()}, cdtypes.TargetGroupPairInfo{ProdTrafficRoute: route("p")}), "p", ""},
	} {
		if p, x := Production(c.group), Test(c.group); p != c.production || x != c.test {
			t.Errorf("%q, %q; want %q, %q", p, x, c.production, c.test)
		}
	}
}

func TestWhereAListenerIsReached(t *testing.T) {
	for protocol, want := range map[elbtypes.ProtocolEnum]string{"HTTP": "http://lb.example:8080", "HTTPS": "https://lb.example:8080", "TLS": "https://lb.example:8080", "TCP": "http://lb.example:8080"} {
		a, cloud := awstest.New(t,
			awstest.Always[elb.DescribeListenersInput](&elb.DescribeListenersOutput{Listeners: []elbtypes.Listener{{Protocol: protocol, Port: aws.Int32(8080)}}}),
			awstest.Always[elb.DescribeLoadBalancersInput](&elb.DescribeLoadBalancersOutput{LoadBalancers: []elbtypes.LoadBalancer{{DNSName: aws.String("lb.example")}}}))
		if got, err := URL(t.Context(), a.ELB(), "l"); got != want || err != nil {
			t.Errorf("%s: %s, %v", protocol, got, err)
		}
		cloud.Set(awstest.Always[elb.DescribeLoadBalancersInput](&elb.DescribeLoadBalancersOutput{}))
		if _, err := URL(t.Context(), a.ELB(), "l"); err == nil || err.Error() != "the load balancer of listener l is gone" {
			t.Error(err)
		}
		cloud.Set(awstest.Always[elb.DescribeListenersInput](&elb.DescribeListenersOutput{}))
		if _, err := URL(t.Context(), a.ELB(), "l"); err == nil || err.Error() != "listener l is gone" {
			t.Error(err)
		}
	}
}

func TestTheListenerThatForwards(t *testing.T) {
	listener := func(arn string, actions ...elbtypes.Action) elbtypes.Listener {
		return elbtypes.Listener{ListenerArn: &arn, DefaultActions: actions}
	}
	to := func(groups ...string) elbtypes.Action {
		c := &elbtypes.ForwardActionConfig{}
		for _, g := range groups {
			c.TargetGroups = append(c.TargetGroups, elbtypes.TargetGroupTuple{TargetGroupArn: &g})
		}
		return elbtypes.Action{ForwardConfig: c}
	}
	a, cloud := awstest.New(t,
		awstest.Always[elb.DescribeTargetGroupsInput](&elb.DescribeTargetGroupsOutput{TargetGroups: []elbtypes.TargetGroup{{LoadBalancerArns: []string{"one", "two"}}}}),
		awstest.On(func(in *elb.DescribeListenersInput) (*elb.DescribeListenersOutput, error) {
			if *in.LoadBalancerArn == "one" {
				return &elb.DescribeListenersOutput{Listeners: []elbtypes.Listener{listener("redirect", elbtypes.Action{Type: "redirect"}), listener("other", to("x", "y"))}}, nil
			}
			return &elb.DescribeListenersOutput{Listeners: []elbtypes.Listener{listener("plain", elbtypes.Action{TargetGroupArn: aws.String("b")}), listener("weighted", to("x", "g"))}}, nil
		}))
	for group, want := range map[string]string{"g": "weighted", "b": "plain", "none": ""} {
		if got, err := Forwarding(t.Context(), a.ELB(), group); got != want || err != nil {
			t.Errorf("%s: %q, %v", group, got, err)
		}
	}
	cloud.Set(awstest.Always[elb.DescribeTargetGroupsInput](&elb.DescribeTargetGroupsOutput{}))
	if got, err := Forwarding(t.Context(), a.ELB(), "g"); got != "" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
