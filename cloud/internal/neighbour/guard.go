package neighbour

import (
	"context"
)

// Guard asks whether a neighbour's call is allowed.
type Guard struct {
	// Authorize decides one call as the API would: service is the prefix of its IAM
	// actions, op the operation, in a pointer to its input.
	Authorize func(ctx context.Context, service, op string, in any) error
	// Check decides one action on one resource, where there is no such call.
	Check func(ctx context.Context, action, resource string, keys map[string]string) error
}

// Denied is a call that the caller's policies do not allow.
type Denied struct {
	Service string // "AmazonECS"
	Err     error
}

func (e *Denied) Error() string { return e.Err.Error() }

func (e *Denied) Unwrap() error { return e.Err }

// DeniedBy is the service that was asked, in CodeDeploy's words.
func (e *Denied) DeniedBy() string { return e.Service }

// titles are the names of services in CodeDeploy's errors, by the prefix of their actions.
var titles = map[string]string{
	"ecs": "AmazonECS", "elasticloadbalancing": "AmazonElasticLoadBalancingV2", "lambda": "AWSLambda",
	"cloudwatch": "AmazonCloudWatch", "s3": "AmazonS3", "ecr": "AmazonECR", "logs": "AWSLogs", "ssm": "AWSSimpleSystemsManagement",
}

// denied makes a refusal of an error of Guard's functions.
func denied(service string, err error) error {
	if err == nil {
		return nil
	}
	return &Denied{titles[service], err}
}

// method is an operation in an SDK client's signature; F are the client's options.
type method[I, O, F any] func(context.Context, *I, ...func(*F)) (*O, error)

// ask calls a neighbour's operation if its caller may.
func ask[I, O, F any](ctx context.Context, g Guard, service, op string, in *I, next method[I, O, F]) (*O, error) {
	if err := g.Authorize(ctx, service, op, in); err != nil {
		return nil, denied(service, err)
	}
	return next(ctx, in)
}
