package codedeploy

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// world is a service behind a listener, as much of it as CodeDeploy asks for.
type world struct {
	mu       sync.Mutex
	sets     []ecstypes.TaskSet
	actions  map[string][]elbtypes.Action // by listener
	rules    []elbtypes.Rule              // of the production listener
	steady   time.Duration                // how long a new set takes; <0 never
	starting time.Duration                // for how long a new set's tasks are pending
	born     map[string]time.Time
	drained  []string // task sets deleted
	moves    []string // green's weight at each change of the production listener
	role     string   // who called last
	protocol elbtypes.ProtocolEnum
	asked    *ecs.CreateTaskSetInput // the last one
	slow     time.Duration           // how long it takes to delete a task set
	stuck    error                   // why none can be deleted
	dying    error                   // of the process, when one has just been deleted
}

const blueARN, greenARN, prodARN, testARN = "tg/blue", "tg/green", "listener/prod", "listener/test"

func newWorld() *world {
	w := &world{actions: map[string][]elbtypes.Action{}, born: map[string]time.Time{}, steady: 20 * time.Second}
	for _, l := range []string{prodARN, testARN} {
		w.actions[l] = []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: aws.String(blueARN)}}
	}
	w.sets = []ecstypes.TaskSet{{
		Id: aws.String("ecs-svc/1"), Status: aws.String("PRIMARY"), StabilityStatus: ecstypes.StabilityStatusSteadyState, ComputedDesiredCount: 2, RunningCount: 2,
		LoadBalancers: []ecstypes.LoadBalancer{{TargetGroupArn: aws.String(blueARN)}},
	}}
	return w
}

func (w *world) DescribeServices(ctx context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.role = identity.From(ctx).RoleARN
	if name(in.Services[0]) != "web" && in.Services[0] != "rolling" && in.Services[0] != "other" {
		return &ecs.DescribeServicesOutput{}, nil
	}
	s := ecstypes.Service{ServiceArn: aws.String("arn:service/web"), DeploymentController: &ecstypes.DeploymentController{Type: ecstypes.DeploymentControllerTypeCodeDeploy}}
	if in.Services[0] == "rolling" {
		s.DeploymentController.Type = ecstypes.DeploymentControllerTypeEcs
	}
	for _, x := range w.sets {
		if at, ok := w.born[*x.Id]; ok && w.steady >= 0 && time.Since(at) >= w.steady {
			x.StabilityStatus, x.RunningCount = ecstypes.StabilityStatusSteadyState, 2
		}
		if at, ok := w.born[*x.Id]; ok && time.Since(at) < w.starting {
			x.PendingCount = 2
		}
		s.TaskSets = append(s.TaskSets, x)
	}
	return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{s}}, nil
}

func (w *world) CreateTaskSet(_ context.Context, in *ecs.CreateTaskSetInput, _ ...func(*ecs.Options)) (*ecs.CreateTaskSetOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if *in.LoadBalancers[0].ContainerName != "web" {
		return nil, &ecstypes.InvalidParameterException{Message: aws.String("The container " + *in.LoadBalancers[0].ContainerName + " does not exist in the task definition.")}
	}
	for _, x := range w.sets {
		if aws.ToString(x.ExternalId) == *in.ClientToken {
			return &ecs.CreateTaskSetOutput{TaskSet: &x}, nil
		}
	}
	w.asked = in
	x := ecstypes.TaskSet{Id: aws.String(fmt.Sprintf("ecs-svc/%d", len(w.born)+2)), Status: aws.String("ACTIVE"), ExternalId: in.ExternalId, StabilityStatus: ecstypes.StabilityStatusStabilizing, ComputedDesiredCount: 2, LoadBalancers: in.LoadBalancers}
	w.born[*x.Id] = time.Now()
	w.sets = append(w.sets, x)
	return &ecs.CreateTaskSetOutput{TaskSet: &x}, nil
}

func (w *world) UpdateServicePrimaryTaskSet(_ context.Context, in *ecs.UpdateServicePrimaryTaskSetInput, _ ...func(*ecs.Options)) (*ecs.UpdateServicePrimaryTaskSetOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.sets {
		w.sets[i].Status = aws.String("ACTIVE")
		if *w.sets[i].Id == *in.PrimaryTaskSet {
			w.sets[i].Status = aws.String("PRIMARY")
		}
	}
	return &ecs.UpdateServicePrimaryTaskSetOutput{}, nil
}

