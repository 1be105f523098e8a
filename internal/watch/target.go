package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// pollTarget reads the one ECS target of the deployment, which exists once it started.
func (f *follower) pollTarget(ctx context.Context) error {
	if f.target == "" {
		l, err := f.CodeDeploy.ListDeploymentTargets(ctx, &codedeploy.ListDeploymentTargetsInput{DeploymentId: &f.ID})
		var notYet *types.DeploymentNotStartedException
		if errors.As(err, &notYet) {
			return nil
		}
		if err != nil || len(l.TargetIds) == 0 {
			return err
		}
		f.target = l.TargetIds[0]
		if cluster, service, ok := strings.Cut(f.target, ":"); ok { // what it deploys, whatever was thought
			f.Cluster, f.Service = cluster, service
		}
	}
	t, err := f.CodeDeploy.GetDeploymentTarget(ctx, &codedeploy.GetDeploymentTargetInput{DeploymentId: &f.ID, TargetId: &f.target})
	if err != nil {
		return err
	}
	if t.DeploymentTarget == nil || t.DeploymentTarget.EcsTarget == nil {
		return nil
	}
	f.out.Target = t.DeploymentTarget.EcsTarget
	f.lifecycle()
	f.taskSets()
	return nil
}

// lifecycle tells which events began and ended since the last poll.
func (f *follower) lifecycle() {
	for _, e := range f.out.Target.LifecycleEvents {
		name, before := aws.ToString(e.LifecycleEventName), f.events[aws.ToString(e.LifecycleEventName)]
		if name == "AllowTraffic" && e.Status == types.LifecycleEventStatusSucceeded {
			f.out.Shifted = true
		}
		if e.Status == before {
			continue
		}
		f.events[name] = e.Status
		running := e.Status == types.LifecycleEventStatusInProgress
		done := e.Status == types.LifecycleEventStatusSucceeded || e.Status == types.LifecycleEventStatusFailed
		if running || (done && before != types.LifecycleEventStatusInProgress) {
			f.emit(Event{Kind: Began, Name: name, Time: aws.ToTime(e.StartTime)})
		}
		if done {
			f.ending(e)
		}
	}
}

// ending tells the end of a lifecycle event, and before it what it was the end of: the
// start of green's tasks, the shift of the traffic.
func (f *follower) ending(e types.LifecycleEvent) {
	name, at := aws.ToString(e.LifecycleEventName), aws.ToTime(e.EndTime)
	if e.Status == types.LifecycleEventStatusSucceeded {
		switch name {
		case "Install":
			f.tellCounts(types.TargetLabelGreen, at)
		case "AllowTraffic":
			f.tellWeights(at)
		}
	}
	ev := Event{Kind: Ended, Name: name, Status: string(e.Status), Time: at}
	if e.StartTime != nil && e.EndTime != nil {
		ev.Took = e.EndTime.Sub(*e.StartTime)
	}
	if e.Diagnostics != nil {
		ev.Message = aws.ToString(e.Diagnostics.Message)
	}
	f.emit(ev)
}

// taskSets tells how weights and counts have moved.
func (f *follower) taskSets() {
	var at time.Time
	if f.ended() {
		at = aws.ToTime(f.out.Deployment.CompleteTime)
	}
	f.tellCounts("", at)
	f.tellWeights(at)
}

// tellCounts tells how many tasks a side ("" for both) runs, when that has changed.
func (f *follower) tellCounts(side types.TargetLabel, at time.Time) {
	for _, s := range f.out.Target.TaskSetsInfo {
		if side != "" && s.TaskSetLabel != side {
			continue
		}
		label, n := strings.ToLower(string(s.TaskSetLabel)), [2]int64{s.RunningCount, s.DesiredCount}
		if before, ok := f.counts[label]; ok && before == n {
			continue
		}
		f.counts[label] = n
		f.emit(Event{Kind: Tasks, Name: label, Running: n[0], Desired: n[1], Time: at, Message: count(n[0], n[1])})
	}
}

// tellWeights tells how traffic is divided, when that has changed.
func (f *follower) tellWeights(at time.Time) {
	var w [2]float64
	for _, s := range f.out.Target.TaskSetsInfo {
		side := 0
		if s.TaskSetLabel == types.TargetLabelGreen {
			side = 1
		}
		w[side] += s.TrafficWeight
	}
	if w != f.weights && w[0]+w[1] > 0 {
		f.weights = w
		f.emit(Event{Kind: Weights, Blue: w[0], Green: w[1], Time: at, Message: fmt.Sprintf("traffic: blue %.0f %%, green %.0f %%", w[0], w[1])})
	}
}

