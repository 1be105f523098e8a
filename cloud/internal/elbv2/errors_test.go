package elbv2

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

const nowhere = "arn:aws:elasticloadbalancing:us-east-1:123456789012:"

func TestCreateLoadBalancerRefuses(t *testing.T) {
	s, _ := newService(t)
	s.balancer(t, "web")
	two := []string{"subnet-a", "subnet-b"}
	for _, tc := range []struct {
		name          string
		in            elb.CreateLoadBalancerInput
		code, message string
	}{
		{"other settings", elb.CreateLoadBalancerInput{Name: aws.String("web"), Subnets: two}, "DuplicateLoadBalancerName", "A load balancer with the same name 'web' exists, but with different settings"},
		{"one subnet", elb.CreateLoadBalancerInput{Name: aws.String("a"), Subnets: two[:1]}, "ValidationError", "At least two subnets in two different Availability Zones must be specified"},
		{"no subnet", elb.CreateLoadBalancerInput{Name: aws.String("a")}, "ValidationError", "A load balancer must be attached to at least one subnet"},
		{"subnets in two ways", elb.CreateLoadBalancerInput{Name: aws.String("a"), Subnets: two, SubnetMappings: make([]types.SubnetMapping, 1)}, "ValidationError", "Only one of subnets or subnet mappings may be specified"},
		{"a long name", elb.CreateLoadBalancerInput{Name: aws.String(strings.Repeat("a", 33)), Subnets: two}, "ValidationError", "The load balancer name '" + strings.Repeat("a", 33) + "' cannot be longer than '32' characters"},
		{"a name with an underscore", elb.CreateLoadBalancerInput{Name: aws.String("a_b"), Subnets: two}, "ValidationError", "The load balancer name 'a_b' can only contain characters that are alphanumeric characters or hyphens(-)"},
		{"a hyphen at the end", elb.CreateLoadBalancerInput{Name: aws.String("a-"), Subnets: two}, "ValidationError", "The load balancer name 'a-' cannot end with a hyphen(-)"},
		{"internal-", elb.CreateLoadBalancerInput{Name: aws.String("internal-a"), Subnets: two}, "ValidationError", "The load balancer name 'internal-a' cannot begin with 'internal-'"},
		{"gateway", elb.CreateLoadBalancerInput{Name: aws.String("a"), Subnets: two, Type: types.LoadBalancerTypeEnumGateway}, "InvalidConfigurationRequest", "Load balancers of type 'gateway' are not offered by the local cloud"},
		{"a tag twice", elb.CreateLoadBalancerInput{Name: aws.String("a"), Subnets: two, Tags: []types.Tag{{Key: aws.String("k")}, {Key: aws.String("k")}}}, "DuplicateTagKeys", "Tag key 'k' was specified more than once"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := s.CreateLoadBalancer(bg, &tc.in)
			wantError(t, err, tc.code, tc.message)
		})
	}
}

