package watch

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// Pace is how often AWS is asked. While a deployment moves it is asked every Fastest, so
// that its end is known about as soon; where the wait is known from its settings, less
// often, up to Slowest. Throttling doubles the wait.
type Pace struct {
	Fastest time.Duration // 0 for 1 s
	Slowest time.Duration // 0 for 5 s
	// Scaled means that the cloud's waits are shorter than its settings say (a local
	// cloud under --time-scale), so that nothing can be foreseen.
	Scaled bool
}

// Local is the pace for a cloud on this machine.
func Local() Pace {
	return Pace{Fastest: 50 * time.Millisecond, Slowest: time.Second, Scaled: true}
}

// next is what a poll says about the one after it.
type next struct {
	over    bool
	changed bool
	known   time.Duration // for how long nothing will happen, 0 for not known
}

// Bounds of what is put up with: AWS's faults are waited out for patience at most, but
// being asked to wait for longer, since others who share the account's rates come to
// their ends.
const (
	patience    = 2 * time.Minute
	queueing    = 15 * time.Minute
	slowestEver = 30 * time.Second
)

// lasts tells whether a fault is not waited out, or has been for long enough.
func lasts(err error, since time.Duration) bool {
	if Throttled(err) {
		return since > queueing
	}
	return !passing(err) || since > patience
}

// poll calls ask until it is over, ctx ends or the deadline passes. trouble hears of
// every fault that is waited out.
func (p Pace) poll(ctx context.Context, deadline time.Duration, trouble func(error, time.Duration), ask func(context.Context) (next, error)) error {
	if deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, deadline, ErrDeadline)
		defer cancel()
	}
	p.defaults()
	wait, good := p.Fastest, time.Now()
	for {
		n, err := ask(ctx)
		switch {
		case err != nil && context.Cause(ctx) != nil:
			return context.Cause(ctx)
		case err != nil && lasts(err, time.Since(good)):
			return err
		case err != nil:
			wait = min(max(wait*2, time.Second), slowestEver)
			trouble(err, wait)
			if err := sleep(ctx, scattered(wait)); err != nil {
				return err
			}
			continue
		case n.over:
			return nil
		default:
			good, wait = time.Now(), p.after(n, wait)
		}
		if err := sleep(ctx, jitter(wait)); err != nil {
			return err
		}
	}
}

func (p *Pace) defaults() {
	if p.Fastest == 0 {
		p.Fastest = time.Second
	}
	if p.Slowest == 0 {
		p.Slowest = 5 * time.Second
	}
}

// after is how long to wait after a poll that went well.
func (p Pace) after(n next, last time.Duration) time.Duration {
	switch {
	case p.Scaled && n.changed:
		return p.Fastest
	case p.Scaled:
		return min(last*5/4, p.Slowest)
	case last > p.Slowest: // after throttling, come back slowly
		return last * 3 / 4
	case n.known > 0:
		return min(max(n.known/2, p.Fastest), p.Slowest)
	}
	return max(last*3/4, p.Fastest)
}

// jitter keeps watchers that began together from asking together.
func jitter(d time.Duration) time.Duration {
	return d - time.Duration(rand.Int64N(int64(d)/10+1)) //nolint:gosec // jitter needs no secrecy
}

// scattered keeps those who were refused together from coming back together.
func scattered(d time.Duration) time.Duration {
	return d/2 + time.Duration(rand.Int64N(int64(d)/2+1)) //nolint:gosec // jitter needs no secrecy
}

// passing tells whether an error is AWS's for the moment: throttling, a 5xx, a broken
// connection.
func passing(err error) bool {
	return Throttled(err) || retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// Throttled tells whether AWS asked to be asked less often.
func Throttled(err error) bool {
	throttles := retry.ThrottleErrorCode{Codes: retry.DefaultThrottleErrorCodes}
	return throttles.IsErrorThrottle(err) == aws.TrueTernary
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Every calls ask until it says that it is over, ctx ends or the deadline (0: none)
// passes. ask tells too whether anything has changed, by which the next wait is chosen;
// trouble hears of faults of AWS that are waited out.
func (p Pace) Every(ctx context.Context, deadline time.Duration, trouble func(error, time.Duration), ask func(context.Context) (over, changed bool, err error)) error {
	return p.poll(ctx, deadline, trouble, func(ctx context.Context) (next, error) {
		over, changed, err := ask(ctx)
		return next{over: over, changed: changed}, err
	})
}
