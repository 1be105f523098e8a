//go:build !linux

package native

import (
	"errors"
	goruntime "runtime"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Available tells in one line why the driver cannot work here.
func Available() error {
	return errors.New("the native driver needs Linux namespaces, and this is " + goruntime.GOOS)
}

// New returns Available's error.
func New(Options) (runtime.Driver, error) { return nil, Available() }