func (w *world) DeleteTaskSet(_ context.Context, in *ecs.DeleteTaskSetInput, _ ...func(*ecs.Options)) (*ecs.DeleteTaskSetOutput, error) {
	var slow time.Duration
	w.change(func() { slow = w.slow })
	time.Sleep(slow)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stuck != nil {
		return nil, w.stuck
	}
	for i, x := range w.sets {
		if *x.Id == *in.TaskSet {
			w.drained = append(w.drained, *x.Id)
			w.sets = append(w.sets[:i:i], w.sets[i+1:]...)
			return &ecs.DeleteTaskSetOutput{TaskSet: &x}, w.dying
		}
	}
	return nil, &ecstypes.TaskSetNotFoundException{}
}

func (w *world) DescribeTargetGroups(_ context.Context, in *elb.DescribeTargetGroupsInput, _ ...func(*elb.Options)) (*elb.DescribeTargetGroupsOutput, error) {
	of, known := map[string][]string{"blue": {"lb"}, "green": {"lb"}, "elsewhere": {"lb/2"}, "loose": nil, "lost": nil}[in.Names[0]]
	if !known {
		return nil, &elbtypes.TargetGroupNotFoundException{}
	}
	return &elb.DescribeTargetGroupsOutput{TargetGroups: []elbtypes.TargetGroup{{TargetGroupArn: aws.String("tg/" + in.Names[0]), LoadBalancerArns: of}}}, nil
}

func (w *world) DescribeListeners(_ context.Context, in *elb.DescribeListenersInput, _ ...func(*elb.Options)) (*elb.DescribeListenersOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.actions[in.ListenerArns[0]] == nil {
		return nil, &elbtypes.ListenerNotFoundException{}
	}
	return &elb.DescribeListenersOutput{Listeners: []elbtypes.Listener{{DefaultActions: w.actions[in.ListenerArns[0]], Protocol: w.protocol}}}, nil
}

func (w *world) ModifyListener(_ context.Context, in *elb.ModifyListenerInput, _ ...func(*elb.Options)) (*elb.ModifyListenerOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.actions[*in.ListenerArn] = in.DefaultActions
	if *in.ListenerArn == prodARN {
		w.moves = append(w.moves, fmt.Sprint(weights(in.DefaultActions)[greenARN]))
	}
	return &elb.ModifyListenerOutput{}, nil
}

func (w *world) DescribeRules(_ context.Context, in *elb.DescribeRulesInput, _ ...func(*elb.Options)) (*elb.DescribeRulesOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if *in.ListenerArn != prodARN {
		return &elb.DescribeRulesOutput{}, nil
	}
	return &elb.DescribeRulesOutput{Rules: append([]elbtypes.Rule(nil), w.rules...)}, nil
}

func (w *world) ModifyRule(_ context.Context, in *elb.ModifyRuleInput, _ ...func(*elb.Options)) (*elb.ModifyRuleOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.rules {
		if *w.rules[i].RuleArn == *in.RuleArn {
			w.rules[i].Actions = in.Actions
		}
	}
	return &elb.ModifyRuleOutput{}, nil
}

// green is green's weight on a listener.
func (w *world) green(listener string) int32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return weights(w.actions[listener])[greenARN]
}

// change changes the world while others look at it.
func (w *world) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// count is how many task sets there are.
func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sets)
}

func (w *world) primary() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.sets {
		if *x.Status == "PRIMARY" {
			return *x.Id
		}
	}
	return ""
}

// stage is a CodeDeploy over a world, with an application and a deployment group.
type stage struct {
	*Service
	*world
	t     *testing.T
	calls chan call // of hooks, where a test answers them
	halt  func()    // ends the engine where it is
	again func()    // starts it again
}

// running runs the engine until it is told to halt.
func (s *Service) running(t *testing.T) (halt func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	return func() { cancel(); <-done }
}

const spec = `{"version":0.0,"Resources":[{"TargetService":{"Type":"AWS::ECS::Service","Properties":{"TaskDefinition":"web:2","LoadBalancerInfo":{"ContainerName":"web","ContainerPort":80}}}}]}`

