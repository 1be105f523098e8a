package ecs

import (
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const rolling = types.DeploymentControllerTypeEcs

// percents is a deployment configuration.
func percents(least, most int32) *types.DeploymentConfiguration {
	return &types.DeploymentConfiguration{MinimumHealthyPercent: &least, MaximumPercent: &most}
}

func breaker(rollback bool) *types.DeploymentConfiguration {
	return &types.DeploymentConfiguration{DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true, Rollback: rollback}}
}

func TestRollingUpdate(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(rolling)
		v := s.service()
		d := v.Deployments[0]
		if *d.Status != primary || d.RolloutState != types.DeploymentRolloutStateInProgress || *d.RolloutStateReason != "ECS deployment "+*d.Id+" in progress." || d.DesiredCount != 2 || v.TaskSets != nil {
			t.Errorf("at first: %+v", d)
		}
		s.stable()
		d = s.service().Deployments[0]
		if d.RolloutState != types.DeploymentRolloutStateCompleted || *d.RolloutStateReason != "ECS deployment "+*d.Id+" completed." {
			t.Errorf("when stable: %+v", d)
		}
		second := s.register("web")
		s.update(&ecs.UpdateServiceInput{TaskDefinition: &second})
		v = s.service()
		if len(v.Deployments) != 2 || *v.Deployments[0].TaskDefinition != second || *v.Deployments[1].Status != active || v.Deployments[1].DesiredCount != 2 || *v.TaskDefinition != second {
			t.Errorf("while it rolls: %+v", v.Deployments)
		}
		s.stable()
		v = s.service()
		if *v.Deployments[0].TaskDefinition != second || v.Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted || v.RunningCount != 2 {
			t.Errorf("at the end: %+v", v.Deployments)
		}
		s.wantEvents("(service s) has started 2 tasks: (task ", "(service s) registered ", "(service s) has reached a steady state.", "(service s) (deployment "+*d.Id+") deployment completed.",
			"(service s) has started 2 tasks: (task ", "(service s) has begun draining connections on ", "(service s) has reached a steady state.",
			"(service s) (deployment "+*v.Deployments[0].Id+") deployment completed.")
		s.wantNoEvent("taskSet")
	})
}

// While a deployment rolls, no fewer tasks are healthy than minimumHealthyPercent asks
// for, and no more are there than maximumPercent allows.
func TestRollingStaysWithinItsPercents(t *testing.T) {
	for _, c := range []struct{ desired, least, most int32 }{
		{4, 100, 200}, {4, 50, 100}, {4, 50, 200}, {4, 0, 100}, {4, 100, 125}, {3, 66, 100}, {1, 0, 100}, {1, 100, 200}, {5, 40, 120},
	} {
		play(t, func(t *testing.T, s *stage) {
			s.create(rolling, func(in *ecs.CreateServiceInput) {
				in.DesiredCount, in.DeploymentConfiguration = &c.desired, percents(c.least, c.most)
			})
			s.stable()
			low, high := int(c.desired), int(c.desired)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range 1200 {
					time.Sleep(100 * time.Millisecond)
					well, all := s.census()
					low, high = min(low, well), max(high, all)
				}
			}()
			s.update(&ecs.UpdateServiceInput{ForceNewDeployment: true})
			<-done
			least, most := int((c.desired*c.least+99)/100), int(c.desired*c.most/100)
			if low < least || high > most {
				t.Errorf("%+v: between %d healthy and %d tasks, allowed are %d and %d", c, low, high, least, most)
			}
			if v := s.service(); len(v.Deployments) != 1 || v.RunningCount != c.desired {
				t.Errorf("%+v: %d deployments, %d tasks", c, len(v.Deployments), v.RunningCount)
			}
		})
	}
}

// census counts healthy targets and tasks that are to run.
func (s *stage) census() (well, all int) {
	s.groups.mu.Lock()
	for _, x := range s.groups.targets {
		if x.leaving.IsZero() && time.Since(x.since) >= warmUp {
			well++
		}
	}
	s.groups.mu.Unlock()
	return well, len(s.tasks(""))
}

