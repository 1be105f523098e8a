package ecs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// runner starts tasks that behave as the image's name says: "crash" exits at once,
// "sick" runs with an unhealthy container, anything else runs.
type runner struct {
	mu    sync.Mutex
	tasks map[string]*fakeTask
	n     byte
}

type fakeTask struct {
	spec    agent.Spec
	observe func(agent.State)
	stop    chan struct{}
	once    sync.Once
	done    chan struct{}
	code    types.TaskStopCode
	reason  string
}

func (r *runner) Start(spec agent.Spec, observe func(agent.State)) agent.Task {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	t := &fakeTask{spec: spec, observe: observe, stop: make(chan struct{}), done: make(chan struct{})}
	r.tasks[spec.ID] = t
	go t.run(netip.AddrFrom4([4]byte{10, 0, 0, r.n}))
	return t
}

// end stops all tasks and waits for them.
func (r *runner) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.tasks {
		x.Stop("", "")
		<-x.done
	}
}

func (t *fakeTask) run(addr netip.Addr) {
	defer close(t.done)
	image := aws.ToString(t.spec.Definition.ContainerDefinitions[0].Image)
	st := agent.State{Status: "PENDING", Addr: addr, Containers: []agent.ContainerState{{Name: "web", Status: "PENDING"}}}
	t.observe(st)
	time.Sleep(time.Second)
	if image == "crash" {
		st.Status, st.StopCode, st.StoppedReason = "STOPPED", types.TaskStopCodeTaskFailedToStart, "CannotPullContainerError: no such image"
		t.observe(st)
		return
	}
	st.Status, st.StartedAt, st.Health = "RUNNING", time.Now(), types.HealthStatusUnknown
	if image == "sick" {
		st.Health = types.HealthStatusUnhealthy
	}
	t.observe(st)
	<-t.stop
	time.Sleep(time.Second)
	st.Status, st.StopCode, st.StoppedReason = "STOPPED", t.code, t.reason
	t.observe(st)
}

func (t *fakeTask) Stop(code types.TaskStopCode, reason string) {
	t.once.Do(func() { t.code, t.reason = code, reason; close(t.stop) })
}
func (t *fakeTask) Done() <-chan struct{} { return t.done }
func (t *fakeTask) Exec(context.Context, string, runtime.ExecSpec) (int, error) {
	return 0, errors.New("nothing runs here")
}
func (t *fakeTask) Logs(context.Context, string, bool) (io.ReadCloser, error) {
	return nil, errors.New("nothing runs here")
}

// groups are target groups whose targets turn healthy after five seconds and take ten to
// drain.
type groups struct {
	mu      sync.Mutex
	targets map[string]time.Time // group and address → registered at; zero means draining
	leave   map[string]time.Time
	bad     bool // new targets turn unhealthy
}

func (g *groups) DescribeTargetGroups(_ context.Context, in *elb.DescribeTargetGroupsInput, _ ...func(*elb.Options)) (*elb.DescribeTargetGroupsOutput, error) {
	if in.TargetGroupArns[0] == "tg/none" {
		return nil, &elbtypes.TargetGroupNotFoundException{}
	}
	tg := elbtypes.TargetGroup{TargetGroupArn: &in.TargetGroupArns[0], LoadBalancerArns: []string{"lb"}}
	if in.TargetGroupArns[0] == "tg/loose" {
		tg.LoadBalancerArns = nil
	}
	return &elb.DescribeTargetGroupsOutput{TargetGroups: []elbtypes.TargetGroup{tg}}, nil
}

func (g *groups) RegisterTargets(_ context.Context, in *elb.RegisterTargetsInput, _ ...func(*elb.Options)) (*elb.RegisterTargetsOutput, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range in.Targets {
		g.targets[*in.TargetGroupArn+" "+*t.Id] = time.Now()
		delete(g.leave, *in.TargetGroupArn+" "+*t.Id)
	}
	return &elb.RegisterTargetsOutput{}, nil
}

