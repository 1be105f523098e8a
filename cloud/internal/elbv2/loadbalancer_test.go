package elbv2

import (
	"bytes"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
)

func (s *Service) describe(t *testing.T, lb string) types.LoadBalancer {
	t.Helper()
	out, err := s.DescribeLoadBalancers(bg, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{lb}})
	return must(t, out, err).LoadBalancers[0]
}

func TestLoadBalancerStory(t *testing.T) {
	s := newScene(t)
	in := &elb.CreateLoadBalancerInput{Name: aws.String("web"), Subnets: []string{"subnet-a", "subnet-b"}, SecurityGroups: []string{"sg-1"}}
	again, err := s.CreateLoadBalancer(bg, in)
	if *must(t, again, err).LoadBalancers[0].LoadBalancerArn != s.lb {
		t.Error("the same call made another load balancer")
	}
	d := s.describe(t, s.lb)
	if !strings.HasPrefix(*d.LoadBalancerArn, nowhere+"loadbalancer/app/web/") || d.State.Code != types.LoadBalancerStateEnumActive ||
		*d.CanonicalHostedZoneId != "Z35SXDOTRQ7X7K" || len(d.AvailabilityZones) != 2 || *d.AvailabilityZones[1].ZoneName != "us-east-1b" ||
		d.Scheme != types.LoadBalancerSchemeEnumInternetFacing {
		t.Errorf("described as %+v", d)
	}
	host := netip.MustParseAddr(*d.DNSName)
	if !host.IsLoopback() || ownAddresses && host == netip.MustParseAddr("127.0.0.1") {
		t.Errorf("it stands at %s", host)
	}
	if l := s.b.listener(t, s.listener); l.Addr != netip.AddrPortFrom(host, 80) || l.IdleTimeout != time.Minute {
		t.Errorf("the balancer listens at %s, idle for %s", l.Addr, l.IdleTimeout)
	}
	if other := s.describe(t, s.balancer(t, "other")); ownAddresses && *other.DNSName == *d.DNSName {
		t.Error("two load balancers have one address")
	}

	_, err = s.ModifyLoadBalancerAttributes(bg, &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &s.lb, Attributes: []types.LoadBalancerAttribute{
		{Key: aws.String("deletion_protection.enabled"), Value: aws.String("true")},
		{Key: aws.String("idle_timeout.timeout_seconds"), Value: aws.String("4000")},
	}})
	must(t, 0, err)
	if l := s.b.listener(t, s.listener); l.IdleTimeout != 4000*time.Second {
		t.Errorf("the balancer is idle for %s", l.IdleTimeout)
	}
	drop := func() error {
		_, err := s.DeleteLoadBalancer(bg, &elb.DeleteLoadBalancerInput{LoadBalancerArn: &s.lb})
		return err
	}
	wantError(t, drop(), "OperationNotPermitted", "Load balancer '"+s.lb+"' cannot be deleted because deletion protection is enabled")
	_, err = s.ModifyLoadBalancerAttributes(bg, &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &s.lb, Attributes: []types.LoadBalancerAttribute{
		{Key: aws.String("deletion_protection.enabled"), Value: aws.String("false")},
	}})
	must(t, 0, err)
	for range 2 { // again is no error
		if err := drop(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.b.state.Listeners); n != 0 {
		t.Errorf("the balancer still has %d listeners", n)
	}
	_, err = s.DeleteTargetGroup(bg, &elb.DeleteTargetGroupInput{TargetGroupArn: &s.blue})
	must(t, 0, err)
}

// What was acknowledged is there after a restart, and stands where it stood.
func TestRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	first := &fakeBalancer{}
	s := scene{Service: serviceOn(t, file, first), b: first}
	s.lb = s.balancer(t, "web")
	s.blue = s.targetGroup(t, "blue")
	l, err := s.CreateListener(bg, &elb.CreateListenerInput{
		LoadBalancerArn: &s.lb, Port: aws.Int32(443), Protocol: types.ProtocolEnumHttps, DefaultActions: forward(s.blue),
		Certificates: []types.Certificate{{CertificateArn: aws.String("arn:aws:acm:us-east-1:123456789012:certificate/x")}},
	})
	s.listener = *must(t, l, err).Listeners[0].ListenerArn
	_, err = s.RegisterTargets(bg, &elb.RegisterTargetsInput{TargetGroupArn: &s.blue, Targets: []types.TargetDescription{{Id: aws.String("10.0.0.1")}}})
	must(t, 0, err)
	was := first.listener(t, s.listener)
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}

	second := &fakeBalancer{}
	s.Service = serviceOn(t, file, second)
	s.publish() // as Run does first
	now := second.listener(t, s.listener)
	if now.Addr != was.Addr || !bytes.Equal(now.TLS.Certificates[0].Certificate[0], was.TLS.Certificates[0].Certificate[0]) {
		t.Errorf("it stands at %s, with another certificate or not", now.Addr)
	}
	if got := second.group(t, s.blue).Targets; len(got) != 1 {
		t.Errorf("the group has %v", got)
	}
}

