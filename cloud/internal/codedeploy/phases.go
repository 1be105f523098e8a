package codedeploy

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
)

// start resolves everything and makes the lifecycle list.
func (o *owner) start(ctx context.Context) error {
	g := o.d.GroupInfo
	blue, green, sv, err := o.colours(ctx, &g)
	if sv != nil {
		if serr := o.save(func(d *deployment) {
			d.Started, d.Status = o.Clock.Now(), types.DeploymentStatusInProgress
			d.Cluster, d.Service, d.ARN = name(aws.ToString(g.EcsServices[0].ClusterName)), name(aws.ToString(g.EcsServices[0].ServiceName)), aws.ToString(sv.ServiceArn)
			d.Blue, d.Green, d.Events = blue, green, nil
			for _, p := range order {
				if p == phaseStart || p == "ready" || p == "terminate" || (o.test() == nil && strings.Contains(p, "TestTraffic")) {
					continue
				}
				d.Events = append(d.Events, types.LifecycleEvent{LifecycleEventName: aws.String(p), Status: types.LifecycleEventStatusPending})
			}
		}); serr != nil {
			return serr
		}
	}
	if err != nil {
		return o.refusal(types.ErrorCodeInvalidEcsService, err)
	}
	if err := o.clear(ctx, sv); err != nil {
		return err
	}
	if err := o.behind(ctx, &g, blue, green); err != nil {
		return o.refusal(types.ErrorCodeElasticLoadBalancingInvalid, err)
	}
	if o.d.Routing.Type != types.TrafficRoutingTypeAllAtOnce {
		if err := o.shiftListeners(ctx, o.prod(), blue, green, 0); err != nil {
			return o.refusal(types.ErrorCodeElasticLoadBalancingInvalid, err)
		}
	}
	return o.sets(ctx)
}

