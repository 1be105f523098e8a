package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// builder is one way of building.
type builder interface {
	build(ctx context.Context, o BuildOptions) (*Built, error)
}

// tool is a builder that is a program of its own.
type tool struct {
	name  string
	ready []string                                  // its arguments that succeed when it can build
	argv  func(o BuildOptions, tag string) []string // builds and tags
	save  func(tag, file string) []string           // writes a docker archive
	clean func(tag string) []string                 // removes the tag
}

// tools in the order in which they are tried.
var tools = []tool{
	{
		name: "docker", ready: []string{"version", "--format", "{{.Server.Version}}"},
		argv: func(o BuildOptions, tag string) []string {
			return append([]string{"build", "--tag", tag}, common(o)...)
		},
		save:  func(tag, file string) []string { return []string{"save", "--output", file, tag} },
		clean: func(tag string) []string { return []string{"image", "rm", "--no-prune", tag} },
	},
	{
		name: "podman", ready: []string{"info"},
		argv: func(o BuildOptions, tag string) []string {
			return append([]string{"build", "--tag", tag}, common(o)...)
		},
		save: func(tag, file string) []string {
			return []string{"save", "--format", "docker-archive", "--output", file, tag}
		},
		clean: func(tag string) []string { return []string{"untag", tag} },
	},
	{
		name: "buildah", ready: []string{"info"},
		argv: func(o BuildOptions, tag string) []string {
			return append([]string{"build", "--tag", tag}, common(o)...)
		},
		save:  func(tag, file string) []string { return []string{"push", tag, "docker-archive:" + file + ":" + tag} },
		clean: func(tag string) []string { return []string{"rmi", tag} },
	},
}

// common are the arguments that all three programs share. Build arguments are passed by
// name only, their values by environment: argv is for everybody to read.
func common(o BuildOptions) []string {
	args := []string{"--file", o.Dockerfile, "--platform", o.Platform}
	if o.Target != "" {
		args = append(args, "--target", o.Target)
	}
	for _, k := range sortedKeys(o.Args) {
		args = append(args, "--build-arg", k)
	}
	return append(args, o.Context)
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// choose finds the builder by name, or the first that is present and answers.
func choose(ctx context.Context, name string) (builder, error) {
	if name == "builtin" {
		return builtin{}, nil
	}
	for _, t := range tools {
		if name != t.name && name != "auto" && name != "" {
			continue
		}
		why := t.answers(ctx)
		if why == "" {
			return t, nil
		}
		if name == t.name {
			return nil, fmt.Errorf("%w: %s; leave image.builder at auto to use what is here", ErrInput, why)
		}
	}
	if name != "auto" && name != "" {
		return nil, fmt.Errorf("%w: builder %q is unknown; auto, docker, podman, buildah and builtin are known", ErrInput, name)
	}
	return builtin{}, nil
}

// answers tells why the program cannot build, or "".
func (t tool) answers(ctx context.Context) string {
	if _, err := exec.LookPath(t.name); err != nil {
		return t.name + " is not installed"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := exec.CommandContext(ctx, t.name, t.ready...).Run(); err != nil {
		return t.name + " is installed but does not answer"
	}
	return ""
}

func (t tool) build(ctx context.Context, o BuildOptions) (_ *Built, err error) {
	dir, err := os.MkdirTemp("", "turnout-image-")
	if err != nil {
		return nil, err
	}
	tag := "turnout-build/" + strings.TrimPrefix(filepath.Base(dir), "turnout-image-") + ":latest"
	done := func() error {
		_ = exec.CommandContext(context.WithoutCancel(ctx), t.name, t.clean(tag)...).Run() // only a name
		return os.RemoveAll(dir)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, done())
		}
	}()
	var env []string
	for _, k := range sortedKeys(o.Args) {
		env = append(env, k+"="+o.Args[k])
	}
	file := filepath.Join(dir, "image.tar")
	for _, args := range [][]string{t.argv(o, tag), t.save(tag, file)} {
		if err := t.run(ctx, o.Log, env, args); err != nil {
			return nil, err
		}
	}
	c, err := o.openCache(dir)
	if err != nil {
		return nil, err
	}
	img, err := c.load(file)
	if err != nil {
		return nil, fmt.Errorf("read what %s built: %w", t.name, err)
	}
	return &Built{Image: img, Builder: t.name, Close: done}, nil
}

// load reads an archive; its layers are compressed once, and kept for the next time.
func (c *cache) load(file string) (v1.Image, error) {
	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		return nil, err
	}
	return c.recompress(img)
}

// run runs the program; its last lines become the error.
func (t tool) run(ctx context.Context, log io.Writer, env, args []string) error {
	cmd := exec.CommandContext(ctx, t.name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var last tail
	cmd.Stdout = io.MultiWriter(log, &last)
	cmd.Stderr = cmd.Stdout // the same, so that one goroutine writes
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		lines := strings.Split(last.String(), "\n")
		return fmt.Errorf("%w: %s %s: %w\n%s", ErrInput, t.name, args[0], err, strings.Join(lines[max(0, len(lines)-12):], "\n"))
	}
	return nil
}

// tail keeps the last few kilobytes of an output.
type tail struct{ buf []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - 4096; over > 0 {
		t.buf = t.buf[over:]
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.buf)) }
