package control

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/watch"
)

// Stop stops a deployment (the active one, if id is "") and waits until it has stopped;
// with back, until it has been taken back too. Without, weights and tasks stay as they
// are, which the outcome tells.
func (c *Control) Stop(ctx context.Context, id string, back bool) (*Outcome, error) {
	if c.Subject.Rolling() {
		return c.stopNamed(ctx, id, back)
	}
	id, err := c.which(ctx, id)
	if err != nil {
		return nil, err
	}
	o := c.outcome("stop", id)
	return o, c.stop(ctx, o, back)
}

func (c *Control) stop(ctx context.Context, o *Outcome, back bool) error {
	d, err := c.get(ctx, o.DeploymentID)
	if err != nil {
		return err
	}
	if watch.HasEnded(d.Status) {
		return ended(o.DeploymentID, d.Status)
	}
	c.Report.Note("stopping deployment %s", o.DeploymentID)
	_, err = c.Subject.AWS.CodeDeploy().StopDeployment(ctx, &codedeploy.StopDeploymentInput{DeploymentId: &o.DeploymentID, AutoRollbackEnabled: &back})
	var over *cdtypes.DeploymentAlreadyCompletedException
	if err != nil && !errors.As(err, &over) { // one that has just ended is told of below
		return fmt.Errorf("stop deployment %s: %w", o.DeploymentID, err)
	}
	out, err := c.follow(ctx, o.DeploymentID, watch.Done)
	if err != nil {
		return err
	}
	o.Status = string(out.Deployment.Status)
	switch {
	case out.Deployment.Status == cdtypes.DeploymentStatusSucceeded:
		return c.stands(ctx, o, fault.New(fault.Failed, "`turnout rollback` takes it back", "deployment %s had succeeded before it could be stopped", o.DeploymentID))
	case !back:
		return c.look(ctx, o)
	}
	if err := c.backBy(ctx, o, out.Deployment); err != nil {
		return err
	}
	return c.confirm(ctx, o, c.away(out.Target))
}

// ended tells that there is nothing to stop or to continue.
func ended(id string, s cdtypes.DeploymentStatus) error {
	hint := "`turnout status` shows where traffic stands"
	if s == cdtypes.DeploymentStatusSucceeded {
		hint = "`turnout rollback` brings the previous revision back"
	}
	return fault.New(fault.Usage, hint, "deployment %s has ended: %s", id, s)
}
