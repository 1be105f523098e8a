package codedeploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// poll is how often the engine looks at its neighbours while it waits for them, where nobody
// tells it of their changes.
const poll = 25 * time.Millisecond

// rounds is how often it asks for what nobody tells it: alarms, and green's long unrest.
func (s *Service) rounds() time.Duration { return s.Clock.AtLeast(10*time.Second, 50*time.Millisecond) }

// The limits of one lifecycle event.
const (
	installLimit = 60 * time.Minute
	hookLimit    = time.Hour
	hookFloor    = 20 * time.Second // however time is scaled: functions start in real time
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

	since time.Time // when green was first seen unsteady, zero while it is steady
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

// event runs f inside the present lifecycle event.
func (o *owner) event(f func() error) error {
	if err := o.mark(types.LifecycleEventStatusInProgress); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return o.mark(types.LifecycleEventStatusSucceeded)
}

func (o *owner) mark(st types.LifecycleEventStatus) error {
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
			if st == types.LifecycleEventStatusSucceeded {
				events[i].EndTime = aws.Time(o.Clock.Now())
			}
		}
		d.Events = events
	})
}

// wait asks done, again with every change, until it says so, the limit passes (scaled; 0 for
// none), or somebody asks the deployment to stop.
func (o *owner) wait(ctx context.Context, until time.Time, done func() (bool, error)) (bool, error) {
	checked := time.Time{}
	var changed <-chan struct{}
	rest := poll
	if o.Changed != nil {
		c, leave := o.Changed.Subscribe()
		defer leave()
		changed, rest = c, o.rounds()
	}
	for {
		o.reload(o.d.ID)
		if err := o.missing(); err != nil {
			return false, err
		}
		if o.d.StopAsked {
			undo := o.d.StopRollback
			return false, &failure{code: types.ErrorCodeManualStop, message: "The deployment was stopped by a user request.", stopped: true, event: types.AutoRollbackEventDeploymentStopOnRequest, undo: &undo}
		}
		if time.Since(checked) >= o.rounds() {
			checked = time.Now()
			if err := o.alarms(ctx); err != nil {
				return false, err
			}
			if err := o.settled(ctx); err != nil {
				return false, err
			}
		}
		ok, err := done()
		if err != nil || ok {
			return ok, err
		}
		left := rest
		if !until.IsZero() {
			left = min(left, time.Until(until))
			if left <= 0 {
				return false, nil
			}
		}
		t := time.NewTimer(left)
		select {
		case <-t.C:
		case <-changed:
		case <-o.wake:
		case <-ctx.Done():
			t.Stop()
			return false, ctx.Err()
		}
		t.Stop()
	}
}
