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
	arn, err := Equal(ctx, r.AWS.ECS(), r.Config.TaskDef, r.Facts.Rendered)
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "AccessDeniedException" {
		r.Report.Note("may not compare with the newest revision (ecs:DescribeTaskDefinition); registering another")
		return "", nil
	}
	return arn, err
}

// register makes the call, once.
func register(ctx context.Context, r *run.Run) (string, error) {
	return Once(ctx, r.AWS.Config(), awsclient.Tries, r.Report.Note, r.Facts.Rendered, func() (string, error) { return equal(ctx, r) })
}

// Equal is the ARN of the newest active revision of a document's family if it says the
// same as the document, else "". file names the document in messages.
func Equal(ctx context.Context, client *ecs.Client, file string, document []byte) (string, error) {
	td, err := taskdef.Parse(file, document)
	if err != nil {
		return "", err
	}
	arn, newest, err := awsclient.DescribeTaskDefinition(ctx, client, td.Family())
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "ClientException" { // there is none yet
		return "", nil
	}
	if err != nil {
		return "", err
	}
	same, err := taskdef.Equal(document, newest)
	if err != nil || !same {
		return "", err
	}
	return arn, nil
}

// Once registers a document. RegisterTaskDefinition is not idempotent: when an answer is
// lost, the SDK's own retry would register twice and leave an orphan. So equal looks at
// what the newest revision says before each further attempt.
func Once(ctx context.Context, cfg aws.Config, tries int, note func(string, ...any), document []byte, equal func() (string, error)) (string, error) {
	client := ecs.NewFromConfig(cfg, func(o *ecs.Options) { o.Retryer = aws.NopRetryer{} })
	return awsclient.Once(ctx, tries, note, func(ctx context.Context) (string, error) {
		out, err := awsclient.RegisterTaskDefinition(ctx, client, document)
		if err != nil {
			return "", err
		}
		return aws.ToString(out.TaskDefinition.TaskDefinitionArn), nil
	}, func() (string, bool, error) {
		arn, err := equal()
		return arn, arn != "", err
	})
}
