package elbv2

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/balancer"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// fakeBalancer keeps what it was told last; its health and addresses are set by tests.
type fakeBalancer struct {
	mu      sync.Mutex
	state   balancer.State
	applied int
	health  map[string][]balancer.Health
	moved   map[uint16]netip.AddrPort // declared port → where it stands instead
	fail    error
}

func (f *fakeBalancer) Apply(s balancer.State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = s
	f.applied++
	return f.fail
}

func (f *fakeBalancer) Health(group string) []balancer.Health {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.health[group]
}

func (f *fakeBalancer) Bound(id string) (netip.AddrPort, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.state.Listeners {
		if l.ID == id {
			if at, ok := f.moved[l.Addr.Port()]; ok {
				return at, errors.New("port is taken")
			}
			return l.Addr, nil
		}
	}
	return netip.AddrPort{}, errors.New("no such listener")
}

func (f *fakeBalancer) setHealth(group string, h ...balancer.Health) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.health == nil {
		f.health = map[string][]balancer.Health{}
	}
	f.health[group] = h
}

// listener returns what the balancer was told of a listener.
func (f *fakeBalancer) listener(t *testing.T, id string) balancer.Listener {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.state.Listeners {
		if l.ID == id {
			return l
		}
	}
	t.Fatalf("the balancer does not know listener %s", id)
	return balancer.Listener{}
}

// group returns what the balancer was told of a target group.
func (f *fakeBalancer) group(t *testing.T, id string) balancer.Group {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range f.state.Groups {
		if g.ID == id {
			return g
		}
	}
	t.Fatalf("the balancer does not know target group %s", id)
	return balancer.Group{}
}

var place = arn.Place{Partition: "aws", Account: "123456789012", Region: "us-east-1"}

var bg = context.Background()

func newService(t *testing.T) (*Service, *fakeBalancer) {
	t.Helper()
	f := &fakeBalancer{}
	return serviceOn(t, "", f), f
}

// serviceOn opens a service over the state file at path.
func serviceOn(t *testing.T, path string, b Balancer) *Service {
	t.Helper()
	st, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s, err := New(Options{Store: st, Place: place, Balancer: b})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// must fails the test unless the call went well.
func must[T any](t *testing.T, out T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantError fails the test unless err has the code and the message.
func wantError(t *testing.T, err error, code, message string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("got %v, want %s: %s", err, code, message)
	}
	if api.ErrorCode() != code || api.ErrorMessage() != message {
		t.Fatalf("got  %s: %s\nwant %s: %s", api.ErrorCode(), api.ErrorMessage(), code, message)
	}
}

// scene is what most stories begin with: a load balancer, two target groups, a listener
// that forwards to blue.
type scene struct {
	*Service
	b                         *fakeBalancer
	lb, listener, blue, green string
}

func newScene(t *testing.T) scene {
	t.Helper()
	s, b := newService(t)
	sc := scene{Service: s, b: b}
	sc.lb = sc.balancer(t, "web")
	sc.blue, sc.green = sc.targetGroup(t, "blue"), sc.targetGroup(t, "green")
	l, err := s.CreateListener(bg, &elb.CreateListenerInput{
		LoadBalancerArn: &sc.lb, Port: aws.Int32(80), Protocol: types.ProtocolEnumHttp,
		DefaultActions: forward(sc.blue),
	})
	sc.listener = *must(t, l, err).Listeners[0].ListenerArn
	return sc
}

func (s *Service) balancer(t *testing.T, name string) string {
	t.Helper()
	out, err := s.CreateLoadBalancer(bg, &elb.CreateLoadBalancerInput{
		Name: &name, Subnets: []string{"subnet-a", "subnet-b"}, SecurityGroups: []string{"sg-1"},
	})
	return *must(t, out, err).LoadBalancers[0].LoadBalancerArn
}

func (s *Service) targetGroup(t *testing.T, name string) string {
	t.Helper()
	out, err := s.CreateTargetGroup(bg, &elb.CreateTargetGroupInput{
		Name: &name, Protocol: types.ProtocolEnumHttp, Port: aws.Int32(9000),
		VpcId: aws.String("vpc-1"), TargetType: types.TargetTypeEnumIp,
	})
	return *must(t, out, err).TargetGroups[0].TargetGroupArn
}

func forward(group string) []types.Action {
	return []types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: &group}}
}

// weighted forwards to groups, given as pairs of ARN and weight.
func weighted(pairs ...any) []types.Action {
	c := &types.ForwardActionConfig{}
	for i := 0; i < len(pairs); i += 2 {
		c.TargetGroups = append(c.TargetGroups, types.TargetGroupTuple{
			TargetGroupArn: aws.String(pairs[i].(string)), Weight: aws.Int32(int32(pairs[i+1].(int))),
		})
	}
	return []types.Action{{Type: types.ActionTypeEnumForward, ForwardConfig: c}}
}
