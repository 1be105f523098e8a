package balancer

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// functions invokes f as the only function.
func functions(t *testing.T, f func(e map[string]any) (string, error)) *rig {
	r := newRig(t, Options{Invoke: func(_ context.Context, function string, payload []byte) ([]byte, error) {
		if function != "arn:fn" {
			t.Errorf("invoked %s", function)
		}
		var e map[string]any
		if err := json.Unmarshal(payload, &e); err != nil {
			t.Error(err)
		}
		out, err := f(e)
		return []byte(out), err
	}})
	g := r.group("fn")
	g.Protocol, g.Targets = "", []Target{{Addr: netip.MustParseAddrPort("0.1.2.3:4"), Function: "arn:fn"}}
	r.forward("fn", 1)
	return r
}

func TestFunctions(t *testing.T) {
	var last map[string]any
	answer := `{"statusCode":200,"body":"hi"}`
	r := functions(t, func(e map[string]any) (string, error) { last = e; return answer, nil })
	r.apply()
	a := r.do("POST", "/a%20b?x=1&x=%32&y", "text", "Content-Type", "text/plain; charset=utf-8", "X-One", "1", "X-One", "2")
	if a.StatusCode != 200 || a.body != "hi" || a.Header.Get("Content-Type") != "application/octet-stream" || a.Header.Get("Server") != "awselb/2.0" {
		t.Errorf("%d %q %v", a.StatusCode, a.body, a.Header)
	}
	got, _ := json.Marshal(map[string]any{"m": last["httpMethod"], "p": last["path"], "q": last["queryStringParameters"], "b": last["body"], "64": last["isBase64Encoded"], "c": last["requestContext"]})
	if want := `{"64":false,"b":"text","c":{"elb":{"targetGroupArn":"fn"}},"m":"POST","p":"/a%20b","q":{"x":"%32","y":""}}`; string(got) != want {
		t.Errorf("the event is %s, want %s", got, want)
	}
	h := last["headers"].(map[string]any)
	if h["x-one"] != "2" || h["x-forwarded-for"] != "127.0.0.1" || h["host"] != r.addr() || h["connection"] != nil || last["multiValueHeaders"] != nil {
		t.Errorf("headers are %v", h)
	}
	r.do("POST", "/", "\x00\xff", "Content-Type", "application/octet-stream")
	if last["body"] != "AP8=" || last["isBase64Encoded"] != true {
		t.Errorf("bytes arrive as %v %v", last["body"], last["isBase64Encoded"])
	}
	answer = `{"statusCode":418,"statusDescription":"418 short and stout","headers":{"Content-Type":"text/x","X-N":7},"multiValueHeaders":{"Y":["1"]},"body":"AP8=","isBase64Encoded":true}`
	a = r.do("GET", "/", "")
	if a.Status != "418 short and stout" || a.body != "\x00\xff" || a.Header.Get("X-N") != "7" || a.Header.Get("Content-Type") != "text/x" || a.Header.Get("Y") != "" {
		t.Errorf("%s %q %v", a.Status, a.body, a.Header)
	}
	if two := r.doHTTP2(t, "/"); two.StatusCode != 418 || two.body != "\x00\xff" {
		t.Errorf("by HTTP/2: %d %q", two.StatusCode, two.body)
	}
}

func TestFunctionsWithMultiValueHeaders(t *testing.T) {
	var last map[string]any
	r := functions(t, func(e map[string]any) (string, error) {
		last = e
		return `{"statusCode":200,"headers":{"X":"no"},"multiValueHeaders":{"Set-Cookie":["a=1","b=2"]},"body":""}`, nil
	})
	r.find("fn").MultiValue = true
	r.apply()
	a := r.do("GET", "/?x=1&x=2", "", "X-One", "1", "X-One", "2")
	got, _ := json.Marshal([]any{last["multiValueQueryStringParameters"], last["multiValueHeaders"].(map[string]any)["x-one"], last["headers"]})
	if string(got) != `[{"x":["1","2"]},["1","2"],null]` {
		t.Errorf("the event has %s", got)
	}
	if c := a.Header["Set-Cookie"]; len(c) != 2 || a.Header.Get("X") != "" {
		t.Errorf("answered with %v", a.Header)
	}
}

func TestFunctionsThatFail(t *testing.T) {
	answer, calls := "", atomic.Int32{}
	r := functions(t, func(map[string]any) (string, error) {
		calls.Add(1)
		if answer == "fail" {
			return "", errors.New("it failed")
		}
		return answer, nil
	})
	r.apply()
	for _, answer = range []string{"fail", "", "null", `"text"`, `{}`, `{"statusCode":"200"}`, `{"statusCode":200,"body":"!","isBase64Encoded":true}`,
		`{"statusCode":200,"headers":{"X":"a\r\nb"}}`, `{"statusCode":200,"statusDescription":"a\nb"}`, `{"statusCode":200,"headers":{"a b":"c"}}`,
		`{"statusCode":200,"body":"` + strings.Repeat("x", maxFunctionBody+1) + `"}`} {
		calls.Store(0)
		if status, _ := r.get("/"); status != 502 || calls.Load() != 1 {
			t.Errorf("%.60q: %d after %d calls", answer, status, calls.Load())
		}
	}
	calls.Store(0)
	if a := r.do("POST", "/", strings.Repeat("x", maxFunctionBody+1)); a.StatusCode != 413 || calls.Load() != 0 {
		t.Errorf("a large body: %d after %d calls", a.StatusCode, calls.Load())
	}
	r.settled("fn")
}

func TestFunctionsAreChecked(t *testing.T) {
	var well atomic.Bool
	var last atomic.Value
	r := functions(t, func(e map[string]any) (string, error) {
		last.Store(e)
		if well.Load() {
			return `{"statusCode":200}`, nil
		}
		return `{"statusCode":500}`, nil
	})
	r.find("fn").Health = HealthCheck{Interval: 1e6, Timeout: 1e9, Healthy: 2, Unhealthy: 2, Path: "/check"}
	r.apply()
	r.await("fn", "unhealthy")
	well.Store(true)
	r.await("fn", "healthy")
	e := last.Load().(map[string]any)
	if got, _ := json.Marshal(e["headers"]); string(got) != `{"user-agent":"ELB-HealthChecker/2.0"}` || e["path"] != "/check" {
		t.Errorf("checked with %v", e)
	}
	if h := r.Health("fn"); h[0].Function != "arn:fn" {
		t.Errorf("%+v", h)
	}
}

// Below either of its thresholds a group sends to all of its targets.
func TestFailOpenByShare(t *testing.T) {
	sick, well := backend(t, says("sick")), backend(t, says("well"))
	r := newRig(t, Options{})
	g := r.group("app", well, sick)
	r.forward("app", 1)
	r.apply()
	for _, tc := range []struct {
		count, percent, want int
	}{{1, 0, 1}, {1, 50, 1}, {1, 51, 2}, {2, 0, 2}, {1, 100, 2}} {
		g.MinimumHealthy, g.MinimumPercent = tc.count, tc.percent
		r.apply()
		r.mu.Lock()
		gr := r.groups["app"]
		gr.order[0].record.State, gr.order[1].record.State = healthy, unhealthy
		n := len(gr.rotation(r.opts.Scale).targets)
		r.mu.Unlock()
		if n != tc.want {
			t.Errorf("%d and %d%%: %d targets", tc.count, tc.percent, n)
		}
	}
}
