package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// fetch gets a base image: from "oci:FOLDER" or "docker-archive:FILE" (relative to the
// build context), or from a registry with the user's own docker credentials.
func (d *dockerfile) fetch(ctx context.Context, ref string) (v1.Image, error) {
	p, err := v1.ParsePlatform(d.Platform)
	if err != nil {
		return nil, err
	}
	img, err := d.find(ctx, ref, *p)
	if err != nil {
		return nil, err
	}
	c, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read the base image: %w", err)
	}
	if c.OS != p.OS || c.Architecture != p.Architecture {
		return nil, fmt.Errorf("it is for %s/%s, and %s is built", c.OS, c.Architecture, d.Platform)
	}
	return d.cache.image(img)
}

func (d *dockerfile) find(ctx context.Context, ref string, p v1.Platform) (v1.Image, error) {
	if dir, ok := strings.CutPrefix(ref, "oci:"); ok {
		return fromLayout(d.local(dir), p)
	}
	if file, ok := strings.CutPrefix(ref, "docker-archive:"); ok {
		img, err := tarball.ImageFromPath(d.local(file), nil)
		if err != nil {
			return nil, err
		}
		return d.cache.recompress(img)
	}
	r, err := name.ParseReference(ref)
	if err != nil {
		return nil, err
	}
	img, err := remote.Image(r, remote.WithContext(ctx), remote.WithPlatform(p), remote.WithTransport(loopbackOnly{remote.DefaultTransport}),
		remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return nil, fmt.Errorf("fetch the base image: %w", err)
	}
	return img, nil
}

func (d *dockerfile) local(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(d.Context, p)
}

func fromLayout(dir string, p v1.Platform) (v1.Image, error) {
	idx, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	m, err := idx.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, d := range m.Manifests {
		if d.Platform == nil || d.Platform.Satisfies(p) {
			return idx.Image(d.Digest)
		}
	}
	return nil, fmt.Errorf("%s holds no image for %s", dir, p.String())
}

// image wraps an image so that its layers are fetched once and then kept.
func (c *cache) image(img v1.Image) (v1.Image, error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	kept := &keptImage{Image: img}
	for _, l := range layers {
		kept.layers = append(kept.layers, &keptLayer{Layer: l, cache: c})
	}
	return kept, nil
}

// keptImage is an image whose layers come from the cache.
type keptImage struct {
	v1.Image
	layers []v1.Layer
}

func (i *keptImage) Layers() ([]v1.Layer, error) { return i.layers, nil }

func (i *keptImage) LayerByDigest(h v1.Hash) (v1.Layer, error) {
	for _, l := range i.layers {
		if d, err := l.Digest(); err == nil && d == h {
			return l, nil
		}
	}
	return i.Image.LayerByDigest(h)
}

// keptLayer is a layer that is fetched at its first use.
type keptLayer struct {
	v1.Layer
	cache *cache
}

// Compressed opens the kept file, fetching it first where it is missing.
func (l *keptLayer) Compressed() (io.ReadCloser, error) {
	h, err := l.Digest()
	if err != nil {
		return nil, err
	}
	size, err := l.Size()
	if err != nil {
		return nil, err
	}
	if st, err := os.Stat(l.cache.blob(h)); err == nil && st.Size() == size {
		return os.Open(l.cache.blob(h))
	}
	rc, err := l.Layer.Compressed()
	if err != nil {
		return nil, err
	}
	m, err := l.cache.store(func(w io.Writer) error {
		_, err := io.Copy(w, rc)
		return err
	})
	if err = errors.Join(err, rc.Close()); err != nil {
		return nil, err
	}
	if m.Digest != h {
		return nil, fmt.Errorf("layer %s arrived as %s", h, m.Digest)
	}
	return os.Open(l.cache.blob(h))
}

// Uncompressed is the layer's tar.
func (l *keptLayer) Uncompressed() (io.ReadCloser, error) {
	rc, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	return decompress(rc)
}

// mountable tells the repository that the layer came from, if it is a registry's.
func (l *keptLayer) mountable() (name.Reference, bool) {
	m, ok := l.Layer.(*remote.MountableLayer)
	if !ok {
		return nil, false
	}
	return m.Reference, true
}

// recompress makes the image of an archive, whose layers lie there as plain tar, one of
// compressed layers that are made once.
func (c *cache) recompress(img v1.Image) (v1.Image, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	out := mutate.MediaType(empty.Image, types.DockerManifestSchema2)
	for _, l := range layers {
		diffID, err := l.DiffID()
		if err != nil {
			return nil, err
		}
		made, err := c.compress(diffID, l.Uncompressed)
		if err != nil {
			return nil, err
		}
		if out, err = mutate.AppendLayers(out, made.as(types.DockerLayer)); err != nil {
			return nil, err
		}
	}
	return mutate.ConfigFile(out, config)
}
