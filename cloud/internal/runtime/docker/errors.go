package docker

import (
	"fmt"
	"strings"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// says is the engine's own text of an error, in one line.
func says(err error) string {
	text := strings.TrimPrefix(err.Error(), "Error response from daemon: ")
	return strings.Join(strings.Fields(text), " ")
}

// createError tells a container that has nothing to run from one that could not be made.
func createError(spec runtime.ContainerSpec, err error) error {
	if strings.Contains(strings.ToLower(err.Error()), "no command specified") {
		return &runtime.StartError{Reason: "no command specified: neither the image nor the container names a program", Err: err}
	}
	return fmt.Errorf("create container %s: %s", spec.Name, says(err))
}

// startError is why the engine did not start a container.
func startError(err error) error {
	return &runtime.StartError{Reason: says(err), Err: err}
}

// missing are texts by which registries and engines say that an image is not there.
var missing = []string{
	"manifest unknown", "name unknown", "not found", "repository does not exist", "no such image", "no matching manifest",
}

// pullError gives errors for images that do not exist their identity.
func pullError(ref string, err error) error {
	text := strings.ToLower(err.Error())
	for _, m := range missing {
		if strings.Contains(text, m) {
			return fmt.Errorf("pull %s: %s: %w", ref, says(err), runtime.ErrNoImage)
		}
	}
	if cerrdefs.IsNotFound(err) {
		return fmt.Errorf("pull %s: %s: %w", ref, says(err), runtime.ErrNoImage)
	}
	if strings.Contains(text, "denied: ") || strings.Contains(text, "unauthorized") {
		return fmt.Errorf("pull %s: %s: %w", ref, says(err), runtime.ErrDenied)
	}
	return fmt.Errorf("pull %s: %w", ref, err)
}

// unreachable tells whether a pull failed because the registry did not answer.
func unreachable(err error) bool {
	text := err.Error()
	for _, sign := range []string{"dial tcp", "no such host", "connection refused", "i/o timeout", "Client.Timeout", "network is unreachable"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// notRunning tells whether a container refused a signal because it has exited.
func notRunning(err error) bool {
	return cerrdefs.IsConflict(err) || strings.Contains(err.Error(), "is not running")
}

// beingRemoved tells whether somebody else removes a container at the same time.
func beingRemoved(err error) bool {
	return err != nil && strings.Contains(err.Error(), "is already in progress")
}
