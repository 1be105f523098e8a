package wire_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// described is a DescribeServices answer as a deployment tool sees it: one service, two task sets, ten events.
func described() *ecs.DescribeServicesOutput {
	now := time.Now()
	s := ecstypes.Service{ServiceName: aws.String("web"), Status: aws.String("ACTIVE"), DesiredCount: 4, RunningCount: 4, CreatedAt: &now,
		LaunchType: ecstypes.LaunchTypeFargate, DeploymentController: &ecstypes.DeploymentController{Type: ecstypes.DeploymentControllerTypeCodeDeploy}}
	for i := range 2 {
		s.TaskSets = append(s.TaskSets, ecstypes.TaskSet{Id: aws.String(fmt.Sprint("ecs-svc/", i)), Status: aws.String("PRIMARY"), CreatedAt: &now,
			TaskDefinition: aws.String("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7"), Scale: &ecstypes.Scale{Unit: ecstypes.ScaleUnitPercent, Value: 100},
			LoadBalancers: []ecstypes.LoadBalancer{{ContainerName: aws.String("web"), ContainerPort: aws.Int32(9000)}}})
	}
	for i := range 10 {
		s.Events = append(s.Events, ecstypes.ServiceEvent{Id: aws.String(fmt.Sprint(i)), CreatedAt: &now, Message: aws.String("(service web) has reached a steady state.")})
	}
	return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{s}}
}

// discard is the cheapest ResponseWriter.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkDescribeServices is the server alone, from request to response.
func BenchmarkDescribeServices(b *testing.B) {
	out := described()
	op := wire.Handle(func(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
		return out, nil
	})
	s := wire.NewServer(wire.Options{Services: []*wire.Service{wire.ECS([]wire.Op{op})}})
	b.ReportAllocs()
	for b.Loop() {
		r, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(`{"cluster":"default","services":["web"]}`))
		if err != nil {
			b.Fatal(err)
		}
		r.Header["X-Amz-Target"] = []string{ecsTarget + "DescribeServices"}
		s.ServeHTTP(discard{http.Header{}}, r)
	}
}

// BenchmarkSignedCall is the SDK's client and the verifying server together, without a socket.
func BenchmarkSignedCall(b *testing.B) {
	out := described()
	op := wire.Handle(func(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
		return out, nil
	})
	v := &wire.Verifier{Credentials: keys{"AKIATEST": {Secret: "secret", Caller: identity.Caller{Kind: identity.Root}}}}
	s := wire.NewServer(wire.Options{Authenticate: v.Authenticate, Services: []*wire.Service{wire.ECS([]wire.Op{op})}})
	client := ecs.NewFromConfig(config(s))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.DescribeServices(b.Context(), &ecs.DescribeServicesInput{Services: []string{"web"}}); err != nil {
			b.Fatal(err)
		}
	}
}
