package neighbour

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"

	"github.com/turnoutdev/turnout/cloud/internal/console"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

// Console guards what the console's buttons do: whoever presses one is the caller that as
// gives.
func (g Guard) Console(as func(context.Context) identity.Caller, next console.Steering) console.Steering {
	return guardedSteering{g, as, next}
}

type guardedSteering struct {
	Guard
	as   func(context.Context) identity.Caller
	next console.Steering
}

func (g guardedSteering) StopDeployment(ctx context.Context, in *codedeploy.StopDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.StopDeploymentOutput, error) {
	return ask(identity.With(ctx, g.as(ctx)), g.Guard, "codedeploy", "StopDeployment", in, g.next.StopDeployment)
}

func (g guardedSteering) ContinueDeployment(ctx context.Context, in *codedeploy.ContinueDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.ContinueDeploymentOutput, error) {
	return ask(identity.With(ctx, g.as(ctx)), g.Guard, "codedeploy", "ContinueDeployment", in, g.next.ContinueDeployment)
}
