package awsclient

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// tries bounds the attempts of Once.
const tries = 6

// Once makes a call that is not idempotent, so that it takes effect once however often
// answers are lost: the SDK's own retries, which would do it again, must be off in call.
// Before each further attempt look finds out whether an earlier one has taken effect after
// all. Each fault that is got over is told to note.
func Once[T any](ctx context.Context, note func(format string, args ...any), call func() (T, error), look func() (T, bool, error)) (T, error) {
	passing := retry.IsErrorRetryables(retry.DefaultRetryables)
	backoff := retry.NewExponentialJitterBackoff(5 * time.Second)
	var none T
	for try := 1; ; try++ {
		out, err := call()
		if err == nil {
			return out, nil
		}
		if try == tries || ctx.Err() != nil || passing.IsErrorRetryable(err) != aws.TrueTernary {
			return none, err
		}
		wait, _ := backoff.BackoffDelay(try, err) // never fails
		note("%v; trying again", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return none, context.Cause(ctx)
		}
		if found, ok, err := look(); err != nil || ok {
			return found, err
		}
	}
}
