package console

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

var began = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func after(s float64) *time.Time {
	return aws.Time(began.Add(time.Duration(s * float64(time.Second))))
}

// scaled is a cloud's clock whose time is divided by 60.
func scaled(d time.Duration) time.Duration { return d / 60 }

// blueGreen is a deployment's settings: ready wait and termination wait in minutes, with a
// test listener.
func blueGreen(status types.DeploymentStatus, ready, termination int32) *types.DeploymentInfo {
	b := &types.BlueGreenDeploymentConfiguration{
		DeploymentReadyOption:                     &types.DeploymentReadyOption{ActionOnTimeout: types.DeploymentReadyActionContinueDeployment},
		TerminateBlueInstancesOnDeploymentSuccess: &types.BlueInstanceTerminationOption{Action: types.InstanceActionTerminate, TerminationWaitTimeInMinutes: termination},
	}
	if ready > 0 {
		b.DeploymentReadyOption = &types.DeploymentReadyOption{ActionOnTimeout: types.DeploymentReadyActionStopDeployment, WaitTimeInMinutes: ready}
	}
	return &types.DeploymentInfo{Status: status, BlueGreenDeploymentConfiguration: b, LoadBalancerInfo: &types.LoadBalancerInfo{TargetGroupPairInfoList: []types.TargetGroupPairInfo{{
		TargetGroups: []types.TargetGroupInfo{{Name: aws.String("b")}, {Name: aws.String("g")}}, TestTrafficRoute: &types.TrafficRoute{},
	}}}}
}

// at makes a target of events, each "NAME STATUS BEGAN ENDED" in seconds, and green's share.
func at(weight float64, events ...string) *types.ECSTarget {
	t := &types.ECSTarget{TaskSetsInfo: []types.ECSTaskSet{
		{Identifer: aws.String("blue"), TaskSetLabel: types.TargetLabelBlue, DesiredCount: 2, RunningCount: 2, TrafficWeight: 100 - weight, TargetGroup: &types.TargetGroupInfo{Name: aws.String("b")}},
		{Identifer: aws.String("green"), TaskSetLabel: types.TargetLabelGreen, DesiredCount: 2, RunningCount: 1, TrafficWeight: weight, TargetGroup: &types.TargetGroupInfo{Name: aws.String("g")}},
	}}
	for _, text := range events {
		var name, status string
		var from, to float64
		n, _ := fmt.Sscanf(text, "%s %s %f %f", &name, &status, &from, &to)
		e := types.LifecycleEvent{LifecycleEventName: &name, Status: types.LifecycleEventStatus(status)}
		if n > 2 {
			e.StartTime = after(from)
		}
		if n > 3 {
			e.EndTime = after(to)
		}
		t.LifecycleEvents = append(t.LifecycleEvents, e)
	}
	return t
}

