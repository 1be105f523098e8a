package elbv2

import (
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
)

const certificateX = "arn:aws:acm:us-east-1:123456789012:certificate/x"

// HTTPS: the listener gets a certificate, keeps its configuration, takes more of them, and
// can become plain again.
func TestHTTPS(t *testing.T) {
	s := newScene(t)
	out, err := s.CreateListener(bg, &elb.CreateListenerInput{
		LoadBalancerArn: &s.lb, Port: aws.Int32(443), Protocol: types.ProtocolEnumHttps, DefaultActions: forward(s.blue),
		Certificates: []types.Certificate{{CertificateArn: aws.String(certificateX)}},
	})
	l := must(t, out, err).Listeners[0]
	if *l.SslPolicy != "ELBSecurityPolicy-2016-08" || *l.MutualAuthentication.Mode != "off" {
		t.Errorf("made with %s, %s", *l.SslPolicy, *l.MutualAuthentication.Mode)
	}
	c := s.b.listener(t, *l.ListenerArn).TLS
	if c == nil || len(c.Certificates) != 1 || c.MinVersion != tls.VersionTLS10 || c.NextProtos[0] != "h2" {
		t.Fatalf("the balancer's TLS is %+v", c)
	}
	s.publish()
	if s.b.listener(t, *l.ListenerArn).TLS != c {
		t.Error("an unchanged listener has a new configuration")
	}
	_, err = s.ModifyLoadBalancerAttributes(bg, &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &s.lb, Attributes: []types.LoadBalancerAttribute{
		{Key: aws.String("routing.http2.enabled"), Value: aws.String("false")},
	}})
	must(t, 0, err)
	if p := s.b.listener(t, *l.ListenerArn).TLS.NextProtos; len(p) != 1 || p[0] != "http/1.1" {
		t.Errorf("without HTTP/2 it offers %v", p)
	}
	_, err = s.ModifyListener(bg, &elb.ModifyListenerInput{ListenerArn: l.ListenerArn, SslPolicy: aws.String("ELBSecurityPolicy-TLS13-1-3-2021-06")})
	must(t, 0, err)
	if v := s.b.listener(t, *l.ListenerArn).TLS.MinVersion; v != tls.VersionTLS13 {
		t.Errorf("the oldest version is %x", v)
	}

	more := []types.Certificate{{CertificateArn: aws.String("arn:aws:iam::123456789012:server-certificate/y")}}
	for range 2 { // again is no error
		_, err = s.AddListenerCertificates(bg, &elb.AddListenerCertificatesInput{ListenerArn: l.ListenerArn, Certificates: more})
		must(t, 0, err)
	}
	if n := len(s.b.listener(t, *l.ListenerArn).TLS.Certificates); n != 2 {
		t.Errorf("the balancer has %d certificates", n)
	}
	list, err := s.DescribeListenerCertificates(bg, &elb.DescribeListenerCertificatesInput{ListenerArn: l.ListenerArn})
	if cs := must(t, list, err).Certificates; len(cs) != 2 || !*cs[0].IsDefault || *cs[1].IsDefault {
		t.Errorf("certificates are %+v", cs)
	}
	_, err = s.RemoveListenerCertificates(bg, &elb.RemoveListenerCertificatesInput{ListenerArn: l.ListenerArn, Certificates: l.Certificates})
	wantError(t, err, "OperationNotPermitted", "Default certificate '"+certificateX+"' cannot be removed")
	_, err = s.RemoveListenerCertificates(bg, &elb.RemoveListenerCertificatesInput{ListenerArn: l.ListenerArn, Certificates: more})
	must(t, 0, err)
	_, err = s.AddListenerCertificates(bg, &elb.AddListenerCertificatesInput{ListenerArn: &s.listener, Certificates: more})
	wantError(t, err, "InvalidConfigurationRequest", "Certificates cannot be added to listeners with the protocol 'HTTP'")

	_, err = s.ModifyListener(bg, &elb.ModifyListenerInput{ListenerArn: l.ListenerArn, Protocol: types.ProtocolEnumHttp})
	must(t, 0, err)
	if s.b.listener(t, *l.ListenerArn).TLS != nil {
		t.Error("a plain listener has TLS")
	}
}