// clear ends what earlier deployments have left beside the primary task set, when they were
// stopped without a rollback or told to keep blue; its target group is needed now. Traffic
// leaves it first.
func (o *owner) clear(ctx context.Context, sv *ecstypes.Service) error {
	for _, x := range sv.TaskSets {
		id := aws.ToString(x.Id)
		if id == o.d.Blue.Set || aws.ToString(x.Status) != "ACTIVE" || aws.ToString(x.ExternalId) == o.d.ID {
			continue
		}
		for _, t := range []*types.TrafficRoute{o.prod(), o.test()} {
			if err := o.shiftListeners(ctx, t, o.d.Blue, o.d.Green, 0); err != nil {
				return o.refusal(types.ErrorCodeElasticLoadBalancingInvalid, err)
			}
		}
		if err := o.drop(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func name(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// replacement is the task set that is made: what the AppSpec leaves open is as in the
// primary one.
func (o *owner) replacement(primary *ecstypes.TaskSet) *ecs.CreateTaskSetInput {
	in := &ecs.CreateTaskSetInput{
		Cluster: aws.String(o.d.Cluster), Service: aws.String(o.d.Service), TaskDefinition: aws.String(o.spec.TaskDefinition), ExternalId: aws.String(o.d.ID), ClientToken: aws.String(o.d.ID),
		Scale: &ecstypes.Scale{Unit: ecstypes.ScaleUnitPercent, Value: 100}, NetworkConfiguration: primary.NetworkConfiguration, LaunchType: primary.LaunchType,
		CapacityProviderStrategy: primary.CapacityProviderStrategy,
		LoadBalancers:            []ecstypes.LoadBalancer{{TargetGroupArn: aws.String(o.d.Green.ARN), ContainerName: aws.String(o.spec.Container), ContainerPort: aws.Int32(o.spec.Port)}},
	}
	if o.spec.Platform != "" {
		in.PlatformVersion = &o.spec.Platform
	}
	if o.spec.Network != nil {
		in.NetworkConfiguration = &ecstypes.NetworkConfiguration{AwsvpcConfiguration: o.spec.Network}
	}
	if len(o.spec.Providers) > 0 {
		in.CapacityProviderStrategy = o.spec.Providers
	}
	if len(in.CapacityProviderStrategy) > 0 {
		in.LaunchType = "" // one or the other
	}
	return in
}

// install makes green's task set and waits until it is steady.
func (o *owner) install(ctx context.Context) error {
	var primary ecstypes.TaskSet
	out, err := o.describe(ctx)
	if err != nil {
		return err
	}
	for _, x := range out.TaskSets {
		if aws.ToString(x.Id) == o.d.Blue.Set {
			primary = x
		}
	}
	made, err := o.ECS.CreateTaskSet(ctx, o.replacement(&primary))
	var denied denial
	if errors.As(err, &denied) {
		return err
	}
	if err != nil {
		var api smithy.APIError
		code, msg := "InternalError", err.Error()
		if errors.As(err, &api) {
			code, msg = api.ErrorCode(), api.ErrorMessage()
		}
		return failed(types.ErrorCodeEcsUpdateError, "The ECS service cannot be updated due to an unexpected error: %s (Service: AmazonECS; Status Code: 400; Error Code: %s; Request ID: %s; Proxy: null). Check your ECS service status.", msg, code, ids.UUID())
	}
	if err := o.save(func(d *deployment) { d.Green.Set = aws.ToString(made.TaskSet.Id) }); err != nil {
		return err
	}
	return o.steady(ctx)
}

// steady waits until green is steady, an hour at most. A scaled hour stands still while
// green's tasks are being started: pulling and starting takes its own time on any scale.
func (o *owner) steady(ctx context.Context) error {
	seen, idle, spent := o.d.PhaseAt, true, time.Duration(0)
	_, err := o.wait(ctx, time.Time{}, func() (bool, error) {
		if err := o.sets(ctx); err != nil {
			return false, err
		}
		sv, err := o.describe(ctx)
		if err != nil {
			return false, err
		}
		i := slices.IndexFunc(sv.TaskSets, func(x ecstypes.TaskSet) bool { return aws.ToString(x.Id) == o.d.Green.Set })
		if i < 0 {
			return false, failed(types.ErrorCodeEcsUpdateError, "The replacement task set %s is gone.", o.d.Green.Set)
		}
		green, now := sv.TaskSets[i], o.Clock.Now()
		if idle {
			spent += now.Sub(seen)
		}
		seen, idle = now, green.PendingCount == 0
		switch {
		case green.StabilityStatus == ecstypes.StabilityStatusSteadyState:
			return true, nil
		case spent >= o.Clock.Scale(installLimit) || now.Sub(o.d.PhaseAt) >= installLimit:
			return false, failed(types.ErrorCodeTimeout, "The deployment timed out while waiting for the replacement task set to become healthy. This time out period is 60 minutes.")
		}
		return false, nil
	})
	return err
}

func (o *owner) describe(ctx context.Context) (*ecstypes.Service, error) {
	out, err := o.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String(o.d.Cluster), Services: []string{o.d.Service}})
	if err != nil {
		return nil, err
	}
	if len(out.Services) == 0 {
		return nil, failed(types.ErrorCodeInvalidEcsService, "the service is gone")
	}
	return &out.Services[0], nil
}

// sets notes what the target shows of the task sets.
func (o *owner) sets(ctx context.Context) error {
	sv, err := o.describe(ctx)
	if err != nil {
		return err
	}
	var infos []types.ECSTaskSet
	for _, x := range sv.TaskSets {
		info := types.ECSTaskSet{Identifer: x.Id, DesiredCount: int64(x.ComputedDesiredCount), PendingCount: int64(x.PendingCount), RunningCount: int64(x.RunningCount), Status: x.Status}
		switch aws.ToString(x.Id) {
		case o.d.Blue.Set:
			info.TaskSetLabel, info.TargetGroup, info.TrafficWeight = types.TargetLabelBlue, &types.TargetGroupInfo{Name: aws.String(o.d.Blue.Group)}, 100-o.d.Weight
		case o.d.Green.Set:
			info.TaskSetLabel, info.TargetGroup, info.TrafficWeight = types.TargetLabelGreen, &types.TargetGroupInfo{Name: aws.String(o.d.Green.Group)}, o.d.Weight
		default:
			continue
		}
		infos = append(infos, info)
	}
	if same(infos, o.d.Sets) {
		return nil
	}
	return o.save(func(d *deployment) { d.Sets = infos })
}

func same(a, b []types.ECSTaskSet) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// ready waits for ContinueDeployment where the group says so.
func (o *owner) ready(ctx context.Context) error {
	r := o.d.GroupInfo.BlueGreenDeploymentConfiguration.DeploymentReadyOption
	if r == nil || r.ActionOnTimeout != types.DeploymentReadyActionStopDeployment || r.WaitTimeInMinutes == 0 {
		return nil
	}
	if err := o.save(func(d *deployment) { d.Status = types.DeploymentStatusReady }); err != nil {
		return err
	}
	ok, err := o.wait(ctx, o.d.PhaseAt.Add(o.Clock.Scale(time.Duration(r.WaitTimeInMinutes)*time.Minute)), func() (bool, error) { return o.d.GoOn, nil })
	if err != nil {
		return err
	}
	if !ok {
		f := failed(types.ErrorCodeTimeout, "The deployment timed out while waiting for a notification to continue. This time out period is %d minutes.", r.WaitTimeInMinutes)
		f.stopped = true
		return f
	}
	return o.save(func(d *deployment) { d.Status = types.DeploymentStatusInProgress })
}

// weightAt is green's share after a time in AllowTraffic, and when it changes next.
func weightAt(r types.TrafficRoutingConfig, passed time.Duration) (w float64, next time.Duration) {
	switch {
	case r.Type == types.TrafficRoutingTypeTimeBasedCanary && r.TimeBasedCanary != nil:
		if d := time.Duration(r.TimeBasedCanary.CanaryInterval) * time.Minute; passed < d {
			return float64(r.TimeBasedCanary.CanaryPercentage), d
		}
	case r.Type == types.TrafficRoutingTypeTimeBasedLinear && r.TimeBasedLinear != nil:
		every := time.Duration(r.TimeBasedLinear.LinearInterval) * time.Minute
		n := passed/every + 1
		if w := float64(n) * float64(r.TimeBasedLinear.LinearPercentage); w < 100 {
			return w, n * every
		}
	}
	return 100, 0
}

// traffic moves the weights and makes green primary.
func (o *owner) traffic(ctx context.Context) error {
	for {
		passed := time.Duration(float64(time.Since(o.d.PhaseAt)) * o.Clock.Factor())
		w, next := weightAt(o.d.Routing, passed)
		if w > o.d.Weight {
			if err := o.shiftListeners(ctx, o.prod(), o.d.Blue, o.d.Green, w); err != nil {
				return o.refusal(types.ErrorCodeElasticLoadBalancingInvalid, err)
			}
			if err := o.save(func(d *deployment) { d.Weight = w }); err != nil {
				return err
			}
			if err := o.sets(ctx); err != nil {
				return err
			}
		}
		if w >= 100 {
			break
		}
		if _, err := o.wait(ctx, o.d.PhaseAt.Add(o.Clock.Scale(next)), func() (bool, error) { return false, o.sets(ctx) }); err != nil {
			return err
		}
	}
	if _, err := o.ECS.UpdateServicePrimaryTaskSet(ctx, &ecs.UpdateServicePrimaryTaskSetInput{Cluster: aws.String(o.d.Cluster), Service: aws.String(o.d.Service), PrimaryTaskSet: aws.String(o.d.Green.Set)}); err != nil {
		return err
	}
	return o.sets(ctx)
}

// terminate waits with both sets up, then ends blue.
func (o *owner) terminate(ctx context.Context) error {
	if !o.d.Waiting {
		if err := o.save(func(d *deployment) { d.Waiting = true }); err != nil {
			return err
		}
	}
	c := o.d.GroupInfo.BlueGreenDeploymentConfiguration.TerminateBlueInstancesOnDeploymentSuccess
	if c != nil && c.TerminationWaitTimeInMinutes > 0 && !o.d.Parting {
		until := o.d.PhaseAt.Add(o.Clock.Scale(time.Duration(c.TerminationWaitTimeInMinutes) * time.Minute))
		if _, err := o.wait(ctx, until, func() (bool, error) { return o.d.SkipWait, nil }); err != nil {
			return err
		}
	}
	if c == nil || c.Action != types.InstanceActionKeepAlive {
		if err := o.save(func(d *deployment) { d.Parting = true }); err != nil {
			return err
		}
		if err := o.drop(ctx, o.d.Blue.Set); err != nil {
			return err
		}
	}
	if err := o.sets(ctx); err != nil { // no reason to fail: blue is gone, and with it the way back
		o.Log.Warn("the task sets cannot be seen", "deployment", o.d.ID, "error", err)
	}
	return o.save(func(d *deployment) { d.Status, d.Completed = types.DeploymentStatusSucceeded, o.Clock.Now() })
}

// drop deletes a task set, unless it is gone.
func (o *owner) drop(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	_, err := o.ECS.DeleteTaskSet(ctx, &ecs.DeleteTaskSetInput{Cluster: aws.String(o.d.Cluster), Service: aws.String(o.d.Service), TaskSet: &id, Force: aws.Bool(true)})
	var gone *ecstypes.TaskSetNotFoundException
	if errors.As(err, &gone) {
		return nil
	}
	return err
}