// set makes a stage; change may change the group before it is made.
func setStage(t *testing.T, change func(*codedeploy.CreateDeploymentGroupInput), opts ...func(*Options)) *stage {
	t.Helper()
	st, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld()
	o := Options{Store: st, Clock: clock.New(1), Place: arn.Place{Partition: "aws", Account: "123456789012", Region: "us-east-1"}, ECS: w, ELB: w}
	for _, f := range opts {
		f(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	halt := s.running(t)
	t.Cleanup(func() { halt() })
	if _, err := s.CreateApplication(ctx, &codedeploy.CreateApplicationInput{ApplicationName: aws.String("app"), ComputePlatform: types.ComputePlatformEcs}); err != nil {
		t.Fatal(err)
	}
	in := goodGroup()
	if change != nil {
		change(in)
	}
	if _, err := s.CreateDeploymentGroup(ctx, in); err != nil {
		t.Fatal(err)
	}
	return &stage{Service: s, world: w, t: t, halt: func() { halt() }, again: func() { halt = s.running(t) }}
}

func goodGroup() *codedeploy.CreateDeploymentGroupInput {
	return &codedeploy.CreateDeploymentGroupInput{
		ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("dg"), ServiceRoleArn: aws.String("arn:aws:iam::123456789012:role/cd"),
		DeploymentStyle: &types.DeploymentStyle{DeploymentType: types.DeploymentTypeBlueGreen, DeploymentOption: types.DeploymentOptionWithTrafficControl},
		BlueGreenDeploymentConfiguration: &types.BlueGreenDeploymentConfiguration{
			TerminateBlueInstancesOnDeploymentSuccess: &types.BlueInstanceTerminationOption{Action: types.InstanceActionTerminate, TerminationWaitTimeInMinutes: 5},
		},
		AutoRollbackConfiguration: &types.AutoRollbackConfiguration{Enabled: true, Events: []types.AutoRollbackEvent{types.AutoRollbackEventDeploymentFailure, types.AutoRollbackEventDeploymentStopOnAlarm}},
		EcsServices:               []types.ECSService{{ClusterName: aws.String("c"), ServiceName: aws.String("web")}},
		LoadBalancerInfo: &types.LoadBalancerInfo{TargetGroupPairInfoList: []types.TargetGroupPairInfo{{
			TargetGroups: []types.TargetGroupInfo{{Name: aws.String("green")}, {Name: aws.String("blue")}}, ProdTrafficRoute: &types.TrafficRoute{ListenerArns: []string{prodARN}},
		}}},
	}
}

// request is a good deployment's, changed.
func (s *stage) request(change func(*codedeploy.CreateDeploymentInput)) *codedeploy.CreateDeploymentInput {
	in := &codedeploy.CreateDeploymentInput{ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("dg"), Revision: &types.RevisionLocation{
		RevisionType: types.RevisionLocationTypeAppSpecContent, AppSpecContent: &types.AppSpecContent{Content: aws.String(spec)},
	}}
	if change != nil {
		change(in)
	}
	return in
}

func (s *stage) deploy(change func(*codedeploy.CreateDeploymentInput)) string {
	s.t.Helper()
	out, err := s.CreateDeployment(s.t.Context(), s.request(change))
	if err != nil {
		s.t.Fatal(err)
	}
	return *out.DeploymentId
}

func (s *stage) get(id string) *types.DeploymentInfo {
	s.t.Helper()
	out, err := s.GetDeployment(s.t.Context(), &codedeploy.GetDeploymentInput{DeploymentId: &id})
	if err != nil {
		s.t.Fatal(err)
	}
	return out.DeploymentInfo
}

// events are the lifecycle events as "Name:Status" words.
func (s *stage) events(id string) (out []string) {
	s.t.Helper()
	t, err := s.GetDeploymentTarget(s.t.Context(), &codedeploy.GetDeploymentTargetInput{DeploymentId: &id, TargetId: aws.String("c:web")})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range t.DeploymentTarget.EcsTarget.LifecycleEvents {
		out = append(out, *e.LifecycleEventName+":"+string(e.Status))
	}
	return out
}