// A network load balancer before an application load balancer.
func TestNetworkLoadBalancer(t *testing.T) {
	s := newScene(t)
	out, err := s.CreateLoadBalancer(bg, &elb.CreateLoadBalancerInput{Name: aws.String("net"), Type: types.LoadBalancerTypeEnumNetwork, Subnets: []string{"subnet-a"}})
	nlb := must(t, out, err).LoadBalancers[0]
	if nlb.State.Code != types.LoadBalancerStateEnumProvisioning || *nlb.CanonicalHostedZoneId != "Z26RNL4JYFTOTI" {
		t.Errorf("made %+v", nlb)
	}
	made, err := s.CreateTargetGroup(bg, &elb.CreateTargetGroupInput{
		Name: aws.String("to-web"), Protocol: types.ProtocolEnumTcp, Port: aws.Int32(80), VpcId: aws.String("v"), TargetType: types.TargetTypeEnumAlb,
	})
	g := must(t, made, err).TargetGroups[0]
	if g.HealthCheckProtocol != types.ProtocolEnumHttp || *g.Matcher.HttpCode != "200-399" || *g.HealthCheckTimeoutSeconds != 6 {
		t.Errorf("its checks are %s, %s, %d s", g.HealthCheckProtocol, *g.Matcher.HttpCode, *g.HealthCheckTimeoutSeconds)
	}
	register := func(port int32) error {
		_, err := s.RegisterTargets(bg, &elb.RegisterTargetsInput{TargetGroupArn: g.TargetGroupArn, Targets: []types.TargetDescription{{Id: &s.lb, Port: &port}}})
		return err
	}
	wantError(t, register(81), "InvalidTarget", "The Application Load Balancer '"+s.lb+"' must have a listener on port '81'")
	if err := register(80); err != nil {
		t.Fatal(err)
	}
	l, err := s.CreateListener(bg, &elb.CreateListenerInput{LoadBalancerArn: nlb.LoadBalancerArn, Port: aws.Int32(80), Protocol: types.ProtocolEnumTcp, DefaultActions: forward(*g.TargetGroupArn)})
	id := *must(t, l, err).Listeners[0].ListenerArn
	if b := s.b.listener(t, id); b.Protocol != "TCP" || b.IdleTimeout != 350*time.Second {
		t.Errorf("the balancer's listener speaks %s, idle for %s", b.Protocol, b.IdleTimeout)
	}
	host := netip.MustParseAddr(*s.describe(t, s.lb).DNSName)
	if d := cmp.Diff([]balancer.Target{{Addr: netip.AddrPortFrom(host, 80)}}, s.b.group(t, *g.TargetGroupArn).Targets, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); d != "" {
		t.Errorf("targets (-want +got):\n%s", d)
	}
	s.b.moved = map[uint16]netip.AddrPort{80: netip.AddrPortFrom(host, 40001)}
	s.publish()
	if got := s.b.group(t, *g.TargetGroupArn).Targets[0].Addr.Port(); got != 40001 {
		t.Errorf("it sends to port %d, where the listener does not stand", got)
	}
	s.b.moved = nil
	_, err = s.DeleteLoadBalancer(bg, &elb.DeleteLoadBalancerInput{LoadBalancerArn: &s.lb})
	wantError(t, err, "ResourceInUse", "Load balancer '"+s.lb+"' cannot be deleted because it is currently associated with target group '"+*g.TargetGroupArn+"'")
	_, err = s.DeleteListener(bg, &elb.DeleteListenerInput{ListenerArn: &s.listener})
	wantError(t, err, "ResourceInUse", "Listener '"+s.listener+"' cannot be deleted because it is currently targeted by target group '"+*g.TargetGroupArn+"'")
	_, err = s.CreateRule(bg, &elb.CreateRuleInput{ListenerArn: &id, Priority: aws.Int32(1), Conditions: path("/"), Actions: forward(*g.TargetGroupArn)})
	wantError(t, err, "ValidationError", "Rules are not supported for listeners with the protocol 'TCP'")
	_, err = s.ModifyListener(bg, &elb.ModifyListenerInput{ListenerArn: &id, DefaultActions: []types.Action{{Type: types.ActionTypeEnumFixedResponse}}})
	wantError(t, err, "InvalidLoadBalancerAction", "The action type 'fixed-response' is not valid with network load balancer")
	for protocol, want := range map[types.ProtocolEnum][2]string{
		types.ProtocolEnumHttp: {"ValidationError", "Listener protocol 'HTTP' must be one of 'UDP, TCP, TCP_UDP, TLS'"},
		types.ProtocolEnumUdp:  {"UnsupportedProtocol", "Listener protocol 'UDP' is not offered by the local cloud"},
	} {
		_, err := s.CreateListener(bg, &elb.CreateListenerInput{LoadBalancerArn: nlb.LoadBalancerArn, Port: aws.Int32(81), Protocol: protocol, DefaultActions: forward(*g.TargetGroupArn)})
		wantError(t, err, want[0], want[1])
	}
	a, err := s.DescribeLoadBalancerAttributes(bg, &elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: nlb.LoadBalancerArn})
	if n := len(must(t, a, err).Attributes); n != len(networkAttributes) {
		t.Errorf("it has %d attributes", n)
	}
	tls, err := s.CreateListener(bg, &elb.CreateListenerInput{
		LoadBalancerArn: nlb.LoadBalancerArn, Port: aws.Int32(443), Protocol: types.ProtocolEnumTls, DefaultActions: forward(*g.TargetGroupArn),
		Certificates: []types.Certificate{{CertificateArn: aws.String(certificateX)}}, AlpnPolicy: []string{"HTTP2Preferred"},
	})
	b := s.b.listener(t, *must(t, tls, err).Listeners[0].ListenerArn)
	if b.Protocol != "TCP" || b.TLS == nil || b.TLS.NextProtos[0] != "h2" {
		t.Errorf("a TLS listener is %+v", b)
	}
}

