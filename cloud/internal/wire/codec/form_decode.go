package codec

import (
	"encoding/base64"
	"reflect"
	"strconv"
	"time"
)

type formDecoder struct {
	track
}

// DecodeForm reads the parameters into v, a pointer to an SDK struct, and returns the
// names of parameters that v's type does not have. Those in ignore, and all names that
// start with X-Amz-, belong to the protocol. The error is an *Error.
func (n *Names) DecodeForm(f *Form, v any, ignore ...string) (unknown []string, err error) {
	rv := reflect.ValueOf(v).Elem()
	p := n.Plan(rv.Type())
	var d formDecoder
	for _, k := range f.root.kids {
		if field := p.byForm[k.name]; field != nil {
			d.field(field, rv, k)
		} else if !protocolParam(k.name, ignore) {
			d.addUnknown(k.name)
		}
	}
	return d.unknown, d.err
}

func protocolParam(name string, ignore []string) bool {
	if len(name) > 6 && name[:6] == "X-Amz-" {
		return true
	}
	for _, i := range ignore {
		if i == name {
			return true
		}
	}
	return false
}

func (d *formDecoder) field(f *Field, v reflect.Value, at *formNode) {
	n := d.down(f.Name)
	d.value(f.Plan, v.Field(f.index), at)
	d.up(n)
}

func (d *formDecoder) value(p *Plan, v reflect.Value, at *formNode) {
	if d.err != nil {
		return
	}
	switch p.Kind {
	case Pointer:
		x := reflect.New(p.Elem.Type)
		d.value(p.Elem, x.Elem(), at)
		v.Set(x)
	case Struct:
		d.members(p, v, at)
	case List:
		d.list(p, v, at)
	case Map:
		d.entries(p, v, at)
	case Union:
		d.variant(p, v, at)
	default:
		for _, k := range at.kids {
			d.addUnknown(k.name)
		}
		d.scalar(p, v, at.value)
	}
}

func (d *formDecoder) scalar(p *Plan, v reflect.Value, s string) {
	ok := true
	switch p.Kind {
	case String, Enum:
		v.SetString(s)
	case Bool:
		ok = s == "true" || s == "false"
		v.SetBool(s == "true")
	case Int:
		i, err := strconv.ParseInt(s, 10, 64)
		if ok = err == nil && !v.OverflowInt(i); ok {
			v.SetInt(i)
		}
	case Float:
		f, err := strconv.ParseFloat(s, 64)
		ok = err == nil
		v.SetFloat(f)
	case Time:
		t, err := time.Parse(time.RFC3339Nano, s)
		ok = err == nil
		v.Set(reflect.ValueOf(t))
	case Blob:
		b, err := base64.StdEncoding.DecodeString(s)
		ok = err == nil
		v.SetBytes(b)
	default:
		ok = false
	}
	if !ok {
		d.fail("Invalid value %q", s)
	}
}

func (d *formDecoder) members(p *Plan, v reflect.Value, at *formNode) {
	for _, k := range at.kids {
		if f := p.byForm[k.name]; f != nil {
			d.field(f, v, k)
		} else {
			d.addUnknown(k.name)
		}
	}
}

// list reads Name.member.N, or Name.N of ec2Query; an empty list is sent as "Name=".
func (d *formDecoder) list(p *Plan, v reflect.Value, at *formNode) {
	var elements, other []*formNode
	prefix := "member."
	if p.names.EC2 {
		prefix = ""
		elements, other = at.elements()
	} else {
		elements, other = at.kid("member", false).elements()
		for _, k := range at.kids {
			if k.name != "member" {
				other = append(other, k)
			}
		}
	}
	for _, k := range other {
		d.addUnknown(k.name)
	}
	s := reflect.MakeSlice(p.Type, len(elements), len(elements))
	for i, e := range elements {
		n := d.down(prefix + e.name)
		d.value(p.Elem, s.Index(i), e)
		d.up(n)
	}
	v.Set(s)
}

// entries reads Name.entry.N.key and Name.entry.N.value.
func (d *formDecoder) entries(p *Plan, v reflect.Value, at *formNode) {
	m := reflect.MakeMap(p.Type)
	elements, other := at.kid("entry", false).elements()
	for _, k := range other {
		d.addUnknown(k.name)
	}
	for _, e := range elements {
		key, val := e.kid("key", false), e.kid("value", false)
		if key == nil || val == nil {
			d.fail("Map entry %s without key or value", e.name)
			return
		}
		x := reflect.New(p.Elem.Type).Elem()
		n := d.down("entry." + e.name + ".value")
		d.value(p.Elem, x, val)
		d.up(n)
		m.SetMapIndex(reflect.ValueOf(key.value).Convert(p.Type.Key()), x)
	}
	v.Set(m)
}

func (d *formDecoder) variant(p *Plan, v reflect.Value, at *formNode) {
	for _, k := range at.kids {
		f := p.byName[k.name]
		switch {
		case f == nil:
			d.addUnknown(k.name)
		case !v.IsNil():
			d.fail("Unions must have exactly one member set")
		default:
			n := d.down(k.name)
			d.value(f.Plan, setVariant(v, f), k)
			d.up(n)
		}
	}
}
