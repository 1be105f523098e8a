package fake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Options say what there is.
type Options struct {
	// Images by reference, with or without registry and tag; nil makes every reference an
	// image that serves its own name.
	Images map[string]Image
	// Behave says what a container does; nil leaves it to its image.
	Behave func(image string, spec runtime.ContainerSpec) Program
	// CreateError is returned for sandboxes.
	CreateError error
}

// Driver implements runtime.Driver.
type Driver struct {
	opts Options

	mu     sync.Mutex
	closed bool
	count  uint32 // sandboxes made
	boxes  map[string]*Sandbox
	pulled map[string]pulled // by image ID
}

type pulled struct {
	ref   string
	image Image
}

// New returns a driver.
func New(o Options) *Driver {
	return &Driver{opts: o, boxes: map[string]*Sandbox{}, pulled: map[string]pulled{}}
}

// Name implements runtime.Driver.
func (d *Driver) Name() string { return "fake" }

// Pull implements runtime.Driver.
func (d *Driver) Pull(ctx context.Context, ref runtime.Reference) (runtime.Image, error) {
	img, ok := d.find(ref.Image)
	if err := sleep(ctx, img.PullDelay); err != nil {
		return runtime.Image{}, fmt.Errorf("pull %s: %w", ref.Image, err)
	}
	if !ok {
		img.PullError = runtime.ErrNoImage
	}
	if img.PullError != nil {
		return runtime.Image{}, fmt.Errorf("pull %s: %w", ref.Image, img.PullError)
	}
	if img.Digest == "" {
		img.Digest = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(ref.Image)))
	}
	if img.Architecture == "" {
		img.Architecture = "amd64"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pulled[img.Digest] = pulled{ref.Image, img}
	return runtime.Image{ID: img.Digest, Digest: img.Digest, Architecture: img.Architecture, OS: "linux", Config: img.Config}, nil
}

func (d *Driver) find(ref string) (Image, bool) {
	if d.opts.Images == nil {
		return Image{Program: Serving(ref)}, true
	}
	for _, name := range names(ref) {
		if img, ok := d.opts.Images[name]; ok {
			return img, true
		}
	}
	return Image{}, false
}

// first is the block of the sandboxes' addresses.
var first = netip.AddrFrom4([4]byte{10, 99, 0, 1})

// Create implements runtime.Driver.
func (d *Driver) Create(ctx context.Context, spec runtime.SandboxSpec) (runtime.Sandbox, error) {
	if err := errors.Join(context.Cause(ctx), d.opts.CreateError); err != nil {
		return nil, fmt.Errorf("create sandbox %s: %w", spec.ID, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.boxes[spec.ID] != nil {
		return nil, fmt.Errorf("create sandbox %s: its id is in use, or the driver is closed", spec.ID)
	}
	d.count++
	s := newSandbox(d, spec, address(d.count))
	d.boxes[spec.ID] = s
	return s, nil
}

// address is the nth one; it goes round after 65,000.
func address(n uint32) netip.Addr {
	a := first.As4()
	n = n%65_000 + 1
	a[2], a[3] = byte(n>>8), byte(n)
	return netip.AddrFrom4(a)
}

// Sweep implements runtime.Driver; nothing can be left behind.
func (d *Driver) Sweep(context.Context) error { return nil }

// Close implements runtime.Driver.
func (d *Driver) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	var boxes []*Sandbox
	for _, s := range d.boxes {
		boxes = append(boxes, s)
	}
	d.mu.Unlock()
	var errs []error
	for _, s := range boxes {
		errs = append(errs, s.Close(ctx))
	}
	return errors.Join(errs...)
}

// Sandbox is the live sandbox with an id, nil without.
func (d *Driver) Sandbox(id string) *Sandbox {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.boxes[id]
}

// Running lists what runs, as "sandbox/container", sorted.
func (d *Driver) Running() []string {
	d.mu.Lock()
	boxes := make([]*Sandbox, 0, len(d.boxes))
	for _, s := range d.boxes {
		boxes = append(boxes, s)
	}
	d.mu.Unlock()
	var all []string
	for _, s := range boxes {
		for _, name := range s.names() {
			all = append(all, s.ID()+"/"+name)
		}
	}
	slices.Sort(all)
	return all
}
