package balancer

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

// Entry is what is told of a request, when it has ended, at listeners that record.
type Entry struct {
	Listener string
	Rule     string // "" when none was looked for
	Action   string // forward, redirect, fixed-response; "" when nothing was done
	Group    string
	Target   netip.AddrPort // not valid without one
	Function string
	Client   netip.AddrPort
	Conn     string // what the client's connection is known by
	TLS      TLS

	Protocol                         string // HTTP/1.1
	Upgraded                         bool   // to another protocol
	Method, Scheme, Host, Port, Path string // as the client sent them; Path with its query
	UserAgent, Trace                 string
	NewHost, NewPath                 string // by the rule's transforms

	Began                        time.Time
	Waited, Answering, Answered  time.Duration // until it was sent on, until the response began, until it ended; -1 for never
	Status, TargetStatus         int           // 0 for none
	Received, Sent               int64         // bytes
	Location, Doubt, DoubtReason string
}

// Connection is what is told of a client's connection at listeners that record.
type Connection struct {
	Listener  string
	At        time.Time
	Client    netip.AddrPort
	Conn      string
	TLS       TLS
	Handshake time.Duration
	Verify    string // Success, or Failed:Reason; "" without mutual authentication
}

// TLS is what is known of a connection's; the zero value is for none.
type TLS struct {
	Version, Cipher, ServerName       string
	CertSubject, CertSerial, CertTime string // of the client's certificate
}

func tlsOf(s *tls.ConnectionState) (t TLS) {
	if s == nil {
		return t
	}
	t = TLS{Version: versionName(s.Version), Cipher: cipherName(s.CipherSuite), ServerName: s.ServerName}
	if len(s.PeerCertificates) > 0 {
		leaf := s.PeerCertificates[0]
		t.CertSubject, t.CertSerial = distinguishedName(leaf, false), serialNumber(leaf.SerialNumber)
		t.CertTime = validity(leaf)
	}
	return t
}

// newConnID is what logs know a connection by.
func newConnID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return "TID_" + hex.EncodeToString(b[:])
}

// about is what the entries of all requests of one connection have in common.
func (c *client) about() Entry {
	if c.id == "" {
		c.id = newConnID()
	}
	e := Entry{Listener: c.l.id, Client: netip.AddrPortFrom(c.from, c.port), Conn: c.id}
	if tc, ok := c.Conn.(*tls.Conn); ok {
		s := tc.ConnectionState()
		e.TLS = tlsOf(&s)
	}
	return e
}

// note begins the entry of a request that was read.
func (x *exchange) note() {
	e := x.c.about()
	e.Began, e.Protocol = x.logged.began, "HTTP/1."+string('0'+rune(x.req.Minor))
	e.Method, e.Host, e.Path = string(x.req.Method), string(x.req.Host), string(x.req.Target)
	if x.req.Method == nil {
		e.Method, e.Path, e.Protocol = "-", "-", "-" // it did not parse
	}
	for _, f := range x.req.Fields {
		if h1.EqualFold(f.Name, "user-agent") {
			e.UserAgent = string(f.Value)
		}
	}
	if e.DoubtReason = x.req.Ambiguous(); e.DoubtReason != "" {
		e.Doubt = "Ambiguous"
	} else if e.DoubtReason = x.req.Irregular(); e.DoubtReason != "" {
		e.Doubt = "Acceptable"
	}
	x.entry = &e
}

// record tells of the request, which has ended.
func (x *exchange) record() {
	e := x.entry
	e.Received, e.Sent, e.Upgraded = x.received, x.given, x.res.Status == http.StatusSwitchingProtocols
	e.decided(&x.v)
	e.timed(&x.logged, x.res.Status, x.took)
	var malformed *h1.Error
	if errors.As(x.err, &malformed) && malformed.Class != "" {
		e.Doubt, e.DoubtReason = "Severe", malformed.Class
	}
	x.c.l.b.opts.OnRequest(*e)
}

// decided tells what was decided of the request.
func (e *Entry) decided(v *verdict) {
	if v.routes != nil {
		e.Scheme, e.Port = v.routes.scheme, v.routes.port
		e.Host = withoutPort(e.Host)
	}
	e.Rule = v.rule
	switch {
	case v.redirect != nil:
		e.Action = "redirect"
	case v.fixed != nil:
		e.Action = "fixed-response"
	case v.forward != nil:
		e.Action = "forward"
	}
	if v.rotation != nil {
		e.Group = v.rotation.config.ID
	}
	if v.target != nil {
		e.Target, e.Function = v.target.addr, v.target.function
	}
}

// timed tells how long each step took.
func (e *Entry) timed(l *logged, status int, took time.Duration) {
	e.Status, e.Waited, e.Answering, e.Answered = l.status, -1, -1, -1
	if l.sent.IsZero() {
		return
	}
	e.Waited = l.sent.Sub(e.Began)
	if took > 0 {
		e.TargetStatus, e.Answering, e.Answered = status, took, time.Since(l.sent)-took
	}
}

// noteHTTP2 begins the entry of a request that net/http has read.
func (x *proxied) note(r *http.Request) {
	e := &Entry{
		Listener: x.l.id, Client: remote(r), Began: x.logged.began, TLS: tlsOf(r.TLS), Protocol: r.Proto,
		Method: r.Method, Host: r.Host, Path: r.RequestURI, UserAgent: r.UserAgent(),
	}
	if c := handedOf(r.Context()); c != nil {
		e.Conn = c.known()
	}
	for name, values := range r.Header {
		e.Received += int64(len(name) + 4 + len(strings.Join(values, ", ")))
	}
	x.entry = e
}

func (x *proxied) record() {
	e := x.entry
	e.Received += x.received.Load()
	e.Sent += x.given.Load()
	e.decided(&x.v)
	e.timed(&x.logged, x.status, x.took)
	e.NewHost, e.NewPath = x.to.host, x.to.target
	x.l.b.opts.OnRequest(*e)
}

// noteMalformed begins the entry of a request that did not parse, if the listener records.
func (x *exchange) noteMalformed() bool {
	r := x.c.l.b.table.Load().routes[x.c.l]
	if r == nil || !r.config.Record {
		return false
	}
	x.v.routes = r
	x.req = h1.Request{Fields: x.req.Fields[:0], Options: x.req.Options[:0]}
	x.note()
	return true
}

// recordConn tells of a connection, whose handshake went well or failed.
func (l *listener) recordConn(c net.Conn, tc *tls.Conn, began time.Time, err error) {
	e := Connection{Listener: l.id, At: began, Client: sourceOf(c), Conn: newConnID()}
	if tc != nil {
		s := tc.ConnectionState()
		if e.Handshake = time.Since(began); s.HandshakeComplete || len(s.PeerCertificates) > 0 {
			e.TLS = tlsOf(&s)
		}
		e.Verify = verification(err)
	}
	l.b.opts.OnConnection(e)
}

// verification is how logs tell of a client certificate's verification.
func verification(err error) string {
	var untrusted *Untrusted
	switch {
	case err == nil:
		return "Success"
	case errors.As(err, &untrusted):
		return "Failed:" + untrusted.Reason
	}
	return "Failed:UnmappedConnectionError"
}

// Untrusted is why a TLS configuration refused a client's certificate.
type Untrusted struct{ Reason string }

func (u *Untrusted) Error() string { return "client certificate: " + u.Reason }