// A port that cannot be had: the listener's tag tells where it stands, the log why.
func TestListenerElsewhere(t *testing.T) {
	s := newScene(t)
	var log bytes.Buffer
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	host := netip.MustParseAddr(*s.describe(t, s.lb).DNSName)
	address := func() string {
		out, err := s.DescribeTags(bg, &elb.DescribeTagsInput{ResourceArns: []string{s.listener}})
		for _, tag := range must(t, out, err).TagDescriptions[0].Tags {
			if *tag.Key == "aws:turnout:address" {
				return *tag.Value
			}
		}
		return "no tag"
	}
	if got := address(); got != host.String()+":80" {
		t.Errorf("it stands at %s", got)
	}
	s.b.moved = map[uint16]netip.AddrPort{80: netip.AddrPortFrom(host, 40001)}
	s.publish()
	s.publish()
	if got := address(); got != host.String()+":40001" {
		t.Errorf("it stands at %s", got)
	}
	if n := strings.Count(log.String(), "port is taken"); n != 1 {
		t.Errorf("it was told %d times:\n%s", n, log.String())
	}
}

func TestAttributes(t *testing.T) {
	s := newScene(t)
	get := func() map[string]string {
		out, err := s.DescribeTargetGroupAttributes(bg, &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: &s.blue})
		all := map[string]string{}
		for _, a := range must(t, out, err).Attributes {
			all[*a.Key] = *a.Value
		}
		return all
	}
	set := func(pairs ...string) error {
		in := &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: &s.blue}
		for i := 0; i < len(pairs); i += 2 {
			in.Attributes = append(in.Attributes, types.TargetGroupAttribute{Key: &pairs[i], Value: &pairs[i+1]})
		}
		_, err := s.ModifyTargetGroupAttributes(bg, in)
		return err
	}
	for key, want := range map[string]string{
		"deregistration_delay.timeout_seconds": "300", "slow_start.duration_seconds": "0", "stickiness.enabled": "false",
		"stickiness.type": "lb_cookie", "stickiness.lb_cookie.duration_seconds": "86400", "load_balancing.algorithm.type": "round_robin",
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
	} {
		if got := get()[key]; got != want {
			t.Errorf("%s is %q by default", key, got)
		}
	}
	wantError(t, set("deregistration_delay.timeout_seconds", "5000"), "ValidationError", "'deregistration_delay.timeout_seconds' value '5000' must be between '0-3600' inclusive")
	wantError(t, set("colour", "blue"), "ValidationError", "Target group attribute key 'colour' is not recognized")
	wantError(t, set("stickiness.enabled", "yes"), "ValidationError", "'stickiness.enabled' value 'yes' must be one of [true, false]")
	wantError(t, set("slow_start.duration_seconds", "10"), "ValidationError", "'slow_start.duration_seconds' value '10' must be between '30-900' inclusive")
	wantError(t, set("stickiness.enabled", "true", "stickiness.type", "app_cookie"), "InvalidConfigurationRequest", "You must set an application cookie name to enable stickiness of type 'app_cookie'")
	wantError(t, set("stickiness.app_cookie.cookie_name", "AWSALBx"), "ValidationError", "'stickiness.app_cookie.cookie_name' value 'AWSALBx' cannot begin with the reserved prefix 'AWSALB'")
	if err := set("deregistration_delay.timeout_seconds", "5", "stickiness.enabled", "true", "stickiness.type", "app_cookie",
		"stickiness.app_cookie.cookie_name", "id", "slow_start.duration_seconds", "30", "load_balancing.algorithm.type", "least_outstanding_requests"); err != nil {
		t.Fatal(err)
	}
	g := s.b.group(t, s.blue)
	if g.DeregistrationDelay != 5*time.Second || g.SlowStart != 30*time.Second || g.Algorithm != "least_outstanding_requests" ||
		g.Stickiness != (balancer.Stickiness{Type: "app_cookie", Cookie: "id", Duration: 24 * time.Hour}) {
		t.Errorf("the balancer has %+v", g)
	}

	_, err := s.ModifyListener(bg, &elb.ModifyListenerInput{ListenerArn: &s.listener, DefaultActions: weighted(s.blue, 1, s.green, 1)})
	wantError(t, err, "InvalidLoadBalancerAction", "When configuring a rule with multiple target groups, none of them can have stickiness of type 'app_cookie' enabled")

	lb := func(key, value string) error {
		_, err := s.ModifyLoadBalancerAttributes(bg, &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &s.lb, Attributes: []types.LoadBalancerAttribute{{Key: &key, Value: &value}}})
		return err
	}
	wantError(t, lb("access_logs.s3.enabled", "true"), "InvalidConfigurationRequest", "The value of 'access_logs.s3.bucket' cannot be empty")
	wantError(t, lb("x", "y"), "ValidationError", "Load balancer attribute key 'x' is not recognized")
	out, err := s.ModifyListenerAttributes(bg, &elb.ModifyListenerAttributesInput{ListenerArn: &s.listener, Attributes: []types.ListenerAttribute{
		{Key: aws.String("routing.http.response.server.enabled"), Value: aws.String("false")},
	}})
	if a := must(t, out, err).Attributes; *a[0].Value != "false" {
		t.Errorf("the listener's attributes are %+v", a)
	}
	la, err := s.DescribeListenerAttributes(bg, &elb.DescribeListenerAttributesInput{ListenerArn: &s.listener})
	if n := len(must(t, la, err).Attributes); n != len(httpListenerAttributes) {
		t.Errorf("a listener has %d attributes", n)
	}
	ba, err := s.DescribeLoadBalancerAttributes(bg, &elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: &s.lb})
	if n := len(must(t, ba, err).Attributes); n != len(applicationAttributes) {
		t.Errorf("a load balancer has %d attributes", n)
	}
}