// Health checks by protocol, and what a change of them reaches.
func TestHealthSettings(t *testing.T) {
	s := newScene(t)
	for _, tc := range []struct {
		name          string
		in            elb.CreateTargetGroupInput
		path, matcher string
		timeout       int32
	}{
		{"http", elb.CreateTargetGroupInput{Protocol: types.ProtocolEnumHttp}, "/", "200", 5},
		{"https", elb.CreateTargetGroupInput{Protocol: types.ProtocolEnumHttps}, "/", "200", 5},
		{"grpc", elb.CreateTargetGroupInput{Protocol: types.ProtocolEnumHttp, ProtocolVersion: aws.String("GRPC")}, "/AWS.ALB/healthcheck", "12", 5},
		{"tcp", elb.CreateTargetGroupInput{Protocol: types.ProtocolEnumTcp}, "", "", 10},
		{"tcp by http", elb.CreateTargetGroupInput{Protocol: types.ProtocolEnumTcp, HealthCheckProtocol: types.ProtocolEnumHttp}, "/", "200-399", 6},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.in.Name, tc.in.Port, tc.in.VpcId = aws.String("g"+string(tc.name[0])+string(tc.name[len(tc.name)-1])), aws.Int32(80), aws.String("v")
			if tc.name == "tcp by http" {
				tc.in.Name = aws.String("by-http")
			}
			out, err := s.CreateTargetGroup(bg, &tc.in)
			g := must(t, out, err).TargetGroups[0]
			var m types.Matcher
			if g.Matcher != nil {
				m = *g.Matcher
			}
			if aws.ToString(g.HealthCheckPath) != tc.path || aws.ToString(m.HttpCode)+aws.ToString(m.GrpcCode) != tc.matcher ||
				*g.HealthCheckTimeoutSeconds != tc.timeout || *g.HealthCheckIntervalSeconds != 30 || *g.HealthyThresholdCount != 5 || *g.UnhealthyThresholdCount != 2 {
				t.Errorf("checked with %q, %+v, %d s", aws.ToString(g.HealthCheckPath), m, *g.HealthCheckTimeoutSeconds)
			}
		})
	}
	out, err := s.ModifyTargetGroup(bg, &elb.ModifyTargetGroupInput{
		TargetGroupArn: &s.blue, HealthCheckPath: aws.String("/healthz"), HealthCheckPort: aws.String("9001"), HealthCheckIntervalSeconds: aws.Int32(5),
		HealthCheckTimeoutSeconds: aws.Int32(2), HealthyThresholdCount: aws.Int32(2), Matcher: &types.Matcher{HttpCode: aws.String("200-299")},
	})
	if lbs := must(t, out, err).TargetGroups[0].LoadBalancerArns; len(lbs) != 1 || lbs[0] != s.lb {
		t.Errorf("it belongs to %v", lbs)
	}
	h := s.b.group(t, s.blue).Health
	if h.Path != "/healthz" || h.Port != 9001 || h.Interval.Seconds() != 5 || h.Timeout.Seconds() != 2 || h.Healthy != 2 || h.Unhealthy != 2 || h.Matcher != "200-299" {
		t.Errorf("the balancer checks with %+v", h)
	}
	_, err = s.ModifyTargetGroup(bg, &elb.ModifyTargetGroupInput{TargetGroupArn: &s.blue, HealthCheckIntervalSeconds: aws.Int32(1)})
	wantError(t, err, "ValidationError", "Health check interval '1' must be between '5' and '300' inclusive")
}

