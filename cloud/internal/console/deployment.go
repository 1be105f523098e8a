package console

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// sides are the two colours as CodeDeploy tells of them: at their end, when it has ended.
func sides(info *types.DeploymentInfo, t *types.ECSTarget) []side {
	out := []side{{Label: "Original", Percent: 100, Tasks: []task{}}, {Label: "Replacement", Tasks: []task{}}}
	if t == nil {
		return out
	}
	seen := map[types.TargetLabel]bool{}
	for _, x := range t.TaskSetsInfo {
		s := &out[0]
		if x.TaskSetLabel == types.TargetLabelGreen {
			s = &out[1]
		}
		seen[x.TaskSetLabel] = true
		s.Percent = x.TrafficWeight
		s.Set = &setRow{ID: aws.ToString(x.Identifer), Status: aws.ToString(x.Status), Desired: int32(x.DesiredCount), Running: int32(x.RunningCount), Pending: int32(x.PendingCount)}
		if x.TargetGroup != nil {
			s.Name = aws.ToString(x.TargetGroup.Name)
		}
	}
	switch { // one that is gone has no share
	case seen[types.TargetLabelGreen] && !seen[types.TargetLabelBlue]:
		out[0].Percent = 100 - out[1].Percent
	case seen[types.TargetLabelBlue]:
		out[1].Percent = 100 - out[0].Percent
	}
	names(info, out)
	return out
}

// names gives a side that has no task set the group that is left of the pair.
func names(info *types.DeploymentInfo, out []side) {
	if info.LoadBalancerInfo == nil || len(info.LoadBalancerInfo.TargetGroupPairInfoList) == 0 {
		return
	}
	for _, g := range info.LoadBalancerInfo.TargetGroupPairInfoList[0].TargetGroups {
		name := aws.ToString(g.Name)
		if name == out[0].Name || name == out[1].Name {
			continue
		}
		for i := range out {
			if out[i].Name == "" && out[1-i].Name != "" {
				out[i].Name = name
			}
		}
	}
}

// serviceOf adds what ECS and the load balancer tell.
func (c *Console) serviceOf(ctx context.Context, out *deploymentView, info *types.DeploymentInfo, n *network) error {
	got, err := c.Services.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &out.Cluster, Services: []string{out.Service}})
	if err != nil || len(got.Services) == 0 {
		return nil // the service is gone, and the deployment tells of it
	}
	s := got.Services[0]
	if out.Messages = events(s, aws.ToTime(info.CreateTime)); info.CompleteTime != nil {
		// A moment later ECS still tells of what the end brought about.
		out.Messages = slices.DeleteFunc(out.Messages, func(e event) bool { return e.At.After(info.CompleteTime.Add(time.Minute)) })
	}
	tasks, err := c.inspect(ctx, out.Cluster, out.Service, n)
	if err != nil {
		return err
	}
	now := row(s, n)
	groups := map[string]bool{}
	for i := range out.Sides {
		x := &out.Sides[i]
		groups[x.Name] = x.Name != ""
		x.Group = n.named(x.Name)
		if x.Set == nil {
			continue
		}
		for _, set := range now.Sets {
			if set.ID == x.Set.ID {
				x.Set.Revision, x.Set.Stability = set.Revision, set.Stability
			}
		}
		for _, t := range tasks {
			if t.Set == x.Set.ID && (t.Stopped == nil || t.Stopped.After(aws.ToTime(info.CreateTime))) {
				x.Tasks = append(x.Tasks, t)
				x.Set.Revision = t.Revision
			}
		}
	}
	out.Fronts = used(n.fronts(groups), info)
	out.Alarms, err = c.watched(ctx, info)
	return err
}

