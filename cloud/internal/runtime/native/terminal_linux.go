package native

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// openTerminal makes a terminal: our end, which waits without holding a thread, and the
// program's.
func openTerminal() (ours, theirs *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make terminal: %w", err)
	}
	ours = os.NewFile(uintptr(fd), "terminal")
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("make terminal: %w", err), ours.Close())
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return nil, nil, errors.Join(fmt.Errorf("make terminal: %w", errno), ours.Close())
	}
	return ours, os.NewFile(peer, "terminal"), nil
}

// terminal gives the program a terminal for its three descriptors.
func (s *stdio) terminal(spec runtime.ExecSpec) ([]*os.File, error) {
	ours, theirs, err := openTerminal()
	if err != nil {
		return nil, err
	}
	s.theirs, s.outputs = append(s.theirs, theirs), append(s.outputs, ours)
	s.copies.Go(func() {
		_, err := io.Copy(orDiscard(spec.Stdout), ours)
		s.note(err)
	})
	if spec.Stdin != nil {
		go func() { _, _ = io.Copy(ours, spec.Stdin) }() // ends when either side does
	}
	if spec.Terminal.Sizes != nil {
		s.over = make(chan struct{})
		go s.resize(ours, spec.Terminal.Sizes)
	}
	return []*os.File{theirs, theirs, theirs}, nil
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// resize sets the terminal's size whenever it changes, until all is over.
func (s *stdio) resize(ours *os.File, sizes <-chan runtime.Size) {
	raw, err := ours.SyscallConn()
	if err != nil {
		return
	}
	for {
		select {
		case z := <-sizes:
			_ = raw.Control(func(fd uintptr) { // one that is closed has no size
				_ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: z.Rows, Col: z.Cols})
			})
		case <-s.over:
			return
		}
	}
}
