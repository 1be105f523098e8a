package ecs

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/clock"
)

// cd is the controller that most stories are about.
const cd = types.DeploymentControllerTypeCodeDeploy

func TestUnhealthyTasksAreReplaced(t *testing.T) {
	for image, want := range map[string]string{
		"sick": "Task failed container health checks",
		"web":  "Task failed ELB health checks in (target-group tg/blue)",
	} {
		play(t, func(t *testing.T, s *stage) {
			s.register(image)
			s.groups.bad["tg/blue"] = image == "web"
			s.create(cd)
			time.Sleep(time.Minute)
			old := s.tasks(types.DesiredStatusStopped)
			if len(old) < 2 {
				t.Fatalf("%d tasks were replaced", len(old))
			}
			if x := old[len(old)-1]; aws.ToString(x.StoppedReason) != want || x.StopCode != types.TaskStopCodeServiceSchedulerInitiated {
				t.Errorf("stopped by %s: %s", x.StopCode, aws.ToString(x.StoppedReason))
			}
			if x := s.service().TaskSets[0]; x.StabilityStatus == types.StabilityStatusSteadyState {
				t.Error("the set is called steady")
			}
			if image == "web" {
				s.wantEvents("(port 80) is unhealthy in (target-group tg/blue) due to (reason Health checks failed with these codes: [500])",
					"has begun draining connections on 2 tasks.", "has stopped 2 running tasks: (task ")
			}
		})
	}
}

func TestHealthCheckGracePeriod(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.groups.bad["tg/blue"] = true
		s.create(cd, func(in *ecs.CreateServiceInput) { in.HealthCheckGracePeriodSeconds = aws.Int32(60) })
		time.Sleep(60 * time.Second)
		if n := s.runner.started(); n != 2 {
			t.Fatalf("%d tasks were started within the grace period", n)
		}
		time.Sleep(3 * time.Second)
		if n := s.runner.started(); n != 4 {
			t.Errorf("%d tasks were started soon after the grace period, not 4", n)
		}
	})
}

// Programs start in real time, so a high time scale must not cut their start short.
func TestScaledTimeLeavesProgramsTimeToStart(t *testing.T) {
	playWith(t, func(o *Options) { o.Clock = clock.New(60) }, func(t *testing.T, s *stage) {
		s.groups.bad["tg/blue"] = true
		s.create(cd)
		time.Sleep(10 * time.Second)
		if n := s.runner.started(); n != 2 {
			t.Errorf("%d tasks were started", n)
		}
		time.Sleep(10 * time.Second)
		if n := s.runner.started(); n < 4 {
			t.Errorf("%d tasks were started: the unhealthy ones stay", n)
		}
	})
}

func TestFailingStartsBackOff(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.register("crash")
		s.create(cd)
		time.Sleep(2 * time.Hour)
		n := s.runner.started()
		if n < 20 || n > 40 {
			t.Errorf("%d starts in two hours", n)
		}
		time.Sleep(30 * time.Minute)
		if more := s.runner.started() - n; more > 2*2+2 {
			t.Errorf("%d starts in half an hour later on", more)
		}
		const told = "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
		s.wantEvents(told)
		count := 0
		for _, e := range s.events() {
			if strings.Contains(e, told) {
				count++
			}
		}
		if count != 1 {
			t.Errorf("told %d times within six hours", count)
		}
		if x := s.tasks(types.DesiredStatusStopped)[0]; x.StopCode != types.TaskStopCodeTaskFailedToStart || *x.StoppedReason != "CannotPullContainerError: no such image" {
			t.Errorf("stopped by %s: %s", x.StopCode, *x.StoppedReason)
		}
		time.Sleep(6 * time.Hour)
		if e := s.service().Events; len(e) > maxEvents || !e[0].CreatedAt.After(*e[len(e)-1].CreatedAt) {
			t.Errorf("%d events, the first of %v", len(e), e[0].CreatedAt)
		}
	})
}

