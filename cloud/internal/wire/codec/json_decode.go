package codec

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"time"
)

type jsonDecoder struct {
	jsonScanner
	names *Names
}

// DecodeJSON reads a JSON object into v, a pointer to an SDK struct, and returns the
// paths of members that v's type does not have. An empty body is an empty object.
// The error is an *Error; its message is worded as AWS words serialization errors.
func (n *Names) DecodeJSON(body []byte, v any) (unknown []string, err error) {
	rv := reflect.ValueOf(v).Elem()
	d := jsonDecoder{names: n}
	d.src = body
	if d.peek() == 0 && d.pos == len(body) {
		return nil, nil
	}
	d.value(n.Plan(rv.Type()), rv)
	if d.err == nil && (d.peek() != 0 || d.pos != len(body)) {
		d.fail("Unexpected data after the end of the value at offset %d.", d.pos)
	}
	return d.unknown, d.err
}

func (d *jsonDecoder) value(p *Plan, v reflect.Value) {
	c := d.peek()
	if c == 'n' {
		d.literal("null")
		return
	}
	switch p.Kind {
	case Pointer:
		x := reflect.New(p.Elem.Type)
		d.value(p.Elem, x.Elem())
		v.Set(x)
	case Struct, Union, Map:
		d.object(c, p, v)
	case List:
		d.list(c, p, v)
	case Document:
		d.document(v)
	case Stream:
		d.skip()
	case Bool:
		d.boolean(c, v)
	case Int:
		d.integer(c, v)
	case Float:
		d.float(c, v)
	case Time:
		d.time(c, v)
	default:
		d.text(c, p, v)
	}
}

func (d *jsonDecoder) text(c byte, p *Plan, v reflect.Value) {
	if c != '"' {
		d.mismatch(c, "a String")
		return
	}
	s := d.str()
	if p.Kind != Blob {
		v.SetString(string(s))
		return
	}
	b, err := base64.StdEncoding.AppendDecode(nil, s)
	if err != nil {
		d.fail("Invalid base64.")
		return
	}
	v.SetBytes(b)
}

func (d *jsonDecoder) boolean(c byte, v reflect.Value) {
	switch c {
	case 't':
		d.literal("true")
		v.SetBool(true)
	case 'f':
		d.literal("false")
		v.SetBool(false)
	default:
		d.mismatch(c, "a Boolean")
	}
}

func (d *jsonDecoder) integer(c byte, v reflect.Value) {
	want := "an Integer"
	if v.Kind() == reflect.Int64 {
		want = "a Long"
	}
	if !numeric(c) {
		d.mismatch(c, want)
		return
	}
	num := string(d.number())
	i, err := strconv.ParseInt(num, 10, 64)
	if err != nil { // 1.0 and 1e3 are integers too
		f, ferr := strconv.ParseFloat(num, 64)
		if ferr != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
			d.mismatch('0', want)
			return
		}
		i = int64(f)
	}
	if v.OverflowInt(i) {
		d.mismatch('0', want)
		return
	}
	v.SetInt(i)
}

func (d *jsonDecoder) float(c byte, v reflect.Value) {
	if c == '"' {
		f, ok := specialFloat(string(d.str()))
		if !ok {
			d.mismatch('"', "a Double")
			return
		}
		v.SetFloat(f)
		return
	}
	if f, ok := d.parseFloat(c, "a Double"); ok {
		v.SetFloat(f)
	}
}

func (d *jsonDecoder) parseFloat(c byte, want string) (float64, bool) {
	if !numeric(c) {
		d.mismatch(c, want)
		return 0, false
	}
	f, err := strconv.ParseFloat(string(d.number()), 64)
	if err != nil {
		d.mismatch('0', want)
		return 0, false
	}
	return f, true
}

