package docker

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

const (
	// launchTime is how long a container may take from the engine's "started" to its
	// program's first instruction, before it is taken for started.
	launchTime = time.Second
	// riddleTime is how soon a container must have exited for its last words to be the
	// engine's and not its program's.
	riddleTime = 5 * time.Second
	badFormat  = "exec format error"
)

// launched finds out whether a started container's program really runs. Engines say
// "started" before they execute it, and if the kernel then refuses the file, only the
// log tells. Where the engine's processes cannot be seen, the exit will say it.
func (p *process) launched(ctx context.Context) error {
	if !p.local {
		return nil
	}
	got, err := p.engine.ContainerInspect(ctx, p.id, client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("inspect container %s: %w", p.id, err)
	}
	for end := time.Now().Add(launchTime); got.Container.State.Pid > 0 && time.Now().Before(end); {
		program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", got.Container.State.Pid))
		if os.IsPermission(err) || (err == nil && !strings.Contains(program, "runc")) {
			return nil
		}
		if err != nil {
			break // gone
		}
		time.Sleep(time.Millisecond)
	}
	select {
	case <-p.done:
	case <-time.After(launchTime):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if strings.HasSuffix(p.exit.Error, badFormat) {
		return &runtime.StartError{Reason: p.exit.Error}
	}
	return nil
}

// lastWords returns the engine's complaint about the program's file, if that is all that
// the container wrote.
func (p *process) lastWords() string {
	if p.exit.Code == 0 || time.Since(p.started) > riddleTime {
		return ""
	}
	f, err := os.Open(p.log)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // only read
	text, err := io.ReadAll(io.NewSectionReader(f, p.logFrom, 4096))
	line := strings.TrimSpace(string(text))
	if err != nil || !strings.HasSuffix(line, badFormat) || strings.Contains(line, "\n") {
		return ""
	}
	return line
}
