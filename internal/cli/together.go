package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/watch"
)

// together watches several deployments of CodeDeploy. Their lines begin with their ids,
// and what they ask they ask together.
func (o *watchOptions) together(ctx context.Context, ids []string) error {
	for _, id := range ids {
		if !strings.HasPrefix(id, "d-") {
			return fault.New(fault.Usage, "ids begin with d-; a rolling deployment is watched alone", "%q is no deployment of CodeDeploy", id)
		}
	}
	if err := o.check(); err != nil {
		return err
	}
	a, err := o.connected(ctx, nil)
	if err != nil {
		return err
	}
	o.lines = true // of --json, also that of a failure
	shared := watch.Share(a.CodeDeploy(), a.ECS())
	out, talk := &prefixed{w: o.Out}, &prefixed{w: o.Err}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() {
			each := *o
			g, streams := *o.global, *o.Streams
			streams.Out, streams.Err, streams.TTY = out, talk.of(id+" "), false
			g.Streams, each.named.global = &streams, &g
			each.id, each.shared, each.aws = id, shared, a
			err := each.codeDeploy(ctx, nil)
			if why := autopsyOf(err); why != "" { // among its own lines
				each.Talk("%s", why)
				err = fault.New(fault.Code(err), fault.Hint(err), "%s", err.Error())
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// prefixed lets several writers write whole lines to one place, each with its own prefix.
type prefixed struct {
	mu     sync.Mutex
	w      io.Writer
	prefix string
}

func (l *prefixed) of(prefix string) io.Writer { return &prefixed{w: l, prefix: prefix} }

// Write takes whole lines: every write of a reporter is one.
func (l *prefixed) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := string(b)
	if l.prefix != "" {
		text = l.prefix + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+l.prefix) + "\n"
	}
	if _, err := io.WriteString(l.w, text); err != nil {
		return 0, err
	}
	return len(b), nil
}
