// Package register is the stage that registers the rendered task definition. The
// document goes to ECS as it is written: fields that the SDK does not know arrive too. A
// revision that is equal already is used again.
package register

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/taskdef"
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

// Run registers the rendered document, unless the family's newest revision equals it, and
// notes the revision's ARN.
func (Stage) Run(ctx context.Context, r *run.Run) (string, error) {
	// A run that was picked up again may have registered already.
	if !r.Options.ForceRegister || r.Tried {
		arn, err := equal(ctx, r)
		if err != nil {
			return "", err
		}
		if arn != "" {
			r.Facts.TaskDefinition, r.Facts.Reused = arn, true
			return arn + ", which is equal", nil
		}
	}
	arn, err := register(ctx, r)
	if err != nil {
		return "", fault.New(fault.Failed, "compare "+r.Config.TaskDef+" with the message; nothing was deployed", "%w", err)
	}
	r.Facts.TaskDefinition = arn
	return arn, nil
}

// equal is the ARN of the family's newest active revision if it says the same as the
// rendered document, else "".
func equal(ctx context.Context, r *run.Run) (string, error) {
	td, err := taskdef.Parse(r.Config.TaskDef, r.Facts.Rendered)
	if err != nil {
		return "", err
	}
	arn, document, err := awsclient.DescribeTaskDefinition(ctx, r.AWS.ECS(), td.Family())
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode() == "ClientException": // there is none yet
		return "", nil
	case errors.As(err, &api) && api.ErrorCode() == "AccessDeniedException":
		r.Report.Note("may not compare with the newest revision (ecs:DescribeTaskDefinition); registering another")
		return "", nil
	case err != nil:
		return "", err
	}
	same, err := taskdef.Equal(r.Facts.Rendered, document)
	if err != nil || !same {
		return "", err
	}
	return arn, nil
}

// register makes the call. RegisterTaskDefinition is not idempotent: when an answer is
// lost, the SDK's own retry would register twice and leave an orphan. So what the newest
// revision says is looked at before each further attempt.
func register(ctx context.Context, r *run.Run) (string, error) {
	client := ecs.NewFromConfig(r.AWS.Config(), func(o *ecs.Options) { o.Retryer = aws.NopRetryer{} })
	return awsclient.Once(ctx, r.Report.Note, func() (string, error) {
		out, err := awsclient.RegisterTaskDefinition(ctx, client, r.Facts.Rendered)
		if err != nil {
			return "", err
		}
		return aws.ToString(out.TaskDefinition.TaskDefinitionArn), nil
	}, func() (string, bool, error) {
		arn, err := equal(ctx, r)
		return arn, arn != "", err
	})
}
