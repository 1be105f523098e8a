package balancer

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestADrainingTargetFinishesWhatItHasAndGetsNothingNew(t *testing.T) {
	r := newRig(t, Options{})
	slow := newHeld(t)
	blue, green := backend(t, slow), backend(t, says("green"))
	r.group("web", blue)
	r.forward("web", 1)
	r.apply()
	answer := make(chan string, 1)
	go func() {
		res, err := http.Get(r.url())
		if err != nil {
			answer <- err.Error()
			return
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		answer <- string(b)
	}()
	<-slow.arrived
	r.group("web", green)
	r.apply()
	for range 20 {
		r.want("green")
	}
	found := false
	for _, h := range r.Health("web") {
		found = found || (h.Addr == blue && h.State == "draining" && h.Reason == "Target.DeregistrationInProgress")
	}
	if !found {
		t.Errorf("health %+v", r.Health("web"))
	}
	slow.release()
	if got := <-answer; got != "held" {
		t.Errorf("the request in flight got %q", got)
	}
	for deadline := time.Now().Add(5 * time.Second); len(r.Health("web")) > 1 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if got := r.Health("web"); len(got) != 1 {
		t.Errorf("an idle target still drains: %+v", got)
	}
}

func TestHealth(t *testing.T) {
	var status atomic.Int32
	status.Store(200)
	r := newRig(t, Options{Scale: func(d time.Duration) time.Duration { return d / 1000 }})
	addr := backend(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.UserAgent(), "ELB-HealthChecker/2.0") != (req.URL.Path == "/health") {
			t.Errorf("%s asked for %s", req.UserAgent(), req.URL.Path)
		}
		w.WriteHeader(int(status.Load()))
	}))
	g := r.group("web", addr)
	g.InUse = false
	g.Health = HealthCheck{Protocol: "HTTP", Path: "/health", Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 2, Matcher: "200-299"}
	r.apply()
	r.await("web", "unused")
	r.find("web").InUse = true
	r.forward("web", 1)
	r.apply()
	r.await("web", "healthy")
	status.Store(500)
	r.await("web", "unhealthy")
	if h := r.Health("web")[0]; h.Reason != "Target.ResponseCodeMismatch" || h.Description != "Health checks failed with these codes: [500]" {
		t.Errorf("%+v", h)
	}
	r.wantStatus(500) // fail open: with no healthy target, all get traffic
	status.Store(204)
	r.await("web", "healthy")
}

// No request is lost while whole backends are replaced under load.
func TestReplacementsUnderLoad(t *testing.T) {
	r := newRig(t, Options{})
	r.group("web", backend(t, says("first")))
	r.forward("web", 1)
	r.apply()
	url := r.url()
	stop := make(chan struct{})
	var sent, bad atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			c := &http.Client{Transport: &http.Transport{DisableKeepAlives: i%2 == 0}}
			defer c.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				res, err := c.Post(url, "text/plain", strings.NewReader("body"))
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
				}
				sent.Add(1)
				if err != nil || res.StatusCode != 200 {
					bad.Add(1)
				}
			}
		})
	}
	for i := range 50 {
		r.group("web", backend(t, says(fmt.Sprint(i))))
		r.apply()
		time.Sleep(5 * time.Millisecond)
	}
	close(stop)
	wg.Wait()
	if bad.Load() > 0 || sent.Load() < 100 {
		t.Errorf("%d of %d requests failed", bad.Load(), sent.Load())
	}
}

// What front and back could read differently is refused, whatever stands behind.
func TestAmbiguousRequestsAreRefused(t *testing.T) {
	r := newRig(t, Options{})
	var reached atomic.Int64
	r.group("web", backend(t, http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/smuggled" {
			reached.Add(1)
		}
	})))
	r.forward("web", 1)
	r.apply()
	for _, head := range []string{
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 4\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	} {
		c, err := net.Dial("tcp", r.addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = io.WriteString(c, head+"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil && res.StatusCode < 400 {
			t.Errorf("%q was answered with %d", head, res.StatusCode)
		}
		_ = c.Close()
	}
	if reached.Load() > 0 {
		t.Errorf("%d smuggled requests arrived", reached.Load())
	}
}