func (g *groups) DeregisterTargets(_ context.Context, in *elb.DeregisterTargetsInput, _ ...func(*elb.Options)) (*elb.DeregisterTargetsOutput, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range in.Targets {
		k := *in.TargetGroupArn + " " + *t.Id
		if _, ok := g.targets[k]; ok && g.leave[k].IsZero() {
			g.leave[k] = time.Now()
		}
	}
	return &elb.DeregisterTargetsOutput{}, nil
}

func (g *groups) DescribeTargetHealth(_ context.Context, in *elb.DescribeTargetHealthInput, _ ...func(*elb.Options)) (*elb.DescribeTargetHealthOutput, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := &elb.DescribeTargetHealthOutput{}
	for k, at := range g.targets {
		group, id, _ := strings.Cut(k, " ")
		if group != *in.TargetGroupArn {
			continue
		}
		st := elbtypes.TargetHealthStateEnumInitial
		switch left := g.leave[k]; {
		case !left.IsZero() && time.Since(left) >= 10*time.Second:
			delete(g.targets, k)
			delete(g.leave, k)
			continue
		case !left.IsZero():
			st = elbtypes.TargetHealthStateEnumDraining
		case time.Since(at) >= 5*time.Second && g.bad:
			st = elbtypes.TargetHealthStateEnumUnhealthy
		case time.Since(at) >= 5*time.Second:
			st = elbtypes.TargetHealthStateEnumHealthy
		}
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, elbtypes.TargetHealthDescription{Target: &elbtypes.TargetDescription{Id: &id}, TargetHealth: &elbtypes.TargetHealth{State: st}})
	}
	return out, nil
}

func (g *groups) Subscribe() (<-chan struct{}, func()) { return make(chan struct{}), func() {} }

// stage is an ECS with a cluster and the family web.
type stage struct {
	*Service
	t      *testing.T
	runner *runner
	groups *groups
	st     *store.Store
	stop   func()
}

func newStage(t *testing.T) *stage {
	t.Helper()
	st, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, runner: &runner{tasks: map[string]*fakeTask{}}, groups: &groups{targets: map[string]time.Time{}, leave: map[string]time.Time{}}, st: st}
	s.Service, err = New(Options{Store: st, Clock: clock.New(1), Place: arn.Place{Partition: "aws", Account: "123456789012", Region: "us-east-1"}, Runner: s.runner, Targets: s.groups, HealthChanged: s.groups})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	s.stop = func() {
		cancel()
		<-done
		s.runner.end()
	}
	t.Cleanup(s.stop)
	if _, err := s.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("c")}); err != nil {
		t.Fatal(err)
	}
	s.register("web")
	return s
}

