package neighbour

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/ecs"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
)

// Logs is where tasks' lines go.
type Logs interface {
	Sink(group, stream string, createGroup bool) (func(at time.Time, line []byte) error, error)
}

// ECS guards all whom ECS calls for tasks. Its load balancers it calls with the
// service-linked role, which always may.
func (g Guard) ECS(o ecs.Options, l Logs) ecs.Options {
	o.Logs = guardedLogs{g, l}
	if next := o.Secrets; next != nil {
		o.Secrets = func(ctx context.Context, from string) (string, error) {
			action, resource := secret(from, o.Place.Of)
			if err := g.Check(ctx, action, resource, nil); err != nil {
				return "", fetched("ssm", err)
			}
			return next(ctx, from)
		}
	}
	if next := o.Files; next != nil {
		o.Files = func(ctx context.Context, object string) ([]byte, error) {
			if err := g.Check(ctx, "s3:GetObject", object, nil); err != nil {
				return nil, fetched("s3", err)
			}
			return next(ctx, object)
		}
	}
	o.Channel = func(ctx context.Context) error {
		for _, action := range []string{"CreateControlChannel", "OpenControlChannel", "CreateDataChannel", "OpenDataChannel"} {
			if err := g.Check(ctx, "ssmmessages:"+action, "*", nil); err != nil {
				return err
			}
		}
		return nil
	}
	return o
}

type guardedLogs struct {
	Guard
	next Logs
}

// Sink implements ecs.Logs. The driver creates the stream, and the group if it is told to.
// A role that may not write loses its lines, as on AWS: the container goes on, and the
// error of the sink says so.
func (g guardedLogs) Sink(ctx context.Context, group, stream string, create bool) (func(at time.Time, line []byte) error, error) {
	if create {
		if err := g.Authorize(ctx, "logs", "CreateLogGroup", &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}); err != nil {
			return nil, fetched("logs", err)
		}
	}
	err := g.Authorize(ctx, "logs", "CreateLogStream", &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream})
	if err != nil {
		return nil, fetched("logs", err)
	}
	write, err := g.next.Sink(group, stream, create)
	if err != nil {
		return nil, err
	}
	may := g.remembered(func() error {
		return g.Authorize(ctx, "logs", "PutLogEvents", &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: []types.InputLogEvent{}})
	})
	return func(at time.Time, line []byte) error {
		if err := may(); err != nil {
			return denied("logs", err)
		}
		return write(at, line)
	}, nil
}

// asked is how long an answer holds where a question would come with every line; the
// driver sends its lines in batches of about that time.
const asked = time.Second

// remembered asks a question again when the answer is older than asked. A container's
// lines come one after the other, so it needs no lock.
func (Guard) remembered(ask func() error) func() error {
	var last time.Time
	var answer error
	return func() error {
		if now := time.Now(); last.IsZero() || now.Sub(last) >= asked {
			last, answer = now, ask()
		}
		return answer
	}
}

// Tokens gives registry passwords.
type Tokens interface {
	GetAuthorizationToken(context.Context, *ecr.GetAuthorizationTokenInput, ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error)
}

// Token asks for a registry password with the execution role; the error is worded as
// Fargate's, which tells what its client got. The password is the role's: what it may
// pull is decided by the registry.
func (g Guard) Token(ctx context.Context, t Tokens) (string, error) {
	out, err := ask(ctx, g, "ecr", "GetAuthorizationToken", &ecr.GetAuthorizationTokenInput{}, t.GetAuthorizationToken)
	if err != nil {
		return "", fetched("ecr", err)
	}
	return aws.ToString(out.AuthorizationData[0].AuthorizationToken), nil
}

// secret tells which action a secret is read with, and the ARN of what is read, without
// the member, stage and version that may follow a secret's.
func secret(from string, of func(service, resource string) string) (action, resource string) {
	switch {
	case strings.Contains(from, ":secretsmanager:"):
		parts := strings.Split(from, ":")
		return "secretsmanager:GetSecretValue", strings.Join(parts[:min(7, len(parts))], ":")
	case strings.HasPrefix(from, "arn:"):
		return "ssm:GetParameters", from
	}
	return "ssm:GetParameters", of("ssm", "parameter/"+strings.TrimPrefix(from, "/"))
}

// fetched words a refusal as the agent of Fargate does, which tells what its AWS client
// told it.
func fetched(service string, err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	return &Denied{titles[service], fmt.Errorf("AccessDeniedException: %s status code: 400, request id: %s", api.ErrorMessage(), ids.UUID())}
}
