package elbv2

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"go.uber.org/goleak"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
)

// real is a service before the real data path, with its waits made short.
type real struct {
	*Service
	http *http.Client
}

func newReal(t *testing.T) real {
	t.Helper()
	var s *Service
	b := balancer.New(balancer.Options{
		Scale:    func(d time.Duration) time.Duration { return d / 300 },
		OnHealth: func(group string) { s.HealthChanged(group) },
	})
	s = serviceOn(t, "", b)
	c := &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		c.CloseIdleConnections()
		if err := b.Close(bg); err != nil {
			t.Error(err)
		}
		goleak.VerifyNone(t, before)
	})
	return real{s, c}
}

// gate holds requests for /slow up: it tells when one is there, and lets it go on.
type gate struct{ there, open chan struct{} }

// backend answers its name and registers itself.
func (r real) backend(t *testing.T, group, name string, slow *gate) types.TargetDescription {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if slow != nil && req.URL.Path == "/slow" {
			close(slow.there)
			<-slow.open
		}
		_, _ = io.WriteString(w, name)
	}))
	t.Cleanup(srv.Close)
	return r.register(t, group, srv.URL)
}

// register adds a server to a group.
func (r real) register(t *testing.T, group, url string) types.TargetDescription {
	t.Helper()
	at := netip.MustParseAddrPort(strings.TrimPrefix(url, "http://"))
	d := types.TargetDescription{Id: aws.String(at.Addr().String()), Port: aws.Int32(int32(at.Port()))}
	_, err := r.RegisterTargets(bg, &elb.RegisterTargetsInput{TargetGroupArn: &group, Targets: []types.TargetDescription{d}})
	must(t, 0, err)
	return d
}

// setListener sets one attribute of a listener.
func (s *Service) setListener(id, key, value string) error {
	_, err := s.ModifyListenerAttributes(bg, &elb.ModifyListenerAttributesInput{ListenerArn: &id, Attributes: []types.ListenerAttribute{{Key: &key, Value: &value}}})
	return err
}

// listen makes a listener and returns its ARN and where it says that it stands.
func (r real) listen(t *testing.T, in elb.CreateListenerInput) (id, address string) {
	t.Helper()
	out, err := r.CreateListener(bg, &in)
	id = *must(t, out, err).Listeners[0].ListenerArn
	tags, err := r.DescribeTags(bg, &elb.DescribeTagsInput{ResourceArns: []string{id}})
	for _, tag := range must(t, tags, err).TagDescriptions[0].Tags {
		if *tag.Key == addressTag {
			return id, *tag.Value
		}
	}
	t.Fatal("the listener has no address")
	return "", ""
}

// waitFor blocks until the group's only target has the state.
func (r real) waitFor(t *testing.T, group, state string) {
	t.Helper()
	c, leave := r.Subscribe()
	defer leave()
	deadline := time.After(20 * time.Second)
	for {
		out, err := r.DescribeTargetHealth(bg, &elb.DescribeTargetHealthInput{TargetGroupArn: &group})
		all := must(t, out, err).TargetHealthDescriptions
		if len(all) == 0 && state == "" || len(all) == 1 && string(all[0].TargetHealth.State) == state {
			return
		}
		select {
		case <-c:
		case <-deadline:
			t.Fatalf("%s is not %q but %+v", group, state, all)
		}
	}
}

// answer is what a client got.
type answer struct {
	code int
	body string
	err  error
}

func (r real) fetch(url string) answer {
	resp, err := r.http.Get(url)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(b), err}
}

func (r real) get(t *testing.T, url string) (int, string) {
	t.Helper()
	a := r.fetch(url)
	must(t, 0, a.err)
	return a.code, a.body
}

