//go:build !linux

package image

import (
	"context"
	"errors"
	"io/fs"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// run needs Linux namespaces.
func (s *stage) run(context.Context, *instructions.RunCommand) error {
	return errors.New("the builtin builder runs commands on Linux only; install docker, podman or buildah")
}

// MaybeRun has nothing to take over here.
func MaybeRun() {}

func chownAs(string, fs.FileInfo) error { return nil }

func capability(string) string { return "" }

func setCapability(string, string) error { return nil }

func diskOwner(fs.FileInfo) owner { return owner{} }
