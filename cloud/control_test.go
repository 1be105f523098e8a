package cloud_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/turnoutdev/turnout/cloud"
)

// ask makes a plain HTTP request to a control.
func (r *rig) ask(method, path string, body io.Reader, headers ...string) (int, []byte) {
	r.Helper()
	req := must(http.NewRequestWithContext(r.Context(), method, r.Endpoint()+path, body))
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode, must(io.ReadAll(res.Body))
}

// counts are how many clusters, load balancers and repositories there are.
func (r *rig) counts() [3]int {
	r.Helper()
	c := must(ecs.NewFromConfig(r.cfg).ListClusters(r.Context(), &ecs.ListClustersInput{}))
	l := must(elb.NewFromConfig(r.cfg).DescribeLoadBalancers(r.Context(), &elb.DescribeLoadBalancersInput{}))
	e := must(ecr.NewFromConfig(r.cfg).DescribeRepositories(r.Context(), &ecr.DescribeRepositoriesInput{}))
	return [3]int{len(c.ClusterArns), len(l.LoadBalancers), len(e.Repositories)}
}

// A snapshot brings a whole site back, in the same cloud after a reset and in another one.
func TestResetAndSnapshot(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]func() string{"kept": t.TempDir, "ephemeral": func() string { return "" }} {
		t.Run(name, func(t *testing.T) {
			dir := state()
			r := started(t, cloud.Options{State: dir, Driver: "native", TimeScale: 100})
			s := r.site()
			status, snapshot := r.ask("GET", "/_turnout/snapshot", nil)
			if status != 200 || s.get(s.url) != 200 {
				t.Fatalf("snapshot: %d, and the service answers %d", status, s.get(s.url))
			}
			before := r.counts()

			if status, body := r.ask("POST", "/_turnout/reset", nil); status != http.StatusNoContent {
				t.Fatalf("reset: %d %s", status, body)
			}
			if got := r.counts(); got != [3]int{} || s.get(s.url) != 0 {
				t.Errorf("after a reset: %v, and the service answers %d", got, s.get(s.url))
			}
			if dir != "" {
				left, _ := filepath.Glob(dir + "/registry/blobs/*/*") // the pattern is well-formed
				if len(left) > 0 {
					t.Errorf("after a reset: %d files of images", len(left))
				}
			}

			if status, body := r.ask("PUT", "/_turnout/snapshot", bytes.NewReader(snapshot)); status != http.StatusNoContent {
				t.Fatalf("restore: %d %s", status, body)
			}
			if got := r.counts(); got != before {
				t.Errorf("after the restore: %v, before: %v", got, before)
			}
			s.url = must(r.ListenerURL("web", 8080))
			s.until("the restored service is healthy", func() bool { return s.get(s.url) == 200 })
			// The restored site is whole: it is deployed to as ever.
			if d := s.ended(s.deploy(s.revision("200"))); d.Status != "Succeeded" {
				t.Errorf("a deployment on the restored site: %s, %s", d.Status, why(d))
			}

			other := started(t, cloud.Options{Driver: "native", TimeScale: 100})
			if err := other.Restore(t.Context(), bytes.NewReader(snapshot)); err != nil {
				t.Fatal(err)
			}
			if got := other.counts(); got != before {
				t.Errorf("in another cloud: %v, before: %v", got, before)
			}
		})
	}
}

func TestABadSnapshotChangesNothing(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake"})
	must(ecs.NewFromConfig(r.cfg).CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("stays")}))
	_, whole := r.ask("GET", "/_turnout/snapshot", nil)
	for what, bad := range map[string][]byte{"empty": {}, "text": []byte("hello"), "torn": whole[:len(whole)/2]} {
		if status, body := r.ask("PUT", "/_turnout/snapshot", bytes.NewReader(bad)); status != http.StatusBadRequest || !strings.Contains(string(body), "not a snapshot") {
			t.Errorf("%s: %d %s", what, status, body)
		}
	}
	if got := r.counts(); got[0] != 1 {
		t.Errorf("clusters: %d", got[0])
	}
	if left, _ := filepath.Glob(os.TempDir() + "/.turnout-restore-*"); len(left) > 0 { // the pattern is well-formed
		t.Errorf("left behind: %v", left)
	}
}

