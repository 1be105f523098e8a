package balancer

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a balancer with one HTTP listener and the state that it was given last.
type rig struct {
	*Balancer
	t     *testing.T
	state State
	http  *http.Client
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &rig{Balancer: New(o), t: t, http: &http.Client{Transport: &http.Transport{DisableCompression: true}}}
	r.state.Listeners = []Listener{{ID: "web", Addr: loopback(0), Protocol: "HTTP"}}
	r.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		r.http.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return r
}

func loopback(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
}

// group adds a target group, or changes it, without applying that.
func (r *rig) group(id string, targets ...netip.AddrPort) *Group {
	g := r.find(id)
	g.Targets = nil
	for _, a := range targets {
		g.Targets = append(g.Targets, Target{Addr: a})
	}
	return g
}

func (r *rig) find(id string) *Group {
	for i := range r.state.Groups {
		if r.state.Groups[i].ID == id {
			return &r.state.Groups[i]
		}
	}
	r.state.Groups = append(r.state.Groups, Group{
		ID: id, Name: "name-of-" + id, Protocol: "HTTP", InUse: true,
		DeregistrationDelay: 5 * time.Second,
		Health:              HealthCheck{Disabled: true},
	})
	return &r.state.Groups[len(r.state.Groups)-1]
}

// forward makes the listener's only rule forward by weights: "blue", 90, "green", 10.
func (r *rig) forward(groupsAndWeights ...any) *Forward {
	f := &Forward{}
	for i := 0; i < len(groupsAndWeights); i += 2 {
		f.Groups = append(f.Groups, Weighted{groupsAndWeights[i].(string), groupsAndWeights[i+1].(int)})
	}
	r.rules(Rule{ID: "default", Action: Action{Forward: f}})
	return f
}

func (r *rig) rules(rules ...Rule) { r.state.Listeners[0].Rules = rules }

// apply hands a copy of the state to the balancer: values are never changed after that.
func (r *rig) apply() {
	r.t.Helper()
	var s State
	for _, l := range r.state.Listeners {
		l.Rules = append([]Rule(nil), l.Rules...)
		s.Listeners = append(s.Listeners, l)
	}
	for _, g := range r.state.Groups {
		g.Targets = append([]Target(nil), g.Targets...)
		s.Groups = append(s.Groups, g)
	}
	if err := r.Apply(s); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) addr() string {
	r.t.Helper()
	a, err := r.Bound("web")
	if !a.IsValid() {
		r.t.Fatal(err)
	}
	return a.String()
}

func (r *rig) url() string { return "http://" + r.addr() }

// get returns the status and body of a GET request.
func (r *rig) get(path string, header ...string) (int, string) {
	r.t.Helper()
	res := r.do("GET", path, "", header...)
	return res.StatusCode, res.body
}

type answer struct {
	*http.Response
	body string
}

func (r *rig) do(method, path, body string, header ...string) answer {
	r.t.Helper()
	req, err := http.NewRequest(method, r.url()+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Add(header[i], header[i+1])
	}
	res, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{res, string(b)}
}

// want asserts the body of a GET request that succeeds.
func (r *rig) want(body string) {
	r.t.Helper()
	if status, got := r.get("/"); status != 200 || got != body {
		r.t.Fatalf("got %d %q, want 200 %q", status, got, body)
	}
}

func (r *rig) wantStatus(status int) {
	r.t.Helper()
	if got, body := r.get("/"); got != status {
		r.t.Fatalf("got %d %q, want %d", got, body, status)
	}
}

// await waits until a target group's targets are in the given states, in order.
func (r *rig) await(group string, states ...string) {
	r.t.Helper()
	var got []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		got = got[:0]
		for _, h := range r.Health(group) {
			got = append(got, h.State)
		}
		if fmt.Sprint(got) == fmt.Sprint(states) {
			return
		}
	}
	r.t.Fatalf("targets of %s are %v, want %v", group, got, states)
}

// settled waits until no request of a group is counted any more: answers reach their
// clients a moment before.
func (r *rig) settled(group string) {
	r.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); r.Stats(group).InFlight != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%d requests of %s are still counted", r.Stats(group).InFlight, group)
		}
	}
}

// backend serves h and returns its address.
func backend(t testing.TB, h http.Handler) netip.AddrPort {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return addrOf(s.Listener)
}

func addrOf(l net.Listener) netip.AddrPort { return l.Addr().(*net.TCPAddr).AddrPort() }

// says serves one body.
func says(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
}

// held serves requests that wait until they are let go.
type held struct {
	arrived chan struct{}
	let     chan struct{}
	once    sync.Once
}

func newHeld(t *testing.T) *held {
	h := &held{arrived: make(chan struct{}, 100), let: make(chan struct{})}
	t.Cleanup(h.release)
	return h
}

func (h *held) release() { h.once.Do(func() { close(h.let) }) }

func (h *held) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.arrived <- struct{}{}
	select {
	case <-h.let:
	case <-r.Context().Done():
	}
	io.WriteString(w, "held")
}
