package shift

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/watch"
)

// endWithin bounds the wait for what a cancelled run has asked for.
const endWithin = 15 * time.Minute

// interrupted makes of a wait that ended early what the user is told, and does with the
// deployment of a cancelled run what was wanted.
func interrupted(ctx context.Context, r *run.Run, o watch.Outcome, err error) error {
	id := r.Facts.DeploymentID
	switch {
	case errors.Is(err, watch.ErrDeadline):
		return fault.New(fault.TimedOut, "it goes on: `turnout watch "+id+"`", "deployment %s: %w", id, err)
	case !errors.Is(err, context.Canceled):
		return err
	}
	switch wish(r) {
	case run.Stop:
		return stop(context.WithoutCancel(ctx), r, false)
	case run.Rollback:
		return stop(context.WithoutCancel(ctx), r, true)
	}
	return fault.New(fault.Interrupted, "`turnout resume "+r.ID+"` goes on with it, `turnout watch "+id+"` follows it, `turnout stop "+id+"` stops it", "deployment %s is still running, %s: %w", id, weights(o.Target), err)
}

// wish is what becomes of the deployment: as --on-cancel says, else as whoever sits at the
// terminal says, else it is left alone.
func wish(r *run.Run) run.OnCancel {
	if r.Options.OnCancel != "" {
		return r.Options.OnCancel
	}
	if r.Options.Ask == nil {
		return run.Leave
	}
	answer, err := r.Options.Ask("deployment "+r.Facts.DeploymentID+" is still running", string(run.Leave), string(run.Stop), string(run.Rollback))
	if err != nil {
		return run.Leave
	}
	return run.OnCancel(answer)
}

// stop stops the deployment, waits for the outcome and says where traffic stands.
func stop(ctx context.Context, r *run.Run, back bool) error {
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	id := r.Facts.DeploymentID
	r.Report.Note("stopping deployment %s", id)
	_, err := r.AWS.CodeDeploy().StopDeployment(ctx, &codedeploy.StopDeploymentInput{DeploymentId: &id, AutoRollbackEnabled: &back})
	if err != nil && !completed(err) {
		return fmt.Errorf("stop deployment %s: %w", id, err)
	}
	out, err := follow(ctx, r, watch.Options{ID: id})
	if err != nil {
		return err
	}
	r.Facts.Status = string(out.Deployment.Status)
	if out.Succeeded(watch.Done) {
		return fault.New(fault.Interrupted, "`turnout rollback` takes it back", "deployment %s had succeeded before it could be stopped; %s", id, weights(out.Target))
	}
	if !back {
		return fault.New(fault.Stopped, "`turnout rollback` brings the previous revision back", "deployment %s stopped, as asked; %s", id, weights(out.Target))
	}
	rolled, err := rollback(ctx, r, out.Deployment, true)
	if err != nil {
		return err
	}
	if r.Facts.RollbackID == "" {
		return fault.New(fault.Stopped, "`turnout rollback` brings the previous revision back", "deployment %s stopped, but CodeDeploy does not take it back; %s", id, weights(out.Target))
	}
	if rolled != types.DeploymentStatusSucceeded {
		return fault.New(fault.Deployment, "`turnout status` shows where traffic stands", "deployment %s stopped, but its rollback %s %s", id, r.Facts.RollbackID, rolled)
	}
	return fault.New(fault.RolledBack, "", "deployment %s stopped and rolled back by %s, as asked", id, r.Facts.RollbackID)
}

// completed tells whether a deployment could not be stopped because it has ended.
func completed(err error) bool {
	var done *types.DeploymentAlreadyCompletedException
	return errors.As(err, &done)
}

// weights says in words where traffic stands.
func weights(t *types.ECSTarget) string {
	if t == nil {
		return "no traffic was moved"
	}
	side := map[types.TargetLabel]float64{}
	for _, s := range t.TaskSetsInfo {
		side[s.TaskSetLabel] += s.TrafficWeight
	}
	if side[types.TargetLabelGreen] == 0 {
		return "no traffic was moved"
	}
	return fmt.Sprintf("blue has %.0f %% of the traffic, green %.0f %%", side[types.TargetLabelBlue], side[types.TargetLabelGreen])
}
