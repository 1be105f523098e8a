package cloud

import (
	"context"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/lambda"
)

const lambdaPrincipal = "lambda.amazonaws.com"

// makeFunctions makes Lambda: it pulls images as itself, and what functions do and log is
// their roles'.
func (c *Cloud) makeFunctions(p *parts) (*lambda.Service, error) {
	login := c.registryAuth(p.guard, p.registry)
	as := assume(p.tokens, c.place, lambdaPrincipal)
	endpoint, _ := netip.ParseAddrPort(c.listener.Addr().String()) // of a loopback listener
	return lambda.New(lambda.Options{
		Store: c.store, Clock: c.clock, Place: c.place, Driver: p.driver, Dir: filepath.Join(c.dir, "functions"), Log: c.opts.Log,
		Endpoint: endpoint, API: p.inside.api.Handle, Reach: p.elb.Listening, Image: c.localImage,
		Login: func(ctx context.Context, ref string) (user, password string, err error) {
			return login(itself(ctx), ref)
		},
		Assume: func(ctx context.Context, role, session string) (*ststypes.Credentials, error) {
			caller, err := p.tokens.AssumeFor(ctx, role, lambdaPrincipal, session)
			if err != nil {
				return nil, err
			}
			return p.iam.Issue(ctx, caller, time.Hour)
		},
		Logs: func(ctx context.Context, role, group, stream string) (func(time.Time, []byte) error, error) {
			ctx, err := as(ctx, role, "logs")
			if err != nil {
				return nil, err
			}
			return p.guard.Sink(ctx, p.logs, group, stream)
		},
	})
}

// itself is a context in which Lambda calls.
func itself(ctx context.Context) context.Context {
	return identity.With(ctx, identity.Caller{Kind: identity.Service, Service: lambdaPrincipal, ARN: lambdaPrincipal})
}

// hooks lets CodeDeploy invoke functions without waiting for them.
func hooks(s *lambda.Service) func(ctx context.Context, function string, payload []byte) error {
	return func(ctx context.Context, function string, payload []byte) error {
		_, err := s.Invoke(ctx, &awslambda.InvokeInput{
			FunctionName: aws.String(function), InvocationType: lambdatypes.InvocationTypeEvent, Payload: payload,
		})
		return err
	}
}
