package ecs

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var (
	place = arn.Place{Partition: "aws", Account: "123456789012", Region: "us-east-1"}
	bg    = context.Background()
	inC   = aws.String("c")
	nameS = aws.String("s")
)

// asCodeDeploy is the context in which CodeDeploy acts.
var asCodeDeploy = identity.With(bg, identity.Caller{Kind: identity.Service, Service: codeDeploy})

// stage is an ECS with a cluster c and the task definition web:1, whose container web
// listens on 80.
type stage struct {
	*Service
	t      *testing.T
	runner *runner
	groups *groups
	stop   func()
}

// play runs a story in fake time.
func play(t *testing.T, story func(*testing.T, *stage)) {
	t.Helper()
	playWith(t, func(*Options) {}, story)
}

func playWith(t *testing.T, change func(*Options), story func(*testing.T, *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, change)
		s.run()
		defer func() { s.stop() }()
		story(t, s)
	})
}

// newStage makes a stage whose scheduler does not run yet.
func newStage(t *testing.T, change func(*Options)) *stage {
	t.Helper()
	st, err := store.Open("")
	must(t, st, err)
	s := &stage{t: t, runner: newRunner(), groups: newGroups()}
	o := Options{Store: st, Clock: clock.New(1), Place: place, Runner: s.runner, Targets: s.groups, HealthChanged: s.groups}
	change(&o)
	s.Service, err = New(o)
	must(t, 0, err)
	made, err := s.CreateCluster(bg, &ecs.CreateClusterInput{ClusterName: inC})
	must(t, made, err)
	s.register("web")
	return s
}

// run starts the scheduler.
func (s *stage) run() {
	ctx, cancel := context.WithCancel(bg)
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	synctest.Wait()
	s.stop = func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
		s.runner.end()
	}
}

// must returns v, or ends the test.
func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wantError checks an error's code and text.
func wantError(t *testing.T, err error, code, message string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || api.ErrorMessage() != message {
		t.Errorf("got  %v\nwant %s: %s", err, code, message)
	}
}

// definition is a task definition for Fargate whose one container runs an image.
func definitionInput(image string) *ecs.RegisterTaskDefinitionInput {
	return &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), NetworkMode: types.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		ContainerDefinitions: []types.ContainerDefinition{
			{Name: aws.String("web"), Image: &image, PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(80)}}},
		},
	}
}

// register adds a revision that runs an image, and returns its ARN.
func (s *stage) register(image string) string {
	s.t.Helper()
	out, err := s.RegisterTaskDefinition(bg, definitionInput(image))
	return *must(s.t, out, err).TaskDefinition.TaskDefinitionArn
}

func network() *types.NetworkConfiguration {
	return &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-1", "subnet-2"}}}
}

func behind(group string) []types.LoadBalancer {
	return []types.LoadBalancer{{TargetGroupArn: &group, ContainerName: aws.String("web"), ContainerPort: aws.Int32(80)}}
}

// serviceInput is the service s: two tasks behind tg/blue, but for EXTERNAL.
func serviceInput(controller types.DeploymentControllerType) *ecs.CreateServiceInput {
	in := &ecs.CreateServiceInput{
		Cluster: inC, ServiceName: nameS, DesiredCount: aws.Int32(2), DeploymentController: &types.DeploymentController{Type: controller},
	}
	if controller != types.DeploymentControllerTypeExternal {
		in.TaskDefinition, in.LaunchType, in.NetworkConfiguration, in.LoadBalancers = aws.String("web"), types.LaunchTypeFargate, network(), behind("tg/blue")
	}
	return in
}

func (s *stage) create(controller types.DeploymentControllerType, change ...func(*ecs.CreateServiceInput)) {
	s.t.Helper()
	in := serviceInput(controller)
	for _, f := range change {
		f(in)
	}
	out, err := s.CreateService(bg, in)
	must(s.t, out, err)
}

// update changes the service s.
func (s *stage) update(in *ecs.UpdateServiceInput) {
	s.t.Helper()
	in.Cluster, in.Service = inC, nameS
	out, err := s.UpdateService(bg, in)
	must(s.t, out, err)
}

// service describes the service s.
func (s *stage) service() types.Service {
	s.t.Helper()
	out, err := s.DescribeServices(bg, &ecs.DescribeServicesInput{Cluster: inC, Services: []string{"s"}})
	if must(s.t, out, err); len(out.Services) != 1 {
		s.t.Fatalf("no service: %+v", out.Failures)
	}
	return out.Services[0]
}

// tasks describes the tasks of the service s, newest first.
func (s *stage) tasks(desired types.DesiredStatus) []types.Task {
	s.t.Helper()
	list, err := s.ListTasks(bg, &ecs.ListTasksInput{Cluster: inC, DesiredStatus: desired})
	if must(s.t, list, err); len(list.TaskArns) == 0 {
		return nil
	}
	out, err := s.DescribeTasks(bg, &ecs.DescribeTasksInput{Cluster: inC, Tasks: list.TaskArns})
	return must(s.t, out, err).Tasks
}

// events are the texts of the service's events, oldest first, with ids cut to their kind.
func (s *stage) events() []string {
	s.t.Helper()
	var out []string
	for _, e := range s.service().Events {
		out = append([]string{*e.Message}, out...)
	}
	return out
}

// wantEvents checks that events came in this order, perhaps with others between.
func (s *stage) wantEvents(want ...string) {
	s.t.Helper()
	got := s.events()
	rest := got
	for _, w := range want {
		i := 0
		for i < len(rest) && !strings.Contains(rest[i], w) {
			i++
		}
		if i == len(rest) {
			s.t.Errorf("no event %q in its place in\n%s", w, strings.Join(got, "\n"))
			return
		}
		rest = rest[i+1:]
	}
}

func (s *stage) wantNoEvent(text string) {
	s.t.Helper()
	for _, e := range s.events() {
		if strings.Contains(e, text) {
			s.t.Errorf("event %q", e)
		}
	}
}

// stable waits with the SDK's own waiter, and returns how long that took.
func (s *stage) stable() time.Duration {
	s.t.Helper()
	began := time.Now()
	err := ecs.NewServicesStableWaiter(s.Service).Wait(bg, &ecs.DescribeServicesInput{Cluster: inC, Services: []string{"s"}}, time.Hour)
	must(s.t, 0, err)
	return time.Since(began)
}