// pollService tells the service's new messages and the health of green's targets.
func (f *follower) pollService(ctx context.Context) error {
	if f.ECS != nil && f.Service != "" {
		d, err := f.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &f.Cluster, Services: []string{f.Service}}, once)
		if err != nil {
			return err
		}
		for _, s := range d.Services {
			events := slices.Clone(s.Events) // other watchers may share the answer
			slices.SortStableFunc(events, func(a, b ecstypes.ServiceEvent) int { return aws.ToTime(a.CreatedAt).Compare(aws.ToTime(b.CreatedAt)) })
			for _, e := range events {
				f.serviceEvent(aws.ToString(e.Id), aws.ToString(e.Message), aws.ToTime(e.CreatedAt))
			}
		}
	}
	if err := f.pollHealth(ctx); err != nil {
		return err
	}
	return f.pollChecks(ctx)
}

// once has the SDK not try again by itself: what is asked beside the deployment is asked
// again soon anyway.
func once(o *ecs.Options) { o.Retryer = aws.NopRetryer{} }

func (f *follower) serviceEvent(id, message string, at time.Time) {
	if f.Told.said(id) {
		return
	}
	if d := f.out.Deployment; d != nil && (at.Before(aws.ToTime(d.CreateTime)) || f.wellAfter(at)) {
		return // of another deployment
	}
	of, text := plain(message)
	if strings.HasPrefix(text, "has started") {
		f.starts[of]++
	}
	f.emit(Event{Kind: Service, Time: at, Name: f.label(of), Message: text, Detail: message})
}

// wellAfter tells whether a time is later than what still belongs to a deployment that has
// ended: the end of its tasks.
func (f *follower) wellAfter(at time.Time) bool {
	afterwards := time.Minute
	if f.Pace.Scaled {
		afterwards = time.Second
	}
	end := f.out.Deployment.CompleteTime
	return end != nil && at.Sub(*end) > afterwards
}

// label is the side that a task set is, "" for none of the two.
func (f *follower) label(set string) string {
	if f.out.Target == nil || set == "" {
		return ""
	}
	for _, s := range f.out.Target.TaskSetsInfo {
		if aws.ToString(s.Identifer) == set {
			return strings.ToLower(string(s.TaskSetLabel))
		}
	}
	return ""
}

// pollHealth summarises green's target health while green is being installed.
func (f *follower) pollHealth(ctx context.Context) error {
	group := f.greenGroup()
	if f.ELB == nil || group == "" || f.out.Shifted {
		return nil
	}
	if f.groups[group] == "" {
		g, err := f.ELB.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Names: []string{group}})
		if err != nil || len(g.TargetGroups) == 0 {
			return err
		}
		f.groups[group] = aws.ToString(g.TargetGroups[0].TargetGroupArn)
	}
	arn := f.groups[group]
	h, err := f.ELB.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &arn})
	if err != nil {
		return err
	}
	sort.SliceStable(h.TargetHealthDescriptions, func(i, j int) bool {
		return aws.ToString(h.TargetHealthDescriptions[i].Target.Id) < aws.ToString(h.TargetHealthDescriptions[j].Target.Id)
	})
	f.sick(group, h.TargetHealthDescriptions)
	s := health(h.TargetHealthDescriptions)
	if s != f.health {
		f.health = s
		if s != "" {
			f.emit(Event{Kind: Health, Name: "green", Message: s})
		}
	}
	return nil
}

// sick keeps the targets that are unhealthy, for as long as there are targets at all.
func (f *follower) sick(group string, targets []elbtypes.TargetHealthDescription) {
	var out []elbtypes.TargetHealthDescription
	gone := true
	for _, t := range targets {
		gone = gone && t.TargetHealth.State == elbtypes.TargetHealthStateEnumDraining
		if t.TargetHealth.State == elbtypes.TargetHealthStateEnumUnhealthy {
			out = append(out, t)
		}
	}
	if !gone {
		f.out.Sick, f.out.SickIn = out, group
	}
}

func (f *follower) greenGroup() string {
	if f.out.Target == nil {
		return ""
	}
	for _, s := range f.out.Target.TaskSetsInfo {
		if s.TaskSetLabel == types.TargetLabelGreen && s.TargetGroup != nil {
			return aws.ToString(s.TargetGroup.Name)
		}
	}
	return ""
}
