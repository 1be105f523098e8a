// Package register is the stage that registers the rendered task definition. The
// document goes to ECS as it is written: fields that the SDK does not know arrive too.
package register

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
)

// Stage registers a revision.
type Stage struct{}

func (Stage) String() string { return "register" }

// Skip tells that a revision stands already, in a run that is picked up again.
func (Stage) Skip(r *run.Run) string {
	if r.Facts.TaskDefinition != "" {
		return "already registered as " + r.Facts.TaskDefinition
	}
	return ""
}

// Run registers the rendered document and notes the revision's ARN.
func (Stage) Run(ctx context.Context, r *run.Run) (string, error) {
	out, err := awsclient.RegisterTaskDefinition(ctx, r.AWS.ECS(), r.Facts.Rendered)
	if err != nil {
		return "", fault.New(fault.Failed, "compare "+r.Config.TaskDef+" with the message; nothing was deployed", "%w", err)
	}
	r.Facts.TaskDefinition = aws.ToString(out.TaskDefinition.TaskDefinitionArn)
	return r.Facts.TaskDefinition, nil
}
