package codedeploy

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// unsteadyLimit is for how long the replacement task set may be unsteady once traffic
// moves: a service that scales meanwhile must be done by then.
const (
	unsteadyLimit = 5 * time.Minute
	// leastUnsteady is what is left of it on a scaled clock: programs start in real time.
	leastUnsteady = 10 * time.Second
)

// moving are the phases in which the replacement task set serves production traffic.
var moving = map[string]bool{"AllowTraffic": true, "AfterAllowTraffic": true, "terminate": true}

// settled fails a deployment whose traffic moves while green has not been steady for too
// long. When that began is not stored: tasks do not outlive the process, nor does it.
func (o *owner) settled(ctx context.Context) error {
	if !moving[o.d.Phase] || o.d.Green.Set == "" {
		return nil
	}
	sv, err := o.describe(ctx)
	if err != nil {
		return err
	}
	for _, x := range sv.TaskSets {
		if aws.ToString(x.Id) == o.d.Green.Set && x.StabilityStatus != ecstypes.StabilityStatusSteadyState {
			return o.unsteady()
		}
	}
	o.since = time.Time{}
	return nil
}

// unsteady notes that green is not steady now, and fails when that has lasted.
func (o *owner) unsteady() error {
	now := o.Clock.Now()
	if o.since.IsZero() {
		o.since = now
	}
	if now.Sub(o.since) < o.Clock.AtLeast(unsteadyLimit, leastUnsteady) {
		return nil
	}
	return failed(types.ErrorCodeTimeout, "The deployment timed out while waiting for the replacement task set to reach a steady state while traffic was shifted. This time out period is 5 minutes.")
}
