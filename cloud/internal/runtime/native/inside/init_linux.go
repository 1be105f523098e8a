package inside

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// beInit stays process 1 of the container: it starts the program, passes signals on to
// it, reaps whatever ends, and ends as the program does. It returns only errors.
//
// Only the calling thread has given up the privileges of the setup, as the kernel keeps
// them per thread; the program is started from it. The others run nothing but this, and
// the process is not dumpable since its credentials changed, so only a container with
// CAP_SYS_PTRACE could get at them. Executing this program anew would do better, but it
// may be linked dynamically, and its loader is not in the image.
func (p *Plan) beInit(path string) error {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	pid, exit, err := newReaper().start(func() (int, error) {
		return syscall.ForkExec(path, p.Argv, &syscall.ProcAttr{
			Env: p.Env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
		})
	})
	if err != nil {
		return notExecuted(path, err)
	}
	_ = unix.Close(statusFile) // tells that all went well
	for {
		select {
		case status := <-exit:
			os.Exit(exitCode(status))
		case s := <-signals:
			// The first is about our children; Go's runtime sends itself the second.
			if sig := s.(syscall.Signal); sig != unix.SIGCHLD && sig != unix.SIGURG {
				_ = unix.Kill(pid, sig) // it may have exited just now
			}
		}
	}
}
