package docker

import (
	"context"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// has tells whether the engine has an image.
func (d *Driver) has(ctx context.Context, ref string) bool {
	_, err := d.engine.ImageInspect(ctx, ref)
	return err == nil
}

// borrow notes an image that was not on the engine before it came from a registry on this
// machine, where it stays: it need not be on the engine twice when the cloud is gone.
func (d *Driver) borrow(ref string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.borrowed[ref] = struct{}{}
}

// giveBack removes the borrowed images that nobody else uses.
func (d *Driver) giveBack(ctx context.Context) error {
	d.mu.Lock()
	refs := keys(d.borrowed)
	clear(d.borrowed)
	d.mu.Unlock()
	for _, ref := range refs {
		_, err := d.engine.ImageRemove(ctx, ref, client.ImageRemoveOptions{PruneChildren: true})
		if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
			return fmt.Errorf("remove image %s: %w", ref, err)
		}
	}
	return nil
}