func TestCreateTargetGroupRefuses(t *testing.T) {
	s, _ := newService(t)
	s.targetGroup(t, "blue")
	for _, tc := range []struct {
		name          string
		change        func(*elb.CreateTargetGroupInput)
		code, message string
	}{
		{"other settings", func(in *elb.CreateTargetGroupInput) { in.Name, in.Port = aws.String("blue"), aws.Int32(1) }, "DuplicateTargetGroupName", "A target group with the same name 'blue' exists, but with different settings"},
		{"an underscore", func(in *elb.CreateTargetGroupInput) { in.Name = aws.String("a_b") }, "ValidationError", "Target group name 'a_b' can only contain characters that are alphanumeric characters or hyphens(-)"},
		{"no protocol", func(in *elb.CreateTargetGroupInput) { in.Protocol = "" }, "ValidationError", "A protocol must be specified"},
		{"no port", func(in *elb.CreateTargetGroupInput) { in.Port = nil }, "ValidationError", "A port must be specified"},
		{"no port that is one", func(in *elb.CreateTargetGroupInput) { in.Port = aws.Int32(70000) }, "ValidationError", "Port '70000' must be between '1' and '65535' inclusive"},
		{"no VPC", func(in *elb.CreateTargetGroupInput) { in.VpcId = nil }, "ValidationError", "A VPC ID must be specified"},
		{"a lambda's port", func(in *elb.CreateTargetGroupInput) {
			in.TargetType, in.Protocol, in.VpcId = types.TargetTypeEnumLambda, "", nil
		}, "ValidationError", "Port cannot be specified for target groups with target type 'lambda'"},
		{"UDP", func(in *elb.CreateTargetGroupInput) { in.Protocol = types.ProtocolEnumUdp }, "InvalidConfigurationRequest", "Target group protocol 'UDP' is not offered by the local cloud"},
		{"HTTP/3", func(in *elb.CreateTargetGroupInput) { in.ProtocolVersion = aws.String("HTTP3") }, "ValidationError", "Protocol version 'HTTP3' must be one of 'GRPC, HTTP1, HTTP2'"},
		{"a version of TCP", func(in *elb.CreateTargetGroupInput) {
			in.Protocol, in.ProtocolVersion = types.ProtocolEnumTcp, aws.String("HTTP1")
		}, "InvalidConfigurationRequest", "Protocol version is not supported for target groups with the protocol 'TCP'"},
		{"HTTP to a load balancer", func(in *elb.CreateTargetGroupInput) { in.TargetType = types.TargetTypeEnumAlb }, "InvalidConfigurationRequest", "Target type 'alb' is not supported for target groups with the protocol 'HTTP'"},
		{"checks by TCP", func(in *elb.CreateTargetGroupInput) { in.HealthCheckProtocol = types.ProtocolEnumTcp }, "InvalidConfigurationRequest", "Health check protocol 'TCP' is not supported for target groups with the protocol 'HTTP'"},
		{"checks by UDP", func(in *elb.CreateTargetGroupInput) { in.HealthCheckProtocol = types.ProtocolEnumUdp }, "InvalidConfigurationRequest", "Health check protocol 'UDP' is not supported"},
		{"no checks", func(in *elb.CreateTargetGroupInput) { in.HealthCheckEnabled = aws.Bool(false) }, "InvalidConfigurationRequest", "Health check enabled must be true for target groups with target type 'ip'"},
		{"a short interval", func(in *elb.CreateTargetGroupInput) { in.HealthCheckIntervalSeconds = aws.Int32(1) }, "ValidationError", "Health check interval '1' must be between '5' and '300' inclusive"},
		{"a long time-out", func(in *elb.CreateTargetGroupInput) { in.HealthCheckTimeoutSeconds = aws.Int32(30) }, "ValidationError", "Health check interval must be greater than the timeout."},
		{"one success", func(in *elb.CreateTargetGroupInput) { in.HealthyThresholdCount = aws.Int32(1) }, "ValidationError", "Healthy threshold count '1' must be between '2' and '10' inclusive"},
		{"a path without a slash", func(in *elb.CreateTargetGroupInput) { in.HealthCheckPath = aws.String("healthz") }, "ValidationError", "Health check path 'healthz' must begin with a '/' character"},
		{"a port's name", func(in *elb.CreateTargetGroupInput) { in.HealthCheckPort = aws.String("http") }, "ValidationError", "Health check port 'http' must be 'traffic-port' or a port number"},
		{"a matcher for TCP", func(in *elb.CreateTargetGroupInput) {
			in.Protocol, in.Matcher = types.ProtocolEnumTcp, &types.Matcher{HttpCode: aws.String("200")}
		}, "InvalidConfigurationRequest", "Custom health check matchers are not supported for health checks for target groups with the TCP protocol"},
		{"an interval of 5 and no time-out", func(in *elb.CreateTargetGroupInput) { in.HealthCheckIntervalSeconds = aws.Int32(5) }, "ValidationError", "Health check interval must be greater than the timeout."},
		{"a matcher of 500", func(in *elb.CreateTargetGroupInput) { in.Matcher = &types.Matcher{HttpCode: aws.String("200,500")} }, "ValidationError", "Health check matcher HTTP code '200,500' must be within '200-499' inclusive"},
		{"a matcher of words", func(in *elb.CreateTargetGroupInput) { in.Matcher = &types.Matcher{HttpCode: aws.String("ok")} }, "ValidationError", "Health check matcher HTTP code 'ok' must be within '200-499' inclusive"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := &elb.CreateTargetGroupInput{
				Name: aws.String("new"), Protocol: types.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: aws.String("vpc-1"),
				TargetType: types.TargetTypeEnumIp,
			}
			tc.change(in)
			_, err := s.CreateTargetGroup(bg, in)
			wantError(t, err, tc.code, tc.message)
		})
	}
}

