package shift

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/watch"
)

// running are the statuses of a deployment that has not ended.
var running = []types.DeploymentStatus{
	types.DeploymentStatusCreated, types.DeploymentStatusQueued, types.DeploymentStatusInProgress,
	types.DeploymentStatusBaking, types.DeploymentStatusReady,
}

// adopt goes on with the deployment of a run that was interrupted between CodeDeploy's
// answer and its own journal. A run that has not been picked up again has none.
func adopt(ctx context.Context, r *run.Run) error {
	if r.Facts.DeploymentID != "" || !r.Tried {
		return nil
	}
	id, err := marked(ctx, r.AWS, &r.Facts.Application, &r.Facts.Group, mark(r))
	if err != nil || id == "" {
		return err
	}
	r.Facts.DeploymentID = id
	return created(r)
}

// marked is the id of the deployment whose description ends with mark, "" if there is none.
func marked(ctx context.Context, a *awsclient.Clients, application, group *string, mark string) (string, error) {
	list, err := a.CodeDeploy().ListDeployments(ctx, &codedeploy.ListDeploymentsInput{ApplicationName: application, DeploymentGroupName: group})
	if err != nil || len(list.Deployments) == 0 {
		return "", err
	}
	newest := list.Deployments[:min(len(list.Deployments), 25)] // as many as one call takes
	infos, err := a.CodeDeploy().BatchGetDeployments(ctx, &codedeploy.BatchGetDeploymentsInput{DeploymentIds: newest})
	if err != nil {
		return "", err
	}
	for _, d := range infos.DeploymentsInfo {
		if strings.HasSuffix(aws.ToString(d.Description), mark) {
			return aws.ToString(d.DeploymentId), nil
		}
	}
	return "", nil
}

// ahead deals with a deployment that is still active, as --if-active says. (Refusing is
// done before anything is registered, by locate.)
func ahead(ctx context.Context, r *run.Run) error {
	if r.Options.IfActive != run.Wait && r.Options.IfActive != run.Supersede {
		return nil
	}
	for last := ""; ; {
		list, err := r.AWS.CodeDeploy().ListDeployments(ctx, &codedeploy.ListDeploymentsInput{
			ApplicationName: &r.Facts.Application, DeploymentGroupName: &r.Facts.Group, IncludeOnlyStatuses: running,
		})
		if err != nil || len(list.Deployments) == 0 {
			return err
		}
		id := list.Deployments[0]
		if id == last {
			return nil // it has ended; lists are late with that
		}
		last = id
		if r.Options.IfActive == run.Supersede {
			r.Report.Note("stopping deployment %s, which this one supersedes", id)
			if _, err := r.AWS.CodeDeploy().StopDeployment(ctx, &codedeploy.StopDeploymentInput{DeploymentId: &id, AutoRollbackEnabled: aws.Bool(false)}); err != nil && !completed(err) {
				return err
			}
		} else {
			r.Report.Note("waiting for deployment %s to end", id)
		}
		_, err = follow(ctx, r, watch.Options{ID: id, Deadline: deadline(r)})
		if errors.Is(err, watch.ErrDeadline) {
			return fault.New(fault.TimedOut, "`turnout watch "+id+"` follows it; "+r.Facts.TaskDefinition+" stays registered and unused", "deployment %s, which is ahead, has not ended: %w", id, err)
		}
		if err != nil {
			return err
		}
	}
}