// Traffic goes where the API says, from the moment in which the API has answered; the load
// balancer that shifts it is the one that users meet.
func TestTrafficFollowsTheAPI(t *testing.T) {
	r := newReal(t)
	lb, blue, green := r.balancer(t, "web"), r.targetGroup(t, "blue"), r.targetGroup(t, "green")
	r.backend(t, blue, "blue", nil)
	r.backend(t, green, "green", nil)
	id, at := r.listen(t, elb.CreateListenerInput{LoadBalancerArn: &lb, Port: aws.Int32(18080), Protocol: types.ProtocolEnumHttp, DefaultActions: weighted(blue, 100, green, 0)})
	if host := *r.describe(t, lb).DNSName; ownAddresses && at != host+":18080" {
		t.Errorf("it stands at %s", at)
	}
	r.waitFor(t, blue, "healthy")
	r.waitFor(t, green, "healthy") // at weight 0, but in use
	for _, want := range []string{"blue", "green", "blue"} {
		groups := map[string][]any{"blue": {blue, 100, green, 0}, "green": {green, 100, blue, 0}}[want]
		_, err := r.ModifyListener(bg, &elb.ModifyListenerInput{ListenerArn: &id, DefaultActions: weighted(groups...)})
		must(t, 0, err)
		for range 20 {
			if code, body := r.get(t, "http://"+at+"/"); code != 200 || body != want {
				t.Fatalf("after the shift to %s: %d %s", want, code, body)
			}
		}
	}
	_, err := r.CreateRule(bg, &elb.CreateRuleInput{ListenerArn: &id, Priority: aws.Int32(1), Conditions: path("/old/*"), Actions: []types.Action{{
		Type:           types.ActionTypeEnumRedirect,
		RedirectConfig: &types.RedirectActionConfig{StatusCode: types.RedirectActionStatusCodeEnumHttp302, Path: aws.String("/new")},
	}}})
	must(t, 0, err)
	if code, _ := r.get(t, "http://"+at+"/old/x"); code != 302 {
		t.Errorf("a rule answers %d", code)
	}
	_, tls := r.listen(t, elb.CreateListenerInput{
		LoadBalancerArn: &lb, Port: aws.Int32(18443), Protocol: types.ProtocolEnumHttps, DefaultActions: forward(blue),
		Certificates: []types.Certificate{{CertificateArn: aws.String(certificateX)}},
	})
	if code, body := r.get(t, "https://"+tls+"/"); code != 200 || body != "blue" {
		t.Errorf("HTTPS answers %d %s", code, body)
	}
}

// A target that leaves finishes what it has begun, and is seen to drain meanwhile.
func TestTargetDrains(t *testing.T) {
	r := newReal(t)
	slow := &gate{make(chan struct{}), make(chan struct{})}
	lb, blue := r.balancer(t, "web"), r.targetGroup(t, "blue")
	target := r.backend(t, blue, "blue", slow)
	_, at := r.listen(t, elb.CreateListenerInput{LoadBalancerArn: &lb, Port: aws.Int32(18080), Protocol: types.ProtocolEnumHttp, DefaultActions: forward(blue)})
	r.waitFor(t, blue, "healthy")
	done := make(chan answer, 1)
	go func() { done <- r.fetch("http://" + at + "/slow") }()
	<-slow.there
	_, err := r.DeregisterTargets(bg, &elb.DeregisterTargetsInput{TargetGroupArn: &blue, Targets: []types.TargetDescription{target}})
	must(t, 0, err)
	r.waitFor(t, blue, "draining")
	if code, _ := r.get(t, "http://"+at+"/"); code != 503 {
		t.Errorf("without targets: %d", code)
	}
	close(slow.open)
	if a := <-done; a.code != 200 || a.body != "blue" {
		t.Errorf("the request in flight got %+v", a)
	}
	r.waitFor(t, blue, "")
}

// A port that somebody else has: the listener stands elsewhere, and says where.
func TestTakenPort(t *testing.T) {
	r := newReal(t)
	lb, blue := r.balancer(t, "web"), r.targetGroup(t, "blue")
	r.backend(t, blue, "blue", nil)
	taken, err := net.Listen("tcp", *r.describe(t, lb).DNSName+":18081")
	must(t, 0, err)
	defer func() { _ = taken.Close() }()
	_, at := r.listen(t, elb.CreateListenerInput{LoadBalancerArn: &lb, Port: aws.Int32(18081), Protocol: types.ProtocolEnumHttp, DefaultActions: forward(blue)})
	if at == taken.Addr().String() {
		t.Fatalf("it says that it stands at %s", at)
	}
	r.waitFor(t, blue, "healthy")
	if code, body := r.get(t, "http://"+at+"/"); code != 200 || body != "blue" {
		t.Errorf("it answers %d %s", code, body)
	}
}
