package balancer

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

const (
	preface   = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	continues = "HTTP/1.1 100 Continue\r\n\r\n"
)

// serveHTTP1 serves the requests of one connection, one after the other.
func (l *listener) serveHTTP1(nc net.Conn) {
	c, ok := l.admit(nc)
	if !ok {
		return
	}
	for c.waitRequest() {
		if !l.refusesHTTP2() && c.speaksHTTP2() {
			c.forget()
			l.handOver(&replayed{nc, bytes.Clone(c.ahead())})
			return
		}
		if !c.serve() {
			break
		}
	}
	c.leave()
}

func (l *listener) refusesHTTP2() bool {
	r := l.b.table.Load().routes[l]
	return r != nil && r.http.NoHTTP2
}

// waitRequest waits for the first bytes of a request.
func (c *client) waitRequest() bool {
	c.phase.Store(idle)
	if c.l.clients.closed.Load() {
		return false
	}
	for c.skipEmptyLines(); len(c.ahead()) == 0; c.skipEmptyLines() {
		after := defaultIdle
		if r := c.l.b.table.Load().routes[c.l]; r != nil {
			after = r.idle
		}
		_ = c.SetReadDeadline(time.Now().Add(after))
		if err := c.fill(); err != nil {
			return false
		}
	}
	c.begun = time.Now()
	return c.phase.CompareAndSwap(idle, busy)
}

// skipEmptyLines skips what some clients send after a body.
func (c *client) skipEmptyLines() {
	for bytes.HasPrefix(c.ahead(), []byte("\r\n")) {
		c.skip(2)
	}
}

// speaksHTTP2 reads until it is clear whether the connection begins with HTTP/2's preface.
func (c *client) speaksHTTP2() bool {
	for {
		b := c.ahead()
		if n := min(len(b), len(preface)); string(b[:n]) != preface[:n] {
			return false
		} else if n == len(preface) {
			return true
		}
		_ = c.SetReadDeadline(c.begun.Add(headTimeout))
		if c.fill() != nil {
			return false
		}
	}
}

// serve reads and answers one request and tells whether another one may follow on the
// connection.
func (c *client) serve() (again bool) {
	x := newExchange(c)
	defer x.free()
	if err := c.readRequest(&x.req); err != nil {
		return x.refuse(err)
	}
	x.received = c.headSize
	var q query = relayQuery{&x.req, c.from} // once: each conversion allocates
	x.v = c.l.b.decide(c.l, q)
	if x.v.routes.config.Record {
		x.note()
		defer x.record()
	}
	c.l.counters.requests.Add(1)
	x.logs = c.l.logs()
	if x.logs {
		x.describe(q)
		defer func() { c.l.log(&x.logged, &x.v) }()
	}
	if p := x.stopped(q); p != nil {
		if x.v.target != nil {
			x.v.target.release()
		}
		return x.answer(p)
	}
	if x.v.target == nil {
		return x.answer(x.v.page(q, c.l))
	}
	defer x.v.target.release()
	x.v.target.counters.requests.Add(1)
	if p := x.unfit(); p != nil {
		return x.answer(p)
	}
	if x.v.rewrites != nil && !x.rewrite() {
		return x.answer(errorPage(500))
	}
	return x.forward()
}

// rewrite makes the rule's transforms part of the request.
func (x *exchange) rewrite() (ok bool) {
	host := string(x.req.Host)
	to, ok := x.v.rewrites.rewritten(host, string(x.req.Target))
	if to.host != "" {
		x.req.Host = []byte(to.host + host[len(withoutPort(host)):])
	}
	if to.target != "" {
		x.req.Target = []byte(to.target)
	}
	if x.entry != nil {
		x.entry.NewHost, x.entry.NewPath = to.host, to.target
	}
	return ok
}

// stopped is the answer to requests that get nowhere: unsafe ones, and those that a gate
// does not let pass.
func (x *exchange) stopped(q query) (p *page) {
	switch {
	case x.unsafe():
		return errorPage(400)
	case x.v.gate != nil:
		p, x.tell = x.v.admit(x.c.l.b.ctx, q)
	}
	return p
}

// unsafe reports whether the listener's desync mitigation refuses the request. One that is
// ambiguous passes by default, and no connection is used again after it.
func (x *exchange) unsafe() bool {
	mode := x.v.routes.http.Desync
	if mode == "monitor" {
		return false
	}
	x.doubtful = x.req.Ambiguous() != ""
	return mode == "strictest" && (x.doubtful || x.req.Irregular() != "")
}

// readRequest reads a request's head.
func (c *client) readRequest(r *h1.Request) error {
	for {
		head, err := c.head(h1.MaxRequestHead)
		if err != nil {
			return err
		}
		if head != nil {
			c.skip(len(head))
			c.headSize = int64(len(head))
			return r.Parse(head)
		}
		_ = c.SetReadDeadline(c.begun.Add(headTimeout))
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// refuse answers a request that could not be read.
func (x *exchange) refuse(err error) bool {
	x.err = err
	var malformed *h1.Error
	switch {
	case errors.As(err, &malformed):
		if x.entry == nil && x.v.routes == nil && x.noteMalformed() {
			defer x.record()
		}
		x.answerAndEnd(errorPage(malformed.Status))
	case errors.Is(err, os.ErrDeadlineExceeded):
		x.answerAndEnd(errorPage(408))
	case !errors.Is(err, io.EOF):
		x.c.l.b.opts.Log.Debug("read request", "listener", x.c.l.id, "error", err)
	}
	return false
}

// unfit is the answer to requests that are not passed on.
func (x *exchange) unfit() *page {
	switch {
	case string(x.req.Method) == "TRACE":
		return errorPage(405)
	case !x.v.rotation.config.http1():
		return errorPage(464)
	}
	n := 0
	for _, f := range x.req.Fields {
		if f.Kind == h1.ForwardedFor {
			n += bytes.Count(f.Value, []byte{','}) + 1
		}
	}
	if n > maxForwarded {
		return errorPage(463)
	}
	return nil
}
