package balancer

import (
	"slices"
	"strings"
	"time"
)

// verdict is what becomes of a request: it goes to a target, which is then claimed and
// must be released, or it gets an answer of the load balancer's own.
type verdict struct {
	routes   *routes
	rotation *rotation
	target   *target
	forward  *forward
	rewrites *rewrites
	rule     string
	gate     Gate
	share    *share
	redirect *Redirect
	fixed    *Fixed
	status   int  // the own answer's; 0 with a target
	app      bool // the client was bound by an application cookie
}

// decide routes a request. Routes are looked up anew for each: a connection that stays
// open follows every change.
func (b *Balancer) decide(l *listener, q query) verdict {
	for {
		v := b.table.Load().decide(l, q)
		if v.target == nil || v.target.claim() {
			return v
		}
		// The target began to drain between choice and claim; a table without it has
		// been published by then.
	}
}

func (t *table) decide(l *listener, q query) verdict {
	v := verdict{routes: t.routes[l], status: 503}
	if v.routes == nil {
		v.routes = &routes{idle: defaultIdle, keepAlive: defaultKeepAlive}
		return v
	}
	if v.routes.gate != nil && q.path() == callback {
		v.gate, v.status = v.routes.gate, 404
		return v
	}
	i := slices.IndexFunc(v.routes.rules, func(r rule) bool { return r.matches(q) })
	if i < 0 {
		return v
	}
	r := &v.routes.rules[i]
	v.rule, v.gate = r.id, r.gate
	switch {
	case r.redirect != nil:
		v.redirect, v.status = r.redirect, r.redirect.Status
	case r.fixed != nil:
		v.fixed, v.status = r.fixed, r.fixed.Status
	case r.forward != nil:
		v.forward, v.rewrites = r.forward, r.rewrites
		t.send(&v, q)
	}
	return v
}

// send chooses the group and in it the target.
func (t *table) send(v *verdict, q query) {
	f := v.forward
	if f.sticky > 0 {
		v.share = f.bound(q)
	}
	if v.share == nil {
		v.share = f.choose()
	}
	if v.share == nil {
		return
	}
	if v.rotation = t.rotations[v.share.group]; v.rotation == nil {
		return
	}
	if v.target = v.rotation.bound(v, q); v.target == nil {
		v.target = v.rotation.pick(q.source())
	}
	if v.target != nil {
		v.status = 0
	}
}

// bound is the group that the client's cookie names. It goes before weights.
func (f *forward) bound(q query) *share {
	t, ok := cookie(q, groupCookie, time.Now())
	if !ok {
		return nil
	}
	if i := slices.IndexFunc(f.shares, func(s share) bool { return s.token == t }); i >= 0 {
		return &f.shares[i]
	}
	return nil
}

// bound is the target that the client's cookie names, if that is in rotation.
func (r *rotation) bound(v *verdict, q query) *target {
	var t token
	ok := false
	switch s := r.config.Stickiness; s.Type {
	case "lb_cookie":
		t, ok = cookie(q, targetCookie, time.Now())
	case "app_cookie":
		if len(cookies(q, s.Cookie)) > 0 {
			t, ok = cookie(q, appCookie, time.Now())
			v.app = ok
		}
	}
	if !ok {
		return nil
	}
	if i := slices.IndexFunc(r.targets, func(o *target) bool { return o.token == t }); i >= 0 {
		return r.targets[i]
	}
	return nil
}

// sticks tells whether responses set cookies.
func (v *verdict) sticks() bool {
	return v.forward != nil && v.forward.sticky > 0 || v.rotation != nil && v.rotation.config.Stickiness.Type != ""
}

// cookies are the Set-Cookie values for the client, given those of the target's response.
func (v *verdict) cookies(fromTarget []string) (out []string) {
	now := time.Now()
	if v.forward.sticky > 0 {
		out = setCookies(groupCookie, v.share.token, v.forward.sticky, now)
	}
	switch s := v.rotation.config.Stickiness; s.Type {
	case "lb_cookie":
		out = append(out, setCookies(targetCookie, v.target.token, s.Duration, now)...)
	case "app_cookie":
		sets := func(c string) bool { return strings.HasPrefix(c, s.Cookie+"=") }
		if v.app || slices.ContainsFunc(fromTarget, sets) {
			out = append(out, setCookies(appCookie, v.target.token, s.Duration, now)...)
		}
	}
	return out
}
