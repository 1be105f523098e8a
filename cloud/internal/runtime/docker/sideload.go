package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// sideload fetches an image here and hands it to the engine: an engine in a virtual
// machine has another loopback than this machine, on which the local registry listens.
func (d *Driver) sideload(ctx context.Context, ref runtime.Reference, parsed name.Reference) (runtime.Image, error) {
	platform := v1.Platform{OS: "linux", Architecture: d.info.arch}
	if ref.Platform != "" {
		p, err := v1.ParsePlatform(ref.Platform)
		if err != nil {
			return runtime.Image{}, fmt.Errorf("pull %s: %w", ref.Image, err)
		}
		platform = *p
	}
	auth := authn.Anonymous
	if ref.Username != "" || ref.Password != "" {
		auth = &authn.Basic{Username: ref.Username, Password: ref.Password}
	}
	got, err := remote.Get(parsed, remote.WithContext(ctx), remote.WithAuth(auth), remote.WithPlatform(platform))
	if err != nil {
		return runtime.Image{}, registryError(ref.Image, err)
	}
	img, err := got.Image()
	if err != nil {
		return runtime.Image{}, registryError(ref.Image, err)
	}
	tag := parsed.Context().Tag("turnout-" + got.Digest.Hex[:12])
	was := d.has(ctx, tag.Name())
	if err := d.load(ctx, tag, img); err != nil {
		return runtime.Image{}, fmt.Errorf("pull %s: %w", ref.Image, err)
	}
	if !was {
		d.borrow(tag.Name())
	}
	return d.describe(ctx, tag.Name(), got.Digest.String())
}

// registryError gives a registry's 404 its identity.
func registryError(ref string, err error) error {
	var refused *transport.Error
	if errors.As(err, &refused) && refused.StatusCode == http.StatusNotFound {
		return fmt.Errorf("pull %s: %w: %w", ref, err, runtime.ErrNoImage)
	}
	return pullError(ref, err)
}

// isLoopback tells whether a registry is on this machine's loopback.
func isLoopback(r name.Registry) bool {
	host, _, err := net.SplitHostPort(r.RegistryStr())
	if err != nil {
		host = r.RegistryStr()
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// keys are the members of a set, sorted.
func keys(set map[string]struct{}) []string { return slices.Sorted(maps.Keys(set)) }