func TestCreateListenerRefuses(t *testing.T) {
	s := newScene(t)
	other := s.balancer(t, "other")
	tcp, err := s.CreateTargetGroup(bg, &elb.CreateTargetGroupInput{Name: aws.String("tcp"), Protocol: types.ProtocolEnumTcp, Port: aws.Int32(1), VpcId: aws.String("v")})
	tcpARN := *must(t, tcp, err).TargetGroups[0].TargetGroupArn
	grpcOut, err := s.CreateTargetGroup(bg, &elb.CreateTargetGroupInput{Name: aws.String("grpc"), Protocol: "HTTP", ProtocolVersion: aws.String("GRPC"), Port: aws.Int32(1), VpcId: aws.String("v")})
	grpcARN := *must(t, grpcOut, err).TargetGroups[0].TargetGroupArn
	many := weighted()
	for i := range 6 {
		many[0].ForwardConfig.TargetGroups = append(many[0].ForwardConfig.TargetGroups, types.TargetGroupTuple{TargetGroupArn: aws.String(s.blue + string(rune('0'+i)))})
	}
	redirect := func(r types.RedirectActionConfig) []types.Action {
		return []types.Action{{Type: types.ActionTypeEnumRedirect, RedirectConfig: &r}}
	}
	certificate := []types.Certificate{{CertificateArn: aws.String("arn:aws:acm:us-east-1:123456789012:certificate/x")}}
	for _, tc := range []struct {
		name          string
		in            elb.CreateListenerInput
		code, message string
	}{
		{"a port that is taken", elb.CreateListenerInput{Port: aws.Int32(80)}, "DuplicateListener", "A listener already exists on this port for this load balancer '" + s.lb + "'"},
		{"no load balancer", elb.CreateListenerInput{LoadBalancerArn: aws.String(nowhere + "loadbalancer/app/x/1")}, "LoadBalancerNotFound", "Load balancer '" + nowhere + "loadbalancer/app/x/1' not found"},
		{"no ARN", elb.CreateListenerInput{LoadBalancerArn: aws.String("web")}, "ValidationError", "'web' is not a valid load balancer ARN"},
		{"TCP", elb.CreateListenerInput{Protocol: types.ProtocolEnumTcp}, "ValidationError", "Listener protocol 'TCP' must be one of 'HTTP, HTTPS'"},
		{"another's group", elb.CreateListenerInput{LoadBalancerArn: &other}, "TargetGroupAssociationLimit", "The following target groups cannot be associated with more than one load balancer: " + s.blue},
		{"an unknown group", elb.CreateListenerInput{DefaultActions: forward(nowhere + "targetgroup/x/1")}, "TargetGroupNotFound", "Target groups '" + nowhere + "targetgroup/x/1' not found"},
		{"a group of TCP", elb.CreateListenerInput{DefaultActions: forward(tcpARN)}, "IncompatibleProtocols", "The listener and the following target groups have incompatible protocols: " + tcpARN},
		{"no action", elb.CreateListenerInput{DefaultActions: []types.Action{}}, "ValidationError", "You must specify at least one action"},
		{"two actions", elb.CreateListenerInput{DefaultActions: append(forward(s.blue), forward(s.green)...)}, "TooManyActions", "You can specify only one routing action: forward, redirect or fixed-response"},
		{"no group", elb.CreateListenerInput{DefaultActions: []types.Action{{Type: types.ActionTypeEnumForward}}}, "InvalidLoadBalancerAction", "A target group ARN must be specified"},
		{"two different groups", elb.CreateListenerInput{DefaultActions: []types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: &s.blue, ForwardConfig: weighted(s.green, 1)[0].ForwardConfig}}}, "InvalidLoadBalancerAction", "You can specify both a target group list and a top-level target group ARN only if the ARNs match"},
		{"six groups", elb.CreateListenerInput{DefaultActions: many}, "InvalidLoadBalancerAction", "You can specify at most '5' target groups in a forward action"},
		{"a group twice", elb.CreateListenerInput{DefaultActions: weighted(s.blue, 1, s.blue, 2)}, "InvalidLoadBalancerAction", "Target group '" + s.blue + "' is specified more than once"},
		{"a weight of 1000", elb.CreateListenerInput{DefaultActions: weighted(s.blue, 1000)}, "InvalidLoadBalancerAction", "Target group weight '1000' must be between '0' and '999' inclusive"},
		{"sticky for ever", elb.CreateListenerInput{DefaultActions: []types.Action{{Type: types.ActionTypeEnumForward, ForwardConfig: &types.ForwardActionConfig{
			TargetGroups:                weighted(s.blue, 1)[0].ForwardConfig.TargetGroups,
			TargetGroupStickinessConfig: &types.TargetGroupStickinessConfig{Enabled: aws.Bool(true)},
		}}}}, "InvalidLoadBalancerAction", "Target group stickiness duration must be between '1' and '604800' seconds"},
		{"a loop", elb.CreateListenerInput{DefaultActions: redirect(types.RedirectActionConfig{StatusCode: "HTTP_301"})}, "InvalidLoadBalancerAction", "The redirect configuration is not valid because it creates a loop."},
		{"a group of gRPC", elb.CreateListenerInput{DefaultActions: forward(grpcARN)}, "InvalidLoadBalancerAction", "Listener protocol 'HTTP' is not supported with a target group with the protocol-version 'GRPC'"},
		{"HTTPS to HTTP", elb.CreateListenerInput{Protocol: types.ProtocolEnumHttps, Certificates: certificate, DefaultActions: redirect(types.RedirectActionConfig{StatusCode: "HTTP_301", Protocol: aws.String("HTTP")})}, "InvalidLoadBalancerAction", "You cannot redirect HTTPS to HTTP"},
		{"to no path", elb.CreateListenerInput{DefaultActions: redirect(types.RedirectActionConfig{StatusCode: "HTTP_301", Path: aws.String("x")})}, "InvalidLoadBalancerAction", "The Path parameter must be a valid path, should start with a '/', and may contain up to one of each of these placeholders: '#{path}', '#{host}', '#{port}'."},
		{"authentication at HTTPS", elb.CreateListenerInput{Protocol: types.ProtocolEnumHttps, Certificates: certificate, DefaultActions: []types.Action{{Type: types.ActionTypeEnumAuthenticateOidc}}}, "InvalidLoadBalancerAction", "An authenticate-oidc configuration must be specified"},
		{"a redirect of 307", elb.CreateListenerInput{DefaultActions: redirect(types.RedirectActionConfig{StatusCode: "HTTP_307", Port: aws.String("443")})}, "InvalidLoadBalancerAction", "The redirect status code 'HTTP_307' must be one of 'HTTP_301, HTTP_302'"},
		{"a fixed 301", elb.CreateListenerInput{DefaultActions: []types.Action{{Type: types.ActionTypeEnumFixedResponse, FixedResponseConfig: &types.FixedResponseActionConfig{StatusCode: aws.String("301")}}}}, "InvalidLoadBalancerAction", "The fixed response status code '301' must be 2XX, 4XX or 5XX"},
		{"a fixed image", elb.CreateListenerInput{DefaultActions: []types.Action{{Type: types.ActionTypeEnumFixedResponse, FixedResponseConfig: &types.FixedResponseActionConfig{StatusCode: aws.String("200"), ContentType: aws.String("image/png")}}}}, "InvalidLoadBalancerAction", "The ContentType must be one of:'text/html', 'application/json', 'application/javascript', 'text/css', 'text/plain'"},
		{"authentication", elb.CreateListenerInput{DefaultActions: []types.Action{{Type: types.ActionTypeEnumAuthenticateOidc}}}, "InvalidLoadBalancerAction", "Actions of type 'authenticate-oidc' are supported only on HTTPS listeners"},
		{"an unknown action", elb.CreateListenerInput{DefaultActions: []types.Action{{Type: "drop"}}}, "ValidationError", "Action type 'drop' must be one of 'redirect,authenticate-cognito,authenticate-oidc,fixed-response,forward'"},
		{"HTTP with a certificate", elb.CreateListenerInput{Certificates: certificate}, "ValidationError", "A certificate cannot be specified for HTTP listeners"},
		{"HTTP with a policy", elb.CreateListenerInput{SslPolicy: aws.String(defaultPolicy)}, "ValidationError", "An SSL policy cannot be specified for HTTP listeners"},
		{"HTTPS without a certificate", elb.CreateListenerInput{Protocol: types.ProtocolEnumHttps}, "ValidationError", "A certificate must be specified for HTTPS listeners"},
		{"HTTPS with two", elb.CreateListenerInput{Protocol: types.ProtocolEnumHttps, Certificates: append(certificate, certificate...)}, "InvalidConfigurationRequest", "You must provide a list containing exactly one certificate if the listener protocol is HTTPS."},
		{"HTTPS with a word", elb.CreateListenerInput{Protocol: types.ProtocolEnumHttps, Certificates: []types.Certificate{{CertificateArn: aws.String("mine")}}}, "CertificateNotFound", "Certificate 'mine' not found"},
		{"an unknown policy", elb.CreateListenerInput{Protocol: types.ProtocolEnumHttps, Certificates: certificate, SslPolicy: aws.String("old")}, "SSLPolicyNotFound", "SSL policy 'old' not found"},
		{"mutual", elb.CreateListenerInput{MutualAuthentication: &types.MutualAuthenticationAttributes{Mode: aws.String("verify")}}, "InvalidConfigurationRequest", "Mutual authentication is supported only on HTTPS listeners"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := tc.in
			if in.LoadBalancerArn == nil {
				in.LoadBalancerArn = &s.lb
			}
			if in.Protocol == "" {
				in.Protocol = types.ProtocolEnumHttp
			}
			if in.Port == nil {
				in.Port = aws.Int32(8080)
			}
			if in.DefaultActions == nil {
				in.DefaultActions = forward(s.blue)
			}
			_, err := s.CreateListener(bg, &in)
			wantError(t, err, tc.code, tc.message)
		})
	}
	if n := len(s.b.state.Listeners); n != 1 {
		t.Errorf("after refusals the balancer has %d listeners", n)
	}
}

