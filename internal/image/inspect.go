package image

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// ErrNoImage is matched when a registry has no image of a name.
var ErrNoImage = errors.New("there is no such image")

// Info is what can be known of an image without pulling it.
type Info struct {
	Digest       string   // sha256:… of what the reference names, an index too
	Platforms    []string // "linux/amd64"; one, unless the reference names an index
	ExposedPorts []string // "9000/tcp", sorted; of the image for this platform
	User         string
	Healthcheck  bool // the image brings one, which ECS ignores
}

// InspectOptions say how an image is asked for.
type InspectOptions struct {
	Auth     Auth   // none: the user's own docker credentials
	Platform string // whose image an index is looked into for; "" for linux/amd64
}

// Inspect asks a registry about an image: digest, architectures, exposed ports.
func Inspect(ctx context.Context, ref string, o InspectOptions) (*Info, error) {
	r, err := reference(ref)
	if err != nil {
		return nil, err
	}
	if o.Platform == "" {
		o.Platform = "linux/amd64"
	}
	p, err := v1.ParsePlatform(o.Platform)
	if err != nil {
		return nil, fmt.Errorf("%w: platform %q: %w", ErrInput, o.Platform, err)
	}
	opts := []remote.Option{
		remote.WithContext(ctx), remote.WithPlatform(*p), remote.WithUserAgent("turnout"),
		remote.WithTransport(loopbackOnly{remote.DefaultTransport}), remote.WithAuthFromKeychain(authn.DefaultKeychain),
	}
	if o.Auth != (Auth{}) {
		opts[len(opts)-1] = remote.WithAuth(authenticator(o.Auth))
	}
	var info *Info
	err = again(ctx, func() (err error) {
		info, err = inspect(r, opts)
		return err
	})
	var te *transport.Error
	if errors.As(err, &te) && te.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("inspect %s: %w: %w", ref, ErrNoImage, err)
	}
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", ref, err)
	}
	return info, nil
}

// reference reads the name of an image. One that is too long once it is written out, with
// Docker Hub's "library/", is none.
func reference(s string) (name.Reference, error) {
	r, err := name.ParseReference(s)
	if err == nil {
		r, err = name.ParseReference(r.Name())
	}
	if err != nil {
		return nil, fmt.Errorf("%w: image reference %q: %w", ErrInput, s, err)
	}
	return r, nil
}

func inspect(r name.Reference, opts []remote.Option) (*Info, error) {
	d, err := remote.Get(r, opts...)
	if err != nil {
		return nil, err
	}
	info := &Info{Digest: d.Digest.String()}
	if d.MediaType.IsIndex() {
		if info.Platforms, err = platforms(d); err != nil {
			return nil, err
		}
	}
	img, err := d.Image()
	if err != nil && info.Platforms != nil {
		return info, nil // no image for the platform that was asked for, as Platforms shows
	}
	if err != nil {
		return nil, err
	}
	c, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	if info.Platforms == nil {
		info.Platforms = []string{c.OS + "/" + c.Architecture}
	}
	info.ExposedPorts = slices.Sorted(maps.Keys(c.Config.ExposedPorts))
	info.User = c.Config.User
	info.Healthcheck = c.Config.Healthcheck != nil
	return info, nil
}

// platforms lists those of an index, without what is no image.
func platforms(d *remote.Descriptor) ([]string, error) {
	idx, err := d.ImageIndex()
	if err != nil {
		return nil, err
	}
	m, err := idx.IndexManifest()
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, c := range m.Manifests {
		if c.Platform != nil && c.Platform.OS != "unknown" {
			out = append(out, c.Platform.OS+"/"+c.Platform.Architecture)
		}
	}
	return out, nil
}