func TestCircuitBreakerRollsBack(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(rolling, func(in *ecs.CreateServiceInput) { in.DeploymentConfiguration = breaker(true) })
		s.stable()
		good := s.service().Deployments[0]
		running := s.runner.started()
		bad := s.register("crash")
		s.update(&ecs.UpdateServiceInput{TaskDefinition: &bad})
		failed := *s.service().Deployments[0].Id
		arn := *s.service().CurrentServiceDeployment
		for s.service().Deployments[0].RolloutStateReason != nil && *s.service().Deployments[0].Id == failed {
			time.Sleep(100 * time.Millisecond)
		}
		v := s.service()
		back := v.Deployments[0]
		if *back.Id == *good.Id || *back.TaskDefinition != *good.TaskDefinition || back.RunningCount != 2 || *back.RolloutStateReason != "ECS deployment circuit breaker: rolling back to deploymentId "+*good.Id+"." {
			t.Errorf("the rollback: %+v", back)
		}
		if d := v.Deployments[1]; *d.Id != failed || d.RolloutState != types.DeploymentRolloutStateFailed || *d.RolloutStateReason != "ECS deployment circuit breaker: tasks failed to start." || d.FailedTasks < 3 || d.DesiredCount != 0 {
			t.Errorf("the failed deployment: %+v", d)
		}
		s.stable()
		if v = s.service(); *v.TaskDefinition != *good.TaskDefinition || v.Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted {
			t.Errorf("after the rollback: %+v", v)
		}
		if n := s.runner.started() - running; n > 5 {
			t.Errorf("%d tasks were started for the failure: the good ones did not stay", n)
		}
		s.wantEvents("(service s) (deployment "+failed+") deployment failed: tasks failed to start.", "(service s) rolling back to deployment "+*good.Id+".",
			"(service s) (deployment "+*back.Id+") deployment completed.")
		out, err := s.DescribeServiceDeployments(bg, &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{arn}})
		d := must(t, out, err).ServiceDeployments[0]
		if d.Status != types.ServiceDeploymentStatusRollbackSuccessful || d.Rollback == nil || d.Rollback.ServiceRevisionArn == nil ||
			d.DeploymentCircuitBreaker.Status != types.ServiceDeploymentRollbackMonitorsStatusTriggered || d.DeploymentCircuitBreaker.Threshold != 3 {
			t.Errorf("the service deployment: %+v, %+v", d, d.DeploymentCircuitBreaker)
		}
	})
}

// A deployment whose tasks run and never turn healthy fails too; one that fails first has
// nothing to go back to.
func TestCircuitBreakerWithoutAWayBack(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.groups.bad["tg/blue"] = true
		s.create(rolling, func(in *ecs.CreateServiceInput) { in.DeploymentConfiguration = breaker(true) })
		time.Sleep(5 * time.Minute)
		d := s.service().Deployments[0]
		if d.RolloutState != types.DeploymentRolloutStateFailed || d.DesiredCount != 0 || d.FailedTasks < 3 {
			t.Errorf("%+v", d)
		}
		n := s.runner.started()
		time.Sleep(5 * time.Minute)
		if more := s.runner.started() - n; more != 0 {
			t.Errorf("a failed deployment started %d tasks", more)
		}
		s.groups.mu.Lock()
		s.groups.bad["tg/blue"] = false
		s.groups.mu.Unlock()
		s.update(&ecs.UpdateServiceInput{ForceNewDeployment: true})
		s.stable()
	})
}

// Without a circuit breaker the scheduler tries on for ever; once a task was well, later
// failures do not count.
func TestFailuresThatDoNotCount(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.register("crash")
		s.create(rolling)
		time.Sleep(time.Hour)
		if d := s.service().Deployments[0]; d.RolloutState != types.DeploymentRolloutStateInProgress || d.FailedTasks < 10 {
			t.Errorf("%+v", d)
		}
	})
}

func TestThreshold(t *testing.T) {
	custom := func(kind types.ThresholdType, n int32) *types.ThresholdConfiguration {
		return &types.ThresholdConfiguration{Type: kind, Value: n}
	}
	for _, c := range []struct {
		desired, want int32
		custom        *types.ThresholdConfiguration
	}{
		{desired: 1, want: 3},
		{desired: 6, want: 3},
		{desired: 7, want: 4},
		{desired: 25, want: 13},
		{desired: 400, want: 200},
		{desired: 800, want: 200},
		{desired: 10, want: 7, custom: custom(types.ThresholdTypeCount, 7)},
		{desired: 1000, want: 200, custom: custom(types.ThresholdTypeBoundedPercent, 90)},
		{desired: 1000, want: 900, custom: custom(types.ThresholdTypeUnboundedPercent, 90)},
		{desired: 1, want: 1, custom: custom(types.ThresholdTypeUnboundedPercent, 10)},
	} {
		config := types.DeploymentConfiguration{DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true, ThresholdConfiguration: c.custom}}
		if got := threshold(config, c.desired); got != c.want {
			t.Errorf("%d tasks, %+v: %d, want %d", c.desired, c.custom, got, c.want)
		}
	}
}

func TestConfigurationThatCannotRoll(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(rolling, func(in *ecs.CreateServiceInput) { in.DeploymentConfiguration = percents(100, 100) })
		s.stable()
		s.update(&ecs.UpdateServiceInput{ForceNewDeployment: true})
		time.Sleep(time.Minute)
		s.wantEvents("(service s) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.")
		if v := s.service(); v.RunningCount != 2 || len(v.Deployments) != 2 {
			t.Errorf("%+v", v.Deployments)
		}
		s.update(&ecs.UpdateServiceInput{DeploymentConfiguration: percents(50, 100)})
		s.stable()
	})
}

