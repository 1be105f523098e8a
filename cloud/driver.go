package cloud

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/docker"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/fake"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/native"
)

// openDriver opens what runs containers: Docker when its engine answers, else plain
// namespaces.
func (c *Cloud) openDriver(ctx context.Context) (runtime.Driver, error) {
	switch c.opts.Driver {
	case "docker":
		return c.openDocker(ctx)
	case "native":
		return c.openNative()
	case "fake":
		return fake.New(fake.Options{}), nil
	case "auto":
		if docker.Available(ctx) == nil {
			return c.openDocker(ctx)
		}
		return c.openNative()
	}
	return nil, fmt.Errorf("%w: driver %q is unknown; auto, docker, native and fake are known", ErrOptions, c.opts.Driver)
}

func (c *Cloud) openDocker(ctx context.Context) (runtime.Driver, error) {
	d, err := docker.New(ctx, docker.Options{State: c.dir, Log: c.opts.Log})
	if err != nil {
		return nil, fmt.Errorf("%w: docker: %w", ErrOptions, err)
	}
	return d, nil
}

func (c *Cloud) openNative() (runtime.Driver, error) {
	if err := native.Available(); err != nil {
		return nil, fmt.Errorf("%w: %w; start a Docker engine instead", ErrOptions, err)
	}
	d, err := native.New(native.Options{Dir: filepath.Join(c.dir, "native"), Log: c.opts.Log})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	return d, nil
}
