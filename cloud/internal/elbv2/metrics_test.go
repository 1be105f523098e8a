package elbv2

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
)

// tape is traffic as a test says it was, and the metrics that came of it.
type tape struct {
	mu        sync.Mutex
	stats     map[string]balancer.Stats
	times     map[string]balancer.Times
	listeners map[string]balancer.ListenerStats
	said      []string
}

func (f *tape) Stats(group string) balancer.Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats[group]
}

func (f *tape) Times(group string) balancer.Times {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.times[group]
}

func (f *tape) ListenerStats(l string) balancer.ListenerStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.listeners[l]
}

func (f *tape) RecordCounts(namespace, name string, dims map[string]string, counts map[float64]float64, unit string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	where := []string{}
	for k, v := range dims {
		where = append(where, k+"="+v[:strings.LastIndexByte(v, '/')])
	}
	slices.Sort(where)
	for v, n := range counts {
		f.said = append(f.said, fmt.Sprintf("%s %s %v: %v × %.3f %s", strings.TrimPrefix(namespace, "AWS/"), name, where, n, v, unit))
	}
}

// told returns what was said since the last call, in order of its text.
func (f *tape) told() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.said
	f.said = nil
	slices.Sort(out)
	return out
}

func TestMetricsOfAnApplicationLoadBalancer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		f := &tape{stats: map[string]balancer.Stats{}, times: map[string]balancer.Times{}, listeners: map[string]balancer.ListenerStats{}}
		s.b.setHealth(s.blue,
			balancer.Health{Addr: netip.MustParseAddrPort("10.0.0.1:9000"), State: "healthy"},
			balancer.Health{Addr: netip.MustParseAddrPort("10.0.0.2:9000"), State: "healthy"},
			balancer.Health{Addr: netip.MustParseAddrPort("10.0.0.3:9000"), State: "unhealthy"},
			balancer.Health{Addr: netip.MustParseAddrPort("10.0.0.4:9000"), State: "draining"})
		ctx, stop := context.WithCancel(bg)
		ended := make(chan error)
		go func() { ended <- s.Measure(ctx, f, f) }()
		defer func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		const group = "[LoadBalancer=app/web TargetGroup=targetgroup/blue]"
		quiet := []string{
			"ApplicationELB HealthyHostCount " + group + ": 1 × 2.000 Count",
			"ApplicationELB RequestCount " + group + ": 1 × 0.000 Count",
			"ApplicationELB RequestCount [LoadBalancer=app/web]: 1 × 0.000 Count",
			"ApplicationELB RequestCountPerTarget [TargetGroup=targetgroup/blue]: 1 × 0.000 Count",
			"ApplicationELB UnHealthyHostCount " + group + ": 1 × 1.000 Count",
		}
		time.Sleep(6 * time.Second)
		if d := cmp.Diff(quiet, f.told()); d != "" {
			t.Errorf("without traffic (-want +got):\n%s", d)
		}

		var slow balancer.Times
		slow[320] = 9
		f.mu.Lock()
		f.stats[s.blue] = balancer.Stats{Requests: 10, Codes: [6]uint64{2: 7, 5: 2}, ConnectionErrors: 1}
		f.times[s.blue] = slow
		f.listeners[s.listener] = balancer.ListenerStats{Connections: 4, Active: 3, Requests: 10, Answers: map[int]uint64{502: 1, 301: 2, 460: 1}}
		f.mu.Unlock()
		time.Sleep(5 * time.Second)
		took := fmt.Sprintf("%.3f", slow.Class(320).Seconds())
		want := []string{
			"ApplicationELB ActiveConnectionCount [LoadBalancer=app/web]: 1 × 3.000 Count",
			"ApplicationELB HTTPCode_ELB_3XX_Count [LoadBalancer=app/web]: 2 × 1.000 Count",
			"ApplicationELB HTTPCode_ELB_4XX_Count [LoadBalancer=app/web]: 1 × 1.000 Count",
			"ApplicationELB HTTPCode_ELB_502_Count [LoadBalancer=app/web]: 1 × 1.000 Count",
			"ApplicationELB HTTPCode_ELB_5XX_Count [LoadBalancer=app/web]: 1 × 1.000 Count",
			"ApplicationELB NewConnectionCount [LoadBalancer=app/web]: 4 × 1.000 Count",
			"ApplicationELB RequestCountPerTarget [TargetGroup=targetgroup/blue]: 1 × 5.000 Count",
			"ApplicationELB HealthyHostCount " + group + ": 1 × 2.000 Count",
			"ApplicationELB UnHealthyHostCount " + group + ": 1 × 1.000 Count",
		}
		for _, dims := range []string{group, "[LoadBalancer=app/web]"} {
			want = append(want,
				"ApplicationELB HTTPCode_Target_2XX_Count "+dims+": 7 × 1.000 Count",
				"ApplicationELB HTTPCode_Target_5XX_Count "+dims+": 2 × 1.000 Count",
				"ApplicationELB RequestCount "+dims+": 10 × 1.000 Count",
				"ApplicationELB TargetConnectionErrorCount "+dims+": 1 × 1.000 Count",
				"ApplicationELB TargetResponseTime "+dims+": 9 × "+took+" Seconds")
		}
		slices.Sort(want)
		if d := cmp.Diff(want, f.told()); d != "" {
			t.Errorf("with traffic (-want +got):\n%s", d)
		}

		f.mu.Lock()
		f.listeners[s.listener] = balancer.ListenerStats{Connections: 4, Answers: map[int]uint64{502: 1, 301: 2, 460: 1}}
		f.mu.Unlock()
		time.Sleep(5 * time.Second)
		if d := cmp.Diff(quiet, f.told()); d != "" {
			t.Errorf("when it is over (-want +got):\n%s", d)
		}
	})
}

