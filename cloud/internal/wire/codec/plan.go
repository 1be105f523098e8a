package codec

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Kind is what a Plan's value is on the wire.
type Kind uint8

// The kinds of value. Pointers stand for an optional value of their element's kind.
const (
	Struct Kind = iota
	String
	Enum
	Bool
	Int
	Float
	Time
	Blob
	List
	Map
	Pointer
	Union
	Document
	Stream // an io.Reader, carried beside the body
)

// Plan says how values of one Go type are written. It never changes once it is made.
type Plan struct {
	Kind   Kind
	Type   reflect.Type
	Fields []Field // members of a Struct; variants of a Union
	Elem   *Plan   // what a Pointer, List or Map holds

	byName map[string]*Field       // wire name → member or variant
	byForm map[string]*Field       // the same with the names that forms have
	byType map[reflect.Type]*Field // *TMemberX → variant of a Union
	names  *Names
}

// Field is a member of a structure or a variant of a union.
type Field struct {
	Name string // on the wire
	Plan *Plan

	index int          // of the Go struct's field; in a variant's struct always 0
	key   []byte       // `"name":`, ready to append
	wrap  reflect.Type // *TMemberX, for variants
}

// Field returns the member or variant with this wire name, or nil.
func (p *Plan) Field(name string) *Field { return p.byName[name] }

// Of returns the member's value in the structure v. A union's variant has none of its own.
func (f *Field) Of(v reflect.Value) reflect.Value { return v.Field(f.index) }

var timeType = reflect.TypeFor[time.Time]()

// build makes the plan of t. The caller holds n.mu: a plan of a recursive type is
// visible, unfinished, to its own building only.
func (n *Names) build(t reflect.Type) *Plan {
	if p, ok := n.plans[t]; ok {
		return p
	}
	p := &Plan{Type: t, names: n}
	n.plans[t] = p
	switch t.Kind() {
	case reflect.Pointer:
		p.Kind, p.Elem = Pointer, n.build(t.Elem())
	case reflect.Struct:
		n.buildStruct(p)
	case reflect.String:
		p.Kind = String
		if _, ok := t.MethodByName("Values"); ok {
			p.Kind = Enum
		}
	case reflect.Bool:
		p.Kind = Bool
	case reflect.Int32, reflect.Int64:
		p.Kind = Int
	case reflect.Float32, reflect.Float64:
		p.Kind = Float
	case reflect.Slice:
		n.buildSlice(p)
	case reflect.Map:
		p.Kind, p.Elem = Map, n.build(t.Elem())
	case reflect.Interface:
		n.buildInterface(p)
	default:
		panic(fmt.Sprintf("codec: type %v has no wire form", t))
	}
	return p
}

func (n *Names) buildStruct(p *Plan) {
	if p.Type == timeType {
		p.Kind = Time
		return
	}
	p.Kind = Struct
	for i := range p.Type.NumField() {
		f := p.Type.Field(i)
		if !f.IsExported() || f.Name == "ResultMetadata" || f.Name == "ErrorCodeOverride" {
			continue
		}
		name := n.wire(p.Type, f.Name)
		p.Fields = append(p.Fields, Field{Name: name, Plan: n.build(f.Type), index: i, key: []byte(`"` + name + `":`)})
	}
	p.byName = make(map[string]*Field, len(p.Fields))
	for i := range p.Fields {
		p.byName[p.Fields[i].Name] = &p.Fields[i]
	}
	p.byForm = p.byName
	if n.EC2 {
		p.byForm = make(map[string]*Field, len(p.Fields))
		for i := range p.Fields {
			name := p.Fields[i].Name
			p.byForm[strings.ToUpper(name[:1])+name[1:]] = &p.Fields[i]
		}
	}
}

func (n *Names) buildSlice(p *Plan) {
	if p.Type.Elem().Kind() == reflect.Uint8 {
		p.Kind = Blob
		return
	}
	p.Kind, p.Elem = List, n.build(p.Type.Elem())
}

func (n *Names) buildInterface(p *Plan) {
	switch p.Type.Name() {
	case "Interface":
		p.Kind = Document
		return
	case "Reader", "ReadCloser":
		p.Kind = Stream
		return
	}
	p.Kind = Union
	for _, w := range n.variants(p.Type) {
		name := n.rule(w.Elem().Name()[len(p.Type.Name()+"Member"):])
		inner := n.build(w.Elem().Field(0).Type)
		p.Fields = append(p.Fields, Field{Name: name, Plan: inner, key: []byte(`"` + name + `":`), wrap: w})
	}
	p.byName = make(map[string]*Field, len(p.Fields))
	p.byType = make(map[reflect.Type]*Field, len(p.Fields))
	for i := range p.Fields {
		p.byName[p.Fields[i].Name] = &p.Fields[i]
		p.byType[p.Fields[i].wrap] = &p.Fields[i]
	}
}

// Variant returns the set variant of a union's value and what it holds; nil when the
// value is nil or of a variant that Names does not list.
func (p *Plan) Variant(v reflect.Value) (*Field, reflect.Value) {
	if v.IsNil() {
		return nil, reflect.Value{}
	}
	f := p.byType[v.Elem().Type()]
	if f == nil {
		return nil, reflect.Value{}
	}
	return f, v.Elem().Elem().Field(0)
}

// setVariant makes f the union's value and returns where its content goes.
func setVariant(v reflect.Value, f *Field) reflect.Value {
	x := f.Wrapper()
	v.Set(x)
	return x.Elem().Field(0)
}

// Absent reports whether v, of plan p, is not sent. Value-typed numbers, booleans and
// structures always are: Go cannot tell their zero from their absence.
func (p *Plan) Absent(v reflect.Value) bool {
	switch p.Kind {
	case Pointer, List, Map, Blob, Union, Document, Stream:
		return v.IsNil()
	case Enum, String:
		return v.Len() == 0
	case Time:
		return v.IsZero()
	}
	return false
}

// IsText reports whether values are strings, optional or not.
func (p *Plan) IsText() bool {
	if p.Kind == Pointer {
		p = p.Elem
	}
	return p.Kind == String || p.Kind == Enum
}

// Wrapper makes an empty variant, a *TMemberX that holds nothing yet.
func (f *Field) Wrapper() reflect.Value { return reflect.New(f.wrap.Elem()) }
