package wire_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// clusters is a service of two operations, enough to see each way through the server.
type clusters struct{ failure error }

func (c *clusters) CreateCluster(ctx context.Context, in *ecs.CreateClusterInput, _ ...func(*ecs.Options)) (*ecs.CreateClusterOutput, error) {
	if c.failure != nil {
		return nil, c.failure
	}
	return &ecs.CreateClusterOutput{Cluster: &ecstypes.Cluster{ClusterName: in.ClusterName, Status: aws.String("ACTIVE")}}, nil
}

func (c *clusters) CreateService(ctx context.Context, in *ecs.CreateServiceInput, _ ...func(*ecs.Options)) (*ecs.CreateServiceOutput, error) {
	if wire.Present(ctx, "loadBalancers[0].containerPort") {
		return nil, &ecstypes.InvalidParameterException{Message: aws.String("port given")}
	}
	return &ecs.CreateServiceOutput{}, nil
}

func (c *clusters) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Account: aws.String("123456789012")}, c.failure
}

func newServer(c *clusters, change func(*wire.Options)) *wire.Server {
	o := wire.Options{Log: slog.New(slog.DiscardHandler), Services: []*wire.Service{
		wire.ECS([]wire.Op{wire.Handle(c.CreateCluster), wire.Handle(c.CreateService)}),
		wire.STS([]wire.Op{wire.Handle(c.GetCallerIdentity)}),
	}}
	if change != nil {
		change(&o)
	}
	return wire.NewServer(o)
}

func config(s http.Handler) aws.Config {
	return aws.Config{
		Region:       "eu-west-1",
		BaseEndpoint: aws.String("http://cloud.test"),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		HTTPClient:   &http.Client{Transport: wire.Transport(s)},
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func TestSDKClientsCallTheServer(t *testing.T) {
	s := newServer(&clusters{}, nil)
	out, err := ecs.NewFromConfig(config(s)).CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("web")})
	if err != nil || aws.ToString(out.Cluster.ClusterName) != "web" {
		t.Fatalf("create cluster: %+v, %v", out, err)
	}
	who, err := sts.NewFromConfig(config(s)).GetCallerIdentity(t.Context(), nil)
	if err != nil || aws.ToString(who.Account) != "123456789012" {
		t.Fatalf("get caller identity: %+v, %v", who, err)
	}
}

func TestErrorsReachTheClientAsTheirTypes(t *testing.T) {
	s := newServer(&clusters{failure: &ecstypes.ConflictException{Message: aws.String("busy"), ResourceIds: []string{"a", "b"}}}, nil)
	_, err := ecs.NewFromConfig(config(s)).CreateCluster(t.Context(), &ecs.CreateClusterInput{})
	var conflict *ecstypes.ConflictException
	if !errors.As(err, &conflict) || conflict.ErrorMessage() != "busy" || len(conflict.ResourceIds) != 2 {
		t.Errorf("modelled error: %v", err)
	}
	s = newServer(&clusters{failure: errors.New("disk on fire")}, nil)
	_, err = sts.NewFromConfig(config(s)).GetCallerIdentity(t.Context(), nil)
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "InternalFailure" || strings.Contains(err.Error(), "fire") {
		t.Errorf("internal error: %v", err)
	}
}

func post(t *testing.T, h http.Handler, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(b)
}

const ecsTarget = "AmazonEC2ContainerServiceV20141113."

func TestUnknownOperations(t *testing.T) {
	s := newServer(&clusters{}, nil)
	resp, body := post(t, s, `{}`, "X-Amz-Target", ecsTarget+"MakeCoffee")
	if resp.StatusCode != 400 || !strings.HasPrefix(body, `{"__type":"UnknownOperationException"`) {
		t.Errorf("json: %d %s", resp.StatusCode, body)
	}
	form := url.Values{"Action": {"MakeCoffee"}, "Version": {"2011-06-15"}}.Encode()
	resp, body = post(t, s, form, "Content-Type", "application/x-www-form-urlencoded")
	if resp.StatusCode != 400 || !strings.Contains(body, "<Code>InvalidAction</Code><Message>Could not find operation MakeCoffee for version 2011-06-15</Message>") {
		t.Errorf("query: %d %s", resp.StatusCode, body)
	}
}

func TestPresentAndUnknownMembers(t *testing.T) {
	s := newServer(&clusters{}, nil)
	_, body := post(t, s, `{"serviceName":"web","loadBalancers":[{"containerPort":0}]}`, "X-Amz-Target", ecsTarget+"CreateService")
	if !strings.Contains(body, "port given") {
		t.Errorf("a zero that was sent is present: %s", body)
	}
	resp, body := post(t, s, `{"serviceName":"web","loadBalancers":[{"containerPort":null,"kontainerPort":1}]}`, "X-Amz-Target", ecsTarget+"CreateService")
	if body != `{}` {
		t.Errorf("null is absent: %s", body)
	}
	if got := resp.Header.Get("X-Turnout-Unknown-Member"); got != "loadBalancers[0].kontainerPort" {
		t.Errorf("unknown member header: %q", got)
	}
}

// botocore sends S3's uploads only after "100 Continue", empty ones too, and mistakes the
// next answer on the connection when one comes without.
func TestAnEmptyBodyIsContinuedToo(t *testing.T) {
	s := httptest.NewServer(newServer(&clusters{}, nil))
	defer s.Close()
	for body, want := range map[string]string{"": "HTTP/1.1 100 Continue\r\n", "{}": "HTTP/1.1 100 Continue\r\n"} {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: cloud\r\nExpect: 100-continue\r\nX-Amz-Target: AmazonEC2ContainerServiceV20141113.CreateCluster\r\n"+
			"Content-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		got := bufio.NewReader(conn)
		if line, err := got.ReadString('\n'); line != want {
			t.Errorf("a body of %d bytes: %q, %v", len(body), line, err)
		}
	}
}
