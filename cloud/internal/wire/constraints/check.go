package constraints

import (
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
)

// Rule is a constraint that a value broke.
type Rule uint8

// The rules.
const (
	Required  Rule = iota // is absent
	MinLength             // of a text, blob, list or map
	MaxLength
	Min // of a number
	Max
	Pattern
	Enum
)

// Violation is one broken constraint.
type Violation struct {
	Path   []Step
	Value  reflect.Value // not valid for Required
	Secret bool          // Value must not be shown
	Rule   Rule
	Limit  float64  // of the lengths and numbers
	Text   string   // the pattern
	Values []string // the enum

	// Of the element of a list, the key or the value of a map: all that it must satisfy.
	// Path and Value are then the list's or map's.
	Within Within
	All    []Violation
}

// Within says what broke a rule inside a list or a map of plain values.
type Within uint8

// The places. None means the value itself.
const (
	None Within = iota
	Elements
	Keys
	Values
)

// Step leads from a value to one inside: a member, or with Index ≥ 0 an element of the list.
type Step struct {
	Name  string
	Index int
	Map   bool // Name is a map's key
}

// Check holds in, a pointer to an operation's decoded input of plan p, against the model.
// Value-typed members that are zero are asked for by present, which gets the path in
// codec's form.
func (t *Table) Check(op string, p *codec.Plan, in any, present func(path string) bool) []Violation {
	if t == nil {
		return nil
	}
	c := t.input(op, p)
	if c == nil {
		return nil
	}
	r := run{present: present}
	r.value(c, p, reflect.ValueOf(in).Elem())
	return r.found
}

// run is one check on its way through an input.
type run struct {
	path    []Step
	present func(string) bool
	found   []Violation
}

// maxViolations bounds an error's text.
const maxViolations = 20

func (r *run) value(c *check, p *codec.Plan, v reflect.Value) {
	if c == nil || len(r.found) >= maxViolations {
		return
	}
	if p.Kind == codec.Pointer {
		r.value(c, p.Elem, v.Elem())
		return
	}
	r.own(c, p, v)
	switch p.Kind {
	case codec.Struct:
		r.members(c, v)
	case codec.Union:
		r.variant(c, p, v)
	case codec.List:
		r.elements(c, p, v)
	case codec.Map:
		r.entries(c, p, v)
	}
}

// own checks the value itself, not what is in it.
func (r *run) own(c *check, p *codec.Plan, v reflect.Value) {
	for _, broken := range c.broken(p.Kind, v) {
		if p.Kind == codec.Int && v.Int() == 0 && !r.present(join(r.path)) {
			return
		}
		r.add(v, broken)
	}
}

func (r *run) add(v reflect.Value, broken Violation) {
	broken.Path, broken.Value = slices.Clone(r.path), v
	r.found = append(r.found, broken)
}

// broken returns the rules that a plain value, or the length of another, breaks.
func (c *check) broken(kind codec.Kind, v reflect.Value) []Violation {
	switch kind {
	case codec.Int, codec.Float:
		return c.beyond(numberOf(v), Min, Max, nil)
	case codec.Enum:
		if len(c.enum) > 0 && !slices.Contains(c.enum, v.String()) {
			return []Violation{{Rule: Enum, Values: c.enum, Secret: c.secret}}
		}
	case codec.String:
		var found []Violation
		if c.pattern != nil && !c.pattern.re.MatchString(v.String()) {
			found = append(found, Violation{Rule: Pattern, Text: c.pattern.text, Secret: c.secret})
		}
		return c.beyond(float64(utf8.RuneCountInString(v.String())), MinLength, MaxLength, found)
	case codec.Blob, codec.List, codec.Map:
		return c.beyond(float64(v.Len()), MinLength, MaxLength, nil)
	}
	return nil
}

// beyond appends the limits that n is beyond.
func (c *check) beyond(n float64, low, high Rule, found []Violation) []Violation {
	if c.max != nil && n > *c.max {
		found = append(found, Violation{Rule: high, Limit: *c.max, Secret: c.secret})
	}
	if c.min != nil && n < *c.min {
		found = append(found, Violation{Rule: low, Limit: *c.min, Secret: c.secret})
	}
	return found
}

