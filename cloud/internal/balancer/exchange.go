package balancer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

// exchange is one request and its response on their way through the relay.
type exchange struct {
	logged
	c     *client
	v     verdict
	req   h1.Request
	res   h1.Response
	up    *upstream
	out   []byte // what is about to be written
	clock *activity
	logs  bool

	whole bool  // the request's body is in out, all of it
	left  int64 // bytes of the request's body to come
	head  bool  // the request's method is HEAD
	again bool  // the client's connection may be used again
	began bool  // the response's head was sent to the client

	doubtful bool // where the request ends others may see differently: no connection is used again

	took            time.Duration // until the response began
	received, given int64         // bytes from and to the client
	entry           *Entry        // nil unless the listener records
	tell            []Header      // to the target, by a gate

	decoder  h1.Decoder // of the request's body
	download h1.Decoder // of the response's
	attend   *attendant
}

var exchanges = sync.Pool{New: func() any { return &exchange{} }}

func newExchange(c *client) *exchange {
	x := exchanges.Get().(*exchange)
	x.c, x.logged.began = c, c.begun
	return x
}

// free keeps the exchange's memory for the next one, unless it has grown large.
func (x *exchange) free() {
	if cap(x.out) > large {
		return
	}
	x.decoder.Reset()
	x.download.Reset()
	*x = exchange{out: x.out[:0], decoder: x.decoder, download: x.download,
		req: h1.Request{Fields: x.req.Fields, Options: x.req.Options},
		res: h1.Response{Fields: x.res.Fields, Options: x.res.Options}}
	exchanges.Put(x)
}

// forward sends the request to its target and the response back.
func (x *exchange) forward() (again bool) {
	x.head = string(x.req.Method) == http.MethodHead
	x.again = !x.req.Close
	repeatable := isIdempotent(x.req.Method)
	upgrade, expect, minor := x.req.Upgrade, x.req.Expect, x.req.Minor
	x.composeRequest()
	if err := x.inlineBody(); err != nil {
		return x.refuse(err)
	}
	// From here on the client's buffer may be used for what comes after the head: the
	// request's slices are not valid any more.
	x.clock = newActivity(x.v.routes.idle)
	if expect && minor == 1 && !x.whole {
		if _, err := io.WriteString(x.c, continues); err != nil {
			return false
		}
	}
	if err := x.send(repeatable); err != nil {
		return x.fail(err)
	}
	if x.res.Status == http.StatusSwitchingProtocols {
		if !upgrade {
			return x.fail(errUnasked)
		}
		return x.upgrade()
	}
	return x.respond(minor)
}

var errUnasked = errors.New("target switches to a protocol that was not asked for")

// isIdempotent knows the methods that may be sent again when it is not known whether a
// target has seen them.
func isIdempotent(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	}
	return false
}

// maxStale is how many idle connections are tried that turn out to be dead.
const maxStale = 2

// send writes the request to the target and reads the response's head. When an idle
// connection turns out to be closed before a byte of response came, the request is sent
// again, if it is all here and the target cannot have acted on it or may do so twice.
func (x *exchange) send(repeatable bool) error {
	for try := 0; ; try++ {
		if err := x.connect(try < maxStale); err != nil {
			return err
		}
		x.sent = time.Now()
		n, err := x.up.Write(x.out)
		unseen := err != nil && n == 0
		if err == nil || !x.up.reused {
			if !x.whole {
				x.startAttending()
			}
			err = x.readResponse()
		}
		if err == nil {
			x.took = time.Since(x.sent)
			x.v.target.counters.answered(x.res.Status, x.took)
			return nil
		}
		stale := x.up.reused && len(x.up.ahead()) == 0 && isClosed(err)
		if !stale || !unseen && !(repeatable && x.whole) || x.attend != nil {
			return err
		}
		x.dropUpstream()
	}
}

// connect takes an idle connection to the target or opens one.
func (x *exchange) connect(reuse bool) (err error) {
	p := &x.v.target.pool
	for reuse {
		u := p.get()
		if u == nil {
			break
		}
		_ = u.SetReadDeadline(time.Now().Add(x.firstWait()))
		if u.alive() {
			x.up = u
			return nil
		}
		p.drop(u.raw)
	}
	if x.up, err = p.dialHTTP1(x.c.l.b.ctx, x.v.rotation.config); err != nil {
		return err
	}
	_ = x.up.SetReadDeadline(time.Now().Add(x.firstWait()))
	return nil
}

// dropUpstream closes the connection to the target.
func (x *exchange) dropUpstream() {
	if x.up != nil {
		x.up.free()
		x.up.p.drop(x.up.raw)
		x.up = nil
	}
}

// readResponse reads up to the head of the final response.
func (x *exchange) readResponse() error {
	method := ""
	if x.head {
		method = http.MethodHead
	}
	x.up.reserve(medium)
	for {
		head, err := x.up.head(h1.MaxResponseHead)
		if err != nil {
			return err
		}
		if head == nil {
			if err := x.fill(); err != nil {
				return err
			}
			continue
		}
		if err := x.res.Parse(head, []byte(method)); err != nil {
			return err
		}
		x.up.skip(len(head))
		if x.res.Status >= 200 || x.res.Status == http.StatusSwitchingProtocols {
			return nil
		}
		if err := x.inform(); err != nil {
			return err
		}
	}
}

// fail answers when there is no response of the target, and closes what is open.
func (x *exchange) fail(err error) bool {
	x.err = err
	x.dropUpstream()
	a := x.stopAttending()
	switch {
	case x.began:
		return false // the client sees that the response breaks off
	case a.gone():
		x.status = statusGone
		x.c.l.counters.answered(statusGone)
		return false
	case a.malformed() != nil:
		return x.refuse(a.malformed())
	case errors.Is(err, errSilent), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return x.answer(errorPage(http.StatusGatewayTimeout))
	}
	return x.answer(errorPage(http.StatusBadGateway))
}
