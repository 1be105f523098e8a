package balancer

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A target that fails is found out and gets fewer requests until it is well again.
func TestAnomaliesAreMitigated(t *testing.T) {
	r := newRig(t, Options{Scale: func(d time.Duration) time.Duration { return d / 200 }})
	var sick atomic.Bool
	sick.Store(true)
	bad := backend(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if sick.Load() && !strings.HasPrefix(req.UserAgent(), "ELB-") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	g := r.group("app", backend(t, says("a")), backend(t, says("b")), bad)
	g.Algorithm = "weighted_random"
	g.Health = HealthCheck{Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 2, Unhealthy: 2}
	r.forward("app", 1)
	r.apply()
	r.await("app", "healthy", "healthy", "healthy")
	until := func(odd bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; {
			r.get("/")
			h := r.Health("app")
			if h[0].Anomalous || h[1].Anomalous {
				t.Fatalf("the wrong target is anomalous: %+v", h)
			}
			if h[2].Anomalous == odd {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("anomalous is still %t: %+v", !odd, r.TargetStats("app"))
			}
		}
	}
	share := func() float64 {
		before := r.TargetStats("app")[bad].Requests
		for range 300 {
			r.get("/")
		}
		return float64(r.TargetStats("app")[bad].Requests-before) / 300
	}
	until(true)
	if s := share(); s < 0.2 {
		t.Errorf("it gets %.2f though nothing is to be mitigated", s)
	}
	g.MitigateAnomalies = true
	r.apply()
	if s := share(); s > 0.15 {
		t.Errorf("it still gets %.2f", s)
	}
	sick.Store(false)
	until(false)
	if s := share(); s < 0.2 {
		t.Errorf("well again, it gets %.2f", s)
	}
}
