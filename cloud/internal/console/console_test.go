package console

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// helm notes what it is asked for.
type helm struct{ asked []string }

func (h *helm) StopDeployment(_ context.Context, in *codedeploy.StopDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.StopDeploymentOutput, error) {
	how := "stop "
	if aws.ToBool(in.AutoRollbackEnabled) {
		how = "roll back "
	}
	h.asked = append(h.asked, how+aws.ToString(in.DeploymentId))
	return &codedeploy.StopDeploymentOutput{}, nil
}

func (h *helm) ContinueDeployment(_ context.Context, in *codedeploy.ContinueDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.ContinueDeploymentOutput, error) {
	h.asked = append(h.asked, string(in.DeploymentWaitType)+" "+aws.ToString(in.DeploymentId))
	if *in.DeploymentId == "d-OVER" {
		return nil, &types.DeploymentAlreadyCompletedException{Message: aws.String("it is over")}
	}
	return &codedeploy.ContinueDeploymentOutput{}, nil
}

// gauges is a CloudWatch with one alarm, whose reason changes, and which counts how often it
// is asked.
type gauges struct {
	Measures
	reason atomic.Value
	asked  atomic.Int64
}

func (g *gauges) DescribeAlarms(_ context.Context, in *cw.DescribeAlarmsInput, _ ...func(*cw.Options)) (*cw.DescribeAlarmsOutput, error) {
	g.asked.Add(1)
	reason, _ := g.reason.Load().(string)
	if reason == "broken" {
		return nil, errors.New("no such day")
	}
	out := &cw.DescribeAlarmsOutput{MetricAlarms: []cwtypes.MetricAlarm{{
		AlarmName: aws.String("</script><script>"), StateReason: &reason, MetricName: aws.String("faults"), Threshold: aws.Float64(2.5),
		ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, EvaluationPeriods: aws.Int32(3), Period: aws.Int32(60),
	}}}
	if slices.Contains(in.AlarmTypes, cwtypes.AlarmTypeCompositeAlarm) {
		out.CompositeAlarms = []cwtypes.CompositeAlarm{{AlarmName: aws.String("all"), AlarmRule: aws.String("ALARM(one) OR ALARM(two)")}}
	}
	return out, nil
}

func served(o Options) *Console {
	o.Scale, o.Token = scaled, "the-token"
	return New(o)
}

// ask sends a request with headers, in pairs.
func ask(c *Console, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host = "127.0.0.1:4566"
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w
}

func TestWhoIsLetIn(t *testing.T) {
	c := served(Options{Measures: &gauges{}, Steering: &helm{}})
	const page, api, stop = Path + "deployments/d-1", Path + "api/alarms.json", Path + "api/deployments/d-1/stop"
	for _, q := range []struct {
		method, path string
		headers      []string
		want         int
	}{
		{"GET", page, nil, 200},
		{"GET", page, []string{"Host", "localhost:4566"}, 200},
		{"GET", page, []string{"Host", "[::1]:4566"}, 200},
		{"GET", page, []string{"Host", "evil.example:4566"}, 403},
		{"GET", page, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 200}, // a link
		{"GET", page, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"GET", api, nil, 200},
		{"GET", api, []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:4566"}, 200},
		{"GET", api, []string{"Sec-Fetch-Site", "none"}, 200},
		{"GET", api, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 403},
		{"GET", api, []string{"Sec-Fetch-Site", "same-site"}, 403}, // another port of this machine
		{"GET", api, []string{"Origin", "http://127.0.0.1:9000"}, 403},
		{"GET", api, []string{"Host", "evil.example"}, 403},
		{"POST", stop, nil, 403},
		{"POST", stop, []string{"X-Turnout-Token", "another"}, 403},
		{"POST", stop, []string{"X-Turnout-Token", "the-token", "Origin", "https://example.com"}, 403},
		{"POST", stop, []string{"X-Turnout-Token", "the-token", "Sec-Fetch-Site", "same-site"}, 403},
		{"POST", stop, []string{"X-Turnout-Token", "the-token", "Host", "evil.example"}, 403},
		{"POST", stop, []string{"X-Turnout-Token", "the-token", "Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:4566"}, 204},
		{"GET", stop, []string{"X-Turnout-Token", "the-token"}, 200}, // a page that does not exist, and nothing else
		{"PUT", api, []string{"X-Turnout-Token", "the-token"}, 405},
		{"DELETE", page, nil, 405},
		{"GET", Path + "assets/index.html", nil, 200},
		{"GET", Path + "assets/..%2fdoc.go", nil, 404},
		{"GET", Path + "assets/nothing.js", nil, 404},
	} {
		w := ask(c, q.method, q.path, q.headers...)
		if w.Code != q.want {
			t.Errorf("%s %s %v: %d %s, want %d", q.method, q.path, q.headers, w.Code, w.Body, q.want)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store", "Access-Control-Allow-Origin": "",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", q.method, q.path, name, got, want)
			}
		}
	}
	if h := c.Steering.(*helm); len(h.asked) != 1 {
		t.Errorf("it was stopped %d times", len(h.asked))
	}
}

