package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
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
	cache  *cache
	stages []*stage // nil for those that nothing needs
	ignore *ignore

	sourceDate time.Time // of files in layers
}

func (builtin) build(ctx context.Context, o BuildOptions) (_ *Built, err error) {
	p, err := parse(o)
	if err != nil {
		return nil, err
	}
	d := &dockerfile{BuildOptions: o, lex: shell.NewLex(p.escape), global: map[string]string{}}
	if d.sourceDate, err = sourceDate(); err != nil {
		return nil, err
	}
	if d.work, err = os.MkdirTemp("", "turnout-build-"); err != nil {
		return nil, err
	}
	done := func() error { return removeAll(d.work) }
	defer func() {
		if err != nil {
			err = errors.Join(err, done())
		}
	}()
	if d.cache, err = o.openCache(d.work); err != nil {
		return nil, err
	}
	if d.ignore, err = readIgnore(o.Context, o.Dockerfile); err != nil {
		return nil, err
	}
	if err := d.metaArgs(p.meta); err != nil {
		return nil, err
	}
	s, err := d.all(ctx, p)
	if err != nil {
		return nil, err
	}
	img, err := s.finish()
	return &Built{Image: img, Builder: "builtin", Close: done}, err
}

// all builds the stages that the target needs and returns the target.
func (d *dockerfile) all(ctx context.Context, p *plan) (*stage, error) {
	for i := range p.stages[:p.target+1] {
		if !p.needed[i] {
			d.stages = append(d.stages, nil)
			continue
		}
		s, err := d.newStage(i, p.stages[i].Name)
		if err != nil {
			return nil, err
		}
		if err := s.build(ctx, &p.stages[i]); err != nil {
			return nil, err
		}
		d.stages = append(d.stages, s)
	}
	return d.stages[p.target], nil
}

// named finds an earlier stage by name or number.
func (d *dockerfile) named(name string) *stage {
	for i, s := range d.stages {
		if s != nil && ((s.name != "" && strings.EqualFold(s.name, name)) || strconv.Itoa(i) == name) {
			return s
		}
	}
	return nil
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
	f := append(strings.Split(d.Platform, "/"), "")
	return map[string]string{
		"TARGETPLATFORM": d.Platform, "TARGETOS": f[0], "TARGETARCH": f[1], "TARGETVARIANT": f[2],
		"BUILDPLATFORM": d.Platform, "BUILDOS": f[0], "BUILDARCH": f[1], "BUILDVARIANT": f[2],
	}
}

func envs(m map[string]string) shell.EnvGetter {
	var list []string
	for _, k := range sortedKeys(m) {
		list = append(list, k+"="+m[k])
	}
	return shell.EnvsFromSlice(list)
}
