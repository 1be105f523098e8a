package chaos

import (
	"context"

	"golang.org/x/time/rate"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// limit is a token bucket: so many calls at once, then so many a second.
type limit struct {
	burst  int
	second float64
}

// The rates that are enforced. Those of ECS are what its users report of the service's
// buckets; AWS publishes none for CodeDeploy and Elastic Load Balancing, whose are as
// generous as users find them.
var (
	limits = map[string]limit{
		"ecs":                  {20, 1},
		"codedeploy":           {20, 10},
		"elasticloadbalancing": {40, 10},
	}
	otherwise = limit{100, 50}
)

// Limiter is middleware that enforces AWS's request rates: one bucket for each operation.
func Limiter(service, op string, next wire.Call) wire.Call {
	l, ok := limits[service]
	if !ok {
		l = otherwise
	}
	bucket := rate.NewLimiter(rate.Limit(l.second), l.burst)
	return func(ctx context.Context, in any) (any, error) {
		if !bucket.Allow() {
			return nil, throttled()
		}
		return next(ctx, in)
	}
}