// register adds a revision whose one container has the image.
func (s *stage) register(image string) string {
	s.t.Helper()
	out, err := s.RegisterTaskDefinition(s.t.Context(), &ecs.RegisterTaskDefinitionInput{Family: aws.String("web"), NetworkMode: types.NetworkModeAwsvpc, ContainerDefinitions: []types.ContainerDefinition{
		{Name: aws.String("web"), Image: &image, PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(80)}}},
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	return *out.TaskDefinition.TaskDefinitionArn
}

func input(controller types.DeploymentControllerType) *ecs.CreateServiceInput {
	return &ecs.CreateServiceInput{
		Cluster: aws.String("c"), ServiceName: aws.String("s"), TaskDefinition: aws.String("web"), DesiredCount: aws.Int32(2), LaunchType: types.LaunchTypeFargate,
		DeploymentController: &types.DeploymentController{Type: controller},
		LoadBalancers:        []types.LoadBalancer{{TargetGroupArn: aws.String("tg/blue"), ContainerName: aws.String("web"), ContainerPort: aws.Int32(80)}},
	}
}

func (s *stage) create(controller types.DeploymentControllerType) {
	s.t.Helper()
	if _, err := s.CreateService(s.t.Context(), input(controller)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) service() types.Service {
	s.t.Helper()
	out, err := s.DescribeServices(s.t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("c"), Services: []string{"s"}})
	if err != nil || len(out.Services) != 1 {
		s.t.Fatalf("%+v, %v", out, err)
	}
	return out.Services[0]
}

// codeDeploy is the context in which CodeDeploy acts.
func codeDeploy(t *testing.T) context.Context {
	return identity.With(t.Context(), identity.Caller{Kind: identity.Service, Service: "codedeploy.amazonaws.com"})
}

func TestABlueGreenServicesLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create(types.DeploymentControllerTypeCodeDeploy)
		time.Sleep(time.Minute)
		v := s.service()
		if len(v.Deployments) != 0 || len(v.TaskSets) != 1 || v.TaskSets[0].StabilityStatus != types.StabilityStatusSteadyState || v.RunningCount != 2 {
			t.Fatalf("at first: %+v", v)
		}
		blue := *v.TaskSets[0].Id
		made, err := s.CreateTaskSet(codeDeploy(t), &ecs.CreateTaskSetInput{
			Cluster: aws.String("c"), Service: aws.String("s"), TaskDefinition: aws.String("web:1"), ExternalId: aws.String("d-1"), ClientToken: aws.String("d-1"),
			Scale:         &types.Scale{Unit: types.ScaleUnitPercent, Value: 100},
			LoadBalancers: []types.LoadBalancer{{TargetGroupArn: aws.String("tg/green"), ContainerName: aws.String("web"), ContainerPort: aws.Int32(80)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		green := *made.TaskSet.Id
		time.Sleep(time.Minute)
		if v = s.service(); v.RunningCount != 4 || v.DesiredCount != 2 || len(v.TaskSets) != 2 {
			t.Errorf("during overlap running is twice desired: %d of %d", v.RunningCount, v.DesiredCount)
		}
		if _, err := s.UpdateServicePrimaryTaskSet(codeDeploy(t), &ecs.UpdateServicePrimaryTaskSetInput{Cluster: aws.String("c"), Service: aws.String("s"), PrimaryTaskSet: &green}); err != nil {
			t.Fatal(err)
		}
		if v = s.service(); *v.LoadBalancers[0].TargetGroupArn != "tg/green" {
			t.Errorf("the service mirrors its primary set: %s", *v.LoadBalancers[0].TargetGroupArn)
		}
		if _, err := s.DeleteTaskSet(codeDeploy(t), &ecs.DeleteTaskSetInput{Cluster: aws.String("c"), Service: aws.String("s"), TaskSet: &blue, Force: aws.Bool(true)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if v = s.service(); v.TaskSets[0].ComputedDesiredCount+v.TaskSets[1].ComputedDesiredCount != 2 || v.RunningCount != 2 {
			t.Errorf("while blue drains: %+v", v.TaskSets)
		}
		time.Sleep(time.Minute)
		if v = s.service(); len(v.TaskSets) != 1 || *v.TaskSets[0].Id != green || v.RunningCount != 2 {
			t.Errorf("at the end: %+v", v.TaskSets)
		}
		var all []string
		for _, e := range v.Events {
			all = append(all, *e.Message)
		}
		for _, want := range []string{"(service s, taskSet " + green + ") has reached a steady state.", "has begun draining connections on 1 tasks.", "registered 1 targets in (target-group tg/green)", "has started 1 tasks: (task "} {
			if !strings.Contains(strings.Join(all, "\n"), want) {
				t.Errorf("no event %q in\n%s", want, strings.Join(all, "\n"))
			}
		}
	})
}

func TestUnhealthyTasksAreReplaced(t *testing.T) {
	for image, want := range map[string]string{"sick": "Task failed container health checks", "web": "Task failed ELB health checks in (target-group tg/blue)"} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t)
			s.register(image)
			s.groups.bad = image == "web"
			s.create(types.DeploymentControllerTypeCodeDeploy)
			time.Sleep(time.Minute)
			stopped, err := s.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: aws.String("c"), DesiredStatus: types.DesiredStatusStopped})
			if err != nil || len(stopped.TaskArns) == 0 {
				t.Fatalf("%v, %v", stopped, err)
			}
			d, err := s.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: aws.String("c"), Tasks: stopped.TaskArns[len(stopped.TaskArns)-1:]})
			if err != nil || aws.ToString(d.Tasks[0].StoppedReason) != want || d.Tasks[0].StopCode != types.TaskStopCodeServiceSchedulerInitiated {
				t.Errorf("%+v, %v", d.Tasks[0], err)
			}
			if v := s.service(); v.TaskSets[0].StabilityStatus == types.StabilityStatusSteadyState {
				t.Error("the set is called steady")
			}
		})
	}
}

func TestFailingStartsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.register("crash")
		s.create(types.DeploymentControllerTypeCodeDeploy)
		time.Sleep(time.Hour)
		s.runner.mu.Lock()
		n := len(s.runner.tasks)
		s.runner.mu.Unlock()
		if n < 6 || n > 60 {
			t.Errorf("%d starts in an hour", n)
		}
		found := false
		for _, e := range s.service().Events {
			found = found || strings.Contains(*e.Message, "is unable to consistently start tasks successfully.")
		}
		if !found {
			t.Error("no event tells that starts fail")
		}
	})
}

func TestRollingUpdateAndTheSDKsWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create(types.DeploymentControllerTypeEcs)
		w := ecs.NewServicesStableWaiter(s.Service)
		in := &ecs.DescribeServicesInput{Cluster: aws.String("c"), Services: []string{"s"}}
		if err := w.Wait(t.Context(), in, 10*time.Minute); err != nil {
			t.Fatal(err)
		}
		second := s.register("web:2")
		if _, err := s.UpdateService(t.Context(), &ecs.UpdateServiceInput{Cluster: aws.String("c"), Service: aws.String("s"), TaskDefinition: &second}); err != nil {
			t.Fatal(err)
		}
		if v := s.service(); len(v.Deployments) != 2 {
			t.Fatalf("%d deployments", len(v.Deployments))
		}
		if err := w.Wait(t.Context(), in, 10*time.Minute); err != nil {
			t.Fatal(err)
		}
		v := s.service()
		if *v.Deployments[0].TaskDefinition != second || v.Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted || v.RunningCount != 2 {
			t.Errorf("%+v", v.Deployments)
		}
	})
}

func TestARestartBuriesTheDeadAndStartsReplacements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create(types.DeploymentControllerTypeCodeDeploy)
		time.Sleep(time.Minute)
		s.stop()
		var before []string
		for id := range s.runner.tasks {
			before = append(before, id)
		}
		again := &runner{tasks: map[string]*fakeTask{}}
		s.Runner, s.live = again, map[string]agent.Task{}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = s.Run(ctx) }()
		time.Sleep(time.Minute)
		d, err := s.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: aws.String("c"), Tasks: before})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range d.Tasks {
			if *x.LastStatus != "STOPPED" {
				t.Errorf("task %s is %s", *x.TaskArn, *x.LastStatus)
			}
		}
		if v := s.service(); v.RunningCount != 2 || v.TaskSets[0].StabilityStatus != types.StabilityStatusSteadyState {
			t.Errorf("after the restart: %+v", v.TaskSets)
		}
		cancel()
		<-done
		again.end()
	})
}