// A deployment that a newer one overtakes ends, and so does one that is stopped.
func TestServiceDeployments(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(rolling)
		s.stable()
		if v := s.service(); v.CurrentServiceDeployment != nil || len(v.CurrentServiceRevisions) != 1 || v.CurrentServiceRevisions[0].RunningTaskCount != 2 {
			t.Errorf("when nothing rolls: %v, %+v", v.CurrentServiceDeployment, v.CurrentServiceRevisions)
		}
		second, third := s.register("web"), s.register("web")
		s.update(&ecs.UpdateServiceInput{TaskDefinition: &second})
		time.Sleep(time.Second)
		s.update(&ecs.UpdateServiceInput{TaskDefinition: &third})
		time.Sleep(time.Second)
		list, err := s.ListServiceDeployments(bg, &ecs.ListServiceDeploymentsInput{Cluster: inC, Service: nameS})
		all := must(t, list, err).ServiceDeployments
		var status []types.ServiceDeploymentStatus
		for _, d := range all {
			status = append(status, d.Status)
		}
		if len(status) != 3 || status[0] != types.ServiceDeploymentStatusInProgress || status[1] != types.ServiceDeploymentStatusStopped || status[2] != types.ServiceDeploymentStatusSuccessful {
			t.Fatalf("newest first: %v", status)
		}
		stop, err := s.StopServiceDeployment(bg, &ecs.StopServiceDeploymentInput{ServiceDeploymentArn: all[0].ServiceDeploymentArn, StopType: types.StopServiceDeploymentStopTypeRollback})
		if got := *must(t, stop, err).ServiceDeploymentArn; got != *all[0].ServiceDeploymentArn {
			t.Errorf("stopped %s", got)
		}
		s.stable()
		out, err := s.DescribeServiceDeployments(bg, &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{*all[0].ServiceDeploymentArn, *all[0].ServiceDeploymentArn + "x"}})
		if d := must(t, out, err).ServiceDeployments[0]; d.Status != types.ServiceDeploymentStatusRollbackSuccessful || len(d.SourceServiceRevisions) != 2 || *out.Failures[0].Reason != "MISSING" {
			t.Errorf("%+v", d)
		}
		rev, err := s.DescribeServiceRevisions(bg, &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{*out.ServiceDeployments[0].TargetServiceRevision.Arn}})
		if r := must(t, rev, err).ServiceRevisions[0]; *r.TaskDefinition != third || *r.PlatformVersion != "1.4.0" || *r.ContainerImages[0].Image != "web" {
			t.Errorf("%+v", r)
		}
		if got := last(*s.service().TaskDefinition); got != "web:1" {
			t.Errorf("the service is made of %s after the rollback", got)
		}
		_, err = s.StopServiceDeployment(bg, &ecs.StopServiceDeploymentInput{ServiceDeploymentArn: all[0].ServiceDeploymentArn})
		wantError(t, err, "ConflictException", "The service deployment is not in a state in which it can be stopped.")
		only, err := s.ListServiceDeployments(bg, &ecs.ListServiceDeploymentsInput{Cluster: inC, Service: nameS, Status: []types.ServiceDeploymentStatus{types.ServiceDeploymentStatusSuccessful}})
		if n := len(must(t, only, err).ServiceDeployments); n != 1 {
			t.Errorf("%d successful ones", n)
		}
	})
}

func TestAbortedDeploymentsStayAsTheyAre(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(rolling)
		s.stable()
		second := s.register("crash")
		s.update(&ecs.UpdateServiceInput{TaskDefinition: &second})
		arn := s.service().CurrentServiceDeployment
		out, err := s.StopServiceDeployment(bg, &ecs.StopServiceDeploymentInput{ServiceDeploymentArn: arn, StopType: types.StopServiceDeploymentStopTypeAbort})
		must(t, out, err)
		time.Sleep(time.Minute)
		v := s.service()
		if len(v.Deployments) != 2 || v.RunningCount != 2 || v.Deployments[0].RolloutState != types.DeploymentRolloutStateFailed {
			t.Errorf("%+v", v.Deployments)
		}
	})
}

func TestNoMoreRolloutsAreKeptThanAreWorthIt(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(rolling, func(in *ecs.CreateServiceInput) { in.DesiredCount = aws.Int32(0) })
		for i := range maxRollouts + 20 {
			time.Sleep(time.Second)
			s.update(&ecs.UpdateServiceInput{ForceNewDeployment: true, DesiredCount: aws.Int32(0)})
			if i == 0 {
				s.stable()
			}
		}
		token, n := (*string)(nil), 0
		for pages := 0; ; pages++ {
			out, err := s.ListServiceDeployments(bg, &ecs.ListServiceDeploymentsInput{Cluster: inC, Service: nameS, MaxResults: aws.Int32(30), NextToken: token})
			n += len(must(t, out, err).ServiceDeployments)
			if token = out.NextToken; token == nil {
				break
			}
			if pages > 10 {
				t.Fatal("the list does not end")
			}
		}
		if n != maxRollouts {
			t.Errorf("%s service deployments are listed", strconv.Itoa(n))
		}
	})
}
