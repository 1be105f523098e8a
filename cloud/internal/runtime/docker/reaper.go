package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// reaperVerb is the hidden first argument of the reaper.
const reaperVerb = "__turnout-docker-reaper"

// reaperTime is how long a reaper tries.
const reaperTime = 2 * time.Minute

// reapable is set once MaybeReaper was called: before that, running this program again
// would not make a reaper of it.
var reapable atomic.Bool

// MaybeReaper turns the process into the reaper if it was started as one, and then does
// not return. Call it at the top of main, and of TestMain.
func MaybeReaper() {
	reapable.Store(true)
	if len(os.Args) == 3 && os.Args[1] == reaperVerb {
		os.Exit(reap(os.Stdin, os.Args[2]))
	}
}

// reap waits for the end of its standard input. A byte before it says that all is tidy;
// else the containers of the process that is gone are removed.
func reap(stdin io.Reader, process string) int {
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGTERM)
	if n, _ := stdin.Read(make([]byte, 1)); n > 0 {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), reaperTime)
	defer cancel()
	if err := reapAll(ctx, process); err != nil {
		return 1
	}
	return 0
}

// reapAll removes until nothing is found twice in a row: the engine may just be making a
// last container that the process asked for.
func reapAll(ctx context.Context, process string) (err error) {
	engine, err := connect()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	for clean := 0; clean < 2; {
		n, err := remove(ctx, engine, labelProcess+"="+process, func(map[string]string) bool { return true })
		if err != nil || n > 0 {
			clean = 0
		} else {
			clean++
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
	return nil
}

// startReaper runs this program again as the reaper. Without one the next Sweep cleans up.
func (d *Driver) startReaper() {
	if !reapable.Load() {
		d.log.Info("containers would outlive a killed process until the next start: this program has no reaper")
		return
	}
	r, err := newReaper(d.process)
	if err != nil {
		d.log.Warn("containers would outlive a killed process until the next start", "cause", err)
		return
	}
	d.reaper = r
}

// reaperHandle is the living end of a reaper's pipe.
type reaperHandle struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func newReaper(process string) (*reaperHandle, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start reaper: %w", err)
	}
	cmd := exec.CommandContext(context.Background(), program, reaperVerb, process)
	cmd.SysProcAttr = ownSession() // a terminal's Ctrl-C is not for it
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start reaper: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start reaper: %w", err), pipe.Close())
	}
	return &reaperHandle{cmd, pipe}, nil
}

// Close tells the reaper that there is nothing to do.
func (r *reaperHandle) Close() error {
	_, err := r.pipe.Write([]byte{1})
	return errors.Join(err, r.pipe.Close(), r.cmd.Wait())
}
