package codec

import (
	"reflect"
	"strings"
	"sync"
)

// Names tells how one service's Go members are called on the wire, and what else its Go
// types leave open. The zero Names calls each member as its Go field.
type Names struct {
	Lower  bool              // members start with a lower-case letter
	Except map[string]string // "Type.Field" → wire name, where the rule fails

	// EC2 is ec2Query, a variant of awsQuery: forms have lists without "member" and names
	// that start with a capital letter; in XML lists consist of <item>.
	EC2 bool

	// Variants lists a pointer to each union variant: &types.TMemberX{}.
	Variants []any
	// NewDocument makes a document of a decoded JSON value, for services that have some.
	NewDocument func(any) any

	mu    sync.RWMutex
	plans map[reflect.Type]*Plan
}

// Plan returns the plan of t, made at its first use.
func (n *Names) Plan(t reflect.Type) *Plan {
	n.mu.RLock()
	p := n.plans[t]
	n.mu.RUnlock()
	if p != nil {
		return p
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.plans == nil {
		n.plans = map[reflect.Type]*Plan{}
	}
	return n.build(t)
}

func (n *Names) wire(t reflect.Type, field string) string {
	if w, ok := n.Except[t.Name()+"."+field]; ok {
		return w
	}
	return n.rule(field)
}

func (n *Names) rule(field string) string {
	if n.Lower {
		return strings.ToLower(field[:1]) + field[1:]
	}
	return field
}

// variants returns the listed types that implement the union t.
func (n *Names) variants(t reflect.Type) []reflect.Type {
	var ts []reflect.Type
	for _, v := range n.Variants {
		if vt := reflect.TypeOf(v); vt.Implements(t) {
			ts = append(ts, vt)
		}
	}
	return ts
}
