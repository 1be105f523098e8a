package docker

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Labels of everything that this package makes on an engine.
const (
	labelState     = "dev.turnout.state"     // the state folder, hashed
	labelProcess   = "dev.turnout.process"   // the driver that made it
	labelSandbox   = "dev.turnout.sandbox"   // SandboxSpec.ID
	labelContainer = "dev.turnout.container" // ContainerSpec.Name, "pause" for the pause container
)

// Options configure a Driver.
type Options struct {
	// State is the folder of the cloud's state: it tells whose leftovers Sweep removes,
	// and files that containers mount are kept in it.
	State string
	Log   *slog.Logger // nil for silence
}

// Driver implements runtime.Driver on a Docker engine.
type Driver struct {
	engine  *client.Client
	info    engineInfo
	state   string // hash of the state folder
	folder  string
	process string
	log     *slog.Logger

	pauseOnce sync.Mutex
	pauseTag  string // set once the pause image is there

	reaperOnce sync.Once
	reaper     io.Closer // nil without one

	mu        sync.Mutex
	closed    bool
	sandboxes map[*sandbox]struct{}
	borrowed  map[string]struct{} // images that Close takes off the engine again
}

// Available returns nil if an engine answers that runs Linux containers, and else why not.
func Available(ctx context.Context) error {
	engine, err := connect()
	if err != nil {
		return err
	}
	_, err = inquire(ctx, engine)
	return errors.Join(err, engine.Close())
}

// New connects to the engine that the docker command would use: DOCKER_HOST, the current
// context, or the default socket.
func New(ctx context.Context, o Options) (*Driver, error) {
	engine, err := connect()
	if err != nil {
		return nil, err
	}
	info, err := inquire(ctx, engine)
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	folder, err := filepath.Abs(o.State)
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	hash := sha256.Sum256([]byte(folder))
	return &Driver{
		engine: engine, info: info, log: o.Log,
		state: hex.EncodeToString(hash[:8]), folder: folder, process: rand.Text()[:12],
		sandboxes: map[*sandbox]struct{}{}, borrowed: map[string]struct{}{},
	}, nil
}

// Name implements runtime.Driver.
func (d *Driver) Name() string { return "docker" }

// Close implements runtime.Driver. It may be called again, but not at the same time.
func (d *Driver) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	var g errgroup.Group
	for s := range d.sandboxes {
		g.Go(func() error { return s.Close(ctx) })
	}
	d.mu.Unlock()
	err := errors.Join(g.Wait(), d.giveBack(ctx))
	d.reaperOnce.Do(func() {}) // none is started any more
	if d.reaper != nil {
		err = errors.Join(err, d.reaper.Close())
		d.reaper = nil
	}
	err = errors.Join(err, os.RemoveAll(d.files()))
	return errors.Join(err, d.engine.Close())
}

// Sweep implements runtime.Driver.
func (d *Driver) Sweep(ctx context.Context) error {
	leftovers := func(labels map[string]string) bool { return labels[labelProcess] != d.process }
	if _, err := remove(ctx, d.engine, labelState+"="+d.state, leftovers); err != nil {
		return fmt.Errorf("sweep containers of earlier runs: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(d.folder, "docker", "*"))
	for _, folder := range old {
		if folder != d.files() {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}
	if err != nil {
		return fmt.Errorf("sweep files of earlier runs: %w", err)
	}
	return nil
}

// files is the folder of files that this process's containers mount.
func (d *Driver) files() string { return filepath.Join(d.folder, "docker", d.process) }

// engineTimeout bounds the first questions to an engine.
const engineTimeout = 5 * time.Second

var _ runtime.Driver = (*Driver)(nil)
