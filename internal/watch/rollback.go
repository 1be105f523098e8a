package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// rollbackTries bounds the wait for a rollback to be named to about 12 seconds.
const rollbackTries = 15

// RollbackOf is the id of the deployment that takes d back, which CodeDeploy names a
// moment after d has ended; "" when it names none.
func RollbackOf(ctx context.Context, client CodeDeploy, d *types.DeploymentInfo) (string, error) {
	for try := 1; ; try++ {
		if d.RollbackInfo != nil && d.RollbackInfo.RollbackDeploymentId != nil {
			return *d.RollbackInfo.RollbackDeploymentId, nil
		}
		if try > rollbackTries {
			return "", nil
		}
		if err := sleep(ctx, time.Duration(try)*100*time.Millisecond); err != nil {
			return "", err
		}
		out, err := client.GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: d.DeploymentId})
		switch {
		case err != nil && passing(err): // the next try asks again
		case err != nil:
			return "", fmt.Errorf("look for the rollback: %w", err)
		default:
			d = out.DeploymentInfo
		}
	}
}

// FollowRollback follows the deployment that takes d back, if CodeDeploy makes one, to
// its end. The options are those with which d was followed.
func FollowRollback(ctx context.Context, o Options, d *types.DeploymentInfo) (id string, status types.DeploymentStatus, err error) {
	if id, err = RollbackOf(ctx, o.CodeDeploy, d); err != nil || id == "" {
		return id, "", err
	}
	if tell := o.Emit; tell != nil {
		at := time.Now()
		if d.CompleteTime != nil {
			at = *d.CompleteTime
		}
		tell(Event{Time: at, Kind: Following, DeploymentID: id, Message: "rolled back by deployment " + id})
		o.Emit = func(e Event) {
			if e.Kind == Status {
				e.Name = "rollback"
			}
			tell(e)
		}
	}
	o.ID, o.Until, o.Brief = id, Done, false
	out, err := Follow(ctx, o)
	if err != nil {
		return id, "", fmt.Errorf("follow the rollback %s: %w", id, err)
	}
	return id, out.Deployment.Status, nil
}
