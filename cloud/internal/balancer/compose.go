package balancer

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

// composeRequest writes the head that the target gets. Host and framing are written anew,
// fields of the client's connection stay behind.
func (x *exchange) composeRequest() {
	r := &x.req
	o := append(x.out[:0], r.Method...)
	o = append(o, ' ')
	o = append(o, r.Target...)
	o = append(o, " HTTP/1.1\r\nHost: "...)
	o = x.appendHost(o)
	o, trace := x.appendClient(o)
	o = appendField(o, "\r\nX-Forwarded-Proto: ", x.v.routes.scheme)
	o = appendField(o, "\r\nX-Forwarded-Port: ", x.v.routes.port)
	o = append(o, "\r\nX-Amzn-Trace-Id: "...)
	at := len(o)
	o = appendTrace(o, trace)
	if x.entry != nil {
		x.entry.Trace = string(o[at:])
	}
	o = append(o, "\r\n"...)
	picky := x.v.routes.edits != nil || x.v.gate != nil
	for _, f := range r.Fields {
		if x.passesOn(f) && (!picky || x.lets(f)) {
			o = appendLine(o, f)
		}
	}
	for _, h := range x.tell {
		o = appendField(appendField(appendField(o, h.Name, ": "), h.Value, "\r\n"), "", "")
	}
	if r.Length == h1.Chunked {
		o = append(o, "Transfer-Encoding: chunked\r\n"...)
	}
	if r.Upgrade {
		o = append(o, "Connection: Upgrade\r\n"...)
	}
	x.out = append(o, "\r\n"...)
}

// appendHost appends the value of Host.
func (x *exchange) appendHost(o []byte) []byte {
	host, port := x.req.Host, []byte(nil)
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && host[len(host)-1] != ']' {
		host, port = host[:i], host[i:]
	}
	switch r := x.v.routes; {
	case len(x.req.Host) == 0:
		return x.v.target.addr.AppendTo(o)
	case r.http.PreserveHost || len(port) > 1 && r.hostPort != nil:
		return append(o, x.req.Host...)
	default:
		return append(append(o, host...), r.hostPort...)
	}
}

// appendClient appends where the request comes from, and returns the trace id that it came
// with.
func (x *exchange) appendClient(o []byte) (out, trace []byte) {
	plain := x.v.routes.edits == nil
	if plain {
		o = append(o, "\r\nX-Forwarded-For: "...)
	}
	for _, f := range x.req.Fields {
		switch f.Kind {
		case h1.ForwardedFor:
			if plain {
				o = append(o, f.Value...)
				o = append(o, ", "...)
			}
		case h1.TraceID:
			trace = f.Value
		}
	}
	if plain {
		return x.c.from.AppendTo(o), trace
	}
	return x.appendEdited(o), trace
}

// appendEdited appends the fields that are as the listener's settings say, each with the
// end of the line before.
func (x *exchange) appendEdited(o []byte) []byte {
	e := x.v.routes.edits
	var came []string
	for _, f := range x.req.Fields {
		if f.Kind == h1.ForwardedFor {
			came = append(came, string(f.Value))
		}
	}
	if v := e.forwarded(strings.Join(came, ", "), netip.AddrPortFrom(x.c.from, x.c.port)); v != "" {
		o = appendField(o, "\r\nX-Forwarded-For: ", v)
	}
	if x.c.told != e {
		x.c.told, x.c.tells = e, nil
		if tc, ok := x.c.Conn.(*tls.Conn); ok {
			s := tc.ConnectionState()
			for _, h := range e.tell(&s) {
				x.c.tells = append(append(append(append(x.c.tells, "\r\n"...), h.Name...), ": "...), h.Value...)
			}
		}
	}
	return append(o, x.c.tells...)
}

// passesOn tells whether the target gets a field of the request as it is.
func (x *exchange) passesOn(f h1.Field) bool {
	switch f.Kind {
	case h1.Other, h1.Cookie, h1.SetCookie:
		return !named(x.req.Options, f.Name)
	case h1.ContentLength:
		return true
	case h1.Trailer:
		return x.req.Length == h1.Chunked
	case h1.Upgrade:
		return x.req.Upgrade
	}
	return false
}

// lets tells whether the listener's settings and the rule's gate let a field through.
func (x *exchange) lets(f h1.Field) bool {
	e := x.v.routes.edits
	framing := f.Kind != h1.Other && f.Kind != h1.Cookie && f.Kind != h1.SetCookie
	return framing || (e == nil || !e.drops(f.Name)) && !x.v.forged(f.Name)
}

func named(options [][]byte, name []byte) bool {
	for _, o := range options {
		if h1.EqualFold(o, name) {
			return true
		}
	}
	return false
}

func appendField(o []byte, name, value string) []byte { return append(append(o, name...), value...) }

func appendLine(o []byte, f h1.Field) []byte {
	o = append(o, f.Name...)
	o = append(o, ": "...)
	o = append(o, f.Value...)
	return append(o, "\r\n"...)
}

