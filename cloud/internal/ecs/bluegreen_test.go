package ecs

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func greenInput() *ecs.CreateTaskSetInput {
	return &ecs.CreateTaskSetInput{
		Cluster: inC, Service: nameS, TaskDefinition: aws.String("web:1"), ExternalId: aws.String("d-1"), ClientToken: aws.String("d-1"),
		Scale: &types.Scale{Unit: types.ScaleUnitPercent, Value: 100}, LoadBalancers: behind("tg/green"),
	}
}

// The green group of a first deployment all at once is behind no listener.
func TestCodeDeployMayUseALooseGroup(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(types.DeploymentControllerTypeCodeDeploy)
		in := greenInput()
		in.LoadBalancers = behind("tg/loose")
		out, err := s.CreateTaskSet(asCodeDeploy, in)
		must(t, out, err)
	})
}

// A deployment as CodeDeploy drives it: a second set beside the first, the switch of the
// primary, the end of the first.
func TestBlueGreen(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(types.DeploymentControllerTypeCodeDeploy)
		time.Sleep(time.Minute)
		v := s.service()
		if len(v.Deployments) != 0 || len(v.TaskSets) != 1 || v.TaskSets[0].StabilityStatus != types.StabilityStatusSteadyState || v.RunningCount != 2 {
			t.Fatalf("at first: %+v", v)
		}
		blue := v.TaskSets[0]
		if blue.ExternalId != nil || blue.StartedBy != nil || *blue.Status != primary {
			t.Errorf("the first set: %+v", blue)
		}
		made, err := s.CreateTaskSet(asCodeDeploy, greenInput())
		green := *must(t, made, err).TaskSet
		if *green.StartedBy != "CODE_DEPLOY" || *green.ExternalId != "d-1" || green.LaunchType != types.LaunchTypeFargate || green.NetworkConfiguration == nil {
			t.Errorf("the green set: %+v", green)
		}
		again, err := s.CreateTaskSet(asCodeDeploy, greenInput())
		if got := *must(t, again, err).TaskSet.Id; got != *green.Id {
			t.Errorf("the same client token made %s beside %s", got, *green.Id)
		}
		time.Sleep(time.Minute)
		if v = s.service(); v.RunningCount != 4 || v.DesiredCount != 2 || len(v.TaskSets) != 2 {
			t.Errorf("during overlap running is twice desired: %d of %d", v.RunningCount, v.DesiredCount)
		}
		if *v.LoadBalancers[0].TargetGroupArn != "tg/blue" {
			t.Error("the service shows a set that is not its primary")
		}
		out, err := s.UpdateServicePrimaryTaskSet(asCodeDeploy, &ecs.UpdateServicePrimaryTaskSetInput{Cluster: inC, Service: nameS, PrimaryTaskSet: green.Id})
		if got := *must(t, out, err).TaskSet.Status; got != primary {
			t.Errorf("green is %s", got)
		}
		if v = s.service(); *v.LoadBalancers[0].TargetGroupArn != "tg/green" || *v.TaskSets[0].Id != *green.Id || *v.TaskSets[1].Status != active {
			t.Errorf("the service does not show its new primary: %+v", v)
		}
		s.drainBlue(*blue.Id, *green.Id)
	})
}

func (s *stage) drainBlue(blue, green string) {
	s.t.Helper()
	in := &ecs.DeleteTaskSetInput{Cluster: inC, Service: nameS, TaskSet: &blue}
	_, err := s.DeleteTaskSet(asCodeDeploy, in)
	wantError(s.t, err, "InvalidParameterException", "The task set cannot be deleted while it is scaled above 0.")
	in.Force = aws.Bool(true)
	gone, err := s.DeleteTaskSet(asCodeDeploy, in)
	if x := must(s.t, gone, err).TaskSet; *x.Status != draining || x.Scale.Value != 0 || x.ComputedDesiredCount != 0 {
		s.t.Errorf("what is deleted: %+v", x)
	}
	time.Sleep(5 * time.Second)
	v := s.service()
	if len(v.TaskSets) != 2 || *v.TaskSets[1].Status != draining || v.RunningCount != 2 {
		s.t.Errorf("while blue drains: %+v", v.TaskSets)
	}
	for _, x := range s.tasks(types.DesiredStatusStopped) {
		if *x.LastStatus != deactivating {
			s.t.Errorf("a task whose connections are drained is %s", *x.LastStatus)
		}
	}
	time.Sleep(time.Minute)
	if v = s.service(); len(v.TaskSets) != 1 || *v.TaskSets[0].Id != green || v.RunningCount != 2 {
		s.t.Errorf("at the end: %+v", v.TaskSets)
	}
	for _, x := range s.tasks(types.DesiredStatusStopped) {
		if want := "Scaling activity initiated by (deployment " + blue + ")"; *x.StoppedReason != want || x.StopCode != types.TaskStopCodeServiceSchedulerInitiated {
			s.t.Errorf("stopped with %s: %s", x.StopCode, *x.StoppedReason)
		}
	}
	b, g := "(service s, taskSet "+blue+")", "(service s, taskSet "+green+")"
	s.wantEvents(b+" has started 2 tasks: (task ", " targets in (target-group tg/blue)", b+" has reached a steady state.",
		g+" has started 2 tasks: (task ", " targets in (target-group tg/green)", g+" has reached a steady state.",
		b+" deregistered 2 targets in (target-group tg/blue)", b+" has begun draining connections on 2 tasks.", b+" has stopped 2 running tasks: (task ")
	if s.groups.in("tg/blue") != "" || strings.Count(s.groups.in("tg/green"), " ") != 1 {
		s.t.Errorf("blue has %s, green %s", s.groups.in("tg/blue"), s.groups.in("tg/green"))
	}
}

