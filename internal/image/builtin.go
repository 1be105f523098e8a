package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// builtin builds without a daemon.
type builtin struct{}

// dockerfile is one build in progress.
type dockerfile struct {
	BuildOptions
	lex    *shell.Lex
	global map[string]string // ARGs before the first FROM
	work   string            // folder of all stages' files
	stages []*stage
	ignore *ignore
}

// stage is one FROM with what its commands have made so far.
type stage struct {
	d      *dockerfile
	name   string
	root   string // its whole file system, laid out
	img    v1.Image
	config v1.Config
	args   map[string]string // ARGs in force
	shell  []string
}

func (builtin) build(ctx context.Context, o BuildOptions) (_ *Built, err error) {
	src, err := os.ReadFile(o.Dockerfile)
	if err != nil {
		return nil, err
	}
	ast, err := parser.Parse(bytes.NewReader(src))
	if err != nil {
		return nil, refuse(o.Dockerfile, err)
	}
	parsed, meta, err := instructions.Parse(ast.AST, nil)
	if err != nil {
		return nil, refuse(o.Dockerfile, err)
	}
	d := &dockerfile{BuildOptions: o, lex: shell.NewLex(ast.EscapeToken), global: map[string]string{}}
	if d.work, err = os.MkdirTemp("", "turnout-build-"); err != nil {
		return nil, err
	}
	done := func() error { return removeAll(d.work) }
	defer func() {
		if err != nil {
			err = errors.Join(err, done())
		}
	}()
	if d.ignore, err = readIgnore(o.Context, o.Dockerfile); err != nil {
		return nil, err
	}
	if err := d.metaArgs(meta); err != nil {
		return nil, err
	}
	for i := range parsed {
		s, err := d.stage(ctx, i, &parsed[i])
		if err != nil {
			return nil, err
		}
		if o.Target != "" && strings.EqualFold(o.Target, s.name) {
			return s.finish(done)
		}
	}
	if o.Target != "" {
		return nil, fmt.Errorf("%w: %s has no stage named %q", ErrInput, o.Dockerfile, o.Target)
	}
	return d.stages[len(d.stages)-1].finish(done)
}

// refuse gives a parser's error the file's name and, when it knows one, the line.
func refuse(file string, err error) error {
	var at *parser.LocationError
	if errors.As(err, &at) && len(at.Locations) > 0 && len(at.Locations[0]) > 0 {
		return fmt.Errorf("%w: %s:%d: %w", ErrInput, file, at.Locations[0][0].Start.Line, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrInput, file, err)
}

// at makes an error at a command.
func (d *dockerfile) at(c instructions.Command, format string, args ...any) error {
	line := 0
	if l := c.Location(); len(l) > 0 {
		line = l[0].Start.Line
	}
	return fmt.Errorf("%w: %s:%d: %s: %w", ErrInput, d.Dockerfile, line, c.Name(), fmt.Errorf(format, args...))
}

// metaArgs takes the ARGs before the first FROM.
func (d *dockerfile) metaArgs(meta []instructions.ArgCommand) error {
	for k, v := range d.platformArgs() {
		d.global[k] = v
	}
	for i := range meta {
		for _, a := range meta[i].Args {
			v := ""
			if a.Value != nil {
				var err error
				if v, _, err = d.lex.ProcessWord(*a.Value, envs(d.global)); err != nil {
					return d.at(&meta[i], "%w", err)
				}
			}
			if given, ok := d.Args[a.Key]; ok {
				v = given
			}
			d.global[a.Key] = v
		}
	}
	return nil
}

// platformArgs are the ARGs that BuildKit predefines.
func (d *dockerfile) platformArgs() map[string]string {
	f := strings.Split(d.Platform, "/")
	return map[string]string{
		"TARGETPLATFORM": d.Platform, "TARGETOS": f[0], "TARGETARCH": f[1],
		"BUILDPLATFORM": d.Platform, "BUILDOS": f[0], "BUILDARCH": f[1],
	}
}

func envs(m map[string]string) shell.EnvGetter {
	var list []string
	for _, k := range sortedKeys(m) {
		list = append(list, k+"="+m[k])
	}
	return shell.EnvsFromSlice(list)
}

// stage runs one FROM with its commands.
func (d *dockerfile) stage(ctx context.Context, i int, p *instructions.Stage) (*stage, error) {
	s := &stage{d: d, name: p.Name, args: map[string]string{}, shell: []string{"/bin/sh", "-c"}}
	var err error
	if s.root, err = os.MkdirTemp(d.work, "stage-"+strconv.Itoa(i)+"-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(s.root, 0o755); err != nil {
		return nil, err
	}
	base, _, err := d.lex.ProcessWord(p.BaseName, envs(d.global))
	if err != nil {
		return nil, err
	}
	if err := s.from(ctx, base); err != nil {
		line := 0
		if len(p.Location) > 0 {
			line = p.Location[0].Start.Line
		}
		return nil, fmt.Errorf("%w: %s:%d: FROM %s: %w", ErrInput, d.Dockerfile, line, base, err)
	}
	d.stages = append(d.stages, s)
	for _, c := range p.Commands {
		fmt.Fprintf(d.Log, "%s\n", c)
		if err := s.do(ctx, c); err != nil {
			if errors.Is(err, ErrInput) {
				return nil, err
			}
			return nil, d.at(c, "%w", err)
		}
	}
	return s, nil
}

// named finds an earlier stage by name or number.
func (d *dockerfile) named(name string) *stage {
	for i, s := range d.stages {
		if (s.name != "" && strings.EqualFold(s.name, name)) || strconv.Itoa(i) == name {
			return s
		}
	}
	return nil
}

// from begins a stage: empty, on an earlier stage, or on an image.
func (s *stage) from(ctx context.Context, base string) error {
	if base == "scratch" {
		s.img = mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
		return nil
	}
	if b := s.d.named(base); b != nil {
		s.img, s.config = b.img, *b.config.DeepCopy()
		return copyAll(b.root, s.root)
	}
	img, err := s.d.fetch(ctx, base)
	if err != nil {
		return err
	}
	c, err := img.ConfigFile()
	if err != nil {
		return err
	}
	s.img, s.config = img, *c.Config.DeepCopy()
	return unpackAll(img, s.root)
}

// finish puts the configuration on the stage's layers.
func (s *stage) finish(done func() error) (*Built, error) {
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
	cf.Created = v1.Time{Time: s.d.epoch()}
	img, err := mutate.ConfigFile(s.img, cf)
	if err != nil {
		return nil, err
	}
	return &Built{Image: img, Builder: "builtin", Close: done}, nil
}

// word expands variables in one word.
func (s *stage) word(w string) (string, error) {
	out, _, err := s.d.lex.ProcessWord(w, s.env())
	return out, err
}

// env is what ENV and ARG have set; ENV wins.
func (s *stage) env() shell.EnvGetter {
	m := map[string]string{}
	for k, v := range s.args {
		m[k] = v
	}
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
