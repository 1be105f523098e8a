package policy

import (
	"slices"
	"strings"
)

// applies reports whether a statement's actions, resources and conditions are the request's.
func (s *Statement) applies(r *Request, variables bool) bool {
	if len(s.Actions) > 0 != anyAction(append(s.Actions, s.NotActions...), r.Action) {
		return false
	}
	if s.Resources != nil && !anyResource(s.Resources, r, variables) ||
		s.NotResources != nil && anyResource(s.NotResources, r, variables) {
		return false
	}
	for i := range s.Conditions {
		if !s.Conditions[i].holds(r, variables) {
			return false
		}
	}
	return true
}

func anyAction(patterns []string, action string) bool {
	action = strings.ToLower(action)
	return slices.ContainsFunc(patterns, func(p string) bool { return wild(strings.ToLower(p), action) })
}

func anyResource(patterns []string, r *Request, variables bool) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if variables {
			var ok bool
			if p, ok = expand(p, r, true); !ok {
				return false
			}
		}
		return wild(p, r.Resource)
	})
}

func (c *Condition) holds(r *Request, variables bool) bool {
	want := make([]string, 0, len(c.Values))
	for _, v := range c.Values {
		if variables {
			var ok bool
			if v, ok = expand(v, r, c.test.patterns); !ok {
				continue // matches nothing
			}
		}
		want = append(want, v)
	}
	have, present := r.values(c.Key)
	return c.test.holds(have, want, present)
}

// relation is how a resource's policy knows the caller.
type relation int

const (
	nobody  relation = iota
	account          // by its account: the account's own policies have the say
	direct
)

func (s *Statement) about(r *Request) relation {
	if s.NotPrincipal != nil {
		if s.NotPrincipal.knows(r) != nobody {
			return nobody
		}
		return direct
	}
	if s.Principal == nil {
		return nobody
	}
	return s.Principal.knows(r)
}

func (p *Principal) knows(r *Request) relation {
	switch {
	case p.Any,
		r.Service != "" && slices.Contains(p.Service, r.Service),
		r.Federated != "" && slices.Contains(p.Federated, r.Federated):
		return direct
	}
	found := nobody
	for _, a := range p.AWS {
		if slices.Contains(r.Principals, a) {
			return direct
		}
		if r.Account != "" && (a == r.Account || isRootOf(a, r.Account)) {
			found = account
		}
	}
	return found
}

// isRootOf knows "arn:aws:iam::123456789012:root", which means the account.
func isRootOf(arn, id string) bool {
	f := strings.Split(arn, ":")
	return len(f) == 6 && f[0] == "arn" && f[2] == "iam" && f[4] == id && f[5] == "root"
}
