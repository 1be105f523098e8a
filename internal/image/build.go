package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// BuildOptions say what to build.
type BuildOptions struct {
	Context    string            // folder
	Dockerfile string            // file
	Target     string            // stage, "" for the last
	Platform   string            // "linux/amd64"; "" for this machine's architecture
	Args       map[string]string // build arguments
	Builder    string            // auto, docker, podman, buildah, builtin
	Epoch      time.Time         // when the image says it was made; zero for 1970
	Cache      string            // folder of the builtin builder's layers; "" for the user's cache, "none" for none
	Log        io.Writer         // the builder's own talk, nil for none
}

// Built is a finished image. Close frees what it stands on; push before.
type Built struct {
	Image    v1.Image
	Builder  string
	Platform string
	Close    func() error
}

// ErrInput is matched by errors of the user's own files and options.
var ErrInput = errors.New("cannot build")

// Build builds the image with the builder that was asked for or is at hand.
func Build(ctx context.Context, o BuildOptions) (*Built, error) {
	if o.Platform == "" {
		o.Platform = "linux/" + runtime.GOARCH
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if err := check(o); err != nil {
		return nil, err
	}
	b, err := choose(ctx, o.Builder)
	if err != nil {
		return nil, err
	}
	built, err := b.build(ctx, o)
	if err != nil {
		return nil, err
	}
	built.Platform = o.Platform
	if err := fits(built.Image, o.Platform); err != nil {
		return nil, errors.Join(err, built.Close())
	}
	return built, nil
}

func check(o BuildOptions) error {
	if st, err := os.Stat(o.Context); err != nil || !st.IsDir() {
		return fmt.Errorf("%w: the build context %s is no folder", ErrInput, o.Context)
	}
	if _, err := os.Stat(o.Dockerfile); err != nil {
		return fmt.Errorf("%w: no Dockerfile at %s", ErrInput, filepath.Clean(o.Dockerfile))
	}
	if f := strings.Split(o.Platform, "/"); len(f) < 2 || len(f) > 3 {
		return fmt.Errorf("%w: platform %q, expected such as linux/amd64", ErrInput, o.Platform)
	}
	return nil
}

// fits makes sure that the image is for the platform that was asked for.
func fits(img v1.Image, platform string) error {
	c, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("read the built image: %w", err)
	}
	f := strings.Split(platform, "/")
	if c.OS != f[0] || c.Architecture != f[1] {
		return fmt.Errorf("%w: the image came out for %s/%s, wanted %s", ErrInput, c.OS, c.Architecture, platform)
	}
	return nil
}

// noCache keeps no layer beyond the build.
const noCache = "none"

// openCache opens the layer cache that was asked for. Where the user's own cannot be
// written, layers are kept below work, as long as the build.
func (o BuildOptions) openCache(work string) (*cache, error) {
	if o.Cache != "" && o.Cache != noCache {
		return openCache(o.Cache)
	}
	if user, err := os.UserCacheDir(); err == nil && o.Cache == "" {
		if c, err := openCache(filepath.Join(user, "turnout", "layers")); err == nil {
			return c, nil
		}
	}
	return openCache(filepath.Join(work, "cache"))
}

// sourceDate is the time of files in layers: SOURCE_DATE_EPOCH, or 1970.
func sourceDate() (time.Time, error) {
	v := os.Getenv("SOURCE_DATE_EPOCH")
	if v == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: SOURCE_DATE_EPOCH=%s is no number of seconds", ErrInput, v)
	}
	return time.Unix(n, 0).UTC(), nil
}

// created is when the image says it was made.
func (d *dockerfile) created() time.Time {
	if d.Epoch.IsZero() {
		return d.sourceDate
	}
	return d.Epoch.UTC()
}
