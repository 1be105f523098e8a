package watch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// How often is asked for a rollback: for about 12 seconds where one is to come, for less
// than two where nobody but the one who stopped the deployment knows.
const (
	expectedTries = 15
	possibleTries = 5
)

// rollbackTries is how often to ask for the rollback of a deployment that has ended;
// asked tells that whoever stopped it asked for one.
func rollbackTries(d *types.DeploymentInfo, asked bool) int {
	rollsBack := func(e types.AutoRollbackEvent) bool {
		c := d.AutoRollbackConfiguration
		return c != nil && c.Enabled && slices.Contains(c.Events, e)
	}
	var code types.ErrorCode
	if d.ErrorInformation != nil {
		code = d.ErrorInformation.Code
	}
	byHand := d.Status == types.DeploymentStatusStopped && code != types.ErrorCodeAlarmActive
	switch {
	case asked,
		d.Status == types.DeploymentStatusFailed && rollsBack(types.AutoRollbackEventDeploymentFailure),
		code == types.ErrorCodeAlarmActive && rollsBack(types.AutoRollbackEventDeploymentStopOnAlarm),
		byHand && rollsBack(types.AutoRollbackEventDeploymentStopOnRequest):
		return expectedTries
	case byHand: // StopDeployment may ask for one
		return possibleTries
	}
	return 0
}

// rollbackOf is the id of the deployment that takes d back, which CodeDeploy names a
// moment after d has ended; "" when it names none in these tries.
func rollbackOf(ctx context.Context, client CodeDeploy, d *types.DeploymentInfo, tries int) (string, error) {
	for try := 1; ; try++ {
		if d.RollbackInfo != nil && d.RollbackInfo.RollbackDeploymentId != nil {
			return *d.RollbackInfo.RollbackDeploymentId, nil
		}
		if try > tries {
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
// its end. The options are those with which d was followed; asked tells that whoever
// stopped d asked for a rollback.
func FollowRollback(ctx context.Context, o Options, d *types.DeploymentInfo, asked bool) (id string, status types.DeploymentStatus, err error) {
	if id, err = rollbackOf(ctx, o.CodeDeploy, d, rollbackTries(d, asked)); err != nil || id == "" {
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
