package codedeploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// poll is how often the engine looks at its neighbours while it waits for them.
const poll = 25 * time.Millisecond

// The limits of one lifecycle event.
const (
	installLimit = 60 * time.Minute
	hookLimit    = time.Hour
)

// failure ends a deployment with an error code and message.
type failure struct {
	code    types.ErrorCode
	message string
	stopped bool
	event   types.AutoRollbackEvent
	undo    *bool // overrides the configuration
}

func (f *failure) Error() string { return f.message }

func failed(code types.ErrorCode, format string, args ...any) *failure {
	return &failure{code: code, message: fmt.Sprintf(format, args...), event: types.AutoRollbackEventDeploymentFailure}
}

func (s *Service) poke(id string) {
	s.mu.Lock()
	c := s.wakes[id]
	s.mu.Unlock()
	if c != nil {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// owner runs one deployment.
type owner struct {
	*Service
	d    deployment // as stored; overwritten by every save, so nothing may point into it
	ctx  context.Context
	wake chan struct{}
	spec appSpec
}

// own runs a deployment to its end, or until ctx ends; it can be called again after that.
func (s *Service) own(ctx context.Context, id string) {
	o := &owner{Service: s, ctx: ctx, wake: make(chan struct{}, 1)}
	s.mu.Lock()
	_, owned := s.wakes[id] // made while Run looked for unfinished ones
	if !owned {
		s.wakes[id] = o.wake
	}
	s.mu.Unlock()
	if owned {
		return
	}
	defer func() {
		s.mu.Lock()
		delete(s.wakes, id)
		s.mu.Unlock()
	}()
	o.reload(id)
	for !o.d.over() && ctx.Err() == nil {
		err := o.step()
		var f *failure
		switch {
		case err == nil || ctx.Err() != nil:
		case errors.As(err, &f):
			err = o.fail(f)
		default:
			err = o.fail(o.refusal(types.ErrorCodeInternalError, err))
		}
		if err != nil && ctx.Err() == nil {
			s.Log.Error("run deployment", "deployment", id, "error", err)
			if s.Clock.Sleep(ctx, time.Second) != nil {
				return
			}
		}
	}
}

func (o *owner) reload(id string) {
	o.Store.View(func(tx *store.Tx) { o.d, _ = o.t.deployments.Get(tx, id) })
}

// save changes the stored record; requests that arrived meanwhile are kept.
func (o *owner) save(f func(*deployment)) error {
	return o.Store.Update(func(tx *store.Tx) error {
		d, ok := o.t.deployments.Get(tx, o.d.ID)
		if !ok {
			return errors.New("the deployment is gone")
		}
		f(&d)
		d.Updated = o.Clock.Now()
		o.t.deployments.Put(tx, d.ID, d)
		o.d = d
		return nil
	})
}

// phaseStart is a deployment's first phase.
const phaseStart = "start"

// order is the sequence of phases.
var order = []string{phaseStart, "BeforeInstall", "Install", "AfterInstall", "AllowTestTraffic", "AfterAllowTestTraffic", "ready", "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic", "terminate"}

func (o *owner) next() error {
	return o.save(func(d *deployment) {
		for i, p := range order[:len(order)-1] {
			if p == d.Phase {
				d.Phase, d.PhaseAt = order[i+1], o.Clock.Now()
				return
			}
		}
	})
}

// missing fails a deployment whose application or group has been deleted. There is nothing
// left then by which it could be rolled back.
func (o *owner) missing() error {
	if o.d.Undoes != "" {
		return nil
	}
	var f *failure
	o.Store.View(func(tx *store.Tx) {
		if _, ok := o.t.apps.Get(tx, o.d.App); !ok {
			f = failed(types.ErrorCodeApplicationMissing, "The deployment failed because the application was not found: %s", o.d.App)
			return
		}
		g, ok := o.t.groups.Get(tx, groupKey(o.d.App, o.d.Group))
		if !ok || aws.ToString(g.Info.DeploymentGroupId) != aws.ToString(o.d.GroupInfo.DeploymentGroupId) {
			f = failed(types.ErrorCodeDeploymentGroupMissing, "The deployment failed because the deployment group was not found: %s", o.d.Group)
		}
	})
	if f == nil {
		return nil
	}
	f.undo = new(bool)
	return f
}

// step does the present phase.
func (o *owner) step() error {
	o.reload(o.d.ID)
	if err := o.missing(); err != nil {
		return err
	}
	if o.d.GroupInfo.ComputePlatform == types.ComputePlatformServer {
		return failed(types.ErrorCodeNoInstances, "The deployment failed because no instances were found for your deployment group. Check your deployment group settings to make sure the tags for your Amazon EC2 instances or Auto Scaling groups correctly identify the instances you want to deploy to, and then try again.")
	}
	ctx, err := o.assume(o.ctx, aws.ToString(o.d.GroupInfo.ServiceRoleArn))
	if err != nil {
		return failed(types.ErrorCodeIamRolePermissions, "%s", err.Error())
	}
	if o.d.Undoes != "" {
		return o.undo(ctx)
	}
	if err := o.readSpec(ctx); err != nil {
		return err
	}
	switch o.d.Phase {
	case phaseStart:
		err = o.start(ctx)
	case "Install":
		err = o.event(func() error { return o.install(ctx) })
	case "AllowTestTraffic":
		if o.test() == nil {
			break
		}
		err = o.event(func() error { return o.shiftListeners(ctx, o.test(), o.d.Blue, o.d.Green, 100) })
	case "AfterAllowTestTraffic":
		if o.test() == nil {
			break
		}
		err = o.event(func() error { return o.hook(ctx) })
	case "ready":
		err = o.ready(ctx)
	case "AllowTraffic":
		err = o.event(func() error { return o.traffic(ctx) })
	case "terminate":
		return o.terminate(ctx)
	default:
		err = o.event(func() error { return o.hook(ctx) })
	}
	if err != nil {
		return err
	}
	return o.next()
}

func (o *owner) test() *types.TrafficRoute {
	return o.d.GroupInfo.LoadBalancerInfo.TargetGroupPairInfoList[0].TestTrafficRoute
}

func (o *owner) prod() *types.TrafficRoute {
	return o.d.GroupInfo.LoadBalancerInfo.TargetGroupPairInfoList[0].ProdTrafficRoute
}

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

// event runs f inside the present lifecycle event.
func (o *owner) event(f func() error) error {
	if err := o.mark(types.LifecycleEventStatusInProgress, ""); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return o.mark(types.LifecycleEventStatusSucceeded, "")
}

func (o *owner) mark(st types.LifecycleEventStatus, message string) error {
	return o.save(func(d *deployment) {
		events := append([]types.LifecycleEvent(nil), d.Events...)
		for i := range events {
			if aws.ToString(events[i].LifecycleEventName) != d.Phase {
				continue
			}
			events[i].Status = st
			if events[i].StartTime == nil {
				events[i].StartTime = aws.Time(o.Clock.Now())
			}
			if st == types.LifecycleEventStatusSucceeded || st == types.LifecycleEventStatusFailed {
				events[i].EndTime = aws.Time(o.Clock.Now())
			}
			if message != "" {
				events[i].Diagnostics = &types.Diagnostics{Message: &message, ErrorCode: types.LifecycleErrorCodeScriptFailed}
			}
		}
		d.Events = events
	})
}

// wait polls done until it says so, the limit passes (scaled; 0 for none), or somebody
// asks the deployment to stop.
func (o *owner) wait(ctx context.Context, until time.Time, done func() (bool, error)) (bool, error) {
	checked := time.Time{}
	for {
		o.reload(o.d.ID)
		if err := o.missing(); err != nil {
			return false, err
		}
		if o.d.StopAsked {
			undo := o.d.StopRollback
			return false, &failure{code: types.ErrorCodeManualStop, message: "The deployment was stopped by a user request.", stopped: true, event: types.AutoRollbackEventDeploymentStopOnRequest, undo: &undo}
		}
		if time.Since(checked) > o.Clock.AtLeast(10*time.Second, 50*time.Millisecond) {
			checked = time.Now()
			if err := o.alarms(ctx); err != nil {
				return false, err
			}
		}
		ok, err := done()
		if err != nil || ok {
			return ok, err
		}
		left := poll
		if !until.IsZero() {
			left = min(left, time.Until(until))
			if left <= 0 {
				return false, nil
			}
		}
		t := time.NewTimer(left)
		select {
		case <-t.C:
		case <-o.wake:
		case <-ctx.Done():
			t.Stop()
			return false, ctx.Err()
		}
		t.Stop()
	}
}

func (o *owner) alarms(ctx context.Context) error {
	c := o.d.Alarms
	if c == nil || !c.Enabled || o.Alarms == nil {
		return nil
	}
	var names []string
	for _, a := range c.Alarms {
		names = append(names, aws.ToString(a.Name))
	}
	states, err := o.Alarms(ctx, names)
	if err != nil {
		if c.IgnorePollAlarmFailure {
			return nil
		}
		f := o.refusal(types.ErrorCodeAlarmActive, fmt.Errorf("The state of the alarms could not be retrieved from Amazon CloudWatch: %w", err)) //nolint:staticcheck // a message of CodeDeploy's
		f.stopped, f.event = true, types.AutoRollbackEventDeploymentStopOnAlarm
		return f
	}
	active := slices.DeleteFunc(names, func(n string) bool { return !states[n] })
	if len(active) == 0 {
		return nil
	}
	return &failure{
		code: types.ErrorCodeAlarmActive, stopped: true, event: types.AutoRollbackEventDeploymentStopOnAlarm,
		message: "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected deployments have been stopped. Activated alarms: <" + strings.Join(active, ", ") + ">",
	}
}

// hook invokes the present event's function, if there is one, and waits for its verdict.
func (o *owner) hook(ctx context.Context) error {
	f := o.spec.Hooks[o.d.Phase]
	if f == "" {
		_, err := o.wait(ctx, time.Time{}, func() (bool, error) { return true, nil })
		return err
	}
	if o.Invoke == nil {
		return failed(types.ErrorCodeIamRolePermissions, "The IAM role %s does not give you permission to perform operations in the following AWS service: AWSLambda.", aws.ToString(o.d.GroupInfo.ServiceRoleArn))
	}
	if o.d.HookID == "" {
		id := ids.UUID()
		if err := o.save(func(d *deployment) { d.HookID, d.HookSays = id, "" }); err != nil {
			return err
		}
	}
	payload, _ := json.Marshal(map[string]string{"DeploymentId": o.d.ID, "LifecycleEventHookExecutionId": o.d.HookID})
	if err := o.Invoke(ctx, f, payload); err != nil {
		return failed(types.ErrorCodeIamRolePermissions, "The IAM role %s does not give you permission to perform operations in the following AWS service: AWSLambda.", aws.ToString(o.d.GroupInfo.ServiceRoleArn))
	}
	ok, err := o.wait(ctx, o.d.PhaseAt.Add(o.Clock.Scale(hookLimit)), func() (bool, error) { return o.d.HookSays != "", nil })
	if err != nil {
		return err
	}
	says := o.d.HookSays
	if err := o.save(func(d *deployment) {
		d.HooksDone, d.HookID, d.HookSays = append(slices.Clone(d.HooksDone), d.HookID), "", ""
	}); err != nil {
		return err
	}
	switch {
	case !ok:
		return failed(types.ErrorCodeHookExecutionFailure, "The deployment timed out while waiting for a status callback. CodeDeploy expects a status callback within one hour after a deployment hook is invoked.")
	case says != string(types.LifecycleEventStatusSucceeded):
		return failed(types.ErrorCodeHookExecutionFailure, "The deployment failed because one or more of the lifecycle event validation functions failed.")
	}
	return nil
}

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
	ok, err := o.wait(ctx, o.d.PhaseAt.Add(o.Clock.Scale(installLimit)), func() (bool, error) {
		if err := o.sets(ctx); err != nil {
			return false, err
		}
		sv, err := o.describe(ctx)
		if err != nil {
			return false, err
		}
		for _, x := range sv.TaskSets {
			if aws.ToString(x.Id) == o.d.Green.Set {
				return x.StabilityStatus == ecstypes.StabilityStatusSteadyState, nil
			}
		}
		return false, failed(types.ErrorCodeEcsUpdateError, "The replacement task set %s is gone.", o.d.Green.Set)
	})
	if err == nil && !ok {
		err = failed(types.ErrorCodeTimeout, "The deployment timed out while waiting for the replacement task set to become healthy. This time out period is 60 minutes.")
	}
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
	if c != nil && c.TerminationWaitTimeInMinutes > 0 {
		until := o.d.PhaseAt.Add(o.Clock.Scale(time.Duration(c.TerminationWaitTimeInMinutes) * time.Minute))
		if _, err := o.wait(ctx, until, func() (bool, error) { return o.d.SkipWait, nil }); err != nil {
			return err
		}
	}
	if c == nil || c.Action != types.InstanceActionKeepAlive {
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

// fail ends the deployment and, where it is configured, begins the rollback in the same
// transaction.
func (o *owner) fail(f *failure) error {
	undo := rollsBack(o.d.AutoRollback, f.event)
	if f.undo != nil {
		undo = *f.undo
	}
	undo = undo && o.d.Undoes == "" && o.d.Service != "" && o.d.Green.ARN != ""
	back := deployment{ID: "d-" + ids.Upper(9)}
	err := o.Store.Update(func(tx *store.Tx) error {
		d, _ := o.t.deployments.Get(tx, o.d.ID)
		now := o.Clock.Now()
		d.Status, d.Completed, d.Updated = types.DeploymentStatusFailed, now, now
		if f.stopped {
			d.Status = types.DeploymentStatusStopped
		}
		d.Error = &types.ErrorInformation{Code: f.code, Message: &f.message}
		events := append([]types.LifecycleEvent(nil), d.Events...)
		for i := range events {
			switch events[i].Status {
			case types.LifecycleEventStatusInProgress:
				events[i].Status, events[i].EndTime = types.LifecycleEventStatusFailed, &now
				events[i].Diagnostics = &types.Diagnostics{Message: &f.message}
			case types.LifecycleEventStatusPending:
				events[i].Status = types.LifecycleEventStatusSkipped
			}
		}
		d.Events = events
		if undo {
			back = deployment{
				ID: back.ID, App: d.App, Group: d.Group, Status: types.DeploymentStatusCreated, Config: defaultConfig, Creator: types.DeploymentCreatorCodeDeployRollback,
				Created: now, Updated: now, Phase: "undo", PhaseAt: now, Undoes: d.ID, Revision: d.Revision, Content: d.Content, GroupInfo: d.GroupInfo, AutoRollback: d.AutoRollback,
				Cluster: d.Cluster, Service: d.Service, ARN: d.ARN, Blue: d.Blue, Green: d.Green, Weight: d.Weight, Sets: d.Sets,
				Rollback: &types.RollbackInfo{RollbackTriggeringDeploymentId: aws.String(d.ID), RollbackMessage: aws.String(fmt.Sprintf("Deployment %s is triggered to roll back deployment %s.", back.ID, d.ID))},
			}
			d.Rollback = &types.RollbackInfo{RollbackDeploymentId: aws.String(back.ID), RollbackMessage: aws.String(fmt.Sprintf("Deployment %s terminated. Automatic rollback is triggered with a DeploymentId %s.", d.ID, back.ID))}
			o.t.deployments.Put(tx, back.ID, back)
		}
		o.t.deployments.Put(tx, d.ID, d)
		o.d = d
		return nil
	})
	if err == nil && undo {
		select {
		case o.begin <- back.ID:
		case <-o.ctx.Done(): // resumed from the store
		}
	}
	return err
}

// undo returns all traffic to blue, makes it primary again and ends green.
func (o *owner) undo(ctx context.Context) error {
	if o.d.Status == types.DeploymentStatusCreated {
		if err := o.save(func(d *deployment) { d.Status, d.Started = types.DeploymentStatusInProgress, o.Clock.Now() }); err != nil {
			return err
		}
	}
	if _, err := o.wait(ctx, time.Time{}, func() (bool, error) { return true, nil }); err != nil { // asked to stop before anything has moved
		return err
	}
	if o.d.Green.Set != "" {
		if err := o.shiftListeners(ctx, o.prod(), o.d.Blue, o.d.Green, 0); err != nil {
			return o.refusal(types.ErrorCodeElasticLoadBalancingInvalid, err)
		}
		if o.test() != nil {
			if err := o.shiftListeners(ctx, o.test(), o.d.Blue, o.d.Green, 0); err != nil {
				return o.refusal(types.ErrorCodeElasticLoadBalancingInvalid, err)
			}
		}
		if err := o.save(func(d *deployment) { d.Weight = 0 }); err != nil {
			return err
		}
		if _, err := o.ECS.UpdateServicePrimaryTaskSet(ctx, &ecs.UpdateServicePrimaryTaskSetInput{Cluster: aws.String(o.d.Cluster), Service: aws.String(o.d.Service), PrimaryTaskSet: aws.String(o.d.Blue.Set)}); err != nil {
			return err
		}
		if err := o.drop(ctx, o.d.Green.Set); err != nil {
			return err
		}
		if err := o.sets(ctx); err != nil {
			return err
		}
	}
	return o.save(func(d *deployment) { d.Status, d.Completed = types.DeploymentStatusSucceeded, o.Clock.Now() })
}
