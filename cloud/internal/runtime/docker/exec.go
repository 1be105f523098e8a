package docker

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Exec implements runtime.Container.
func (p *process) Exec(ctx context.Context, spec runtime.ExecSpec) (int, error) {
	made, err := p.engine.ExecCreate(ctx, p.id, client.ExecCreateOptions{
		Cmd: spec.Argv, AttachStdin: spec.Stdin != nil, AttachStdout: true, AttachStderr: true, TTY: spec.Terminal != nil,
	})
	if err != nil {
		return 0, fmt.Errorf("exec in container %s: %w", p.id, err)
	}
	stream, err := p.engine.ExecAttach(ctx, made.ID, client.ExecAttachOptions{TTY: spec.Terminal != nil})
	if err != nil {
		return 0, fmt.Errorf("exec in container %s: %w", p.id, err)
	}
	defer stream.Close()
	release := context.AfterFunc(ctx, func() {
		p.abandon(made.ID)
		stream.Close()
	})
	defer release()
	if spec.Terminal != nil {
		sized, stop := context.WithCancel(ctx)
		defer stop()
		go p.resize(sized, made.ID, spec.Terminal.Sizes)
	}
	err = p.converse(stream.HijackedResponse, spec)
	if ctx.Err() != nil {
		return 0, fmt.Errorf("exec in container %s: %w", p.id, context.Cause(ctx))
	}
	if err != nil {
		return 0, fmt.Errorf("exec in container %s: %w", p.id, err)
	}
	return p.execCode(ctx, made.ID)
}

// converse passes input and output until the program's output ends.
func (p *process) converse(stream client.HijackedResponse, spec runtime.ExecSpec) error {
	if spec.Stdin != nil {
		go func() {
			// A program need not read its input to the end; what it says and its code count.
			_, _ = io.Copy(stream.Conn, spec.Stdin)
			_ = stream.CloseWrite()
		}()
	}
	if spec.Terminal != nil {
		_, err := io.Copy(orDiscard(spec.Stdout), stream.Reader)
		return err
	}
	_, err := stdcopy.StdCopy(orDiscard(spec.Stdout), orDiscard(spec.Stderr), stream.Reader)
	return err
}

// resize sets the terminal's size whenever it changes, until ctx ends.
func (p *process) resize(ctx context.Context, id string, sizes <-chan runtime.Size) {
	for {
		select {
		case z := <-sizes:
			_, _ = p.engine.ExecResize(ctx, id, client.ExecResizeOptions{Height: uint(z.Rows), Width: uint(z.Cols)}) // a program that has ended has no size
		case <-ctx.Done():
			return
		}
	}
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// execCode is the exit code of a program whose output has ended; the program itself may
// end a moment later.
func (p *process) execCode(ctx context.Context, id string) (int, error) {
	for {
		got, err := p.engine.ExecInspect(ctx, id, client.ExecInspectOptions{})
		if err != nil {
			return 0, fmt.Errorf("exec in container %s: %w", p.id, err)
		}
		if !got.Running {
			return got.ExitCode, nil
		}
		timer := time.NewTimer(10 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return 0, fmt.Errorf("exec in container %s: %w", p.id, context.Cause(ctx))
		}
	}
}

// abandon kills a program that is no longer waited for, where its process can be reached.
func (p *process) abandon(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), engineTimeout)
	defer cancel()
	got, err := p.engine.ExecInspect(ctx, id, client.ExecInspectOptions{})
	if err == nil && got.Running && got.PID > 0 && p.local {
		killPID(got.PID)
	}
}