// Nothing checks the targets of a group that no listener uses: a broken image counts as
// steady there, as it does on AWS.
func TestUnusedGroupsBlockNothing(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.groups.unused["tg/blue"], s.groups.bad["tg/blue"] = true, true
		s.create(types.DeploymentControllerTypeCodeDeploy)
		time.Sleep(10 * time.Second)
		if x := s.service().TaskSets[0]; x.StabilityStatus != types.StabilityStatusSteadyState {
			t.Errorf("the set is %s", x.StabilityStatus)
		}
	})
}

func TestTaskSetsAreCodeDeploysAlone(t *testing.T) {
	const refusal = "Amazon ECS only supports task set management on services configured to use external deployment controllers."
	play(t, func(t *testing.T, s *stage) {
		s.create(types.DeploymentControllerTypeCodeDeploy)
		_, err := s.DescribeTaskSets(bg, &ecs.DescribeTaskSetsInput{Cluster: inC, Service: nameS})
		wantError(t, err, "InvalidParameterException", refusal)
		_, err = s.CreateTaskSet(bg, greenInput())
		wantError(t, err, "InvalidParameterException", refusal)
		id := s.service().TaskSets[0].Id
		_, err = s.DeleteTaskSet(asCodeDeploy, &ecs.DeleteTaskSetInput{Cluster: inC, Service: nameS, TaskSet: id, Force: aws.Bool(true)})
		wantError(t, err, "InvalidParameterException", "The task set cannot be deleted because it is the primary task set of the service.")
		for i := range maxSets - 1 {
			in := greenInput()
			in.ClientToken = aws.String(string(rune('a' + i)))
			out, err := s.CreateTaskSet(asCodeDeploy, in)
			must(t, out, err)
		}
		in := greenInput()
		in.ClientToken = nil
		_, err = s.CreateTaskSet(asCodeDeploy, in)
		wantError(t, err, "InvalidParameterException", "5 deployments exist on the service. Unable to create new TaskSet since this exceeds the maximum limit.")
	})
}

// An EXTERNAL service has no tasks until somebody makes task sets, and each has its share
// of the desired count, rounded up.
func TestExternalController(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(types.DeploymentControllerTypeExternal, func(in *ecs.CreateServiceInput) { in.DesiredCount = aws.Int32(3) })
		in := greenInput()
		in.LaunchType, in.NetworkConfiguration, in.Scale = types.LaunchTypeFargate, network(), nil
		made, err := s.CreateTaskSet(bg, in)
		x := must(t, made, err).TaskSet
		if x.ComputedDesiredCount != 0 || x.StartedBy != nil {
			t.Errorf("without a scale: %+v", x)
		}
		up, err := s.UpdateTaskSet(bg, &ecs.UpdateTaskSetInput{Cluster: inC, Service: nameS, TaskSet: x.TaskSetArn, Scale: &types.Scale{Unit: types.ScaleUnitPercent, Value: 50}})
		if got := must(t, up, err).TaskSet.ComputedDesiredCount; got != 2 {
			t.Errorf("half of three is %d", got)
		}
		time.Sleep(time.Minute)
		list, err := s.DescribeTaskSets(bg, &ecs.DescribeTaskSetsInput{Cluster: inC, Service: nameS, TaskSets: []string{*x.Id, "ecs-svc/1"}})
		if must(t, list, err); len(list.TaskSets) != 1 || list.TaskSets[0].RunningCount != 2 || *list.Failures[0].Arn != "arn:aws:ecs:us-east-1:123456789012:task-set/c/s/ecs-svc/1" {
			t.Errorf("%+v", list)
		}
		_, err = s.DeleteService(bg, &ecs.DeleteServiceInput{Cluster: inC, Service: nameS})
		wantError(t, err, "InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
	})
}
