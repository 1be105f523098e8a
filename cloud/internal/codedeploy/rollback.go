package codedeploy

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

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
			good, ok := o.lastGood(tx, &d.GroupInfo)
			if !ok { // the first of its group: there is only what blue runs
				good = d
			}
			back = deployment{
				ID: back.ID, App: d.App, Group: d.Group, Status: types.DeploymentStatusCreated, Config: defaultConfig, Creator: types.DeploymentCreatorCodeDeployRollback,
				Created: now, Updated: now, Phase: "undo", PhaseAt: now, Undoes: d.ID, Revision: good.Revision, Content: good.Content, GroupInfo: d.GroupInfo, AutoRollback: d.AutoRollback,
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
