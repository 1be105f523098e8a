//go:build unix

package balancer

import (
	"errors"
	"syscall"
)

// alive tells whether an idle connection can be used: the target has neither closed it
// nor said anything unasked. Connections with TLS are taken for alive, since tickets may
// wait there. The connection's read deadline must lie ahead.
func (u *upstream) alive() bool {
	sc, ok := u.Conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, err := syscall.Read(int(fd), b[:])
		quiet = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && quiet
}
