package balancer

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// activity knows when bytes moved last in an exchange, in whichever direction.
type activity struct {
	idle time.Duration // how long nothing may move
	last atomic.Int64  // unix nanoseconds
}

func newActivity(idle time.Duration) *activity {
	a := &activity{idle: idle}
	a.moved()
	return a
}

func (a *activity) moved() { a.last.Store(time.Now().UnixNano()) }

// left is how much longer nothing may move.
func (a *activity) left() time.Duration {
	return a.idle - time.Since(time.Unix(0, a.last.Load()))
}

// errSilent is what ends an exchange in which nothing moved for as long as its idle timeout.
var errSilent = errors.New("nothing was sent for as long as the idle timeout")

// wait is how long to read before looking at the clock. It is less than what is left,
// so that each direction learns in time that the other one moves.
func (a *activity) wait() time.Duration {
	return max(min(a.left(), a.idle/4), time.Millisecond)
}

const splicePiece = 256 << 10 // moved between two looks at the clock

// pass moves n bytes from src to dst, all up to the end if n is negative. What arrives is
// sent on at once. Between two TCP connections the kernel moves it. If stop is not nil, it
// can end the move: see stopper.
func (a *activity) pass(dst, src net.Conn, n int64, stop *stopper) (moved int64, err error) {
	for n < 0 || moved < n {
		piece := int64(splicePiece)
		if n >= 0 {
			piece = min(piece, n-moved)
		}
		now := time.Now()
		writeBy := now.Add(2 * a.idle)
		_ = src.SetReadDeadline(now.Add(a.wait()))
		_ = dst.SetWriteDeadline(writeBy)
		if stop.stopped() {
			return moved, errStopped
		}
		k, err := copyPiece(dst, src, piece)
		moved += k
		if k > 0 {
			a.moved()
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(writeBy):
			// It was the reading that took too long: nothing is lost.
			if a.left() <= 0 {
				return moved, errSilent
			}
		case err != nil:
			return moved, err
		case k < piece:
			if n < 0 {
				return moved, nil
			}
			return moved, io.ErrUnexpectedEOF
		}
	}
	return moved, nil
}

// stopper ends what another goroutine does on a connection. That must set the connection's
// deadline first and then look whether it was stopped.
type stopper struct{ on atomic.Bool }

var errStopped = errors.New("stopped")

func (s *stopper) stopped() bool { return s != nil && s.on.Load() }

// stop ends a pending read of c and the ones to come.
func (s *stopper) stop(c net.Conn) {
	s.on.Store(true)
	_ = c.SetReadDeadline(time.Unix(1, 0))
}

// copyPiece moves up to n bytes. It returns early only at the end of src or with an error.
func copyPiece(dst, src net.Conn, n int64) (int64, error) {
	d, ok := dst.(*net.TCPConn)
	if _, both := src.(*net.TCPConn); ok && both {
		return d.ReadFrom(&io.LimitedReader{R: src, N: n})
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{dst}, io.LimitReader(src, n), *buf)
}
