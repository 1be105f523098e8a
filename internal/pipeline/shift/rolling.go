package shift

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/autopsy"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/watch"
)

// roll has ECS replace the service's tasks. UpdateService with the same revision changes
// nothing, so that a run which is picked up again, or an answer that was lost, does no
// harm: the call is simply made again.
func roll(ctx context.Context, r *run.Run) (string, error) {
	if r.Facts.DeploymentID == "" {
		if r.Options.IfActive == run.Wait {
			if err := settled(ctx, r); err != nil {
				return "", err
			}
		}
		if err := update(ctx, r); err != nil {
			return "", err
		}
		if err := created(r); err != nil {
			return "", err
		}
	}
	if r.Until() == watch.Created {
		return r.Facts.DeploymentID + " was created", nil
	}
	began := time.Now()
	out, err := followRolling(ctx, r, r.Facts.DeploymentID, r.Until())
	if err != nil {
		return "", interruptedRolling(ctx, r, err)
	}
	r.Facts.Status = string(out.Deployment.RolloutState)
	if out.Succeeded(r.Until()) {
		return fmt.Sprintf("%s reached %s after %s", r.Facts.DeploymentID, r.Until(), since(began)), nil
	}
	return "", failedRolling(ctx, r, out)
}

func update(ctx context.Context, r *run.Run) error {
	out, err := r.AWS.ECS().UpdateService(ctx, &ecs.UpdateServiceInput{
		Cluster: &r.Config.Cluster, Service: &r.Config.Service, TaskDefinition: &r.Facts.TaskDefinition,
	})
	if err != nil {
		return fmt.Errorf("%w (%s stays registered and unused)", err, r.Facts.TaskDefinition)
	}
	for _, d := range out.Service.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			r.Facts.DeploymentID = aws.ToString(d.Id)
			return nil
		}
	}
	return fmt.Errorf("ECS answered without a primary deployment for service %s", r.Config.Service)
}

// settled waits for the rolling deployment that is active already.
func settled(ctx context.Context, r *run.Run) error {
	for _, d := range r.Service.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" && d.RolloutState == types.DeploymentRolloutStateInProgress {
			r.Report.Note("waiting for deployment %s to end", aws.ToString(d.Id))
			_, err := followRolling(ctx, r, aws.ToString(d.Id), watch.Done)
			return err
		}
	}
	return nil
}

func followRolling(ctx context.Context, r *run.Run, id string, until watch.Until) (watch.RollingOutcome, error) {
	limit := r.Options.Deadline
	if limit == 0 {
		limit = 30 * time.Minute
	}
	return watch.FollowRolling(ctx, watch.RollingOptions{
		ECS: r.AWS.ECS(), Cluster: r.Config.Cluster, Service: r.Config.Service, ID: id,
		Until: until, Deadline: limit, Emit: r.Report.Watched, Pace: r.Pace(),
	})
}

func interruptedRolling(ctx context.Context, r *run.Run, err error) error {
	id := r.Facts.DeploymentID
	switch {
	case errors.Is(err, watch.ErrDeadline):
		return &fault.Error{Code: fault.TimedOut, Hint: "it goes on; without a circuit breaker ECS tries for ever. `turnout rollback` brings the previous revision back", Err: &Failure{Report: reportRolling(context.WithoutCancel(ctx), r, "IN_PROGRESS")}}
	case !errors.Is(err, context.Canceled):
		return err
	}
	if w := wish(r); w == run.Leave || r.Facts.Previous == "" {
		return fault.New(fault.Interrupted, "`turnout resume "+r.ID+"` goes on with it, `turnout rollback` takes it back", "deployment %s is still running: %w", id, err)
	}
	// A rolling deployment cannot stand still: stopping it is going back.
	ctx = context.WithoutCancel(ctx)
	r.Report.Note("bringing %s back", r.Facts.Previous)
	mine := r.Facts.TaskDefinition
	r.Facts.TaskDefinition = r.Facts.Previous
	err = update(ctx, r)
	r.Facts.TaskDefinition, r.Facts.RollbackID, r.Facts.DeploymentID = mine, r.Facts.DeploymentID, id
	if err != nil {
		return err
	}
	out, err := followRolling(ctx, r, r.Facts.RollbackID, watch.Done)
	if err != nil {
		return err
	}
	if !out.Succeeded(watch.Done) {
		return fault.New(fault.Deployment, "`turnout status` shows where the service stands", "the rollback %s ended %s", r.Facts.RollbackID, out.Deployment.RolloutState)
	}
	return fault.New(fault.RolledBack, "", "deployment %s rolled back to %s, as asked", id, r.Facts.Previous)
}

func reportRolling(ctx context.Context, r *run.Run, status string) *autopsy.Report {
	rep := autopsy.Perform(ctx, r.AWS, autopsy.Subject{Cluster: r.Config.Cluster, Service: r.Config.Service, TaskDefinition: r.Facts.TaskDefinition})
	rep.DeploymentID, rep.Status, rep.RollbackID = r.Facts.DeploymentID, status, r.Facts.RollbackID
	return rep
}

func failedRolling(ctx context.Context, r *run.Run, out watch.RollingOutcome) error {
	f := &Failure{}
	code := fault.Deployment
	if out.RolledBack() {
		r.Facts.RollbackID = aws.ToString(out.Primary.Id)
		f.Rollback = string(out.Primary.RolloutState)
		if out.Primary.RolloutState == types.DeploymentRolloutStateCompleted {
			code, f.Rollback = fault.RolledBack, rolledBack
		}
	}
	status := string(out.Deployment.RolloutState)
	if out.Gone && out.Deployment.RolloutState == types.DeploymentRolloutStateInProgress {
		status = "was replaced"
	}
	f.Report = reportRolling(ctx, r, status)
	if m := aws.ToString(out.Deployment.RolloutStateReason); m != "" {
		f.Report.ErrorMessage = m
	}
	return &fault.Error{Code: code, Err: f}
}