func TestMetricsOfANetworkLoadBalancer(t *testing.T) {
	s, b := newService(t)
	lb, err := s.CreateLoadBalancer(bg, &elb.CreateLoadBalancerInput{Name: aws.String("flows"), Type: types.LoadBalancerTypeEnumNetwork, Subnets: []string{"subnet-a"}})
	arn := must(t, lb, err).LoadBalancers[0].LoadBalancerArn
	tg, err := s.CreateTargetGroup(bg, &elb.CreateTargetGroupInput{
		Name: aws.String("tcp"), Protocol: types.ProtocolEnumTcp, Port: aws.Int32(9000), VpcId: aws.String("vpc-1"), TargetType: types.TargetTypeEnumIp,
	})
	group := *must(t, tg, err).TargetGroups[0].TargetGroupArn
	l, err := s.CreateListener(bg, &elb.CreateListenerInput{LoadBalancerArn: arn, Port: aws.Int32(80), Protocol: types.ProtocolEnumTcp, DefaultActions: forward(group)})
	listener := *must(t, l, err).Listeners[0].ListenerArn
	b.setHealth(group, balancer.Health{Addr: netip.MustParseAddrPort("10.0.0.1:9000"), State: "initial"})
	f := &tape{listeners: map[string]balancer.ListenerStats{listener: {Connections: 5, Active: 2}}}
	m := &meter{Service: s, to: f, traffic: f, stats: map[string]balancer.Stats{}, times: map[string]balancer.Times{}, listeners: map[string]balancer.ListenerStats{}}
	m.publish()
	want := []string{
		"NetworkELB ActiveFlowCount [LoadBalancer=net/flows]: 1 × 2.000 Count",
		"NetworkELB HealthyHostCount [LoadBalancer=net/flows TargetGroup=targetgroup/tcp]: 1 × 0.000 Count",
		"NetworkELB NewFlowCount [LoadBalancer=net/flows]: 5 × 1.000 Count",
		"NetworkELB UnHealthyHostCount [LoadBalancer=net/flows TargetGroup=targetgroup/tcp]: 1 × 0.000 Count",
	}
	if d := cmp.Diff(want, f.told()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
