package codec

import (
	"reflect"
)

// exception returns the value and plan of an SDK exception, ok false if there is none.
func (n *Names) exception(e any) (p *Plan, v reflect.Value, ok bool) {
	v = reflect.ValueOf(e)
	if e == nil || v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, reflect.Value{}, false
	}
	v = v.Elem()
	return n.Plan(v.Type()), v, true
}

// AppendJSONExtra appends the members of e, a pointer to an SDK exception or nil, each
// after a comma, except those that skip names. A member that cannot be written is left
// out: an error about an error helps nobody.
func (n *Names) AppendJSONExtra(b []byte, e any, skip func(string) bool) []byte {
	p, v, ok := n.exception(e)
	if !ok {
		return b
	}
	for i := range p.Fields {
		f := &p.Fields[i]
		if skip(f.Name) || f.Plan.Absent(f.Of(v)) {
			continue
		}
		if member, err := appendJSON(nil, f.Plan, f.Of(v)); err == nil {
			b = append(append(append(b, ','), f.key...), member...)
		}
	}
	return b
}

// AppendXMLExtra is AppendJSONExtra for awsQuery.
func (n *Names) AppendXMLExtra(b []byte, e any, skip func(string) bool) []byte {
	p, v, ok := n.exception(e)
	if !ok {
		return b
	}
	for i := range p.Fields {
		f := &p.Fields[i]
		if skip(f.Name) || f.Plan.Absent(f.Of(v)) {
			continue
		}
		if member, err := appendElementXML(nil, f.Name, f.Plan, f.Of(v)); err == nil {
			b = append(b, member...)
		}
	}
	return b
}
