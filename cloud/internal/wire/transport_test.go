package wire_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// The SDK's own waiter, through the wire, in fake time: minutes pass at once.
func TestWaitersRunInFakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stable := time.Now().Add(4 * time.Minute)
		calls := 0
		op := wire.Handle(func(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
			calls++
			s := ecstypes.Service{Status: aws.String("ACTIVE"), DesiredCount: 2, Deployments: []ecstypes.Deployment{{}}}
			if time.Now().After(stable) {
				s.RunningCount = 2
			}
			return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{s}}, nil
		})
		client := ecs.NewFromConfig(config(wire.NewServer(wire.Options{Services: []*wire.Service{wire.ECS([]wire.Op{op})}})))
		err := ecs.NewServicesStableWaiter(client).Wait(t.Context(), &ecs.DescribeServicesInput{Services: []string{"web"}}, 10*time.Minute)
		if err != nil || calls < 3 || time.Now().Before(stable) {
			t.Errorf("%v after %d calls", err, calls)
		}
	})
}

func TestTransportIsAServersView(t *testing.T) {
	var got *http.Request
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header().Set("X-Early", "yes")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Late", "no")
		w.(http.Flusher).Flush()
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://cloud.test:4566/a%2Fb?c=d", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := wire.Transport(h).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if got.RequestURI != "/a%2Fb?c=d" || got.Host != "cloud.test:4566" || got.Body == nil || got.RemoteAddr == "" {
		t.Errorf("request %q %q %v %q", got.RequestURI, got.Host, got.Body, got.RemoteAddr)
	}
	if resp.StatusCode != 418 || resp.Header.Get("X-Early") != "yes" || resp.Header.Get("X-Late") != "" || resp.Status != "418 I'm a teapot" {
		t.Errorf("response %s %v", resp.Status, resp.Header)
	}
	h = func(http.ResponseWriter, *http.Request) { panic("a bug") }
	defer func() {
		if recover() != "a bug" {
			t.Error("a handler's own panic must not be hidden")
		}
	}()
	_, _ = wire.Transport(h).RoundTrip(r)
}
