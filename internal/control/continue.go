package control

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/internal/autopsy"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline/shift"
	"github.com/turnoutdev/turnout/internal/status"
	"github.com/turnoutdev/turnout/internal/watch"
)

// Continue ends a wait of a deployment (the active one, if id is "") early: the one before
// traffic moves, or the one before the old tasks are ended, whichever it is in. It waits
// until what comes next has happened; until "" is that: all traffic moved, or the old
// tasks ended.
func (c *Control) Continue(ctx context.Context, id string, until watch.Until) (*Outcome, error) {
	if c.Subject.Rolling() {
		return nil, fault.New(fault.Usage, "`turnout status` shows where it stands", "service %s rolls; its deployments wait for nobody", c.Subject.Service)
	}
	id, err := c.which(ctx, id)
	if err != nil {
		return nil, err
	}
	d, err := c.get(ctx, id)
	if err != nil {
		return nil, err
	}
	wait, next, err := waits(d)
	if err != nil {
		return nil, err
	}
	if until == "" {
		until = next
	}
	o := c.outcome("continue", id)
	c.Report.Note("ending the %s wait of deployment %s", words[wait], id)
	if _, err := c.Subject.AWS.CodeDeploy().ContinueDeployment(ctx, &codedeploy.ContinueDeploymentInput{DeploymentId: &id, DeploymentWaitType: wait}); err != nil {
		return nil, fmt.Errorf("continue deployment %s: %w", id, err)
	}
	out, err := c.follow(ctx, id, until)
	if err != nil {
		return o, err
	}
	o.Status = string(out.Deployment.Status)
	if !out.Succeeded(until) {
		return o, c.failed(ctx, o, out.Deployment)
	}
	return o, c.confirm(ctx, o, nil)
}

var words = map[cdtypes.DeploymentWaitType]string{
	cdtypes.DeploymentWaitTypeReadyWait: status.WaitsReady, cdtypes.DeploymentWaitTypeTerminationWait: status.WaitsTermination,
}

// waits tells which wait a deployment is in, and what comes after it.
func waits(d *cdtypes.DeploymentInfo) (cdtypes.DeploymentWaitType, watch.Until, error) {
	switch {
	case watch.HasEnded(d.Status):
		return "", "", ended(*d.DeploymentId, d.Status)
	case d.Status == cdtypes.DeploymentStatusReady:
		return cdtypes.DeploymentWaitTypeReadyWait, watch.Shifted, nil
	case d.InstanceTerminationWaitTimeStarted:
		return cdtypes.DeploymentWaitTypeTerminationWait, watch.Done, nil
	}
	return "", "", fault.New(fault.Usage, "`turnout watch "+*d.DeploymentId+"` follows it", "deployment %s does not wait: it is %s", *d.DeploymentId, d.Status)
}

// failed explains a deployment that did not come to its end and follows its rollback, if
// there is one.
func (c *Control) failed(ctx context.Context, o *Outcome, d *cdtypes.DeploymentInfo) error {
	rep := autopsy.Perform(ctx, c.Subject.AWS, autopsy.Subject{DeploymentID: o.DeploymentID, Cluster: c.Subject.Cluster, Service: c.Subject.Service})
	f := &shift.Failure{Report: rep}
	code := fault.Deployment
	if d.Status == cdtypes.DeploymentStatusStopped {
		code = fault.Stopped
	}
	if a := d.AutoRollbackConfiguration; a != nil && a.Enabled {
		err := c.backBy(ctx, o, d)
		if context.Cause(ctx) != nil {
			return err
		}
		f.Rollback, rep.RollbackID = o.RollbackStatus, o.RollbackID
		if err == nil {
			code = fault.RolledBack
		}
	}
	return c.stands(ctx, o, &fault.Error{Code: code, Err: f})
}
