package native

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Options say how a driver works.
type Options struct {
	// Dir is the state folder: layers are kept in it, and sandboxes while they live. No
	// other process uses it at the same time.
	Dir string
	// Images finds images; nil pulls from their registries.
	Images Images
	// Addresses is where sandboxes' addresses come from. They are visible only inside;
	// the zero value is 10.97.0.0/16.
	Addresses netip.Prefix
	// Rootless makes user namespaces even for root.
	Rootless bool
	Log      *slog.Logger // nil for slog.Default
}

// Images finds an image and the digest that the reference resolved to, of the index if
// it is one. ctx bounds all later reads of the image too. What does not exist is an
// error that matches runtime.ErrNoImage.
type Images interface {
	Image(ctx context.Context, ref runtime.Reference) (v1.Image, v1.Hash, error)
}

// DefaultAddresses is a private block that common container networks do not use.
var DefaultAddresses = netip.MustParsePrefix("10.97.0.0/16")

func (o *Options) complete() error {
	if o.Dir == "" {
		return fmt.Errorf("native driver: no state folder")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return fmt.Errorf("native driver: %w", err)
	}
	o.Dir = dir
	if !o.Addresses.IsValid() {
		o.Addresses = DefaultAddresses
	}
	if !o.Addresses.Addr().Is4() || o.Addresses.Bits() > 30 {
		return fmt.Errorf("native driver: %v is no block of IPv4 addresses", o.Addresses)
	}
	if o.Images == nil {
		o.Images = NewRemote()
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return nil
}
