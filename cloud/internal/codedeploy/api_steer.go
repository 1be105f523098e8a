package codedeploy

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// ask changes a running deployment's record and wakes its owner.
func (s *Service) ask(id *string, f func(*deployment) error) error {
	err := s.Store.Update(func(tx *store.Tx) error {
		d, err := s.deploymentOf(tx, id)
		if err != nil {
			return err
		}
		if d.over() {
			return completed(d.ID)
		}
		if err := f(&d); err != nil {
			return err
		}
		s.t.deployments.Put(tx, d.ID, d)
		return nil
	})
	if err == nil {
		s.poke(*id)
	}
	return err
}

// StopDeployment asks a deployment to stop.
func (s *Service) StopDeployment(_ context.Context, in *codedeploy.StopDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.StopDeploymentOutput, error) {
	err := s.ask(in.DeploymentId, func(d *deployment) error {
		d.StopAsked = true
		d.StopRollback = rollsBack(d.AutoRollback, types.AutoRollbackEventDeploymentStopOnRequest)
		if in.AutoRollbackEnabled != nil {
			d.StopRollback = *in.AutoRollbackEnabled
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &codedeploy.StopDeploymentOutput{Status: types.StopStatusSucceeded, StatusMessage: text("No more commands will be scheduled for execution in the deployment instances")}, nil
}

func rollsBack(c *types.AutoRollbackConfiguration, e types.AutoRollbackEvent) bool {
	return c != nil && c.Enabled && slices.Contains(c.Events, e)
}

// blueGreen refuses what only a deployment with two sides can be asked for.
func blueGreen(d *deployment) error {
	if d.GroupInfo.ComputePlatform != types.ComputePlatformEcs || d.Undoes != "" {
		return &types.UnsupportedActionForDeploymentTypeException{Message: text("The deployment %s has no such wait: it is no blue/green deployment that shifts traffic", d.ID)}
	}
	return nil
}

// ContinueDeployment ends a wait early.
func (s *Service) ContinueDeployment(_ context.Context, in *codedeploy.ContinueDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.ContinueDeploymentOutput, error) {
	return &codedeploy.ContinueDeploymentOutput{}, s.ask(in.DeploymentId, func(d *deployment) error {
		if err := blueGreen(d); err != nil {
			return err
		}
		early := &types.DeploymentIsNotInReadyStateException{Message: text("The deployment %s does not have a status of Ready and can't continue yet.", d.ID)}
		switch in.DeploymentWaitType {
		case types.DeploymentWaitTypeTerminationWait:
			if !d.Waiting {
				return early
			}
			d.SkipWait = true
		case types.DeploymentWaitTypeReadyWait, "":
			if d.Status != types.DeploymentStatusReady {
				return early
			}
			d.GoOn = true
		default:
			return &types.InvalidDeploymentWaitTypeException{Message: text("The wait type is invalid: it must be READY_WAIT or TERMINATION_WAIT")}
		}
		return nil
	})
}

// SkipWaitTimeForInstanceTermination ends the wait before blue ends, or sees that there
// will be none: ContinueDeployment's older sister, which may be asked ahead.
func (s *Service) SkipWaitTimeForInstanceTermination(_ context.Context, in *codedeploy.SkipWaitTimeForInstanceTerminationInput, _ ...func(*codedeploy.Options)) (*codedeploy.SkipWaitTimeForInstanceTerminationOutput, error) {
	return &codedeploy.SkipWaitTimeForInstanceTerminationOutput{}, s.ask(in.DeploymentId, func(d *deployment) error {
		if err := blueGreen(d); err != nil {
			return err
		}
		if d.Service == "" {
			return notStarted(d.ID)
		}
		d.SkipWait = true
		return nil
	})
}

func notStarted(id string) error {
	return &types.DeploymentNotStartedException{Message: text("The deployment %s has not started.", id)}
}

// PutLifecycleEventHookExecutionStatus takes a hook's verdict.
func (s *Service) PutLifecycleEventHookExecutionStatus(_ context.Context, in *codedeploy.PutLifecycleEventHookExecutionStatusInput, _ ...func(*codedeploy.Options)) (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		d, err := s.deploymentOf(tx, in.DeploymentId)
		if err != nil {
			return err
		}
		id := aws.ToString(in.LifecycleEventHookExecutionId)
		switch {
		case in.Status != types.LifecycleEventStatusSucceeded && in.Status != types.LifecycleEventStatusFailed:
			return &types.InvalidLifecycleEventHookExecutionStatusException{Message: text("The result of a Lambda validation function that verifies a lifecycle event is invalid. It should return Succeeded or Failed.")}
		case id != "" && (slices.Contains(d.HooksDone, id) || (id == d.HookID && (d.HookSays != "" || d.over()))):
			return &types.LifecycleEventAlreadyCompletedException{Message: text("An attempt to return the status of an already completed lifecycle event occurred.")}
		case id == "" || id != d.HookID:
			return &types.InvalidLifecycleEventHookExecutionIdException{Message: text("A lifecycle event hook is invalid. Review the hooks section in your AppSpec file to ensure the lifecycle events and hooks functions are valid.")}
		}
		d.HookSays = string(in.Status)
		s.t.deployments.Put(tx, d.ID, d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.poke(*in.DeploymentId)
	return &codedeploy.PutLifecycleEventHookExecutionStatusOutput{LifecycleEventHookExecutionId: in.LifecycleEventHookExecutionId}, nil
}
