package shift

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/watch"
)

// running are the statuses of a deployment that has not ended.
var running = []types.DeploymentStatus{
	types.DeploymentStatusCreated, types.DeploymentStatusQueued, types.DeploymentStatusInProgress,
	types.DeploymentStatusBaking, types.DeploymentStatusReady,
}

// adopt looks for a deployment that this run has created without knowing it: when the run
// was interrupted between CodeDeploy's answer and its own journal, or the answer was lost.
// A run that has not tried yet has nothing to look for.
func adopt(ctx context.Context, r *run.Run) error {
	if r.Facts.DeploymentID != "" || !r.Tried {
		r.Tried = true
		return nil
	}
	list, err := r.AWS.CodeDeploy().ListDeployments(ctx, &codedeploy.ListDeploymentsInput{
		ApplicationName: &r.Facts.Application, DeploymentGroupName: &r.Facts.Group,
	})
	if err != nil || len(list.Deployments) == 0 {
		return err
	}
	newest := list.Deployments[:min(len(list.Deployments), 25)] // as many as one call takes
	infos, err := r.AWS.CodeDeploy().BatchGetDeployments(ctx, &codedeploy.BatchGetDeploymentsInput{DeploymentIds: newest})
	if err != nil {
		return err
	}
	for _, d := range infos.DeploymentsInfo {
		if strings.HasSuffix(aws.ToString(d.Description), mark(r)) {
			r.Facts.DeploymentID = aws.ToString(d.DeploymentId)
			r.Report.Note("deployment %s is this run's", r.Facts.DeploymentID)
			return created(r)
		}
	}
	return nil
}

// ahead deals with a deployment that is still active, as --if-active says. (Refusing is
// done before anything is registered, by locate.)
func ahead(ctx context.Context, r *run.Run) error {
	if r.Options.IfActive != run.Wait && r.Options.IfActive != run.Supersede {
		return nil
	}
	for {
		list, err := r.AWS.CodeDeploy().ListDeployments(ctx, &codedeploy.ListDeploymentsInput{
			ApplicationName: &r.Facts.Application, DeploymentGroupName: &r.Facts.Group, IncludeOnlyStatuses: running,
		})
		if err != nil || len(list.Deployments) == 0 {
			return err
		}
		id := list.Deployments[0]
		if r.Options.IfActive == run.Supersede {
			r.Report.Note("stopping deployment %s, which this one supersedes", id)
			if _, err := r.AWS.CodeDeploy().StopDeployment(ctx, &codedeploy.StopDeploymentInput{DeploymentId: &id, AutoRollbackEnabled: aws.Bool(false)}); err != nil && !completed(err) {
				return err
			}
		} else {
			r.Report.Note("waiting for deployment %s to end", id)
		}
		if _, err := follow(ctx, r, watch.Options{ID: id, Deadline: deadline(r)}); err != nil {
			return err
		}
	}
}