// composeResponse writes the head that the client gets.
func (x *exchange) composeResponse(minor byte) {
	o := x.appendStatus(x.out[:0])
	bodiless := x.head || x.res.Status == http.StatusNotModified
	for _, f := range x.res.Fields {
		switch f.Kind {
		case h1.Connection, h1.TransferEncoding, h1.Hop, h1.Upgrade:
		case h1.ContentLength:
			if x.res.Length >= 0 && x.res.Status != http.StatusNoContent || bodiless {
				o = appendLine(o, f)
			}
		case h1.Trailer:
			if x.res.Length == h1.Chunked && minor == 1 {
				o = appendLine(o, f)
			}
		default:
			if !x.replaces(f) && !named(x.res.Options, f.Name) {
				o = appendLine(o, f)
			}
		}
	}
	o = x.appendOwn(o)
	if x.res.Length < 0 && minor == 1 {
		o = append(o, "Transfer-Encoding: chunked\r\n"...)
	}
	if x.again {
		o = append(o, "Connection: keep-alive\r\n\r\n"...)
	} else {
		o = append(o, "Connection: close\r\n\r\n"...)
	}
	x.out = o
}

func (x *exchange) appendStatus(o []byte) []byte {
	o = append(o, "HTTP/1.1 "...)
	o = strconv.AppendInt(o, int64(x.res.Status), 10)
	o = append(o, ' ')
	o = append(o, x.res.Reason...)
	return append(o, "\r\n"...)
}

// replaces tells whether the load balancer has its own say about a response's field.
func (x *exchange) replaces(f h1.Field) bool {
	name := x.c.l.b.opts.GroupHeader
	e := x.v.routes.edits
	return name != "" && h1.EqualFold(f.Name, name) || e != nil && e.sets(f.Name)
}

// appendOwn appends the fields that the load balancer adds to a target's response.
func (x *exchange) appendOwn(o []byte) []byte {
	if name := x.c.l.b.opts.GroupHeader; name != "" {
		o = appendField(o, name, ": ")
		o = appendField(o, x.v.rotation.config.Name, "\r\n")
	}
	if e := x.v.routes.edits; e != nil {
		o = append(o, e.lines...)
	}
	if !x.v.sticks() {
		return o
	}
	var set []string
	for _, f := range x.res.Fields {
		if f.Kind == h1.SetCookie {
			set = append(set, string(f.Value))
		}
	}
	for _, c := range x.v.cookies(set) {
		o = appendField(appendField(o, "Set-Cookie: ", c), "\r\n", "")
	}
	return o
}

// inform passes on an informational response. The load balancer itself says 100 Continue.
func (x *exchange) inform() error {
	if x.res.Status == http.StatusContinue {
		return nil
	}
	o := x.appendStatus(nil)
	for _, f := range x.res.Fields {
		if f.Kind == h1.Other {
			o = appendLine(o, f)
		}
	}
	_ = x.c.SetWriteDeadline(time.Now().Add(x.clock.idle))
	_, err := x.c.Write(append(o, "\r\n"...))
	return err
}

// now is the time as fields tell it.
func now() string { return time.Now().UTC().Format(http.TimeFormat) }

// answer sends an answer of the load balancer's own and tells whether the connection goes
// on: not when a body is still to come.
func (x *exchange) answer(p *page) (again bool) {
	return x.sendPage(p, !p.end && !x.req.Close && x.bodySkipped() && !x.ends())
}

// ends tells whether the client's connection ends with this exchange whatever it wants.
func (x *exchange) ends() bool {
	return x.doubtful || x.c.l.clients.closed.Load() || x.v.routes != nil && aged(x.c.since, x.c.begun, x.v.routes.keepAlive)
}

// answerAndEnd sends an answer and ends the connection.
func (x *exchange) answerAndEnd(p *page) { x.sendPage(p, false) }

// bodySkipped skips the request's body if it has arrived.
func (x *exchange) bodySkipped() bool {
	if x.whole {
		return true
	}
	if x.clock != nil || x.req.Length < 0 || int64(len(x.c.ahead())) < x.req.Length {
		return false
	}
	x.c.skip(int(x.req.Length))
	return true
}

// edits are those of the listener, also when the request could not be read.
func (x *exchange) edits() *edits {
	r := x.v.routes
	if r == nil {
		r = x.c.l.b.table.Load().routes[x.c.l]
	}
	if r == nil {
		return nil
	}
	return r.edits
}

func (x *exchange) sendPage(p *page, again bool) bool {
	x.status = p.status
	x.c.l.counters.answered(p.status)
	o := bytes.NewBuffer(x.out[:0])
	x.writeHead(o, p, again)
	if p.status != http.StatusNoContent && !x.head && string(x.req.Method) != http.MethodHead {
		_, _ = io.WriteString(o, p.body)
	}
	_ = x.c.SetWriteDeadline(time.Now().Add(defaultIdle))
	if x.entry != nil {
		x.entry.Location = p.location
	}
	n, err := x.c.Write(o.Bytes())
	if x.given += int64(n); err != nil {
		return false
	}
	if !again {
		x.c.linger()
	}
	return again
}

// writeHead writes an answer up to its body.
func (x *exchange) writeHead(o *bytes.Buffer, p *page, again bool) {
	line := func(s ...string) {
		for _, s := range s {
			o.WriteString(s)
		}
		o.WriteString("\r\n")
	}
	line("HTTP/1.1 ", strconv.Itoa(p.status), " ", reason(p.status))
	e := x.edits()
	if e == nil || !e.hideServer {
		line("Server: " + serverName)
	}
	if e != nil {
		o.Write(e.lines)
	}
	line("Date: ", now())
	if p.contentType != "" {
		line("Content-Type: ", p.contentType)
	}
	if p.status != http.StatusNoContent {
		line("Content-Length: ", strconv.Itoa(len(p.body)))
	}
	if again {
		line("Connection: keep-alive")
	} else {
		line("Connection: close")
	}
	if p.location != "" {
		line("Location: ", p.location)
	}
	for _, h := range p.header {
		line(h.Name, ": ", h.Value)
	}
	line()
}
