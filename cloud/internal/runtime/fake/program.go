package fake

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Image is what a reference stands for.
type Image struct {
	Digest       string // "" for one made of the reference
	Architecture string // "" for amd64
	Config       runtime.ImageConfig
	PullDelay    time.Duration
	PullError    error // instead of an image; runtime.ErrNoImage for one that does not exist
	Program      Program
}

// Program is what a container does. The zero value waits for SIGTERM and exits with 0.
type Program struct {
	StartDelay time.Duration
	StartError error // instead of a container

	// Handlers serve HTTP by port, ReadyAfter the start, until the exit. Port 0 stands for
	// all ports of the sandbox.
	Handlers   map[uint16]http.Handler
	ReadyAfter time.Duration

	Output []string // lines that it writes when it starts

	// Ends makes it exit by itself with Code, after the time given.
	Ends  bool
	After time.Duration
	Code  int
	OOM   bool // and say that the kernel killed it for want of memory

	// On SIGTERM it exits with TermCode after TermDelay, serving meanwhile; or not at all.
	IgnoresTerm bool
	TermDelay   time.Duration
	TermCode    int

	CPU    float64 // how many CPUs it keeps busy
	Memory int64   // bytes that it holds

	// Exec answers programs run inside, health checks among them; nil lets all succeed.
	Exec func(ctx context.Context, spec runtime.ExecSpec) (int, error)
}

// Serving is a program that answers all requests on all ports with text.
func Serving(text string) Program {
	return Program{Handlers: map[uint16]http.Handler{0: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, text) // the client may be gone
	})}}
}

// Exiting is a program that ends by itself.
func Exiting(after time.Duration, code int) Program {
	return Program{Ends: true, After: after, Code: code}
}

// Results is an Exec that gives codes in turn, the last for ever, each after the time
// given.
func Results(takes time.Duration, codes ...int) func(context.Context, runtime.ExecSpec) (int, error) {
	next := make(chan int, 1)
	next <- 0
	return func(ctx context.Context, _ runtime.ExecSpec) (int, error) {
		i := <-next
		next <- min(i+1, len(codes)-1)
		return codes[i], sleep(ctx, takes)
	}
}

// sleep waits, or returns why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// names are those under which an image may be configured: the reference, without its
// registry, and without its tag or digest.
func names(ref string) []string {
	all := []string{ref}
	if host, rest, ok := strings.Cut(ref, "/"); ok && strings.ContainsAny(host, ".:") {
		all = append(all, rest)
	}
	last := all[len(all)-1]
	last, _, _ = strings.Cut(last, "@")
	if i := strings.LastIndex(last, ":"); i > strings.LastIndex(last, "/") {
		last = last[:i]
	}
	return append(all, last)
}
