package gate

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestCommands(t *testing.T) {
	s := Scene{URL: "http://127.0.0.1:1", DeploymentID: "d-1", Service: "web"}
	var told []string
	tell := func(l string) { told = append(told, l) }
	ok := Gate{Name: "ok", Run: []string{"sh", "-c", `echo "$TURNOUT_DEPLOYMENT_ID $TURNOUT_URL"; printf half`}, Timeout: time.Minute}
	if err := ok.Pass(t.Context(), s, tell); err != nil || strings.Join(told, "|") != "d-1 http://127.0.0.1:1|half" {
		t.Errorf("%v, told %q", err, told)
	}
	bad := Gate{Name: "smoke", Run: []string{"sh", "-c", "for i in $(seq 20); do echo line $i; done; exit 3"}, Timeout: time.Minute}
	err := bad.Pass(t.Context(), s, func(string) {})
	if err == nil || !strings.HasPrefix(err.Error(), "gate smoke: sh -c") || !strings.HasSuffix(err.Error(), "line 20") || strings.Contains(err.Error(), "line 5\n") {
		t.Error(err)
	}
	bare := Gate{Name: "false", Run: []string{"false"}, Timeout: time.Minute} // the command is its name
	if err := bare.Pass(t.Context(), s, tell); err == nil || err.Error() != "gate false: exit status 1" {
		t.Error(err)
	}
	slow := Gate{Name: "slow", Run: []string{"sleep", "60"}, Timeout: 50 * time.Millisecond}
	if err := slow.Pass(t.Context(), s, tell); err == nil || !strings.Contains(err.Error(), "it took longer than 50ms") {
		t.Error(err)
	}
	none := Gate{Name: "none", Run: []string{"/nosuch/program"}, Timeout: time.Minute}
	if err := none.Pass(t.Context(), s, tell); err == nil || !strings.Contains(err.Error(), "/nosuch/program") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := slow.Pass(ctx, s, tell); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRequests(t *testing.T) {
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" && asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("version 7"))
	}))
	defer srv.Close()
	s := Scene{URL: srv.URL}
	for _, c := range []struct {
		gate Gate
		says string
		told int // how often it is said why the gate is closed
	}{
		{Gate{Path: "/", Status: 200, Contains: "version 7", Timeout: time.Second}, "", 0},
		{Gate{Path: "/late", Status: 200, Timeout: 30 * time.Second}, "", 1},
		{Gate{Name: "v", Path: "/", Status: 200, Contains: "version 8", Timeout: 500 * time.Millisecond}, `gate v: ` + srv.URL + `/ does not contain "version 8"`, 1},
		{Gate{Name: "s", Path: "/", Status: 404, Timeout: 500 * time.Millisecond}, "gate s: " + srv.URL + "/ answered 200, expected 404", 1},
	} {
		var told []string
		err := c.gate.Pass(t.Context(), s, func(l string) { told = append(told, l) })
		if len(told) != c.told || (c.told > 0 && !strings.Contains(told[0], "is closed: "+srv.URL)) {
			t.Errorf("%+v: told %q", c.gate, told)
		}
		if (err == nil) != (c.says == "") || (err != nil && err.Error() != c.says) {
			t.Errorf("%+v: %v", c.gate, err)
		}
	}
}

// A gate whose time ends in the middle of a request tells what was answered before.
func TestTheLastAnswerIsTold(t *testing.T) {
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 1 {
			<-r.Context().Done()
			return
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	defer srv.Close()
	err := Gate{Name: "g", Path: "/", Status: 200, Timeout: 1200 * time.Millisecond}.Pass(t.Context(), Scene{URL: srv.URL}, func(string) {})
	if err == nil || !strings.HasSuffix(err.Error(), "/ answered 418, expected 200") || asked.Load() != 2 {
		t.Errorf("%v after %d requests", err, asked.Load())
	}
}
