package balancer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// serveHTTP2 serves one request that net/http has read.
func (l *listener) serveHTTP2(w http.ResponseWriter, r *http.Request) {
	l.b.work.Add(1)
	defer l.b.work.Done()
	began := time.Now()
	q := httpQuery{r}
	v := l.b.decide(l, q)
	l.counters.requests.Add(1)
	x := &proxied{l: l, v: v, logged: logged{began: began}}
	if v.routes.config.Record {
		x.note(r)
		defer x.record()
	}
	var stop *page
	if v.gate != nil {
		stop, x.tell = v.admit(r.Context(), q)
	}
	if v.target != nil {
		defer v.target.release()
	}
	switch {
	case stop != nil:
		x.answer(w, r, stop)
	case v.target != nil:
		v.target.counters.requests.Add(1)
		x.pass(w, r)
	default:
		x.answer(w, r, v.page(q, l))
	}
	if l.logs() {
		x.describe(q)
		l.log(&x.logged, &v)
	}
}

// proxied is one request on its way through net/http.
type proxied struct {
	logged
	l    *listener
	v    verdict
	to   rewritten
	tell []Header
	idle *idleTimer

	took            time.Duration
	received, given atomic.Int64
	entry           *Entry // nil unless the listener records
}

type proxiedKey struct{}

func proxiedOf(ctx context.Context) *proxied { return ctx.Value(proxiedKey{}).(*proxied) }

func (x *proxied) pass(w http.ResponseWriter, r *http.Request) {
	if p := x.unfit(r); p != nil {
		x.answer(w, r, p)
		return
	}
	if all := x.v.rewrites; all != nil {
		var ok bool
		if x.to, ok = all.rewritten(r.Host, r.RequestURI); !ok {
			x.answer(w, r, errorPage(http.StatusInternalServerError))
			return
		}
	}
	ctx, cancel := context.WithCancelCause(context.WithValue(r.Context(), proxiedKey{}, x))
	defer cancel(nil)
	x.idle = newIdleTimer(x.v.routes.idle, func() { cancel(errSilent) })
	defer x.idle.stop()
	defer context.AfterFunc(x.l.b.ctx, func() { cancel(net.ErrClosed) })()
	r = r.WithContext(ctx)
	if r.Body != nil {
		r.Body = &busyBody{r.Body, x.idle, &x.received}
	}
	x.sent = time.Now()
	x.l.b.proxy.ServeHTTP(w, r)
}

// unfit is the answer to requests that the target group's protocol version, or the load
// balancer, does not serve.
func (x *proxied) unfit(r *http.Request) *page {
	version := x.v.rotation.config.ProtocolVersion
	calls := strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
	switch {
	case r.Method == http.MethodTrace:
		return errorPage(http.StatusMethodNotAllowed)
	case forwardedTooOften(r.Header.Values("X-Forwarded-For")):
		return errorPage(463)
	case x.v.rotation.config.http1() && calls, version == "GRPC" && r.Method != http.MethodPost:
		return errorPage(464)
	}
	return nil
}

func (b *Balancer) newProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: outgoing,
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			return proxiedOf(r.Context()).roundTrip(r)
		}),
		FlushInterval:  -1,
		BufferPool:     copyBufferPool{},
		ErrorLog:       slog.NewLogLogger(b.opts.Log.Handler(), slog.LevelDebug),
		ModifyResponse: func(r *http.Response) error { proxiedOf(r.Request.Context()).respond(r); return nil },
		ErrorHandler:   func(w http.ResponseWriter, r *http.Request, err error) { proxiedOf(r.Context()).fail(w, r, err) },
	}
}