// A program that ends as soon as it runs is started again at a steady pace.
func TestProgramsThatEndAtOnce(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.register("exit")
		s.create(types.DeploymentControllerTypeEcs, func(in *ecs.CreateServiceInput) { in.DesiredCount, in.LoadBalancers = aws.Int32(1), nil })
		time.Sleep(10 * time.Minute)
		if n := s.runner.started(); n < 40 || n > 60 {
			t.Errorf("%d starts in ten minutes", n)
		}
		s.wantNoEvent("unable to consistently start")
		if x := s.tasks(types.DesiredStatusStopped)[0]; x.StopCode != types.TaskStopCodeEssentialContainerExited || *x.Containers[0].ExitCode != 1 {
			t.Errorf("stopped by %s: %+v", x.StopCode, x.Containers)
		}
	})
}

func TestScaling(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(cd)
		time.Sleep(time.Minute)
		first := s.tasks("")
		s.update(&ecs.UpdateServiceInput{DesiredCount: aws.Int32(4)})
		time.Sleep(30 * time.Second)
		if v := s.service(); v.RunningCount != 4 || v.DesiredCount != 4 {
			t.Fatalf("%d of %d run", v.RunningCount, v.DesiredCount)
		}
		newest := s.tasks("")[0].TaskArn
		in := &ecs.UpdateTaskProtectionInput{Cluster: inC, Tasks: []string{*newest}, ProtectionEnabled: true, ExpiresInMinutes: aws.Int32(10)}
		p, err := s.UpdateTaskProtection(bg, in)
		if must(t, p, err); !p.ProtectedTasks[0].ProtectionEnabled || time.Until(*p.ProtectedTasks[0].ExpirationDate) != 10*time.Minute {
			t.Errorf("%+v", p.ProtectedTasks)
		}
		s.update(&ecs.UpdateServiceInput{DesiredCount: aws.Int32(0)})
		time.Sleep(time.Minute)
		left := s.tasks("")
		if len(left) != 1 || *left[0].TaskArn != *newest {
			t.Fatalf("%d tasks are left of which one is protected", len(left))
		}
		got, err := s.GetTaskProtection(bg, &ecs.GetTaskProtectionInput{Cluster: inC})
		if must(t, got, err); len(got.ProtectedTasks) != 1 || *got.ProtectedTasks[0].TaskArn != *newest {
			t.Errorf("protected: %+v", got.ProtectedTasks)
		}
		time.Sleep(10 * time.Minute)
		if n := len(s.tasks("")); n != 0 {
			t.Errorf("%d tasks are left when protection has expired", n)
		}
		s.wantNoEvent("(task " + last(*first[0].TaskArn) + ") failed")
		if x := s.service().TaskSets[0]; x.StabilityStatus != types.StabilityStatusSteadyState {
			t.Errorf("a set without tasks is %s", x.StabilityStatus)
		}
		missing, err := s.UpdateTaskProtection(bg, &ecs.UpdateTaskProtectionInput{Cluster: inC, Tasks: []string{"gone", *newest}})
		if must(t, missing, err); *missing.Failures[0].Reason != "MISSING" || *missing.Failures[1].Reason != "TASK_NOT_VALID" {
			t.Errorf("%+v", missing.Failures)
		}
	})
}

// A task drains before its program is told to stop, and clients see each step.
func TestStoppingATaskOfAService(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(cd)
		time.Sleep(time.Minute)
		arn := s.tasks("")[0].TaskArn
		status := func(want, desired string) {
			t.Helper()
			out, err := s.DescribeTasks(bg, &ecs.DescribeTasksInput{Cluster: inC, Tasks: []string{*arn}})
			if x := must(t, out, err).Tasks[0]; *x.LastStatus != want || *x.DesiredStatus != desired {
				t.Errorf("the task is %s and shall be %s, not %s and %s", *x.LastStatus, *x.DesiredStatus, want, desired)
			}
		}
		status(running, running)
		out, err := s.StopTask(bg, &ecs.StopTaskInput{Cluster: inC, Task: arn, Reason: aws.String("because")})
		if x := must(t, out, err).Task; *x.DesiredStatus != stopped || *x.StoppedReason != "because" || x.StopCode != types.TaskStopCodeUserInitiated {
			t.Errorf("%+v", x)
		}
		asked := time.Now()
		time.Sleep(time.Second)
		status(deactivating, stopped)
		time.Sleep(drainIn - 500*time.Millisecond)
		status("STOPPING", stopped)
		if waited := s.runner.get(*arn).stopAt.Sub(asked); waited < drainIn || waited > drainIn+time.Second {
			t.Errorf("the program was told to stop after %v", waited)
		}
		time.Sleep(2 * time.Second)
		status(stopped, stopped)
		if v := s.service(); v.RunningCount != 2 {
			t.Errorf("%d tasks run: no replacement", v.RunningCount)
		}
	})
}

