package image

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// stage is one FROM with what its commands have made so far.
type stage struct {
	*tree   // its whole file system
	d       *dockerfile
	name    string
	img     v1.Image
	config  v1.Config
	history []v1.History
	args    map[string]string // ARGs in force
	shell   []string
	hasCmd  bool // the stage itself set CMD
}

func (d *dockerfile) newStage(i int, name string) (*stage, error) {
	s := &stage{d: d, name: name, args: map[string]string{}, shell: []string{"/bin/sh", "-c"}}
	dir, err := os.MkdirTemp(d.work, "stage-"+strconv.Itoa(i)+"-")
	if err != nil {
		return nil, err
	}
	s.tree = newTree(dir)
	return s, os.Chmod(dir, 0o755)
}

// build runs the stage's commands on its base.
func (s *stage) build(ctx context.Context, p *instructions.Stage) error {
	base, _, err := s.d.lex.ProcessWord(p.BaseName, envs(s.d.global))
	if err == nil {
		err = s.from(ctx, base)
	}
	if err != nil {
		line := 0
		if len(p.Location) > 0 {
			line = p.Location[0].Start.Line
		}
		return fmt.Errorf("%w: %s:%d: FROM %s: %w", ErrInput, s.d.Dockerfile, line, base, err)
	}
	for _, c := range p.Commands {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		fmt.Fprintf(s.d.Log, "%s\n", c)
		if err := s.do(ctx, c); err != nil {
			if errors.Is(err, ErrInput) {
				return err
			}
			return s.d.at(c, "%w", err)
		}
	}
	return nil
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// from begins a stage: empty, on an earlier stage, or on an image.
func (s *stage) from(ctx context.Context, base string) error {
	if base == "scratch" {
		s.img = mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
		s.config.Env, s.config.WorkingDir = []string{defaultPath}, "/" // as BuildKit does
		return nil
	}
	if b := s.d.named(base); b != nil {
		s.img, s.config, s.history, s.shell = b.img, *b.config.DeepCopy(), slices.Clone(b.history), b.shell
		return s.copyFrom(b.tree)
	}
	img, err := s.d.fetch(ctx, base)
	if err != nil {
		return err
	}
	c, err := img.ConfigFile()
	if err != nil {
		return err
	}
	s.img, s.config, s.history = img, *c.Config.DeepCopy(), slices.Clone(c.History)
	if len(s.config.Shell) > 0 {
		s.shell = s.config.Shell
	}
	return s.unpack(img)
}

// finish puts the configuration on the stage's layers.
func (s *stage) finish() (v1.Image, error) {
	cf, err := s.img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cf = cf.DeepCopy()
	f := strings.Split(s.d.Platform, "/")
	cf.Config, cf.OS, cf.Architecture, cf.Variant = s.config, f[0], f[1], ""
	if len(f) == 3 {
		cf.Variant = f[2]
	}
	cf.History = s.history
	cf.Created = v1.Time{Time: s.d.created()}
	return mutate.ConfigFile(s.img, cf)
}

// word expands variables in one word.
func (s *stage) word(w string) (string, error) {
	out, _, err := s.d.lex.ProcessWord(w, s.env())
	return out, err
}

// env is what ENV and ARG have set; ENV wins.
func (s *stage) env() shell.EnvGetter {
	m := maps.Clone(s.args)
	for _, kv := range s.config.Env {
		k, v, _ := strings.Cut(kv, "=")
		m[k] = v
	}
	return envs(m)
}

// inside makes a path of the Dockerfile absolute.
func (s *stage) inside(p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join("/", s.config.WorkingDir, p)
}