// write puts steps into lines: first letters, status, percent, and what is counted down.
func write(steps []step) string {
	var out []string
	for _, s := range steps {
		text := fmt.Sprintf("%s: %s %.0f", s.Name, s.Status, s.Percent)
		if s.Until != nil {
			text += fmt.Sprintf(", %s at %.0fs", s.Counts, s.Until.Sub(began).Seconds())
		}
		if s.Note != "" {
			text += " (" + s.Note + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n")
}

var installed = []string{"BeforeInstall Succeeded 0 1", "Install Succeeded 1 3", "AfterInstall Succeeded 3 3", "AllowTestTraffic Succeeded 3 4", "AfterAllowTestTraffic Succeeded 4 5"}

func with(more ...string) []string { return append(installed[:5:5], more...) }

func TestSteps(t *testing.T) {
	canary := &types.TrafficRoutingConfig{TimeBasedCanary: &types.TimeBasedCanary{CanaryPercentage: 10, CanaryInterval: 5}}
	linear := &types.TrafficRoutingConfig{TimeBasedLinear: &types.TimeBasedLinear{LinearPercentage: 20, LinearInterval: 3}}
	waiting := blueGreen(types.DeploymentStatusInProgress, 0, 5)
	waiting.InstanceTerminationWaitTimeStarted = true
	kept := blueGreen(types.DeploymentStatusSucceeded, 0, 0)
	kept.BlueGreenDeploymentConfiguration.TerminateBlueInstancesOnDeploymentSuccess.Action = types.InstanceActionKeepAlive
	back := blueGreen(types.DeploymentStatusInProgress, 0, 5)
	back.RollbackInfo = &types.RollbackInfo{RollbackTriggeringDeploymentId: aws.String("d-1")}
	shifted := with("BeforeAllowTraffic Succeeded 5 5", "AllowTraffic Succeeded 5 10", "AfterAllowTraffic Succeeded 10 10")
	for name, c := range map[string]struct {
		info    *types.DeploymentInfo
		target  *types.ECSTarget
		routing *types.TrafficRoutingConfig
		now     float64
		want    string
	}{
		"created": {blueGreen(types.DeploymentStatusCreated, 0, 5), nil, canary, 0, `
			Deploying replacement task set: Pending 0
			Test traffic route setup: Pending 0
			Rerouting production traffic to replacement task set: Pending 0
			Wait 5 minutes: Pending 0
			Terminate original task set: Pending 0`},
		"installing": {blueGreen(types.DeploymentStatusInProgress, 0, 0), at(0, "BeforeInstall Succeeded 0 1", "Install InProgress 1"), nil, 2, `
			Deploying replacement task set: InProgress 50 (1 of 2 running, 1 healthy)
			Test traffic route setup: Pending 0
			Rerouting production traffic to replacement task set: Pending 0
			Terminate original task set: Pending 0`},
		"ready": {blueGreen(types.DeploymentStatusReady, 10, 5), at(0, with("BeforeAllowTraffic Pending")...), nil, 6, `
			Deploying replacement task set: Succeeded 100
			Test traffic route setup: Succeeded 100
			Wait up to 10 minutes for traffic to be rerouted: InProgress 0, stops at 15s (reroute the traffic, or stop)
			Rerouting production traffic to replacement task set: Pending 0
			Wait 5 minutes: Pending 0
			Terminate original task set: Pending 0`},
		"canary": {blueGreen(types.DeploymentStatusInProgress, 10, 5), at(10, with("BeforeAllowTraffic Succeeded 5 5", "AllowTraffic InProgress 5")...), canary, 6, `
			Deploying replacement task set: Succeeded 100
			Test traffic route setup: Succeeded 100
			Wait up to 10 minutes for traffic to be rerouted: Succeeded 100
			Rerouting production traffic to replacement task set: InProgress 10, more at 10s (10% rerouted)
			Wait 5 minutes: Pending 0
			Terminate original task set: Pending 0`},
		"linear": {blueGreen(types.DeploymentStatusInProgress, 0, 1), at(60, with("BeforeAllowTraffic Succeeded 5 5", "AllowTraffic InProgress 5")...), linear, 12, `
			Deploying replacement task set: Succeeded 100
			Test traffic route setup: Succeeded 100
			Rerouting production traffic to replacement task set: InProgress 60, more at 14s (60% rerouted)
			Wait 1 minute: Pending 0
			Terminate original task set: Pending 0`},
		"waiting": {waiting, at(100, shifted...), nil, 12, `
			Deploying replacement task set: Succeeded 100
			Test traffic route setup: Succeeded 100
			Rerouting production traffic to replacement task set: Succeeded 100
			Wait 5 minutes: InProgress 0, the original task set ends at 15s
			Terminate original task set: Pending 0`},
		"terminating": {waiting, at(100, shifted...), nil, 15.5, `
			Deploying replacement task set: Succeeded 100
			Test traffic route setup: Succeeded 100
			Rerouting production traffic to replacement task set: Succeeded 100
			Wait 5 minutes: Succeeded 100
			Terminate original task set: InProgress 0`},
		"succeeded, and blue kept": {kept, at(100, shifted...), nil, 20, `
			Deploying replacement task set: Succeeded 100
			Test traffic route setup: Succeeded 100
			Rerouting production traffic to replacement task set: Succeeded 100
			Keep original task set: Succeeded 100`},
		"failed in an event": {blueGreen(types.DeploymentStatusFailed, 0, 5), at(0, "BeforeInstall Succeeded 0 1", "Install Failed 1 3", "AfterInstall Skipped", "AllowTestTraffic Skipped", "AfterAllowTestTraffic Skipped", "BeforeAllowTraffic Skipped"), nil, 20, `
			Deploying replacement task set: Failed 50 (1 of 2 running, 1 healthy)
			Test traffic route setup: Skipped 0
			Rerouting production traffic to replacement task set: Skipped 0
			Wait 5 minutes: Skipped 0
			Terminate original task set: Skipped 0`},
		"stopped while ready": {blueGreen(types.DeploymentStatusStopped, 10, 0), at(0, with("BeforeAllowTraffic Skipped", "AllowTraffic Skipped", "AfterAllowTraffic Skipped")...), nil, 20, `
			Deploying replacement task set: Succeeded 100
			Test traffic route setup: Succeeded 100
			Wait up to 10 minutes for traffic to be rerouted: Stopped 0
			Rerouting production traffic to replacement task set: Skipped 0
			Terminate original task set: Skipped 0`},
		"failed before it began": {blueGreen(types.DeploymentStatusFailed, 0, 0), nil, nil, 1, `
			Deploying replacement task set: Failed 0
			Test traffic route setup: Skipped 0
			Rerouting production traffic to replacement task set: Skipped 0
			Terminate original task set: Skipped 0`},
		"rolling back": {back, at(10), nil, 1, `
			Rerouting production traffic to original task set: InProgress 90
			Terminate replacement task set: Pending 0`},
		"rolled back": {back, at(0), nil, 1, `
			Rerouting production traffic to original task set: Succeeded 100
			Terminate replacement task set: InProgress 0`},
	} {
		s := sides(c.info, c.target)
		s[1].Tasks = []task{{Status: "RUNNING", Target: &target{State: "healthy"}}, {Status: "PENDING"}}
		got := write(plan{info: c.info, target: c.target, routing: c.routing, sides: s, scale: scaled, now: *after(c.now)}.steps())
		if want := strings.ReplaceAll(strings.TrimSpace(c.want), "\t", ""); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestSides(t *testing.T) {
	info := blueGreen(types.DeploymentStatusSucceeded, 0, 0)
	whole := at(100)
	green := &types.ECSTarget{TaskSetsInfo: whole.TaskSetsInfo[1:]}
	blue := &types.ECSTarget{TaskSetsInfo: at(0).TaskSetsInfo[:1]}
	for name, c := range map[string]struct {
		target *types.ECSTarget
		want   string
	}{
		"none yet": {nil, "Original 100 , Replacement 0 "},
		"both":     {at(30), "Original 70 b, Replacement 30 g"},
		"no blue":  {green, "Original 0 b, Replacement 100 g"},
		"no green": {blue, "Original 100 b, Replacement 0 g"},
	} {
		s := sides(info, c.target)
		if got := fmt.Sprintf("%s %.0f %s, %s %.0f %s", s[0].Label, s[0].Percent, s[0].Name, s[1].Label, s[1].Percent, s[1].Name); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestActions(t *testing.T) {
	waiting := blueGreen(types.DeploymentStatusInProgress, 0, 5)
	waiting.InstanceTerminationWaitTimeStarted = true
	back := blueGreen(types.DeploymentStatusInProgress, 0, 5)
	back.RollbackInfo = &types.RollbackInfo{RollbackTriggeringDeploymentId: aws.String("d-1")}
	for want, info := range map[string]*types.DeploymentInfo{
		"stop rollback":           blueGreen(types.DeploymentStatusInProgress, 0, 5),
		"reroute stop rollback":   blueGreen(types.DeploymentStatusReady, 5, 5),
		"terminate stop rollback": waiting,
		"stop":                    back,
		"":                        blueGreen(types.DeploymentStatusSucceeded, 0, 5),
	} {
		var names []string
		for _, a := range actions(info) {
			names = append(names, a.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q", info.Status, got, want)
		}
	}
}

func TestHooksAreFoundInBothForms(t *testing.T) {
	yaml := "version: 0.0\nHooks:\n  - BeforeInstall: \"check\"\n  - AfterAllowTraffic: 'arn:aws:lambda:us-east-1:1:function:last'\n"
	json := "{\n \"Hooks\": [\n  {\"BeforeInstall\": \"check\"},\n  {\n   \"AfterAllowTraffic\": \"arn:aws:lambda:us-east-1:1:function:last\"\n  }\n ]\n}"
	for form, spec := range map[string]string{"YAML": yaml, "JSON": json} {
		if a, b, c := hook(spec, "BeforeInstall"), hook(spec, "AfterAllowTraffic"), hook(spec, "AllowTraffic"); a != "check" || b != "arn:aws:lambda:us-east-1:1:function:last" || c != "" {
			t.Errorf("%s: %q, %q, %q", form, a, b, c)
		}
	}
}

func TestRoutingInWords(t *testing.T) {
	for want, r := range map[string]*types.TrafficRoutingConfig{
		"10% first, the rest 5 minutes later": {TimeBasedCanary: &types.TimeBasedCanary{CanaryPercentage: 10, CanaryInterval: 5}},
		"20% every minute":                    {TimeBasedLinear: &types.TimeBasedLinear{LinearPercentage: 20, LinearInterval: 1}},
		"all traffic at once":                 {Type: types.TrafficRoutingTypeAllAtOnce},
		"":                                    nil,
	} {
		if got := describe(r); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
