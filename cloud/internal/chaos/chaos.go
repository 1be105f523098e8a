// Package chaos breaks the local cloud on purpose, so that clients can prove what they do
// about it: calls fail with a 5xx, are throttled, lose their connection before or after
// they took effect, meet expired credentials, or take long. It also enforces the request
// rates that AWS documents.
//
// Both are middleware around the operations of every service. Nothing below knows of it.
package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// Kind is how a call breaks.
type Kind string

// How calls break.
const (
	Error    Kind = "error"    // 500, before anything is done
	Throttle Kind = "throttle" // the service's throttling error
	Reset    Kind = "reset"    // the connection is cut before anything is done
	Half     Kind = "half"     // the call takes effect, then the connection is cut
	Expired  Kind = "expired"  // the credentials have expired
	Delay    Kind = "delay"    // the answer takes Delay longer
)

// Kinds are all of them.
var Kinds = []Kind{Error, Throttle, Reset, Half, Expired, Delay}

// Fault is one way in which calls break. The zero values of Service, Operation and Rate
// mean any and always.
type Fault struct {
	ID        int           `json:"id"`                  // given by Inject
	Kind      Kind          `json:"kind"`                //
	Service   string        `json:"service,omitempty"`   // ecs, codedeploy, ecr, elasticloadbalancing …
	Operation string        `json:"operation,omitempty"` // such as CreateDeployment; a * at its end stands for any rest
	Rate      float64       `json:"rate,omitempty"`      // probability from 0 to 1; 0 for always
	Skip      int           `json:"skip,omitempty"`      // the first calls stay whole
	Count     int           `json:"count,omitempty"`     // after so many it is over; 0 for never
	Delay     time.Duration `json:"delay,omitempty"`     // ns; of the kind delay
	Hit       int           `json:"hit"`                 // how often it struck
}

// check says what is wrong with a fault.
func (f Fault) check() error {
	switch {
	case !slices.Contains(Kinds, f.Kind):
		return fmt.Errorf("kind %q is unknown: one of %v", f.Kind, Kinds)
	case f.Rate < 0 || f.Rate > 1:
		return fmt.Errorf("rate %v is no probability: from 0 to 1", f.Rate)
	case f.Skip < 0 || f.Count < 0 || f.Delay < 0:
		return fmt.Errorf("skip, count and delay cannot be negative")
	case (f.Kind == Delay) != (f.Delay > 0):
		return fmt.Errorf("the kind delay, and no other, needs a delay")
	}
	return nil
}

func (f Fault) concerns(service, op string) bool {
	if f.Service != "" && f.Service != service {
		return false
	}
	if prefix, ok := strings.CutSuffix(f.Operation, "*"); ok {
		return strings.HasPrefix(op, prefix)
	}
	return f.Operation == "" || f.Operation == op
}

// Chaos holds the faults that are in force. Its zero value breaks nothing.
type Chaos struct {
	mu     sync.Mutex
	faults []Fault
	last   int
}

// Inject puts faults into force and returns them with their ids. If one is malformed, none is.
func (c *Chaos) Inject(faults ...Fault) ([]Fault, error) {
	for i, f := range faults {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	out := slices.Clone(faults)
	for i := range out {
		c.last++
		out[i].ID, out[i].Hit = c.last, 0
	}
	c.faults = append(c.faults, out...)
	return out, nil
}

// Faults are those in force, with how often each struck.
func (c *Chaos) Faults() []Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.faults)
}

// Clear ends the faults with these ids, all when none is given, and tells how many.
func (c *Chaos) Clear(ids ...int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.faults)
	c.faults = slices.DeleteFunc(c.faults, func(f Fault) bool { return len(ids) == 0 || slices.Contains(ids, f.ID) })
	return before - len(c.faults)
}

// strike is the fault that breaks this call, if one does: the first in force that concerns it.
func (c *Chaos) strike(service, op string) (Fault, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.faults {
		f := &c.faults[i]
		switch {
		case !f.concerns(service, op), f.Count > 0 && f.Hit >= f.Count, f.Rate > 0 && rand.Float64() >= f.Rate: //nolint:gosec // chaos needs no secrecy
			continue
		case f.Skip > 0:
			f.Skip--
			continue
		}
		f.Hit++
		return *f, true
	}
	return Fault{}, false
}

// Middleware breaks calls as the faults in force say.
func (c *Chaos) Middleware(service, op string, next wire.Call) wire.Call {
	return func(ctx context.Context, in any) (any, error) {
		f, ok := c.strike(service, op)
		if !ok {
			return next(ctx, in)
		}
		switch f.Kind {
		case Error:
			return nil, &smithy.GenericAPIError{Code: "InternalFailure", Message: "The request processing has failed because of an unknown error, exception or failure.", Fault: smithy.FaultServer}
		case Throttle:
			return nil, throttled()
		case Expired:
			return nil, &smithy.GenericAPIError{Code: "ExpiredToken", Message: "The security token included in the request is expired", Fault: smithy.FaultClient}
		case Half:
			if _, err := next(ctx, in); err != nil {
				return nil, err
			}
			return nil, http.ErrAbortHandler
		case Reset:
			return nil, http.ErrAbortHandler
		}
		select {
		case <-time.After(f.Delay):
			return next(ctx, in)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// throttled is the error that becomes each service's own throttling error on the wire.
func throttled() error {
	return &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded", Fault: smithy.FaultClient}
}
