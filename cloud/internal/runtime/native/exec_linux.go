package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/native/inside"
)

// Exec implements runtime.Container. A program that cannot be executed is told on Stderr
// and by a shell's exit codes, 126 and 127. What it left running may keep its output
// open: outputGrace after its exit no more is read.
func (c *container) Exec(ctx context.Context, spec runtime.ExecSpec) (int, error) {
	code, err := c.exec(ctx, spec)
	if err != nil {
		return 0, fmt.Errorf("exec %s in %s: %w", strings.Join(spec.Argv, " "), c.id, err)
	}
	return code, nil
}

const outputGrace = time.Second

func (c *container) exec(ctx context.Context, spec runtime.ExecSpec) (int, error) {
	if len(spec.Argv) == 0 {
		return 0, errors.New("no command")
	}
	p := c.plan
	p.Argv = spec.Argv
	if spec.Terminal != nil {
		p.Env = append(slices.Clone(p.Env), "TERM=xterm-256color")
	}
	plan, err := memoryFile(p)
	if err != nil {
		return 0, err
	}
	defer plan.Close()
	stdio := &stdio{}
	defer stdio.close()
	files, err := stdio.open(spec)
	if err != nil {
		return 0, err
	}
	id, replies, err := c.link.send(inside.Request{Op: inside.OpExec, Target: c.run, TTY: spec.Terminal != nil}, append([]*os.File{plan}, files...)...)
	stdio.started()
	if err != nil {
		return 0, err
	}
	r, err := c.link.wait(ctx, replies)
	if err != nil && ctx.Err() != nil {
		go func() {
			c.link.kill(id, replies)
			c.link.forget(id)
		}()
		return 0, context.Cause(ctx)
	}
	c.link.forget(id)
	if err != nil && !r.Refused {
		return 0, err
	}
	err = stdio.wait(outputGrace)
	complaints := spec.Stderr
	if spec.Terminal != nil {
		complaints = spec.Stdout
	}
	if r.Refused && complaints != nil && err == nil { // nobody else writes any more
		_, err = fmt.Fprintln(complaints, r.Err)
	}
	return r.Code, err
}

// stdio copies between a program's descriptors and the caller's reader and writers.
type stdio struct {
	theirs  []*os.File
	outputs []*os.File // reading ends
	copies  sync.WaitGroup
	over    chan struct{} // of a terminal with sizes: closed by close
	mu      sync.Mutex
	err     error
}

// open returns the program's three descriptors.
func (s *stdio) open(spec runtime.ExecSpec) ([]*os.File, error) {
	if spec.Terminal != nil {
		return s.terminal(spec)
	}
	in, err := s.input(spec.Stdin)
	if err != nil {
		return nil, err
	}
	out, err := s.output(spec.Stdout)
	if err != nil {
		return nil, err
	}
	errs := out // one writer is not called from two goroutines
	if !same(spec.Stdout, spec.Stderr) {
		if errs, err = s.output(spec.Stderr); err != nil {
			return nil, err
		}
	}
	return []*os.File{in, out, errs}, nil
}

func same(a, b io.Writer) bool {
	return a != nil && b != nil && reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() && a == b
}

func (s *stdio) null() (*os.File, error) {
	f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err == nil {
		s.theirs = append(s.theirs, f)
	}
	return f, err
}

// input copies what r gives until the program no longer reads; it does not wait for r.
func (s *stdio) input(r io.Reader) (*os.File, error) {
	if r == nil {
		return s.null()
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[0]), "stdin")
	s.theirs = append(s.theirs, theirs)
	if err := unix.SetNonblock(fds[1], true); err != nil {
		closeFDs(fds[1:])
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	ours := os.NewFile(uintptr(fds[1]), "stdin")
	go func() {
		_, _ = io.Copy(ours, r) // ends when either side does
		_ = ours.Close()
	}()
	return theirs, nil
}

func (s *stdio) output(w io.Writer) (*os.File, error) {
	if w == nil {
		return s.null()
	}
	ours, theirs, err := outputPipe()
	if err != nil {
		return nil, err
	}
	s.theirs, s.outputs = append(s.theirs, theirs), append(s.outputs, ours)
	s.copies.Go(func() {
		_, err := io.Copy(w, ours)
		s.note(err)
	})
	return theirs, nil
}

// note keeps an error of a copy that is none of an end: a terminal that nobody has open any
// more cannot be read.
func (s *stdio) note(err error) {
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, os.ErrClosed) || errors.Is(err, unix.EIO) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errors.Join(s.err, fmt.Errorf("copy output: %w", err))
}

// started closes what belongs to the program now.
func (s *stdio) started() {
	closeFiles(s.theirs)
	s.theirs = nil
}

// wait returns when all output has been copied, or after grace what was there.
func (s *stdio) wait(grace time.Duration) error {
	for _, f := range s.outputs {
		_ = f.SetReadDeadline(time.Now().Add(grace)) // a pipe always can
	}
	s.copies.Wait()
	return s.err
}

// close ends all copies of output; afterwards the writers are not used any more.
func (s *stdio) close() {
	s.started()
	if s.over != nil {
		close(s.over)
	}
	for _, f := range s.outputs {
		_ = f.Close()
	}
	s.copies.Wait()
}