// specialFloat reads the floats that JSON and forms spell as words.
func specialFloat(s string) (float64, bool) {
	switch s {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	return 0, false
}

// time reads epoch seconds, and ISO 8601 too since some clients send that.
func (d *jsonDecoder) time(c byte, v reflect.Value) {
	if c == '"' {
		t, err := time.Parse(time.RFC3339Nano, string(d.str()))
		if err != nil {
			d.mismatch('"', "milliseconds since epoch")
			return
		}
		v.Set(reflect.ValueOf(t.UTC()))
		return
	}
	if f, ok := d.parseFloat(c, "milliseconds since epoch"); ok {
		v.Set(reflect.ValueOf(epoch(f)))
	}
}

// epoch makes a time of seconds since 1970, to the millisecond as AWS keeps it.
func epoch(sec float64) time.Time {
	const limit = 1 << 53 / 1000 // milliseconds stay exact
	sec = math.Max(-limit, math.Min(limit, sec))
	return time.UnixMilli(int64(math.Round(sec * 1000))).UTC()
}

func (d *jsonDecoder) list(c byte, p *Plan, v reflect.Value) {
	switch c {
	case '[':
		d.pos++
	case '"':
		d.fail("Unrecognized collection type class java.lang.String")
		return
	default:
		d.fail("Expected list or null")
		return
	}
	if !d.nest() {
		return
	}
	s := reflect.New(p.Type).Elem() // addressable, so that it can grow
	s.Set(reflect.MakeSlice(p.Type, 0, 4))
	for i := 0; d.more(i == 0, ']'); i++ {
		if i == s.Cap() {
			s.Grow(i)
		}
		s.SetLen(i + 1)
		n := d.downIndex(i)
		d.value(p.Elem, s.Index(i))
		d.up(n)
	}
	d.depth--
	v.Set(s)
}

func (d *jsonDecoder) object(c byte, p *Plan, v reflect.Value) {
	if c != '{' {
		if p.Kind == Map {
			d.fail("Expected map or null")
		} else {
			d.fail("Expected structure or null")
		}
		return
	}
	d.pos++
	if !d.nest() {
		return
	}
	switch p.Kind {
	case Struct:
		d.members(p, v)
	case Map:
		d.entries(p, v)
	default:
		d.variant(p, v)
	}
	d.depth--
}

func (d *jsonDecoder) members(p *Plan, v reflect.Value) {
	for first := true; d.more(first, '}'); first = false {
		k := d.key()
		f := p.byName[string(k)]
		if f == nil {
			d.skipUnknown(string(k))
			continue
		}
		n := d.down(f.Name)
		d.value(f.Plan, v.Field(f.index))
		d.up(n)
	}
}

func (d *jsonDecoder) skipUnknown(name string) {
	if d.err == nil && name != "__type" {
		d.addUnknown(name)
	}
	d.skip()
}

func (d *jsonDecoder) entries(p *Plan, v reflect.Value) {
	m := reflect.MakeMap(p.Type)
	for first := true; d.more(first, '}'); first = false {
		k := string(d.key())
		n := d.down(k)
		e := reflect.New(p.Elem.Type).Elem()
		d.value(p.Elem, e)
		d.up(n)
		m.SetMapIndex(reflect.ValueOf(k).Convert(p.Type.Key()), e)
	}
	v.Set(m)
}

func (d *jsonDecoder) variant(p *Plan, v reflect.Value) {
	for first := true; d.more(first, '}'); first = false {
		k := string(d.key())
		f := p.byName[k]
		switch {
		case d.peek() == 'n':
			d.literal("null")
		case f == nil:
			d.skipUnknown(k)
		case !v.IsNil():
			d.fail("Unions must have exactly one member set")
		default:
			n := d.down(k)
			d.value(f.Plan, setVariant(v, f))
			d.up(n)
		}
	}
}

func (d *jsonDecoder) document(v reflect.Value) {
	start := d.pos
	d.skip()
	if d.err != nil {
		return
	}
	var x any
	if err := json.Unmarshal(d.src[start:d.pos], &x); err != nil {
		d.fail("Malformed document.")
		return
	}
	if d.names.NewDocument != nil {
		v.Set(reflect.ValueOf(d.names.NewDocument(x)))
	}
}

func numeric(c byte) bool { return c == '-' || c >= '0' && c <= '9' }

// mismatch words the error of a value of the wrong type as AWS's servers do.
func (d *jsonDecoder) mismatch(c byte, want string) {
	switch {
	case c == '{':
		d.fail("Start of structure or map found where not expected.")
	case c == '[':
		d.fail("Start of list found where not expected")
	case c == '"':
		d.fail("STRING_VALUE can not be converted to %s", want)
	case c == 't':
		d.fail("TRUE_VALUE can not be converted to %s", want)
	case c == 'f':
		d.fail("FALSE_VALUE can not be converted to %s", want)
	case numeric(c):
		d.fail("NUMBER_VALUE can not be converted to %s", want)
	case c == 0 && d.pos >= len(d.src):
		d.fail("Unexpected end of input.")
	default:
		d.fail("Unrecognized token at offset %d.", d.pos)
	}
}
