package rehearse

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestLoadCountsEveryRequestByColour(t *testing.T) {
	var n, streams atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) % 10 {
		case 0:
			w.Header().Set(ColourHeader, "green")
			http.Error(w, "no", http.StatusBadGateway)
		case 1, 2, 3:
			w.Header().Set(ColourHeader, "green")
		default:
			w.Header().Set(ColourHeader, "blue")
		}
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		streams.Add(1)
		fmt.Fprintln(w, "data")
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	l := &Load{URL: srv.URL + "/", Stream: srv.URL + "/stream", Rate: 1000}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	l.Run(ctx)
	rows := l.Between(began, time.Now())
	var sum, failed int64
	for _, r := range rows {
		sum += int64(r.Requests)
		failed += int64(r.Failures)
		if r.P99 < r.P50 || r.P50 <= 0 {
			t.Errorf("quantiles %+v", r)
		}
	}
	if len(rows) != 2 || rows[0].Group != "blue" || sum != n.Load() || failed != n.Load()/10 {
		t.Errorf("%d requests served, counted %+v", n.Load(), rows)
	}
	if rows[1].Example != "HTTP 502" {
		t.Errorf("example %q", rows[1].Example)
	}
	if st := l.Streams(); int64(st.Opened) < streams.Load()-1 || st.Events == 0 || st.Failed != 0 {
		t.Errorf("streams %+v, served %d", st, streams.Load())
	}
	if rest := l.Between(time.Now(), time.Now().Add(time.Hour)); len(rest) != 0 {
		t.Errorf("counted the future: %+v", rest)
	}
}

func TestARefusedConnectionIsAFailureOfNobody(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	l := &Load{URL: srv.URL, Rate: 100}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	l.Run(ctx)
	rows := l.Between(time.Time{}, time.Now())
	if len(rows) != 1 || rows[0].Group != "" || rows[0].Failures != rows[0].Requests || !strings.Contains(rows[0].Example, "refused") {
		t.Errorf("%+v", rows)
	}
}

func TestTheDrillsVersionDiffersByItsHealthCheckOnly(t *testing.T) {
	in := `{"family":"f","future":{"x":1},"containerDefinitions":[{"name":"a","image":"i"},{"name":"b","image":"j"}]}`
	out, err := neverHealthy([]byte(in), "b")
	if err != nil {
		t.Fatal(err)
	}
	var td struct {
		Future               map[string]int
		ContainerDefinitions []struct {
			Image       string
			HealthCheck *struct{ Command []string }
		}
	}
	if err := json.Unmarshal(out, &td); err != nil {
		t.Fatal(err)
	}
	if td.Future["x"] != 1 || td.ContainerDefinitions[0].HealthCheck != nil || td.ContainerDefinitions[1].HealthCheck == nil || td.ContainerDefinitions[1].Image != "j" {
		t.Errorf("got %s", out)
	}
	if _, err := neverHealthy([]byte(in), "c"); err == nil {
		t.Error("an unknown container was taken")
	}
}

func TestColoursAreRolesNotNames(t *testing.T) {
	at := time.Now()
	l := &Load{samples: []sample{{end: at.Add(-time.Second), group: "web-blue"}, {end: at, group: "web-green"}, {end: at.Add(1), group: "web-blue"}}}
	for id, want := range map[string]string{"d-1": "blue green ", "ecs-svc/1": "  "} {
		a := Act{Deployment: id, Colours: []ColourStats{{Group: "web-green"}, {Group: "web-blue"}, {}}}
		l.colour(&a, at)
		if got := a.Colours[0].Colour + " " + a.Colours[1].Colour + " " + a.Colours[2].Colour; got != want {
			t.Errorf("%s: %q", id, got)
		}
	}
}