func numberOf(v reflect.Value) float64 {
	if v.CanInt() {
		return float64(v.Int())
	}
	return v.Float()
}

func (r *run) members(c *check, v reflect.Value) {
	for i := range c.members {
		m := &c.members[i]
		fv := m.field.Of(v)
		r.path = append(r.path, Step{Name: m.field.Name, Index: -1})
		switch {
		case m.field.Plan.Absent(fv):
			if m.required && !(m.field.Plan.Kind == codec.String && r.present(join(r.path))) {
				r.add(reflect.Value{}, Violation{Rule: Required})
			}
		case m.required && valueTyped(m.field.Plan.Kind) && fv.IsZero() && !r.present(join(r.path)):
			r.add(reflect.Value{}, Violation{Rule: Required})
		default:
			r.value(m.check, m.field.Plan, fv)
		}
		r.path = r.path[:len(r.path)-1]
	}
}

func valueTyped(k codec.Kind) bool {
	return k == codec.Bool || k == codec.Int || k == codec.Float || k == codec.Struct
}

func (r *run) variant(c *check, p *codec.Plan, v reflect.Value) {
	f, content := p.Variant(v)
	for i := range c.members {
		if m := &c.members[i]; m.field == f && !f.Plan.Absent(content) {
			r.path = append(r.path, Step{Name: f.Name, Index: -1})
			r.value(m.check, f.Plan, content)
			r.path = r.path[:len(r.path)-1]
		}
	}
}

// plain reports whether a list or map of p is worded as a whole.
func plain(p *codec.Plan) bool {
	switch p.Kind {
	case codec.Struct, codec.Union, codec.List, codec.Map, codec.Pointer:
		return false
	}
	return true
}

func (r *run) elements(c *check, p *codec.Plan, v reflect.Value) {
	if c.elem == nil {
		return
	}
	for i := range v.Len() {
		if plain(p.Elem) {
			if len(c.elem.broken(p.Elem.Kind, v.Index(i))) > 0 {
				r.add(v, Violation{Within: Elements, Secret: c.elem.secret, All: c.elem.rules(p.Elem.Kind)})
				return
			}
			continue
		}
		r.path = append(r.path, Step{Index: i})
		r.value(c.elem, p.Elem, v.Index(i))
		r.path = r.path[:len(r.path)-1]
	}
}

func (r *run) entries(c *check, p *codec.Plan, v reflect.Value) {
	badKey, badValue := false, false
	for it := v.MapRange(); it.Next(); {
		badKey = badKey || c.key != nil && len(c.key.broken(codec.String, it.Key())) > 0
		if c.elem == nil {
			continue
		}
		if plain(p.Elem) {
			badValue = badValue || len(c.elem.broken(p.Elem.Kind, it.Value())) > 0
			continue
		}
		r.path = append(r.path, Step{Name: it.Key().String(), Index: -1, Map: true})
		r.value(c.elem, p.Elem, it.Value())
		r.path = r.path[:len(r.path)-1]
	}
	if badKey {
		r.add(v, Violation{Within: Keys, All: c.key.rules(codec.String)})
	}
	if badValue {
		r.add(v, Violation{Within: Values, Secret: c.elem.secret, All: c.elem.rules(p.Elem.Kind)})
	}
}

// rules lists all that c demands of a plain value.
func (c *check) rules(kind codec.Kind) []Violation {
	low, high := MinLength, MaxLength
	if kind == codec.Int || kind == codec.Float {
		low, high = Min, Max
	}
	var all []Violation
	if c.max != nil {
		all = append(all, Violation{Rule: high, Limit: *c.max})
	}
	if c.min != nil {
		all = append(all, Violation{Rule: low, Limit: *c.min})
	}
	if c.pattern != nil {
		all = append(all, Violation{Rule: Pattern, Text: c.pattern.text})
	}
	if len(c.enum) > 0 {
		all = append(all, Violation{Rule: Enum, Values: c.enum})
	}
	return all
}

// join writes a path as codec reads it.
func join(path []Step) string {
	var b []byte
	for i, s := range path {
		if s.Index >= 0 {
			b = append(strconv.AppendInt(append(b, '['), int64(s.Index), 10), ']')
			continue
		}
		if i > 0 {
			b = append(b, '.')
		}
		b = append(b, s.Name...)
	}
	return string(b)
}
