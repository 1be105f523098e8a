package wire_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

func TestPrefixesAreServedBeforeServices(t *testing.T) {
	s := newServer(&clusters{}, nil)
	name := func(n string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, n) })
	}
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	if status, body := get("/nowhere"); status != 400 || !strings.Contains(body, "has the path /nowhere") {
		t.Errorf("without a fallback: %d %s", status, body)
	}
	s.Handle("/", name("console"))
	s.Handle("/v2/", name("registry"))
	s.Handle("/v2/special/", name("special"))
	for path, want := range map[string]string{"/v2/": "registry", "/v2/special/x": "special", "/": "console", "/v3": "console"} {
		if status, got := get(path); got != want || status != 200 {
			t.Errorf("%s: %d %s, want %s", path, status, got, want)
		}
	}
	if _, body := post(t, s, `{}`, "X-Amz-Target", ecsTarget+"CreateCluster"); !strings.Contains(body, "ACTIVE") {
		t.Errorf("the fallback hides a service: %s", body)
	}
}

func TestBodiesAreDecompressedAndBounded(t *testing.T) {
	s := newServer(&clusters{}, func(o *wire.Options) { o.MaxBody = 1 << 10 })
	zip := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, text)
		_ = z.Close()
		return b.String()
	}
	target := []string{"X-Amz-Target", ecsTarget + "CreateCluster"}
	big := `{"clusterName":"` + strings.Repeat("a", 2000) + `"}`
	for _, tc := range []struct {
		name, body, encoding string
		status               int
		want                 string
	}{
		{"gzip", zip(`{"clusterName":"zipped"}`), "gzip", 200, `"clusterName":"zipped"`},
		{"aws-chunked", "18\r\n{\"clusterName\":\"pieces\"}\r\n0\r\n\r\n", "aws-chunked", 200, `"clusterName":"pieces"`},
		{"too large", big, "", 413, "RequestEntityTooLargeException"},
		{"a bomb", zip(big), "gzip", 413, "RequestEntityTooLargeException"},
		{"not gzip", "{}", "gzip", 400, "SerializationException"},
		{"bad chunks", "zz\r\n", "aws-chunked", 400, "InvalidChunkSizeError"},
	} {
		resp, body := post(t, s, tc.body, append(target, "Content-Encoding", tc.encoding)...)
		if resp.StatusCode != tc.status || !strings.Contains(body, tc.want) {
			t.Errorf("%s: %d %s", tc.name, resp.StatusCode, body)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/", io.LimitReader(zeros{}, 1<<30))
	r.ContentLength = -1
	r.Header.Set("X-Amz-Target", ecsTarget+"CreateCluster")
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != 413 {
		t.Errorf("a body without end: %d", w.Code)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestMiddlewareAndAuthorizationSeeEveryCall(t *testing.T) {
	var seen []string
	s := newServer(&clusters{}, func(o *wire.Options) {
		o.Middleware = func(service, op string, next wire.Call) wire.Call {
			return func(ctx context.Context, in any) (any, error) {
				seen = append(seen, service+":"+op)
				if c, ok := in.(*ecs.CreateClusterInput); ok && aws.ToString(c.ClusterName) == "slow-down" {
					return nil, &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"}
				}
				return next(ctx, in)
			}
		}
		o.Authorize = func(ctx context.Context, service, op string, in any) error {
			if gotService, gotOp := wire.Called(ctx); gotService != service || gotOp != op || wire.RequestID(ctx) == "" {
				t.Errorf("context of %s %s, want %s %s", gotService, gotOp, service, op)
			}
			if op == "CreateCluster" {
				return &smithy.GenericAPIError{Code: "AccessDenied", Message: "no"}
			}
			return nil
		}
	})
	create := func(name string) error {
		_, err := ecs.NewFromConfig(config(s)).CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: &name})
		return err
	}
	wantRefusal(t, create("web"), "AccessDeniedException", 400, "no")
	wantRefusal(t, create("slow-down"), "ThrottlingException", 400, "Rate exceeded")
	if _, err := sts.NewFromConfig(config(s)).GetCallerIdentity(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if got := strings.Join(seen, " "); got != "ecs:CreateCluster ecs:CreateCluster sts:GetCallerIdentity" {
		t.Error(got)
	}
}

// An injected fault may cut the connection, with the work done or not.
func TestACallCanBeCut(t *testing.T) {
	done := false
	s := newServer(&clusters{}, func(o *wire.Options) {
		o.Middleware = func(_, _ string, next wire.Call) wire.Call {
			return func(ctx context.Context, in any) (any, error) {
				_, err := next(ctx, in)
				done = err == nil
				return nil, http.ErrAbortHandler
			}
		}
	})
	_, err := ecs.NewFromConfig(config(s)).CreateCluster(t.Context(), &ecs.CreateClusterInput{})
	if err == nil || !strings.Contains(err.Error(), "connection cut by the server") || !done {
		t.Errorf("%v, done %v", err, done)
	}
}

// A service that panics has failed one call; its client is told, where net/http would only
// hang up.
func TestAPanicIsAnInternalFailure(t *testing.T) {
	var log bytes.Buffer
	s := newServer(&clusters{}, func(o *wire.Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		o.Authorize = func(context.Context, string, string, any) error { panic("nobody thought of this") }
	})
	if resp, body := post(t, s, `{}`, "X-Amz-Target", ecsTarget+"CreateCluster"); resp.StatusCode != 500 || strings.Contains(body, "thought") || !strings.HasPrefix(body, `{"__type":"InternalFailure"`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if got := log.String(); !strings.Contains(got, "nobody thought of this") || !strings.Contains(got, "exchange_test.go") {
		t.Errorf("log: %q", got)
	}
}

func TestInternalFailuresAreLoggedOnceWithTheirRequest(t *testing.T) {
	var log bytes.Buffer
	s := newServer(&clusters{failure: errors.New("disk on fire")}, func(o *wire.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	resp, body := post(t, s, `{}`, "X-Amz-Target", ecsTarget+"CreateCluster")
	id := resp.Header.Get("X-Amzn-Requestid")
	if resp.StatusCode != 500 || strings.Contains(body, "fire") || !strings.HasPrefix(body, `{"__type":"InternalFailure"`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "request="+id) || !strings.Contains(got, "disk on fire") {
		t.Errorf("log: %q, id %s", got, id)
	}
	log.Reset()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{}`)).WithContext(ctx)
	r.Header.Set("X-Amz-Target", ecsTarget+"CreateCluster")
	if s.ServeHTTP(httptest.NewRecorder(), r); log.Len() > 0 {
		t.Errorf("what breaks for a client that went away is no news: %s", log.String())
	}
}

// A real connection, with waiters and errors of the real client.
func TestOverASocket(t *testing.T) {
	srv := httptest.NewServer(newServer(&clusters{failure: &ecstypes.ClusterNotFoundException{Message: aws.String("Cluster not found.")}}, nil))
	defer srv.Close()
	cfg := config(nil)
	cfg.BaseEndpoint, cfg.HTTPClient = &srv.URL, srv.Client()
	_, err := ecs.NewFromConfig(cfg).CreateCluster(t.Context(), &ecs.CreateClusterInput{})
	var missing *ecstypes.ClusterNotFoundException
	if !errors.As(err, &missing) || missing.ErrorMessage() != "Cluster not found." {
		t.Error(err)
	}
}

func TestTransportGivesUpWithTheClient(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://cloud.test/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Transport(h).RoundTrip(r); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func FuzzServer(f *testing.F) {
	s := guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, err)
	}))
	open := validating()
	f.Add("POST", "/", "X-Amz-Target", ecsTarget+"RunTask", `{"taskDefinition":"a"}`)
	f.Add("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "Smithy-Protocol", "rpc-v2-cbor", "\xa0")
	f.Add("GET", "/?Action=GetRole&Version=2010-05-08&RoleName=a", "", "", "")
	f.Add("PUT", "/bucket/key", "Authorization", "AWS4-HMAC-SHA256 Credential=a/20200101/eu/s3/aws4_request, SignedHeaders=host, Signature=0", "5\r\nhello\r\n")
	f.Add("POST", "/", "Content-Type", "application/x-www-form-urlencoded", "Action=AssumeRole&Version=2011-06-15")
	f.Add("POST", "/", "Content-Encoding", "aws-chunked", "5;chunk-signature=0\r\nhello\r\n0\r\nx:y\r\n\r\n")
	f.Fuzz(func(t *testing.T, method, target, header, value, body string) {
		r, err := http.NewRequest(method, "http://cloud.test", strings.NewReader(body))
		if err != nil {
			return
		}
		if r.URL, err = r.URL.Parse(target); err != nil {
			return
		}
		r.Header[http.CanonicalHeaderKey(header)] = []string{value}
		for _, h := range []http.Handler{s, open} {
			w := httptest.NewRecorder()
			r.Body = io.NopCloser(strings.NewReader(body))
			if h.ServeHTTP(w, r); w.Code >= 500 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
	})
}
