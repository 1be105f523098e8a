package policy

import "fmt"

// Effect is how a request was decided.
type Effect int

// The effects.
const (
	ImplicitDeny Effect = iota // nothing allows it
	ExplicitDeny               // a statement denies it
	Allowed
)

// Layer is a set of policies that has a say.
type Layer int

// The layers.
const (
	LayerIdentity Layer = iota
	LayerBoundary
	LayerSession
	LayerResource
	LayerTrust
)

// Match is a statement that applied.
type Match struct {
	Source    Source
	Statement int // index
}

// Decision is the answer to a request.
type Decision struct {
	Effect Effect
	Layer  Layer   // that decided: the one that denied, or did not allow
	By     []Match // the statements that denied or allowed; none in an implicit deny
}

// Allowed reports whether the request may be done.
func (d Decision) Allowed() bool { return d.Effect == Allowed }

var denials = map[Layer]struct{ implicit, explicit string }{
	LayerIdentity: {"no identity-based policy allows", "an identity-based policy"},
	LayerBoundary: {"no permissions boundary allows", "a permissions boundary"},
	LayerSession:  {"no session policy allows", "a session policy"},
	LayerResource: {"no resource-based policy allows", "a resource-based policy"},
}

// Refusal is AWS's text for a request that was not allowed; who is the caller's ARN. A
// managed policy that denies is named by its ARN, one without an ARN is not named.
func (d Decision) Refusal(who string, r *Request) string {
	text := fmt.Sprintf("User: %s is not authorized to perform: %s", who, r.Action)
	if r.Resource != "" {
		text += " on resource: " + r.Resource
	}
	why := denials[d.Layer]
	switch {
	case d.Effect == ExplicitDeny && d.Layer != LayerTrust:
		text += " with an explicit deny in " + why.explicit
		if len(d.By) > 0 && d.By[0].Source.ARN != "" {
			text += ": " + d.By[0].Source.ARN
		}
		return text
	case d.Effect == ImplicitDeny && d.Layer != LayerTrust:
		return fmt.Sprintf("%s because %s the %s action", text, why.implicit, r.Action)
	}
	return text // of roles, AWS does not tell whether they exist
}