// used tells the production from the test listener.
func used(fronts []front, info *types.DeploymentInfo) []front {
	if info.LoadBalancerInfo == nil || len(info.LoadBalancerInfo.TargetGroupPairInfoList) == 0 {
		return fronts
	}
	pair := info.LoadBalancerInfo.TargetGroupPairInfoList[0]
	for i, f := range fronts {
		if r := pair.ProdTrafficRoute; r != nil && slices.Contains(r.ListenerArns, f.listener) {
			fronts[i].Use = "production"
		}
		if r := pair.TestTrafficRoute; r != nil && slices.Contains(r.ListenerArns, f.listener) {
			fronts[i].Use = "test"
		}
	}
	return fronts
}

// revisionOf reads the AppSpec of a deployment, as far as the API gives it out.
func (c *Console) revisionOf(ctx context.Context, info *types.DeploymentInfo) revisionText {
	if info.Revision == nil {
		return revisionText{}
	}
	out := revisionText{Type: string(info.Revision.RevisionType)}
	if s := info.Revision.S3Location; s != nil {
		out.Where = "s3://" + aws.ToString(s.Bucket) + "/" + aws.ToString(s.Key)
	}
	got, err := c.Settings.GetApplicationRevision(ctx, &codedeploy.GetApplicationRevisionInput{ApplicationName: info.ApplicationName, Revision: info.Revision})
	if err != nil || got.Revision == nil {
		return out // the application is gone, or the object is S3's
	}
	switch r := got.Revision; {
	case r.AppSpecContent != nil:
		out.Content = aws.ToString(r.AppSpecContent.Content)
	case r.String_ != nil:
		out.Content = aws.ToString(r.String_.Content)
	}
	return out
}

// lifecycles are a target's events. The AppSpec names the functions that run in them.
func lifecycles(t *types.ECSTarget, spec string) []lifecycle {
	out := []lifecycle{}
	if t == nil {
		return out
	}
	for _, e := range t.LifecycleEvents {
		one := lifecycle{Name: aws.ToString(e.LifecycleEventName), Status: string(e.Status), Began: e.StartTime, Ended: e.EndTime}
		one.Hook = hook(spec, one.Name)
		if d := e.Diagnostics; d != nil {
			one.Diagnostics = strings.TrimSpace(aws.ToString(d.Message) + "\n" + aws.ToString(d.LogTail))
		}
		out = append(out, one)
	}
	return out
}

// hook finds the function that an AppSpec, in YAML or JSON, runs in an event: a line of its
// own in both.
func hook(spec, event string) string {
	for l := range strings.Lines(spec) {
		l = strings.TrimLeft(strings.TrimSpace(l), "-{ ")
		if name, value, ok := strings.Cut(l, ":"); ok && strings.Trim(name, `"' `) == event {
			return strings.Trim(strings.TrimRight(strings.TrimSpace(value), ",}] "), `"' `)
		}
	}
	return ""
}

func (c *Console) routing(ctx context.Context, info *types.DeploymentInfo) *types.TrafficRoutingConfig {
	out, err := c.Settings.GetDeploymentConfig(ctx, &codedeploy.GetDeploymentConfigInput{DeploymentConfigName: info.DeploymentConfigName})
	if err != nil || out.DeploymentConfigInfo == nil {
		return nil // it has been deleted since
	}
	return out.DeploymentConfigInfo.TrafficRoutingConfig
}

// describe says in words how a configuration moves traffic.
func describe(r *types.TrafficRoutingConfig) string {
	switch {
	case r == nil:
		return ""
	case r.TimeBasedCanary != nil:
		return fmt.Sprintf("%d%% first, the rest %s later", r.TimeBasedCanary.CanaryPercentage, minutes(r.TimeBasedCanary.CanaryInterval))
	case r.TimeBasedLinear != nil:
		return fmt.Sprintf("%d%% every %s", r.TimeBasedLinear.LinearPercentage, minutes(r.TimeBasedLinear.LinearInterval))
	}
	return "all traffic at once"
}

func minutes(n int32) string {
	if n == 1 {
		return "minute"
	}
	return fmt.Sprintf("%d minutes", n)
}
