package wire

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
)

// exchange is one request on its way through the server.
type exchange struct {
	srv *Server
	w   http.ResponseWriter
	r   *http.Request
	id  string

	protocol protocol
	codec    operations // the same, for services with Ops
	service  *Service
	op       *Op
	plain    http.Handler // serves instead of a service

	raw  []byte // the body as sent; nil until read
	body []byte // the body decompressed
	form *codec.Form

	payload payload // as the verifier found it
	status  int     // of success, where it is not 200
	failed  *fault  // the answer where it is an error, for the log
}

// protocol is how one of AWS's protocols words errors.
type protocol interface {
	family() Protocol // Query, RestXML, RestJSON or JSON11: how errors are named
	contentType() string
	fail(x *exchange, b []byte, f *fault) []byte // sets headers, appends the body
}

// operations is how a protocol reads inputs and writes outputs.
type operations interface {
	decode(x *exchange, in any) (unknown []string, err error)
	encode(x *exchange, b []byte, out any) ([]byte, error) // sets headers, appends the body
	present(x *exchange, path string) bool
}

func (x *exchange) serve() {
	if x.plain != nil {
		x.plain.ServeHTTP(x.w, x.r)
		return
	}
	ctx, err := x.admit()
	if err != nil {
		x.fail(err)
		return
	}
	if x.service.Handler != nil {
		x.w.Header()["X-Amz-Request-Id"] = []string{x.id}
		x.r = x.r.WithContext(ctx)
		x.openBody()
		x.service.Handler.ServeHTTP(x.w, x.r)
		return
	}
	out, err := x.call(ctx)
	if err != nil {
		x.fail(err)
		return
	}
	x.succeed(out)
}

// admit reads the body, finds out who calls, and returns the context of the call.
func (x *exchange) admit() (context.Context, error) {
	ctx := context.WithValue(x.r.Context(), exchangeKey{}, x)
	if x.service.Handler == nil {
		if err := x.read(); err != nil {
			return nil, err
		}
	}
	if x.srv.opts.Authenticate == nil || x.op != nil && x.service.model().Unsigned(x.op.Name) {
		return identity.With(ctx, identity.Caller{SourceIP: sourceIP(x.r)}), nil
	}
	x.r = x.r.WithContext(ctx)
	caller, err := x.srv.opts.Authenticate(x.r, x.raw)
	if err != nil {
		return nil, err
	}
	caller.SourceIP = sourceIP(x.r)
	return identity.With(ctx, caller), nil
}

// call decodes the request and runs the operation. One that panics has failed as any other
// may: the client is told, and the log has the stack.
func (x *exchange) call(ctx context.Context) (_ any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	in := reflect.New(x.op.in).Interface()
	unknown, err := x.codec.decode(x, in)
	if err != nil {
		return nil, err
	}
	if len(unknown) > 0 {
		x.report(unknown)
	}
	return x.srv.calls[x.op](ctx, in)
}

// report tells about members that the SDK's types do not have: the caller may be newer
// than we are, or mistaken; either way they had no effect.
func (x *exchange) report(unknown []string) {
	x.w.Header()["X-Turnout-Unknown-Member"] = unknown
	x.srv.log.Debug("unknown members", "service", x.service.ID, "operation", x.op.Name,
		"members", strings.Join(unknown, " "), "request", x.id)
}

// void reports whether the operation answers with nothing, not even an empty structure.
// The types tell only whether it is empty.
func (x *exchange) void() bool {
	return x.service.model().Void(x.op.Name) && len(x.service.Names.Plan(x.op.out).Fields) == 0
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// maxPooled keeps a rare huge response from staying in memory.
const maxPooled = 1 << 20

func (x *exchange) succeed(out any) {
	buf := buffers.Get().(*[]byte)
	x.status = http.StatusOK
	b, err := x.codec.encode(x, (*buf)[:0], out)
	if err != nil {
		x.fail(err)
		return
	}
	x.write(x.status, b)
	release(buf, b)
}

func release(buf *[]byte, b []byte) {
	if cap(b) <= maxPooled {
		*buf = b[:0]
		buffers.Put(buf)
	}
}

func (x *exchange) fail(err error) {
	if errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	f, ok := x.classify(err)
	x.failed = f
	if !ok {
		x.logFailure(err)
	}
	buf := buffers.Get().(*[]byte)
	b := x.protocol.fail(x, (*buf)[:0], f)
	x.write(f.status, b)
	release(buf, b)
}

func (x *exchange) logFailure(err error) {
	level := slog.LevelError
	if x.r.Context().Err() != nil { // the client went away; what broke by that is no news
		level = slog.LevelDebug
	}
	service, op := x.names()
	x.srv.log.Log(x.r.Context(), level, "internal failure",
		"service", service, "operation", op, "request", x.id, "error", err)
}

func (x *exchange) names() (service, op string) {
	if x.service != nil {
		service = x.service.ID
	}
	if x.op != nil {
		op = x.op.Name
	}
	return service, op
}

// write sends the answer. A client that is gone does not get it; nobody needs to know.
func (x *exchange) write(status int, b []byte) {
	h := x.w.Header()
	if len(b) > 0 && h["Content-Type"] == nil {
		h["Content-Type"] = []string{x.protocol.contentType()}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	h["X-Amzn-Requestid"] = []string{x.id}
	x.w.WriteHeader(status)
	_, _ = x.w.Write(b)
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// requestID returns a random UUID.
func requestID() string {
	var r [16]byte
	_, _ = rand.Read(r[:]) // never fails: crypto/rand ends the process instead
	r[6] = r[6]&0x0f | 0x40
	r[8] = r[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[:8], r[:4])
	for i, at := range [][2]int{{9, 4}, {14, 6}, {19, 8}} {
		s[8+5*i] = '-'
		hex.Encode(s[at[0]:at[0]+4], r[at[1]:at[1]+2])
	}
	s[23] = '-'
	hex.Encode(s[24:], r[10:])
	return string(s[:])
}
