// Package fault is how errors reach a user: what is wrong, the next step, and the exit
// code. Exit codes are part of the program's interface; docs/exit-codes.md lists them.
package fault

import (
	"context"
	"errors"
	"fmt"

	"github.com/turnoutdev/turnout/internal/document"
)

// The exit codes.
const (
	Failed      = 1   // something went wrong that has no code of its own
	Usage       = 2   // bad options or bad input; nothing was changed
	Deployment  = 3   // the deployment failed; traffic stands where it stood, or is named
	RolledBack  = 4   // the deployment failed and the rollback completed
	Stopped     = 5   // the deployment was stopped
	TimedOut    = 6   // the deadline passed; the deployment goes on without us
	Dropped     = 7   // a rehearsal lost requests or a drill ended otherwise than it should
	Interrupted = 130 // Ctrl-C
)

// Error is an error with an exit code and a next step. Its text is Err's.
type Error struct {
	Code int
	Hint string
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// New makes an Error; format may wrap with %w.
func New(code int, hint, format string, args ...any) *Error {
	return &Error{Code: code, Hint: hint, Err: fmt.Errorf(format, args...)}
}

// Code is the exit code for err: 0 for nil, Usage for faults in documents.
func Code(err error) int {
	var own *Error
	var doc *document.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &own):
		return own.Code
	case errors.As(err, &doc):
		return Usage
	case errors.Is(err, context.Canceled):
		return Interrupted
	}
	return Failed
}

// Hint is the next step that err carries, or "".
func Hint(err error) string {
	var own *Error
	if errors.As(err, &own) && own.Hint != "" {
		return own.Hint
	}
	var doc *document.Error
	if errors.As(err, &doc) {
		return doc.Hint
	}
	return ""
}
