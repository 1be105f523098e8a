package docker

import (
	"context"

	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"
)

// remove discards all containers with a label for which also keep is true, and returns
// how many there were. Containers go all at once: those that joined a network do not hold
// it.
func remove(ctx context.Context, engine *client.Client, label string, match func(labels map[string]string) bool) (int, error) {
	found, err := engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", label)})
	if err != nil {
		return 0, err
	}
	n := 0
	var g errgroup.Group
	for _, c := range found.Items {
		if match(c.Labels) {
			n++
			g.Go(func() error { return discard(ctx, engine, c.ID) })
		}
	}
	return n, g.Wait()
}
