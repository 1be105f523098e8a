package balancer

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

// query is a request as rules see it.
type query interface {
	method() string
	host() string // without port
	hostport() string
	path() string // as sent, not decoded
	rawQuery() string
	header(name string) []string
	source() netip.Addr
}

// relayQuery is a request that the relay has read.
type relayQuery struct {
	r    *h1.Request
	from netip.Addr
}

func (q relayQuery) method() string     { return string(q.r.Method) }
func (q relayQuery) host() string       { return withoutPort(string(q.r.Host)) }
func (q relayQuery) hostport() string   { return string(q.r.Host) }
func (q relayQuery) path() string       { return string(q.r.Path()) }
func (q relayQuery) rawQuery() string   { return string(q.r.Query()) }
func (q relayQuery) source() netip.Addr { return q.from }

func (q relayQuery) header(name string) (out []string) {
	for _, f := range q.r.Fields {
		if h1.EqualFold(f.Name, name) {
			out = append(out, string(f.Value))
		}
	}
	return out
}

// httpQuery is a request that net/http has read.
type httpQuery struct{ r *http.Request }

func (q httpQuery) method() string           { return q.r.Method }
func (q httpQuery) host() string             { return withoutPort(q.r.Host) }
func (q httpQuery) hostport() string         { return q.r.Host }
func (q httpQuery) rawQuery() string         { return q.r.URL.RawQuery }
func (q httpQuery) header(n string) []string { return q.r.Header.Values(n) }

func (q httpQuery) path() string {
	path, _, _ := strings.Cut(q.r.RequestURI, "?")
	return path
}

func (q httpQuery) source() netip.Addr {
	return remote(q.r).Addr()
}