// What is not there, and what stands in the way.
func TestNotFoundAndInUse(t *testing.T) {
	s := newScene(t)
	for _, tc := range []struct {
		name, code, message string
		call                func() error
	}{
		{"load balancers by ARN", "LoadBalancerNotFound", "One or more load balancers not found", func() error {
			_, err := s.DescribeLoadBalancers(bg, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{nowhere + "loadbalancer/app/x/1"}})
			return err
		}},
		{"load balancers by name", "LoadBalancerNotFound", "Load balancers '[x]' not found", func() error {
			_, err := s.DescribeLoadBalancers(bg, &elb.DescribeLoadBalancersInput{Names: []string{"x"}})
			return err
		}},
		{"both ways", "ValidationError", "Load balancer names and load balancer ARNs cannot be specified at the same time", func() error {
			_, err := s.DescribeLoadBalancers(bg, &elb.DescribeLoadBalancersInput{Names: []string{"x"}, LoadBalancerArns: []string{"y"}})
			return err
		}},
		{"target groups by name", "TargetGroupNotFound", "One or more target groups not found", func() error {
			_, err := s.DescribeTargetGroups(bg, &elb.DescribeTargetGroupsInput{Names: []string{"x"}})
			return err
		}},
		{"target groups in two ways", "ValidationError", "Target group names, target group ARNs, and a load balancer ARN cannot be specified at the same time", func() error {
			_, err := s.DescribeTargetGroups(bg, &elb.DescribeTargetGroupsInput{Names: []string{"x"}, LoadBalancerArn: &s.lb})
			return err
		}},
		{"listeners of what", "ValidationError", "You must specify either listener ARNs or a load balancer ARN", func() error {
			_, err := s.DescribeListeners(bg, &elb.DescribeListenersInput{})
			return err
		}},
		{"a listener", "ListenerNotFound", "One or more listeners not found", func() error {
			_, err := s.DescribeListeners(bg, &elb.DescribeListenersInput{ListenerArns: []string{s.listener + "x"}})
			return err
		}},
		{"rules of what", "ValidationError", "You must specify either listener rule ARNs or a listener ARN", func() error {
			_, err := s.DescribeRules(bg, &elb.DescribeRulesInput{})
			return err
		}},
		{"a rule", "RuleNotFound", "One or more rules not found", func() error {
			_, err := s.DescribeRules(bg, &elb.DescribeRulesInput{RuleArns: []string{nowhere + "listener-rule/app/x/1/2/3"}})
			return err
		}},
		{"health of an unknown group", "TargetGroupNotFound", "One or more target groups not found", func() error {
			_, err := s.DescribeTargetHealth(bg, &elb.DescribeTargetHealthInput{TargetGroupArn: aws.String(nowhere + "targetgroup/x/1")})
			return err
		}},
		{"a group that is in use", "ResourceInUse", "Target group '" + s.blue + "' is currently in use by a listener or a rule", func() error {
			_, err := s.DeleteTargetGroup(bg, &elb.DeleteTargetGroupInput{TargetGroupArn: &s.blue})
			return err
		}},
		{"an instance", "InvalidTarget", "The following targets are not in a running state and cannot be registered: 'i-1'", func() error {
			out, err := s.CreateTargetGroup(bg, &elb.CreateTargetGroupInput{Name: aws.String("boxes"), Protocol: "HTTP", Port: aws.Int32(1), VpcId: aws.String("v")})
			_, err2 := s.RegisterTargets(bg, &elb.RegisterTargetsInput{TargetGroupArn: must(t, out, err).TargetGroups[0].TargetGroupArn, Targets: []types.TargetDescription{{Id: aws.String("i-1")}}})
			return err2
		}},
		{"a host for an address", "ValidationError", "The IP address 'web' is not a valid IPv4 address", func() error {
			_, err := s.RegisterTargets(bg, &elb.RegisterTargetsInput{TargetGroupArn: &s.blue, Targets: []types.TargetDescription{{Id: aws.String("web")}}})
			return err
		}},
		{"a page of nothing", "ValidationError", "Page size '0' must be between '1' and '400' inclusive", func() error {
			_, err := s.DescribeLoadBalancers(bg, &elb.DescribeLoadBalancersInput{PageSize: aws.Int32(0)})
			return err
		}},
		{"a made-up marker", "ValidationError", "Invalid marker 'x'", func() error {
			_, err := s.DescribeLoadBalancers(bg, &elb.DescribeLoadBalancersInput{Marker: aws.String("x")})
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) { wantError(t, tc.call(), tc.code, tc.message) })
	}
}