func TestDeleteService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create(types.DeploymentControllerTypeCodeDeploy)
		time.Sleep(time.Minute)
		in := &ecs.DeleteServiceInput{Cluster: aws.String("c"), Service: aws.String("s")}
		if _, err := s.DeleteService(t.Context(), in); err == nil {
			t.Error("a service with tasks was deleted without force")
		}
		in.Force = aws.Bool(true)
		if _, err := s.DeleteService(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		if err := ecs.NewServicesInactiveWaiter(s.Service).Wait(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("c"), Services: []string{"s"}}, 10*time.Minute); err != nil {
			t.Fatal(err)
		}
		s.create(types.DeploymentControllerTypeCodeDeploy) // the name is free again
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		for want, change := range map[string]func(*ecs.CreateServiceInput){
			"The target group with targetGroupArn tg/loose does not have an associated load balancer.": func(in *ecs.CreateServiceInput) { in.LoadBalancers[0].TargetGroupArn = aws.String("tg/loose") },
			"The container api does not exist in the task definition.":                                 func(in *ecs.CreateServiceInput) { in.LoadBalancers[0].ContainerName = aws.String("api") },
			"The container web did not have a container port 81 defined.":                              func(in *ecs.CreateServiceInput) { in.LoadBalancers[0].ContainerPort = aws.Int32(81) },
			"TaskDefinition not found.": func(in *ecs.CreateServiceInput) { in.TaskDefinition = aws.String("web:9") },
			"Cluster not found.":        func(in *ecs.CreateServiceInput) { in.Cluster = aws.String("x") },
			"Alarm based rollback feature is only supported with ECS deployment controller. Update to ECS deployment controller and try again.": func(in *ecs.CreateServiceInput) {
				in.DeploymentConfiguration = &types.DeploymentConfiguration{Alarms: &types.DeploymentAlarms{}}
			},
		} {
			in := input(types.DeploymentControllerTypeCodeDeploy)
			change(in)
			if _, err := s.CreateService(t.Context(), in); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
		s.create(types.DeploymentControllerTypeCodeDeploy)
		const use = " on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment."
		for want, in := range map[string]*ecs.UpdateServiceInput{
			"Unable to update task definition" + use:    {TaskDefinition: aws.String("web:1")}, // even the unchanged one: Terraform's classic
			"Unable to update load balancers" + use:     {LoadBalancers: []types.LoadBalancer{}},
			"Unable to update network parameters" + use: {NetworkConfiguration: &types.NetworkConfiguration{}},
			"Cannot force a new deployment" + use:       {ForceNewDeployment: true},
		} {
			in.Cluster, in.Service = aws.String("c"), aws.String("s")
			if _, err := s.UpdateService(t.Context(), in); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
		_, err := s.DescribeTaskSets(t.Context(), &ecs.DescribeTaskSetsInput{Cluster: aws.String("c"), Service: aws.String("s")})
		if err == nil || !strings.Contains(err.Error(), "Amazon ECS only supports task set management on services configured to use external deployment controllers.") {
			t.Errorf("task sets of a CODE_DEPLOY service: %v", err)
		}
		out, err := s.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("c"), Services: []string{"x"}})
		if err != nil || len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
			t.Errorf("%+v, %v", out, err)
		}
		if _, err := s.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("c"), Services: strings.Split(strings.Repeat("x ", 11), " ")}); err == nil {
			t.Error("more than ten services were described")
		}
	})
}

func TestRevisionsAreNeverReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		for i := 2; i < 5; i++ {
			got := s.register("web")
			if want := fmt.Sprintf("arn:aws:ecs:us-east-1:123456789012:task-definition/web:%d", i); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if _, err := s.DeregisterTaskDefinition(t.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &got}); err != nil {
				t.Fatal(err)
			}
		}
		d, err := s.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("web")})
		if err != nil || d.TaskDefinition.Revision != 1 || *d.TaskDefinition.ContainerDefinitions[0].PortMappings[0].HostPort != 80 || !*d.TaskDefinition.ContainerDefinitions[0].Essential {
			t.Errorf("%+v, %v", d, err)
		}
	})
}
