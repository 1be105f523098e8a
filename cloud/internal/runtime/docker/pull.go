package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Pull implements runtime.Driver. An image that the engine has is used as it is while its
// registry does not answer.
func (d *Driver) Pull(ctx context.Context, ref runtime.Reference) (runtime.Image, error) {
	parsed, err := name.ParseReference(ref.Image)
	if err != nil {
		return runtime.Image{}, fmt.Errorf("pull %s: %w", ref.Image, err)
	}
	if !d.info.direct && isLoopback(parsed.Context().Registry) {
		return d.sideload(ctx, ref, parsed)
	}
	was := d.has(ctx, parsed.Name())
	digest, err := d.pull(ctx, ref)
	if err != nil {
		if img, found := d.cached(ctx, ref, err); found {
			return img, nil
		}
		return runtime.Image{}, pullError(ref.Image, err)
	}
	if !was && isLoopback(parsed.Context().Registry) {
		d.borrow(parsed.Name())
	}
	return d.describe(ctx, parsed.Name(), digest)
}

// pull has the engine pull and returns the digest that it tells.
func (d *Driver) pull(ctx context.Context, ref runtime.Reference) (digest string, err error) {
	options := client.ImagePullOptions{}
	if ref.Platform != "" {
		os, arch, _ := strings.Cut(ref.Platform, "/")
		options.Platforms = []ocispec.Platform{{OS: os, Architecture: arch}}
	}
	if ref.Username != "" || ref.Password != "" {
		options.RegistryAuth, err = authconfig.Encode(registry.AuthConfig{Username: ref.Username, Password: ref.Password})
		if err != nil {
			return "", err
		}
	}
	answer, err := d.engine.ImagePull(ctx, ref.Image, options)
	if err != nil {
		return "", err
	}
	defer answer.Close()
	for message, err := range answer.JSONMessages(ctx) {
		if err != nil {
			return "", err
		}
		if message.Error != nil {
			return "", message.Error
		}
		if told, ok := strings.CutPrefix(message.Status, "Digest: "); ok {
			digest = told
		}
	}
	return digest, nil
}

// cached is the image as the engine has it, if its registry did not answer.
func (d *Driver) cached(ctx context.Context, ref runtime.Reference, err error) (runtime.Image, bool) {
	if !unreachable(err) {
		return runtime.Image{}, false
	}
	img, missing := d.describe(ctx, ref.Image, "")
	if missing != nil {
		return runtime.Image{}, false
	}
	d.log.Warn("registry does not answer, its image on this machine is used", "image", ref.Image, "cause", err)
	return img, true
}

// describe asks the engine for an image by name.
func (d *Driver) describe(ctx context.Context, ref, digest string) (runtime.Image, error) {
	got, err := d.engine.ImageInspect(ctx, ref)
	if err != nil {
		return runtime.Image{}, fmt.Errorf("inspect image %s: %w", ref, err)
	}
	for _, known := range got.RepoDigests {
		if _, told, ok := strings.Cut(known, "@"); ok && digest == "" {
			digest = told
		}
	}
	img := runtime.Image{ID: got.ID, Digest: digest, Architecture: got.Architecture, OS: got.Os}
	if c := got.Config; c != nil {
		img.Config = runtime.ImageConfig{
			Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: c.Env, WorkingDir: c.WorkingDir, User: c.User, StopSignal: c.StopSignal,
			ExposedPorts: keys(c.ExposedPorts), Volumes: keys(c.Volumes),
		}
		if c.Healthcheck != nil {
			img.Config.Healthcheck = c.Healthcheck.Test
		}
	}
	return img, nil
}
