package codec

import (
	"math"
	"reflect"
	"strings"
)

type cborDecoder struct {
	cborScanner
}

// DecodeCBOR reads rpc-v2-cbor's map into v, a pointer to an SDK struct, and returns the
// paths of members that v's type does not have. The error is an *Error.
func (n *Names) DecodeCBOR(body []byte, v any) (unknown []string, err error) {
	if len(body) == 0 {
		return nil, nil
	}
	rv := reflect.ValueOf(v).Elem()
	d := cborDecoder{}
	d.src = body
	d.value(n.Plan(rv.Type()), rv)
	if d.err == nil && d.pos != len(body) {
		d.fail("Unexpected data after the end of the value.")
	}
	return d.unknown, d.err
}

func (d *cborDecoder) value(p *Plan, v reflect.Value) {
	h, tag := d.untagged()
	if d.err == nil && !h.isNull() {
		d.item(p, v, h, tag)
	}
}

func (d *cborDecoder) item(p *Plan, v reflect.Value, h cborHead, tag uint64) {
	switch p.Kind {
	case Pointer:
		x := reflect.New(p.Elem.Type)
		d.item(p.Elem, x.Elem(), h, tag)
		v.Set(x)
	case Struct, Union, Map:
		d.object(p, v, h)
	case List:
		d.list(p, v, h)
	case Bool:
		if h.major != cborSimple || h.arg != 20 && h.arg != 21 {
			d.mismatch("a Boolean")
		}
		v.SetBool(h.arg == 21)
	case Int:
		d.integer(v, h)
	case Float, Time:
		d.number(p, v, h)
	case Blob:
		if h.major != cborBytes {
			d.mismatch("a Blob")
			return
		}
		v.SetBytes(append([]byte{}, d.chunk(h)...))
	case String, Enum:
		if h.major != cborText {
			d.mismatch("a String")
			return
		}
		v.SetString(strings.ToValidUTF8(string(d.chunk(h)), "\ufffd"))
	default:
		d.skip(h)
	}
}

func (d *cborDecoder) mismatch(want string) { d.fail("Value can not be converted to %s", want) }

func (d *cborDecoder) integer(v reflect.Value, h cborHead) {
	var i int64
	switch {
	case h.major == cborUint && h.arg <= math.MaxInt64:
		i = int64(h.arg)
	case h.major == cborNegInt && h.arg <= math.MaxInt64:
		i = -1 - int64(h.arg)
	default:
		d.mismatch("an Integer")
		return
	}
	if v.OverflowInt(i) {
		d.mismatch("an Integer")
		return
	}
	v.SetInt(i)
}

func (d *cborDecoder) number(p *Plan, v reflect.Value, h cborHead) {
	f, ok := h.float()
	if !ok || p.Kind == Time && math.IsNaN(f) {
		d.mismatch("a Double")
		return
	}
	if p.Kind == Time {
		v.Set(reflect.ValueOf(epoch(f)))
		return
	}
	v.SetFloat(f)
}

func (d *cborDecoder) list(p *Plan, v reflect.Value, h cborHead) {
	if h.major != cborArray {
		d.fail("Expected list or null")
		return
	}
	s := reflect.New(p.Type).Elem() // addressable, so that it can grow
	s.Set(reflect.MakeSlice(p.Type, 0, 4))
	d.each(h, func(i int) {
		if i == s.Cap() {
			s.Grow(i)
		}
		s.SetLen(i + 1)
		n := d.downIndex(i)
		d.value(p.Elem, s.Index(i))
		d.up(n)
	})
	v.Set(s)
}

func (d *cborDecoder) object(p *Plan, v reflect.Value, h cborHead) {
	switch {
	case h.major != cborMap:
		d.fail("Expected map or null")
	case p.Kind == Map:
		d.entries(p, v, h)
	default:
		d.each(h, func(int) { d.member(p, v) })
	}
}

// member reads a structure's member or a union's variant, with its key.
func (d *cborDecoder) member(p *Plan, v reflect.Value) {
	k := d.key()
	f := p.byName[k]
	if f == nil {
		if d.err == nil {
			d.addUnknown(k)
		}
		d.skipNext()
		return
	}
	n := d.down(k)
	defer d.up(n)
	if p.Kind == Struct {
		d.value(f.Plan, f.Of(v))
		return
	}
	h, tag := d.untagged()
	switch {
	case d.err != nil || h.isNull():
	case !v.IsNil():
		d.fail("Unions must have exactly one member set")
	default:
		d.item(f.Plan, setVariant(v, f), h, tag)
	}
}

func (d *cborDecoder) entries(p *Plan, v reflect.Value, h cborHead) {
	m := reflect.MakeMap(p.Type)
	d.each(h, func(int) {
		k := d.key()
		n := d.down(k)
		e := reflect.New(p.Elem.Type).Elem()
		d.value(p.Elem, e)
		d.up(n)
		m.SetMapIndex(reflect.ValueOf(k).Convert(p.Type.Key()), e)
	})
	v.Set(m)
}

// CBORHas reports whether a CBOR item has a value other than null at path.
func CBORHas(src []byte, path string) bool {
	d := cborScanner{src: src}
	for path != "" {
		name, index, rest := nextStep(path)
		if !d.seek(name, index) {
			return false
		}
		path = rest
	}
	h, _ := d.untagged()
	return d.err == nil && !h.isNull()
}

// seek stands the scanner before a member's or element's value.
func (d *cborScanner) seek(name string, index int) bool {
	h, _ := d.untagged()
	if name != "" && h.major != cborMap || name == "" && h.major != cborArray {
		return false
	}
	for i := 0; d.err == nil && (h.open || uint64(i) < h.arg); i++ {
		if h.open && d.pos < len(d.src) && d.src[d.pos] == cborBreak {
			return false
		}
		if name == "" && i == index || name != "" && d.key() == name {
			return d.err == nil
		}
		d.skipNext()
	}
	return false
}
