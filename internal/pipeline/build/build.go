// Package build is the stage that makes the image, named after the commit.
package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/image"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// Stage builds the image.
type Stage struct{}

func (Stage) String() string { return "build" }

// Skip tells that the image is known already, in a run that is picked up again.
func (Stage) Skip(r *run.Run) string {
	if r.Facts.Digest != "" {
		return r.Facts.Image + " was pushed already"
	}
	return ""
}

// Check makes sure that there is something to build.
func (Stage) Check(_ context.Context, r *run.Run) error {
	file := at(r, r.Config.Image.Dockerfile)
	if _, err := os.Stat(file); err != nil {
		return fault.New(fault.Usage, "set image.dockerfile in turnout.yml, or deploy a pushed image with `turnout deploy --image`", "no Dockerfile at %s", file)
	}
	return nil
}

// at is a path of the configuration, in the run's source.
func at(r *run.Run, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(source(r), path)
}

// source is the folder that the configuration's paths are relative to in this run.
func source(r *run.Run) string {
	if r.Options.Source != "" {
		return r.Options.Source
	}
	return r.Config.Dir
}

// Run prepares, names and builds.
func (Stage) Run(ctx context.Context, r *run.Run) (string, error) {
	c := r.Config.Image
	folder := at(r, c.Context)
	version, err := image.VersionOf(ctx, folder)
	if err != nil {
		return "", err
	}
	r.Facts.Commit, r.Facts.Tag = version.Commit, version.Tag
	if err := prepare(ctx, folder, c.Prepare); err != nil {
		return "", err
	}
	args := map[string]string{"TURNOUT_TAG": version.Tag}
	for k, v := range c.Args {
		args[k] = v
	}
	platform, err := platform(r)
	if err != nil {
		return "", err
	}
	built, err := image.Build(ctx, image.BuildOptions{
		Context: folder, Dockerfile: at(r, c.Dockerfile), Target: c.Target,
		Platform: platform, Args: args, Builder: c.Builder, Epoch: version.Time,
	})
	if errors.Is(err, image.ErrInput) {
		return "", &fault.Error{Code: fault.Usage, Err: err}
	}
	if err != nil {
		return "", err
	}
	r.Built, r.Facts.Builder = built, built.Builder
	r.Cleanup(built.Close)
	return fmt.Sprintf("%s:%s for %s by the %s builder", c.Repository, version.Tag, built.Platform, built.Builder), nil
}

// platform is the configured one, else the task definition's, else this machine's.
func platform(r *run.Run) (string, error) {
	if p := r.Config.Image.Platform; p != "" {
		return p, nil
	}
	td, err := taskdef.Read(r.Config.Path(r.Config.TaskDef))
	if err != nil {
		return "", err
	}
	def, err := td.Definition()
	if err != nil || def.RuntimePlatform == nil {
		return "", err
	}
	switch def.RuntimePlatform.CpuArchitecture {
	case ecstypes.CPUArchitectureArm64:
		return "linux/arm64", nil
	case ecstypes.CPUArchitectureX8664:
		return "linux/amd64", nil
	}
	return "", nil
}

// prepare runs the command that makes what the Dockerfile copies.
func prepare(ctx context.Context, dir string, argv []string) error {
	if len(argv) == 0 {
		return nil
	}
	tmp, err := os.MkdirTemp("", "turnout-prepare-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }() // what an interrupted command left is not ours to judge
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it may have things to clean up
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fault.New(fault.Usage, "run it by hand in "+dir, "image.prepare: %s: %w\n%s", strings.Join(argv, " "), err, strings.TrimSpace(out.String()))
	}
	return nil
}