func TestTags(t *testing.T) {
	s := newScene(t)
	rule := s.rule(t, 1, path("/a"), s.green)
	out, err := s.DescribeRules(bg, &elb.DescribeRulesInput{ListenerArn: &s.listener})
	last := *must(t, out, err).Rules[1].RuleArn
	all := []string{s.lb, s.blue, s.listener, rule, last}
	tag := func(key string) error {
		_, err := s.AddTags(bg, &elb.AddTagsInput{ResourceArns: all, Tags: []types.Tag{{Key: &key, Value: aws.String("v")}}})
		return err
	}
	for _, key := range []string{"a", "b"} {
		if err := tag(key); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, tag("aws:x"), "ValidationError", "Tag keys cannot start with 'aws:'")
	_, err = s.RemoveTags(bg, &elb.RemoveTagsInput{ResourceArns: all, TagKeys: []string{"a", "none"}})
	must(t, 0, err)
	got, err := s.DescribeTags(bg, &elb.DescribeTagsInput{ResourceArns: all})
	for _, d := range must(t, got, err).TagDescriptions {
		if *d.Tags[0].Key != "b" || len(d.Tags) != 1 && *d.ResourceArn != s.listener {
			t.Errorf("%s has %d tags, the first %s", *d.ResourceArn, len(d.Tags), *d.Tags[0].Key)
		}
	}
	_, err = s.DescribeTags(bg, &elb.DescribeTagsInput{ResourceArns: []string{"web"}})
	wantError(t, err, "ValidationError", "'web' is not a valid ARN of a resource with tags")
	_, err = s.AddTags(bg, &elb.AddTagsInput{ResourceArns: []string{s.lb, nowhere + "targetgroup/x/1"}, Tags: []types.Tag{{Key: aws.String("c")}}})
	wantError(t, err, "TargetGroupNotFound", "One or more target groups not found")
	got, err = s.DescribeTags(bg, &elb.DescribeTagsInput{ResourceArns: []string{s.lb}})
	if n := len(must(t, got, err).TagDescriptions[0].Tags); n != 1 {
		t.Errorf("a refused call left %d tags", n)
	}
}

func TestPages(t *testing.T) {
	s, _ := newService(t)
	for _, n := range []string{"c", "a", "b"} {
		s.balancer(t, n)
	}
	var names []string
	p := elb.NewDescribeLoadBalancersPaginator(s, &elb.DescribeLoadBalancersInput{PageSize: aws.Int32(2)})
	for p.HasMorePages() {
		out, err := p.NextPage(bg)
		for _, lb := range must(t, out, err).LoadBalancers {
			names = append(names, *lb.LoadBalancerName)
		}
	}
	if strings.Join(names, "") != "abc" {
		t.Errorf("paged through %v", names)
	}
}

