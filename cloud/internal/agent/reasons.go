package agent

import (
	"errors"
	"fmt"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Texts that ECS shows for stopped tasks and containers.
const (
	reasonEssential = "Essential container in task exited"
	reasonOOM       = "OutOfMemoryError: Container killed due to memory usage"
	reasonShutdown  = "The local cloud is shutting down"
)

// reasonError is an error with the prefix that ECS shows it under.
type reasonError struct {
	prefix string
	err    error
}

func (e *reasonError) Error() string { return e.prefix + ": " + e.err.Error() }
func (e *reasonError) Unwrap() error { return e.err }

func resourceError(err error) error { return &reasonError{"ResourceInitializationError", err} }
func createError(err error) error   { return &reasonError{"CannotCreateContainerError", err} }

// credentialsError is what Fargate says when it gets no login for an image's registry.
func credentialsError(err error) error {
	return resourceError(fmt.Errorf("unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): %w", err))
}

// pullError names the image as the task definition does; retries is how often the pull
// was tried again.
func pullError(image string, retries int, err error) error {
	what := fmt.Errorf("failed to resolve ref %s: %w", image, err)
	switch {
	case errors.Is(err, runtime.ErrDenied):
		what = fmt.Errorf("pull image manifest has been retried %d time(s): %w", retries, what)
	case !errors.Is(err, runtime.ErrNoImage):
		what = fmt.Errorf("image pull of %s has been retried %d time(s): %w", image, retries, err)
	}
	return &reasonError{"CannotPullContainerError", what}
}

// startError tells a container that was refused from one that could not be made.
func startError(err error) error {
	var refused *runtime.StartError
	if errors.As(err, &refused) {
		return &reasonError{"CannotStartContainerError", refused}
	}
	return createError(err)
}

// exitReason is a stopped container's reason, empty for an ordinary exit.
func exitReason(e runtime.Exit, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case e.OOMKilled:
		return reasonOOM
	case e.Error != "":
		return "ContainerRuntimeError: " + e.Error
	}
	return ""
}