func TestButtons(t *testing.T) {
	h := &helm{}
	c := served(Options{Steering: h})
	for action, want := range map[string]string{"stop": "stop d-1", "rollback": "roll back d-1", "reroute": "READY_WAIT d-1", "terminate": "TERMINATION_WAIT d-1"} {
		h.asked = nil
		if w := ask(c, "POST", Path+"api/deployments/d-1/"+action, "X-Turnout-Token", "the-token"); w.Code != http.StatusNoContent || strings.Join(h.asked, ";") != want {
			t.Errorf("%s: %d, asked for %q, want %q", action, w.Code, h.asked, want)
		}
	}
	h.asked = nil
	if w := ask(c, "POST", Path+"api/deployments/d-1/delete", "X-Turnout-Token", "the-token"); w.Code != http.StatusConflict || h.asked != nil {
		t.Errorf("an unknown action: %d, asked for %q", w.Code, h.asked)
	}
	if w := ask(c, "POST", Path+"api/deployments/d-OVER/reroute", "X-Turnout-Token", "the-token"); w.Code != http.StatusConflict || strings.TrimSpace(w.Body.String()) != `{"code":"DeploymentAlreadyCompletedException","message":"it is over"}` {
		t.Errorf("a refusal: %d %s", w.Code, w.Body)
	}
}

// Names come as JSON in which no markup begins, whatever they are shown in.
func TestNamesAreEscaped(t *testing.T) {
	w := ask(served(Options{Measures: &gauges{}}), "GET", Path+"api/alarms.json")
	if got := w.Body.String(); w.Header().Get("Content-Type") != "application/json" || strings.ContainsAny(got, "<>") || !strings.Contains(got, `\u003c/script\u003e\u003cscript\u003e`) {
		t.Errorf("%s %s", w.Header(), got)
	}
}

func TestAlarms(t *testing.T) {
	got := ask(served(Options{Measures: &gauges{}}), "GET", Path+"api/alarms.json").Body.String()
	for _, want := range []string{`"condition":"faults GreaterThanThreshold 2.5, 3 times in 180 s"`, `"name":"all"`, `"condition":"ALARM(one) OR ALARM(two)"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

// A stream tells every change once, and nobody is asked once nobody listens.
func TestStream(t *testing.T) {
	g := &gauges{}
	g.reason.Store("first")
	srv := httptest.NewServer(served(Options{Measures: g}))
	defer srv.Close()
	ctx, stop := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", srv.URL+Path+"api/alarms.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if ct := res.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("Content-Type %q", ct)
	}
	in := bufio.NewScanner(res.Body)
	next := func() string {
		var lines []string
		for in.Scan() && in.Text() != "" {
			lines = append(lines, in.Text())
		}
		return strings.Join(lines, " ")
	}
	for _, want := range []string{"first", "second", "broken", "third"} {
		g.reason.Store(want)
		kind, has := "event: view ", `"reason":"`+want+`"`
		if want == "broken" {
			kind, has = "event: refused ", "no such day"
		}
		if got := next(); !strings.HasPrefix(got, kind) || !strings.Contains(got, has) {
			t.Errorf("%s: %s", want, got)
		}
		for was := g.asked.Load(); g.asked.Load() < was+2; { // that nothing is told twice shows in the next
			time.Sleep(lookAgain / 4)
		}
	}
	stop()
	for quiet := false; !quiet; {
		was := g.asked.Load()
		time.Sleep(2 * lookAgain)
		quiet = g.asked.Load() == was
	}
}

// What a page loads stands among the assets, and nothing in them is loaded from elsewhere.
func TestAssets(t *testing.T) {
	c := served(Options{})
	files, err := fs.Glob(assets, "assets/*")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d assets, %v", len(files), err)
	}
	for _, f := range files {
		w := ask(c, "GET", Path+f)
		body := w.Body.String()
		if w.Code != 200 || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %d %q", f, w.Code, w.Header().Get("Content-Type"))
		}
		for _, bad := range []string{"https://", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "style=\"", "onclick=\""} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %s", f, bad)
			}
		}
	}
}