func (x *proxied) roundTrip(r *http.Request) (*http.Response, error) {
	return x.v.target.pool.http(x.v.rotation.config).RoundTrip(r)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// outgoing makes the request that the target gets.
func outgoing(p *httputil.ProxyRequest) {
	x := proxiedOf(p.In.Context())
	p.Out.URL.Scheme = "http"
	if x.v.rotation.config.tls() {
		p.Out.URL.Scheme = "https"
	}
	p.Out.URL.Host = x.v.target.addr.String()
	p.Out.Host = x.v.routes.hostOf(p.In.Host, x.to.host)
	if u, err := url.ParseRequestURI(x.to.target); err == nil {
		p.Out.URL.Path, p.Out.URL.RawPath, p.Out.URL.RawQuery = u.Path, u.RawPath, u.RawQuery
	}
	h := p.Out.Header
	h.Del("Expect") // net/http answers it
	came := strings.Join(p.In.Header.Values("X-Forwarded-For"), ", ")
	if e := x.v.routes.edits; e != nil {
		e.editRequest(h, p.In, came)
	} else {
		h.Set("X-Forwarded-For", (&edits{}).forwarded(came, remote(p.In)))
	}
	h.Set("X-Forwarded-Proto", x.v.routes.scheme)
	h.Set("X-Forwarded-Port", x.v.routes.port)
	trace := string(appendTrace(nil, []byte(p.In.Header.Get("X-Amzn-Trace-Id"))))
	h.Set("X-Amzn-Trace-Id", trace)
	if x.entry != nil {
		x.entry.Trace = trace
	}
	if x.v.gate != nil {
		tell(h, x.tell)
	}
	if _, ok := p.In.Header["User-Agent"]; !ok {
		h.Set("User-Agent", "") // keeps net/http from adding its own
	}
}

// editRequest makes the fields of a request as the listener's settings say.
func (e *edits) editRequest(h http.Header, in *http.Request, came string) {
	for name := range h {
		if e.drops([]byte(name)) {
			delete(h, name)
		}
	}
	h.Del("X-Forwarded-For")
	if v := e.forwarded(came, remote(in)); v != "" {
		h.Set("X-Forwarded-For", v)
	}
	for _, f := range e.tell(in.TLS) {
		h.Set(f.Name, f.Value)
	}
}

// editResponse sets the fields of a response that the listener's settings name.
func (e *edits) editResponse(h http.Header) {
	for _, f := range e.response {
		h.Set(f.Name, f.Value)
	}
}

// remote is where a request comes from.
func remote(r *http.Request) netip.AddrPort {
	a, _ := netip.ParseAddrPort(r.RemoteAddr)
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// respond takes note of the target's response and adds what the load balancer adds.
func (x *proxied) respond(r *http.Response) {
	x.status = r.StatusCode
	x.took = time.Since(x.sent)
	x.v.target.counters.answered(r.StatusCode, x.took)
	if name := x.l.b.opts.GroupHeader; name != "" {
		r.Header.Set(name, x.v.rotation.config.Name)
	}
	if e := x.v.routes.edits; e != nil {
		e.editResponse(r.Header)
	}
	if x.ends(r.Request.Context()) {
		r.Header.Set("Connection", "close") // net/http sends the client away by that
	}
	if x.v.sticks() {
		for _, c := range x.v.cookies(r.Header.Values("Set-Cookie")) {
			r.Header.Add("Set-Cookie", c)
		}
	}
	r.Body = &busyBody{r.Body, x.idle, &x.given}
}

// fail answers when there is no response of the target.
func (x *proxied) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadGateway
	var timeout net.Error
	switch cause := context.Cause(r.Context()); {
	case errors.Is(cause, errSilent), errors.As(err, &timeout) && timeout.Timeout():
		status = http.StatusGatewayTimeout
	case errors.Is(cause, context.Canceled):
		status = statusGone
	}
	x.err = err
	x.answer(w, r, errorPage(status))
}

// answer sends an answer of the load balancer's own.
func (x *proxied) answer(w http.ResponseWriter, r *http.Request, p *page) {
	x.status = p.status
	x.l.counters.answered(p.status)
	if p.status == statusGone {
		return
	}
	h := w.Header()
	e := x.v.routes.edits
	if e == nil || !e.hideServer {
		h.Set("Server", serverName)
	}
	if e != nil {
		e.editResponse(h)
	}
	if p.contentType != "" {
		h.Set("Content-Type", p.contentType)
	} else {
		h["Content-Type"] = nil // keeps net/http from guessing
	}
	if p.location != "" {
		h.Set("Location", p.location)
	}
	for _, f := range p.header {
		h.Add(f.Name, f.Value)
	}
	if x.entry != nil {
		x.entry.Location = p.location
		x.given.Store(int64(len(p.body)))
	}
	w.WriteHeader(p.status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, p.body)
	}
}

// newTransport sends requests of net/http to one target, over the pool's connections.
func newTransport(p *pool, g *Group) *http.Transport {
	tr := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := p.open(ctx)
			if err != nil {
				return nil, err
			}
			return &owned{c, p}, nil
		},
		MaxIdleConnsPerHost: maxIdle,
		IdleConnTimeout:     idleLife,
		DisableCompression:  true,
		Protocols:           new(http.Protocols),
	}
	if g.http1() {
		tr.Protocols.SetHTTP1(true)
		tr.TLSClientConfig = targetTLS()
	} else {
		tr.Protocols.SetHTTP2(true)
		tr.Protocols.SetUnencryptedHTTP2(true)
		tr.TLSClientConfig = targetTLS("h2")
	}
	return tr
}

type copyBufferPool struct{}

func (copyBufferPool) Get() []byte  { return *copyBuffers.Get().(*[]byte) }
func (copyBufferPool) Put(b []byte) { copyBuffers.Put(&b) }
