package balancer

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

// upgrade passes on the target's consent to another protocol, and then bytes.
func (x *exchange) upgrade() bool {
	x.status = x.res.Status
	defer x.dropUpstream()
	x.stopAttending()
	o := x.appendStatus(x.out[:0])
	for _, f := range x.res.Fields {
		if f.Kind == h1.Other || f.Kind == h1.Upgrade || f.Kind == h1.SetCookie {
			o = appendLine(o, f)
		}
	}
	o = x.appendOwn(o)
	o = append(o, "Connection: upgrade\r\n\r\n"...)
	x.out = append(o, x.up.ahead()...)
	x.up.free()
	if err := x.flush(); err != nil {
		x.err = err
		return false
	}
	if ahead := x.c.ahead(); len(ahead) > 0 {
		if _, err := x.up.Write(ahead); err != nil {
			x.err = err
			return false
		}
	}
	x.c.free()
	b := x.c.l.b
	defer context.AfterFunc(b.ctx, func() { x.c.Close(); x.up.raw.Close() })()
	in, out := b.pipe(x.c.Conn, x.up.Conn, x.clock.idle)
	x.received, x.given = x.received+in, x.given+out
	return false
}

// linger ends a connection on which the client may still be sending. It reads on for a
// moment: a reset would destroy the answer that is under way.
func (c *client) linger() {
	closeWrite(c.Conn)
	_ = c.SetReadDeadline(time.Now().Add(lingerTime))
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.LimitReader(c.Conn, lingerBytes), *buf)
}

const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// isEnd tells whether the peer ended the connection in an orderly way.
func isEnd(err error) bool { return errors.Is(err, io.EOF) }

// isClosed tells whether the peer, in whatever way, or this side closed the connection.
func isClosed(err error) bool {
	return isEnd(err) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
