package awsclient

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// Tries is how many attempts Once makes when nobody asks for fewer.
const Tries = 6

// Once makes a call that is not idempotent, so that it takes effect once however often
// answers are lost: the SDK's own retries, which would do it again, must be off in call.
// Before each further attempt look finds out whether an earlier one has taken effect after
// all. Each fault that is got over is told to note. No more than tries attempts are
// made.
//
// A call under way is not cut off when ctx ends: nobody could tell what became of it.
func Once[T any](ctx context.Context, tries int, note func(format string, args ...any), call func(context.Context) (T, error), look func() (T, bool, error)) (T, error) {
	passing := retry.IsErrorRetryables(retry.DefaultRetryables)
	backoff := retry.NewExponentialJitterBackoff(5 * time.Second)
	var none T
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	for try := 1; ; try++ {
		out, err := whole(ctx, call)
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

// grace is how long a call may take after the end of its caller.
const grace = 10 * time.Second

// whole makes a call that outlives ctx by the grace.
func whole[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	return call(own)
}