// Records, limits and predefined lists.
func TestRecords(t *testing.T) {
	s := newScene(t)
	sub, err := s.SetSubnets(bg, &elb.SetSubnetsInput{LoadBalancerArn: &s.lb, Subnets: []string{"subnet-x", "subnet-y", "subnet-z"}})
	if n := len(must(t, sub, err).AvailabilityZones); n != 3 {
		t.Errorf("in %d zones", n)
	}
	sg, err := s.SetSecurityGroups(bg, &elb.SetSecurityGroupsInput{LoadBalancerArn: &s.lb, SecurityGroups: []string{"sg-9"}})
	if must(t, sg, err).SecurityGroupIds[0] != "sg-9" {
		t.Errorf("security groups are %v", sg.SecurityGroupIds)
	}
	ip, err := s.SetIpAddressType(bg, &elb.SetIpAddressTypeInput{LoadBalancerArn: &s.lb, IpAddressType: types.IpAddressTypeDualstack})
	if must(t, ip, err).IpAddressType != types.IpAddressTypeDualstack {
		t.Errorf("addresses are %s", ip.IpAddressType)
	}
	_, err = s.ModifyCapacityReservation(bg, &elb.ModifyCapacityReservationInput{LoadBalancerArn: &s.lb, MinimumLoadBalancerCapacity: &types.MinimumLoadBalancerCapacity{CapacityUnits: aws.Int32(300)}})
	must(t, 0, err)
	capacity, err := s.DescribeCapacityReservation(bg, &elb.DescribeCapacityReservationInput{LoadBalancerArn: &s.lb})
	if c := must(t, capacity, err); *c.MinimumLoadBalancerCapacity.CapacityUnits != 300 || *c.CapacityReservationState[0].EffectiveCapacityUnits != 100 {
		t.Errorf("reserved %+v", c)
	}
	_, err = s.ModifyCapacityReservation(bg, &elb.ModifyCapacityReservationInput{LoadBalancerArn: &s.lb, ResetCapacityReservation: aws.Bool(true)})
	must(t, 0, err)
	limits, err := s.DescribeAccountLimits(bg, &elb.DescribeAccountLimitsInput{})
	if n := len(must(t, limits, err).Limits); n != len(accountLimits) {
		t.Errorf("%d limits", n)
	}
	policies, err := s.DescribeSSLPolicies(bg, &elb.DescribeSSLPoliciesInput{Names: []string{"ELBSecurityPolicy-TLS13-1-2-2021-06"}})
	if p := must(t, policies, err).SslPolicies[0]; len(p.Ciphers) != 11 || p.SslProtocols[0] != "TLSv1.3" {
		t.Errorf("the policy is %+v", p)
	}
	all, err := s.DescribeSSLPolicies(bg, &elb.DescribeSSLPoliciesInput{})
	if n := len(must(t, all, err).SslPolicies); n != len(sslPolicies) {
		t.Errorf("%d policies", n)
	}
	_, err = s.DescribeSSLPolicies(bg, &elb.DescribeSSLPoliciesInput{Names: []string{"x"}})
	wantError(t, err, "SSLPolicyNotFound", "SSL policy 'x' not found")
}

type network map[string][2]string

func (n network) Subnet(id string) (vpc, zone string, ok bool) {
	s, ok := n[id]
	return s[0], s[1], ok
}

// Subnets that the network knows stand where it says; others are a real account's.
func TestNetwork(t *testing.T) {
	s, _ := newService(t)
	s.Network = network{"subnet-a": {"vpc-1", "us-east-1c"}, "subnet-b": {"vpc-1", "us-east-1d"}, "subnet-c": {"vpc-1", "us-east-1c"}, "subnet-d": {"vpc-2", "us-east-1a"}}
	create := func(name string, subnets ...string) (types.LoadBalancer, error) {
		out, err := s.CreateLoadBalancer(bg, &elb.CreateLoadBalancerInput{Name: &name, Subnets: subnets, SecurityGroups: []string{"sg-1"}})
		if err != nil {
			return types.LoadBalancer{}, err
		}
		return out.LoadBalancers[0], nil
	}
	_, err := create("n", "subnet-a", "subnet-c")
	wantError(t, err, "InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in the same Availability Zone")
	_, err = create("n", "subnet-a", "subnet-d")
	wantError(t, err, "InvalidConfigurationRequest", "All subnets must belong to the same VPC: 'vpc-1'")
	for _, c := range []struct{ subnets, vpc, zones string }{
		{"subnet-a subnet-b", "vpc-1", "us-east-1c us-east-1d"},
		{"subnet-x subnet-y", noNetwork, "us-east-1a us-east-1b"},
	} {
		lb, err := create(strings.ReplaceAll(c.subnets, " ", "-"), strings.Fields(c.subnets)...)
		if err != nil {
			t.Fatal(err)
		}
		var zones []string
		for _, z := range lb.AvailabilityZones {
			zones = append(zones, *z.ZoneName)
		}
		if *lb.VpcId != c.vpc || strings.Join(zones, " ") != c.zones {
			t.Errorf("%s: %s in %v", c.subnets, *lb.VpcId, zones)
		}
	}
}
