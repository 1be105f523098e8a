package balancer

import (
	"context"
	"net/http"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

// Gate decides whether requests that match a rule may pass. It must be the same value as
// long as it decides the same.
type Gate interface {
	Admit(context.Context, *Visitor) Admission
}

// Visitor is a request before a gate.
type Visitor struct {
	Scheme, Host, Port string // Host without port
	Path, Query        string
	Header             func(name string) []string
}

// Admission is a gate's verdict.
type Admission struct {
	Status int      // of the answer to the client; 0 lets the request pass
	Answer []Header // of that answer
	Tell   []Header // what the target is told in place of what the client says
}

// told are the fields that only gates set.
const told = "x-amzn-oidc-"

// callback is the path at which clients come back from where a gate has sent them.
const callback = "/oauth2/idpresponse"

// admit asks the rule's gate. It returns the answer to a request that does not pass.
func (v *verdict) admit(ctx context.Context, q query) (*page, []Header) {
	a := v.gate.Admit(ctx, &Visitor{
		Scheme: v.routes.scheme, Host: q.host(), Port: v.routes.port, Path: q.path(), Query: q.rawQuery(), Header: q.header,
	})
	if a.Status == 0 {
		return nil, a.Tell
	}
	p := errorPage(a.Status)
	p.header = a.Answer
	return p, nil
}

// forged reports whether a request's field is one that only gates set.
func (v *verdict) forged(name []byte) bool {
	return v.gate != nil && len(name) > len(told) && h1.EqualFold(name[:len(told)], told)
}

// tell sets what a gate tells the target.
func tell(h http.Header, all []Header) {
	for name := range h {
		if strings.HasPrefix(strings.ToLower(name), told) {
			delete(h, name)
		}
	}
	for _, t := range all {
		h.Set(t.Name, t.Value)
	}
}
