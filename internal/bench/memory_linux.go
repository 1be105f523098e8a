package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// peak runs a command once and tells its peak resident set in bytes.
//
// Linux counts for a process also what its parent was made of when the program was
// started, which is more than the program itself may need. So a shell starts it, which is
// a megabyte large, and ends; this process takes the orphan in and waits for it.
func (b *bench) peak(ctx context.Context, argv []string) (int64, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("adopt the measured process: %w", err)
	}
	defer func() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) }() // what was set can be unset
	said := filepath.Join(b.dir, "said")
	held, release, err := os.Pipe() // a command that ends before its shell would be the shell's
	if err != nil {
		return 0, err
	}
	defer held.Close()
	defer release.Close()
	const start = `out=$1; shift; (read _ <&3; exec "$@" 3<&-) >"$out" 2>&1 </dev/null & echo $!`
	sh := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", start, "sh", said}, argv...)...)
	sh.Env, sh.ExtraFiles = b.env(), []*os.File{held}
	out, err := sh.Output()
	if err != nil {
		return 0, fmt.Errorf("start it by a shell: %w", err)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(out)))
	if err != nil {
		return 0, fmt.Errorf("start it by a shell: %w", err)
	}
	if err := release.Close(); err != nil { // now it may begin
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	defer stop()
	var status syscall.WaitStatus
	var usage syscall.Rusage
	for {
		_, err = syscall.Wait4(pid, &status, 0, &usage)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return 0, fmt.Errorf("wait for it: %w", err)
	case !status.Exited() || status.ExitStatus() != 0:
		text, _ := os.ReadFile(said)
		return 0, fmt.Errorf("exit status %d\n%s", status.ExitStatus(), bytes.TrimSpace(text))
	}
	return usage.Maxrss << 10, nil
}