// The SDK's waiters end, in the fake time of a bubble.
func TestWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		addr := netip.MustParseAddrPort("10.0.0.1:9000")
		in := &elb.DescribeTargetHealthInput{TargetGroupArn: &s.blue, Targets: []types.TargetDescription{{Id: aws.String("10.0.0.1")}}}
		lb := &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{s.lb}}
		if err := elb.NewLoadBalancerExistsWaiter(s).Wait(bg, lb, time.Minute); err != nil {
			t.Error(err)
		}
		if err := elb.NewLoadBalancerAvailableWaiter(s).Wait(bg, lb, time.Minute); err != nil {
			t.Error(err)
		}
		_, err := s.RegisterTargets(bg, &elb.RegisterTargetsInput{TargetGroupArn: &s.blue, Targets: in.Targets})
		must(t, 0, err)
		time.AfterFunc(20*time.Second, func() { s.b.setHealth(s.blue, balancer.Health{Addr: addr, State: "healthy"}) })
		if err := elb.NewTargetInServiceWaiter(s).Wait(bg, in, time.Minute); err != nil {
			t.Error(err)
		}
		_, err = s.DeregisterTargets(bg, &elb.DeregisterTargetsInput{TargetGroupArn: &s.blue, Targets: in.Targets})
		must(t, 0, err)
		s.b.setHealth(s.blue, balancer.Health{Addr: addr, State: "draining"})
		time.AfterFunc(20*time.Second, func() { s.b.setHealth(s.blue) })
		if err := elb.NewTargetDeregisteredWaiter(s).Wait(bg, in, time.Minute); err != nil {
			t.Error(err)
		}
		_, err = s.DeleteLoadBalancer(bg, &elb.DeleteLoadBalancerInput{LoadBalancerArn: &s.lb})
		must(t, 0, err)
		if err := elb.NewLoadBalancersDeletedWaiter(s).Wait(bg, lb, time.Minute); err != nil {
			t.Error(err)
		}
	})
}

// Subscribers hear of health, coalesced, until they leave.
func TestSubscribe(t *testing.T) {
	s := newScene(t)
	c, leave := s.Subscribe()
	s.HealthChanged(s.blue)
	s.HealthChanged(s.blue)
	<-c
	select {
	case <-c:
		t.Error("two changes came as two signals")
	default:
	}
	leave()
	s.HealthChanged(s.blue)
	select {
	case <-c:
		t.Error("who left still hears")
	default:
	}
}

// Pools are told as they were set.
func TestIPPools(t *testing.T) {
	s := newScene(t)
	pool := &types.IpamPools{Ipv4IpamPoolId: aws.String("ipam-pool-1")}
	out, err := s.ModifyIpPools(bg, &elb.ModifyIpPoolsInput{LoadBalancerArn: &s.lb, IpamPools: pool})
	if p := must(t, out, err).IpamPools; *p.Ipv4IpamPoolId != "ipam-pool-1" {
		t.Errorf("set as %+v", p)
	}
	_, err = s.ModifyIpPools(bg, &elb.ModifyIpPoolsInput{LoadBalancerArn: &s.lb})
	wantError(t, err, "ValidationError", "Either IPAM pools or the ones to remove must be specified")
	_, err = s.ModifyIpPools(bg, &elb.ModifyIpPoolsInput{LoadBalancerArn: &s.lb, RemoveIpamPools: []types.RemoveIpamPoolEnum{"ipv4"}})
	must(t, 0, err)
	lbs, err := s.DescribeLoadBalancers(bg, &elb.DescribeLoadBalancersInput{})
	if lb := must(t, lbs, err).LoadBalancers[0]; lb.IpamPools != nil {
		t.Errorf("removed, there is %+v", lb.IpamPools)
	}
}

// What the balancer finds anomalous is told when it is asked for.
func TestAnomaliesAreTold(t *testing.T) {
	s := newScene(t)
	at := netip.MustParseAddrPort("10.0.0.1:9000")
	_, err := s.RegisterTargets(bg, &elb.RegisterTargetsInput{TargetGroupArn: &s.blue, Targets: []types.TargetDescription{{Id: aws.String("10.0.0.1")}}})
	must(t, 0, err)
	s.b.setHealth(s.blue, balancer.Health{Addr: at, State: "healthy", Anomalous: true})
	told := func() types.AnomalyDetection {
		t.Helper()
		out, err := s.DescribeTargetHealth(bg, &elb.DescribeTargetHealthInput{TargetGroupArn: &s.blue, Include: []types.DescribeTargetHealthInputIncludeEnum{"AnomalyDetection"}})
		return *must(t, out, err).TargetHealthDescriptions[0].AnomalyDetection
	}
	if a := told(); a.Result != "anomalous" || a.MitigationInEffect != "no" {
		t.Errorf("told %+v", a)
	}
	_, err = s.ModifyTargetGroupAttributes(bg, &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: &s.blue, Attributes: []types.TargetGroupAttribute{
		{Key: aws.String("load_balancing.algorithm.type"), Value: aws.String("weighted_random")},
		{Key: aws.String("load_balancing.algorithm.anomaly_mitigation"), Value: aws.String("on")},
	}})
	must(t, 0, err)
	if a := told(); a.Result != "anomalous" || a.MitigationInEffect != "yes" || !s.b.group(t, s.blue).MitigateAnomalies {
		t.Errorf("mitigated, told %+v", a)
	}
}