// A page in a browser is refused by its origin, by what the browser says of it, or by the
// name under which it came, and no answer lets it read one.
func TestControlsKeepWebPagesOut(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake"})
	must(ecs.NewFromConfig(r.cfg).CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("stays")}))
	for _, control := range []string{
		"POST reset", "GET snapshot", "PUT snapshot", "GET chaos", "POST chaos", "DELETE chaos", "GET calls", "DELETE calls",
		"GET console/api/overview.json", "POST console/api/deployments/d-1/stop", "OPTIONS reset", "OPTIONS console/api/about.json",
	} {
		method, path, _ := strings.Cut(control, " ")
		for _, headers := range [][2]string{
			{"Origin", "https://example.com"}, {"Origin", "null"}, {"Origin", "http://127.0.0.1:1"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
			{"Host", "evil.example.com"}, {"Host", "evil.example.com:4566"},
		} {
			req := must(http.NewRequestWithContext(t.Context(), method, r.Endpoint()+"/_turnout/"+path, nil))
			req.Header.Set(headers[0], headers[1])
			if headers[0] == "Host" {
				req.Host = headers[1]
			}
			res := must(http.DefaultClient.Do(req))
			_ = res.Body.Close()
			if res.StatusCode < 400 || method != "OPTIONS" && res.StatusCode != http.StatusForbidden {
				t.Errorf("%s, %v: %s", control, headers, res.Status)
			}
			for name := range res.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s, %v: %s", control, headers, name)
				}
			}
		}
	}
	if got := r.counts(); got[0] != 1 {
		t.Error("a page reset the cloud")
	}
}

func TestFaultsOnTheWire(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake"})
	once := r.cfg.Copy()
	once.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	who := func(cfg aws.Config) error {
		_, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
		return err
	}
	for _, c := range []struct{ kind, says string }{
		{"error", "StatusCode: 500"}, {"throttle", "Rate exceeded"}, {"reset", "EOF"}, {"half", "EOF"}, {"expired", "ExpiredToken"},
	} {
		if status, body := r.ask("POST", "/_turnout/chaos", strings.NewReader(`[{"kind":"`+c.kind+`","service":"sts","count":2}]`)); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		if err := who(once); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.kind, err)
		}
		// The SDK's own retries get over whatever passes.
		if err := who(r.cfg); (err != nil) != (c.kind == "expired") {
			t.Errorf("%s, with retries: %v", c.kind, err)
		}
		r.ClearFaults()
	}
}

func TestThrottle(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake", Throttle: true})
	cfg := r.cfg.Copy()
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	client := ecs.NewFromConfig(cfg)
	throttles := retry.ThrottleErrorCode{Codes: retry.DefaultThrottleErrorCodes}
	refused := 0
	for range 40 {
		_, err := client.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{})
		switch {
		case err == nil:
		case throttles.IsErrorThrottle(err) == aws.TrueTernary:
			refused++
		default:
			t.Fatal(err)
		}
	}
	if refused < 15 || refused > 20 {
		t.Errorf("%d of 40 calls at once were throttled, want the 20 beyond the burst", refused)
	}
}

// Clients that hang in the middle of a request hold up neither a reset nor the calls after it.
func TestAClientThatHangsDoesNotHoldUpAReset(t *testing.T) {
	r := newAccount(t)
	for _, head := range []string{
		"POST / HTTP/1.1\r\nX-Amz-Target: AmazonEC2ContainerServiceV20141113.ListClusters",
		"POST / HTTP/1.1\r\nX-Amz-Target: AmazonEC2ContainerServiceV20141113.None", // refused before its body is read
		"PUT /v2/a/blobs/uploads/x HTTP/1.1",
	} {
		c := must(net.Dial("tcp", strings.TrimPrefix(r.url, "http://")))
		defer func() { _ = c.Close() }()
		_, err := fmt.Fprintf(c, "%s\r\nHost: cloud\r\nContent-Length: 100\r\n\r\n{", head)
		check(t, err)
		time.Sleep(20 * time.Millisecond) // the call is in flight when its header has been read
		began := time.Now()
		check(t, r.c.Reset(t.Context()))
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("a reset took %v", took)
		}
		must(ecs.NewFromConfig(r.cfg).ListClusters(t.Context(), &ecs.ListClustersInput{}))
	}
}

// Who presses a button in the console is the root user, and held to its policy.
func TestTheConsolesButtonsAskForPermission(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake", RootPolicy: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"codedeploy:StopDeployment","Resource":"*"}]}`})
	var about struct{ Token string }
	_, body := r.ask("GET", "/_turnout/console/api/about.json", nil)
	check(t, json.Unmarshal(body, &about))
	for action, want := range map[string]string{
		"stop": `"code":"AccessDenied"`, "rollback": "arn:aws:iam::123456789012:root is not authorized to perform: codedeploy:StopDeployment", "reroute": "DeploymentDoesNotExistException",
	} {
		status, body := r.ask("POST", "/_turnout/console/api/deployments/d-ABCDEFGHI/"+action, nil, "X-Turnout-Token", about.Token)
		if status != http.StatusConflict || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s", action, status, body)
		}
	}
}
