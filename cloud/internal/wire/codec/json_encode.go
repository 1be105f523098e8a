package codec

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// AppendJSON appends v, a pointer to an SDK struct, as a JSON object: absent members
// left out, map keys in order, times as epoch seconds with milliseconds.
func (n *Names) AppendJSON(b []byte, v any) ([]byte, error) {
	rv := reflect.ValueOf(v).Elem()
	return appendJSON(b, n.Plan(rv.Type()), rv)
}

func appendJSON(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	switch p.Kind {
	case Pointer:
		return appendJSON(b, p.Elem, v.Elem())
	case String, Enum:
		return appendQuoted(b, v.String()), nil
	case Bool:
		return strconv.AppendBool(b, v.Bool()), nil
	case Int:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case Float:
		return appendJSONFloat(b, v.Float()), nil
	case Time:
		return appendEpoch(b, v.Interface().(time.Time)), nil
	case Blob:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v.Bytes())
		return append(b, '"'), nil
	case List:
		return appendJSONList(b, p, v)
	case Map:
		return appendJSONMap(b, p, v)
	case Struct:
		return appendJSONStruct(b, p, v)
	case Union:
		return appendJSONUnion(b, p, v)
	case Document:
		return appendDocument(b, v)
	}
	return nil, fmt.Errorf("encode %v: no JSON form", p.Type)
}

func appendJSONStruct(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	b = append(b, '{')
	first := true
	for i := range p.Fields {
		f := &p.Fields[i]
		fv := v.Field(f.index)
		if f.Plan.Absent(fv) || f.Plan.Kind == Stream {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, f.key...)
		var err error
		if b, err = appendJSON(b, f.Plan, fv); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendJSONList(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendElement(b, p.Elem, v.Index(i)); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// appendElement writes a list's or map's value, where absence is null.
func appendElement(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	if p.Kind != String && p.Kind != Enum && p.Kind != Blob && p.Absent(v) {
		return append(b, "null"...), nil
	}
	return appendJSON(b, p, v)
}

func appendJSONMap(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	b = append(b, '{')
	for i, k := range sortedKeys(v) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, k.String()), ':')
		var err error
		if b, err = appendElement(b, p.Elem, v.MapIndex(k)); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func sortedKeys(m reflect.Value) []reflect.Value {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

func appendJSONUnion(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	f, content := p.Variant(v)
	if f == nil {
		return nil, fmt.Errorf("encode %v: unknown variant %v", p.Type, v.Elem().Type())
	}
	b = append(b, '{')
	b = append(b, f.key...)
	b, err := appendElement(b, f.Plan, content)
	if err != nil {
		return nil, err
	}
	return append(b, '}'), nil
}

func appendDocument(b []byte, v reflect.Value) ([]byte, error) {
	m, ok := v.Interface().(interface{ MarshalSmithyDocument() ([]byte, error) })
	if !ok {
		return nil, fmt.Errorf("encode %v: not a document", v.Type())
	}
	doc, err := m.MarshalSmithyDocument()
	if err != nil {
		return nil, fmt.Errorf("encode document: %w", err)
	}
	if !json.Valid(doc) {
		return nil, fmt.Errorf("encode document: not JSON")
	}
	return append(b, doc...), nil
}

func appendJSONFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		b = append(b, '"')
		b = append(b, floatWord(f)...)
		return append(b, '"')
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

// floatWord spells the floats that have no digits.
func floatWord(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return "NaN"
}

func appendEpoch(b []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return strconv.AppendInt(b, ms/1000, 10)
	}
	return strconv.AppendFloat(b, float64(ms)/1000, 'f', 3, 64)
}

// AppendQuoted appends s as a JSON string.
func AppendQuoted(b []byte, s string) []byte { return appendQuoted(b, s) }

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = append(b, s[start:i]...)
		b = appendEscaped(b, c)
		i += size
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

const hexDigits = "0123456789abcdef"

func appendEscaped(b []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, `\n`...)
	case c == '\r':
		return append(b, `\r`...)
	case c == '\t':
		return append(b, `\t`...)
	case c < 0x20:
		return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(b, "\ufffd"...) // a byte that is no UTF-8
}
