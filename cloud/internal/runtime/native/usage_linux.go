package native

import (
	"context"
	"fmt"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/native/inside"
)

// Usage implements runtime.Meter.
func (c *container) Usage(ctx context.Context) (runtime.Usage, error) {
	r, err := c.link.call(ctx, inside.Request{Op: inside.OpUsage, Target: c.run})
	if err != nil {
		return runtime.Usage{}, fmt.Errorf("usage of %s: %w", c.id, err)
	}
	return runtime.Usage{CPU: time.Duration(r.CPU), Memory: r.Memory}, nil
}