func TestTargetsThatAreRefused(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.groups.refuse = &elbtypes.TooManyTargetsException{Message: aws.String("The maximum number of targets per target group is '1000'")}
		s.create(cd)
		time.Sleep(time.Minute)
		s.wantEvents("failed to register targets in (target-group tg/blue) with (error The maximum number of targets per target group is '1000')")
		if x := s.tasks("")[0]; *x.LastStatus != activating {
			t.Errorf("a task without its targets is %s", *x.LastStatus)
		}
		s.groups.mu.Lock()
		s.groups.refuse = nil
		s.groups.mu.Unlock()
		time.Sleep(time.Minute)
		if x := s.service().TaskSets[0]; x.StabilityStatus != types.StabilityStatusSteadyState {
			t.Errorf("the set is %s", x.StabilityStatus)
		}
		if n := s.runner.started(); n != 2 {
			t.Errorf("%d tasks were started", n)
		}
	})
}

// Without a feed the health of targets is polled.
func TestPolling(t *testing.T) {
	playWith(t, func(o *Options) { o.HealthChanged = nil }, func(t *testing.T, s *stage) {
		s.create(cd)
		time.Sleep(warmUp + 3*time.Second)
		if x := s.service().TaskSets[0]; x.StabilityStatus != types.StabilityStatusSteadyState {
			t.Errorf("the set is %s", x.StabilityStatus)
		}
	})
}

// A cloud that was killed left tasks in its books and targets in the groups.
func TestARestartBuriesTheDeadAndStartsReplacements(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(cd)
		time.Sleep(time.Minute)
		before := s.tasks("")
		s.stop()
		if n := len(s.engine.keepers); n != 0 {
			t.Errorf("%d keepers outlive Run", n)
		}
		s.runner = newRunner()
		s.Runner = s.runner
		s.run()
		time.Sleep(time.Minute)
		for _, x := range before {
			out, err := s.DescribeTasks(bg, &ecs.DescribeTasksInput{Cluster: inC, Tasks: []string{*x.TaskArn}})
			if now := must(t, out, err).Tasks[0]; *now.LastStatus != stopped {
				t.Errorf("task %s is %s", *now.TaskArn, *now.LastStatus)
			}
		}
		if v := s.service(); v.RunningCount != 2 || v.TaskSets[0].StabilityStatus != types.StabilityStatusSteadyState {
			t.Errorf("after the restart: %+v", v.TaskSets)
		}
		if got := strings.Fields(s.groups.in("tg/blue")); len(got) != 2 {
			t.Errorf("the group has %v", got)
		}
	})
}

// What the balancer says is all that is asked: should it fail, nothing is decided.
func TestTheBalancerFails(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(cd)
		time.Sleep(time.Minute)
		s.groups.mu.Lock()
		s.groups.broken = errors.New("balancer: gone fishing")
		s.groups.mu.Unlock()
		s.groups.signal()
		time.Sleep(time.Minute)
		if n := s.runner.started(); n != 2 {
			t.Errorf("%d tasks were started", n)
		}
	})
}

// Who is told of changes sees a set become steady without asking meanwhile.
func TestChangesAreTold(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		changed, leave := s.Subscribe()
		defer leave()
		s.register("web")
		s.create(cd)
		until := time.After(10 * time.Minute)
		for s.service().TaskSets[0].StabilityStatus != types.StabilityStatusSteadyState {
			select {
			case <-changed:
			case <-until:
				t.Fatal("nobody told that the set is steady")
			}
		}
	})
}
