package policy

import "strings"

// Request is what somebody wants to do.
type Request struct {
	Action   string // "ecs:CreateService"
	Resource string // an ARN, or "*" for actions without one

	// Principals are the ARNs that a resource's policy may know the caller by, the most
	// specific first: an assumed role's session, then its role. Account is the caller's;
	// a policy that names the account leaves it to the account's own policies.
	Principals []string
	Account    string
	Service    string // "ecs-tasks.amazonaws.com" for services
	Federated  string // an identity provider's ARN, or its name

	Context map[string][]string // condition keys in lower case
}

// values returns a condition key's values and whether the request has the key.
func (r *Request) values(key string) ([]string, bool) {
	v, ok := r.Context[strings.ToLower(key)]
	return v, ok
}

// Source is a policy and what it is called.
type Source struct {
	ID       string // a managed policy's ARN, an inline policy's name
	Type     string // as IAM's PolicySourceType says: "IAM Policy", "user-managed", …
	ARN      string // of managed policies
	Document *Document
}

// Policies are all that bear on one request. A nil Boundary or Session does not limit; an
// empty one, with no document, allows nothing.
type Policies struct {
	Identity []Source
	Boundary *Source
	Session  *Source
	Resource *Source

	// TrustOnly says that the resource's policy must allow by itself, as a role's trust
	// policy must. That it names the account is enough only if an identity policy allows, too.
	TrustOnly bool
}

// Evaluate decides a request.
func Evaluate(r *Request, p Policies) Decision {
	layers := gather(r, p)
	for _, l := range layers {
		if l.denied != nil {
			return Decision{Effect: ExplicitDeny, Layer: l.layer, By: []Match{*l.denied}}
		}
	}
	identity, boundary, session, resource := layers[0], layers[1], layers[2], layers[3]
	if p.TrustOnly {
		return trust(identity, boundary, session, resource)
	}
	if resource.direct { // names the caller itself, or everybody: needs no other allowance
		return Decision{Effect: Allowed, Layer: LayerResource, By: resource.allowed}
	}
	return within(identity, boundary, session)
}

// within wants identity policies to allow, and those that limit them, too.
func within(identity, boundary, session result) Decision {
	for _, l := range []result{identity, boundary, session} {
		if len(l.allowed) == 0 && !l.absent {
			return Decision{Effect: ImplicitDeny, Layer: l.layer}
		}
	}
	return Decision{Effect: Allowed, Layer: LayerIdentity, By: identity.allowed}
}

func trust(identity, boundary, session, resource result) Decision {
	switch {
	case len(resource.allowed) == 0:
		return Decision{Effect: ImplicitDeny, Layer: LayerTrust}
	case resource.direct:
		return Decision{Effect: Allowed, Layer: LayerTrust, By: resource.allowed}
	}
	return within(identity, boundary, session)
}

// result is what one layer of policies says.
type result struct {
	layer   Layer
	absent  bool // there is no such layer
	denied  *Match
	allowed []Match
	direct  bool // the resource's policy means the caller, not only its account
}

func gather(r *Request, p Policies) [4]result {
	out := [4]result{
		{layer: LayerIdentity}, {layer: LayerBoundary, absent: p.Boundary == nil},
		{layer: LayerSession, absent: p.Session == nil}, {layer: LayerResource, absent: p.Resource == nil},
	}
	for _, s := range p.Identity {
		out[0].read(r, s, false)
	}
	for i, s := range []*Source{p.Boundary, p.Session, p.Resource} {
		if s != nil {
			out[i+1].read(r, *s, i == 2)
		}
	}
	return out
}

func (l *result) read(r *Request, s Source, principals bool) {
	if s.Document == nil {
		return
	}
	for i := range s.Document.Statements {
		st := &s.Document.Statements[i]
		whose := direct
		if principals {
			whose = st.about(r)
		}
		if whose == nobody || !st.applies(r, s.Document.variables) {
			continue
		}
		m := Match{Source: s, Statement: i}
		if st.Deny {
			if l.denied == nil {
				l.denied = &m
			}
			continue
		}
		l.allowed = append(l.allowed, m)
		l.direct = l.direct || whose == direct
	}
}
