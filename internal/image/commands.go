package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// do runs one command.
func (s *stage) do(ctx context.Context, c instructions.Command) error {
	switch c := c.(type) {
	case *instructions.CopyCommand:
		return s.copy(ctx, c)
	case *instructions.AddCommand:
		return s.add(ctx, c)
	case *instructions.RunCommand:
		return s.run(ctx, c)
	case *instructions.WorkdirCommand:
		return s.workdir(c)
	}
	if err := s.configure(c); err != nil {
		return err
	}
	s.remember(fmt.Sprint(c), true)
	return nil
}

// configure runs a command that changes the configuration only.
func (s *stage) configure(c instructions.Command) error {
	switch c := c.(type) {
	case *instructions.EnvCommand:
		return s.setEnv(c)
	case *instructions.ArgCommand:
		return s.arg(c)
	case *instructions.LabelCommand:
		return s.label(c)
	case *instructions.ExposeCommand:
		return s.expose(c)
	case *instructions.VolumeCommand:
		return s.volume(c)
	case *instructions.UserCommand:
		var err error
		s.config.User, err = s.word(c.User)
		return err
	case *instructions.CmdCommand:
		s.config.Cmd, s.config.ArgsEscaped, s.hasCmd = s.line(c.ShellDependantCmdLine), false, true
	case *instructions.EntrypointCommand:
		s.config.Entrypoint = s.line(c.ShellDependantCmdLine)
		if !s.hasCmd {
			s.config.Cmd = nil // as Docker does: an entry point of its own drops the base's CMD
		}
	case *instructions.StopSignalCommand:
		s.config.StopSignal = c.Signal
	case *instructions.ShellCommand:
		s.shell, s.config.Shell = c.Shell, c.Shell
	case *instructions.HealthCheckCommand:
		s.healthcheck(c)
	case *instructions.MaintainerCommand:
		return s.setLabel("maintainer", c.Maintainer)
	default:
		return fmt.Errorf("the builtin builder cannot do this; install docker, podman or buildah, and it builds this file")
	}
	return nil
}

func (s *stage) line(l instructions.ShellDependantCmdLine) []string {
	if l.PrependShell {
		return append(append([]string{}, s.shell...), strings.Join(l.CmdLine, " "))
	}
	return l.CmdLine
}

func (s *stage) setEnv(c *instructions.EnvCommand) error {
	env := s.env() // of before the command: ENV a=1 b=$a does not see the new a
	for _, kv := range c.Env {
		v, _, err := s.d.lex.ProcessWord(kv.Value, env)
		if err != nil {
			return err
		}
		s.config.Env = put(s.config.Env, kv.Key, v)
	}
	return nil
}

// put sets a variable in K=V form.
func put(env []string, k, v string) []string {
	for i := range env {
		if strings.HasPrefix(env[i], k+"=") {
			env[i] = k + "=" + v
			return env
		}
	}
	return append(env, k+"="+v)
}

func (s *stage) arg(c *instructions.ArgCommand) error {
	for _, a := range c.Args {
		given, ok := s.d.Args[a.Key]
		global, isGlobal := s.d.global[a.Key]
		switch {
		case ok:
			s.args[a.Key] = given
		case a.Value != nil:
			v, err := s.word(*a.Value)
			if err != nil {
				return err
			}
			s.args[a.Key] = v
		case isGlobal:
			s.args[a.Key] = global
		}
	}
	return nil
}

func (s *stage) label(c *instructions.LabelCommand) error {
	for _, kv := range c.Labels {
		k, err := s.word(kv.Key)
		if err != nil {
			return err
		}
		v, err := s.word(kv.Value)
		if err != nil {
			return err
		}
		if err := s.setLabel(k, v); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) setLabel(k, v string) error {
	if s.config.Labels == nil {
		s.config.Labels = map[string]string{}
	}
	s.config.Labels[k] = v
	return nil
}

func (s *stage) expose(c *instructions.ExposeCommand) error {
	if s.config.ExposedPorts == nil {
		s.config.ExposedPorts = map[string]struct{}{}
	}
	for _, p := range c.Ports {
		p, err := s.word(p)
		if err != nil {
			return err
		}
		if !strings.Contains(p, "/") {
			p += "/tcp"
		}
		s.config.ExposedPorts[p] = struct{}{}
	}
	return nil
}

func (s *stage) volume(c *instructions.VolumeCommand) error {
	if s.config.Volumes == nil {
		s.config.Volumes = map[string]struct{}{}
	}
	for _, v := range c.Volumes {
		v, err := s.word(v)
		if err != nil {
			return err
		}
		s.config.Volumes[v] = struct{}{}
	}
	return nil
}

func (s *stage) healthcheck(c *instructions.HealthCheckCommand) {
	s.config.Healthcheck = &v1.HealthConfig{
		Test: c.Health.Test, Interval: c.Health.Interval, Timeout: c.Health.Timeout,
		StartPeriod: c.Health.StartPeriod, Retries: c.Health.Retries,
	}
}

// workdir sets the folder and makes it, as Docker does.
func (s *stage) workdir(c *instructions.WorkdirCommand) error {
	p, err := s.word(c.Path)
	if err != nil {
		return err
	}
	s.config.WorkingDir = s.inside(p)
	l, err := newLayer(s)
	if err != nil {
		return err
	}
	defer l.close()
	if _, err := l.folder(s.config.WorkingDir); err != nil {
		return err
	}
	return l.commit(c.String())
}

// epoch is the time of files in layers.
func (d *dockerfile) epoch() time.Time { return d.sourceDate }

// copy takes files from the context, an earlier stage or an image.
func (s *stage) copy(ctx context.Context, c *instructions.CopyCommand) error {
	if c.Parents || len(c.ExcludePatterns) > 0 {
		return errors.New("--parents and --exclude are beyond the builtin builder; install docker, podman or buildah")
	}
	t := transfer{
		from: newTree(s.d.Context), context: true, ignore: s.d.ignore,
		SourcesAndDest: c.SourcesAndDest, chown: c.Chown, chmod: c.Chmod, by: c.String(),
	}
	if c.From != "" {
		name, err := s.word(c.From)
		if err != nil {
			return err
		}
		if t.from, err = s.source(ctx, name); err != nil {
			return err
		}
		t.context, t.ignore = false, &ignore{}
	}
	return s.place(t)
}

// source is the file system that --from names.
func (s *stage) source(ctx context.Context, name string) (*tree, error) {
	if b := s.d.named(name); b != nil && b != s {
		return b.tree, nil
	}
	img, err := s.d.fetch(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("--from=%s: no earlier stage has this name, and as an image: %w", name, err)
	}
	dir, err := os.MkdirTemp(s.d.work, "from-")
	if err != nil {
		return nil, err
	}
	t := newTree(dir)
	return t, t.unpack(img)
}
