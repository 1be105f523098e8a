package codedeploy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
)

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
		f := o.refusal(types.ErrorCodeAlarmActive, fmt.Errorf("the state of the alarms could not be retrieved from Amazon CloudWatch: %w", err))
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

const hookFailed = "The deployment failed because one or more of the lifecycle event validation functions failed."

// hook invokes the present event's function, if there is one, and waits for its verdict.
func (o *owner) hook(ctx context.Context) error {
	f := o.spec.Hooks[o.d.Phase]
	if f == "" {
		_, err := o.wait(ctx, time.Time{}, func() (bool, error) { return true, nil })
		return err
	}
	if o.Invoke == nil {
		return failed(types.ErrorCodeHookExecutionFailure, hookFailed+" There is no Lambda to invoke %s with.", f)
	}
	if o.d.HookID == "" {
		id := ids.UUID()
		if err := o.save(func(d *deployment) { d.HookID, d.HookSays = id, "" }); err != nil {
			return err
		}
	}
	payload, _ := json.Marshal(map[string]string{"DeploymentId": o.d.ID, "LifecycleEventHookExecutionId": o.d.HookID})
	if err := o.Invoke(ctx, f, payload); err != nil {
		return o.refusal(types.ErrorCodeHookExecutionFailure, fmt.Errorf(hookFailed+" %s: %w", f, err))
	}
	ok, err := o.wait(ctx, o.d.PhaseAt.Add(o.Clock.AtLeast(hookLimit, hookFloor)), func() (bool, error) { return o.d.HookSays != "", nil })
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
		return failed(types.ErrorCodeHookExecutionFailure, hookFailed)
	}
	return nil
}
