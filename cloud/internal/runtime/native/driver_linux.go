package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/native/layers"
)

// driver implements runtime.Driver.
type driver struct {
	Options
	rootless bool
	layers   *layers.Store
	spawner  *spawner

	cgroupsOnce sync.Once
	limits      atomic.Pointer[cgroups]

	mu     sync.Mutex
	closed bool
	boxes  map[string]*sandbox
	addrs  map[netip.Addr]bool
	last   netip.Addr // the address given out last
	images map[string]*v1.ConfigFile
}

// New returns a driver. It starts nothing and changes nothing on disk; Available tells
// whether it can work.
func New(o Options) (runtime.Driver, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	d := &driver{
		Options:  o,
		rootless: o.Rootless || !privileged(),
		spawner:  newSpawner(),
		boxes:    map[string]*sandbox{},
		addrs:    map[netip.Addr]bool{},
		last:     o.Addresses.Masked().Addr(),
		images:   map[string]*v1.ConfigFile{},
	}
	d.layers = layers.New(filepath.Join(o.Dir, "layers"), !d.rootless)
	return d, nil
}

// privileged tells whether this process may do all that takes root on the machine.
func privileged() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if os.Geteuid() != 0 || unix.Capget(&header, &data[0]) != nil {
		return false
	}
	for _, c := range []int{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_CHOWN, unix.CAP_MKNOD, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL} {
		if data[c/32].Effective&(1<<(c%32)) == 0 {
			return false
		}
	}
	return true
}

// Name implements runtime.Driver.
func (d *driver) Name() string { return "native" }

// layersAtOnce is how many layers of one image are fetched at the same time.
const layersAtOnce = 4

// Pull implements runtime.Driver. Layers that are there are not fetched again.
func (d *driver) Pull(ctx context.Context, ref runtime.Reference) (runtime.Image, error) {
	img, digest, err := d.Images.Image(ctx, ref)
	if err != nil {
		return runtime.Image{}, fmt.Errorf("pull %s: %w", ref.Image, err)
	}
	id, config, err := d.unpack(ctx, img)
	if err != nil {
		return runtime.Image{}, fmt.Errorf("pull %s: %w", ref.Image, flat{err})
	}
	return describe(id, digest, config), nil
}

// unpack makes an image ready to run, and returns its id and configuration.
func (d *driver) unpack(ctx context.Context, img v1.Image) (string, *v1.ConfigFile, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return "", nil, err
	}
	id := manifest.Config.Digest.String()
	d.mu.Lock()
	known := d.images[id]
	d.mu.Unlock()
	if known != nil && !slices.ContainsFunc(known.RootFS.DiffIDs, d.layers.Lacks) {
		return id, known, nil
	}
	config, err := img.ConfigFile()
	if err != nil {
		return "", nil, fmt.Errorf("read configuration: %w", err)
	}
	all, err := img.Layers()
	if err != nil {
		return "", nil, err
	}
	diffIDs := config.RootFS.DiffIDs
	if len(all) != len(diffIDs) {
		return "", nil, fmt.Errorf("the manifest has %d layers and the configuration %d", len(all), len(diffIDs))
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(layersAtOnce)
	for i, l := range all {
		group.Go(func() error { return d.layers.Ensure(ctx, diffIDs[i], l.Uncompressed) })
	}
	if err := group.Wait(); err != nil {
		return "", nil, err
	}
	d.mu.Lock()
	d.images[id] = config
	d.mu.Unlock()
	return id, config, nil
}

func describe(id string, digest v1.Hash, f *v1.ConfigFile) runtime.Image {
	c := f.Config
	img := runtime.Image{
		ID: id, Digest: digest.String(), Architecture: f.Architecture, OS: f.OS,
		Config: runtime.ImageConfig{
			Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: c.Env, WorkingDir: c.WorkingDir, User: c.User,
			StopSignal: c.StopSignal, ExposedPorts: sortedKeys(c.ExposedPorts), Volumes: sortedKeys(c.Volumes),
		},
	}
	if c.Healthcheck != nil {
		img.Config.Healthcheck = c.Healthcheck.Test
	}
	return img
}

// Create implements runtime.Driver.
func (d *driver) Create(ctx context.Context, spec runtime.SandboxSpec) (runtime.Sandbox, error) {
	if err := checkSpec(spec); err != nil {
		return nil, fmt.Errorf("create sandbox %q: %w", spec.ID, err)
	}
	s, err := d.admit(spec)
	if err != nil {
		return nil, fmt.Errorf("create sandbox %s: %w", spec.ID, err)
	}
	if err := s.start(ctx, spec); err != nil {
		return nil, errors.Join(fmt.Errorf("create sandbox %s: %w", spec.ID, err), s.Close(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func checkSpec(spec runtime.SandboxSpec) error {
	if spec.ID == "" || strings.Trim(spec.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return errors.New("an id has lower-case letters, digits and hyphens only")
	}
	for at := range spec.Services {
		if !at.Addr().Is4() {
			return fmt.Errorf("%w: %v is not IPv4", runtime.ErrNoServices, at)
		}
	}
	return nil
}

// admit gives a new sandbox its id and its address.
func (d *driver) admit(spec runtime.SandboxSpec) (*sandbox, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errors.New("the driver is closed")
	}
	if d.boxes[spec.ID] != nil {
		return nil, errors.New("its id is in use")
	}
	addr, err := d.nextAddress(spec)
	if err != nil {
		return nil, err
	}
	s := newSandbox(d, spec, addr)
	d.boxes[spec.ID], d.addrs[addr], d.last = s, true, addr
	return s, nil
}

// nextAddress goes round, so that an address is not soon used again, and leaves out the
// network's, the first, which is a router's elsewhere, and the broadcast address.
func (d *driver) nextAddress(spec runtime.SandboxSpec) (netip.Addr, error) {
	network := d.Addresses.Masked().Addr()
	addr := d.last
	for range 1 << (32 - d.Addresses.Bits()) {
		if addr = addr.Next(); !d.Addresses.Contains(addr.Next()) { // the broadcast address
			addr = network
			continue
		}
		if addr == network.Next() || d.addrs[addr] || serves(spec, addr) {
			continue
		}
		return addr, nil
	}
	return netip.Addr{}, fmt.Errorf("no address of %v is free", d.Addresses)
}

func serves(spec runtime.SandboxSpec, addr netip.Addr) bool {
	for at := range spec.Services {
		if at.Addr() == addr {
			return true
		}
	}
	return false
}

// forget gives back a sandbox's id and address.
func (d *driver) forget(s *sandbox) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.boxes, s.id)
	delete(d.addrs, s.addr)
}

// live are the sandboxes that are not closed.
func (d *driver) live() []*sandbox {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []*sandbox
	for _, s := range d.boxes {
		all = append(all, s)
	}
	return all
}

// Close implements runtime.Driver. What was pulled stays.
func (d *driver) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	var group errgroup.Group
	for _, s := range d.live() {
		group.Go(func() error { return s.Close(ctx) })
	}
	err := errors.Join(group.Wait(), d.limits.Swap(nil).drop())
	d.spawner.close()
	if c, ok := d.Images.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	return err
}

// memoryFile is a file without a name that holds v as JSON.
func memoryFile(v any) (*os.File, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("plan", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make memory file: %w", err)
	}
	f := os.NewFile(uintptr(fd), "plan")
	if _, err := f.Write(text); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
