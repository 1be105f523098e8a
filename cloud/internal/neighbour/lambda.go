package neighbour

import (
	"context"
	"time"
)

// Sink opens a log stream of a function, in a group that is made if it is missing, as the
// role that the context names.
func (g Guard) Sink(ctx context.Context, l Logs, group, stream string) (func(at time.Time, line []byte) error, error) {
	return guardedLogs{g, l}.Sink(ctx, group, stream, true)
}
