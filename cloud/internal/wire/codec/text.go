package codec

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// SetText sets v from its form in a path, query or header: one text, or one for each
// element of a list. The error is an *Error.
func SetText(p *Plan, v reflect.Value, texts []string, member string) error {
	d := formDecoder{}
	n := d.down(member)
	defer d.up(n)
	switch p.Kind {
	case Pointer:
		x := reflect.New(p.Elem.Type)
		if err := SetText(p.Elem, x.Elem(), texts, member); err != nil {
			return err
		}
		v.Set(x)
		return nil
	case List:
		s := reflect.MakeSlice(p.Type, len(texts), len(texts))
		for i, text := range texts {
			d.scalar(p.Elem, s.Index(i), text)
		}
		v.Set(s)
		return d.err
	case Time:
		if t, err := http.ParseTime(texts[0]); err == nil {
			v.Set(reflect.ValueOf(t))
			return nil
		}
	}
	d.scalar(p, v, texts[0])
	return d.err
}

// Text returns v's form in a header; ok is false when it is absent.
func Text(p *Plan, v reflect.Value) (text string, ok bool) {
	if p.Absent(v) {
		return "", false
	}
	switch p.Kind {
	case Pointer:
		return Text(p.Elem, v.Elem())
	case Bool:
		return strconv.FormatBool(v.Bool()), true
	case Int:
		return strconv.FormatInt(v.Int(), 10), true
	case Float:
		return strconv.FormatFloat(v.Float(), 'f', -1, 64), true
	case Time:
		return v.Interface().(time.Time).UTC().Format(http.TimeFormat), true
	case Blob:
		return base64.StdEncoding.EncodeToString(v.Bytes()), true
	case List:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i], _ = Text(p.Elem, v.Index(i))
		}
		return strings.Join(parts, ","), true
	}
	return v.String(), true
}

// DecodePayload reads a body that is one member: raw bytes, a stream of them, or a JSON value.
func (n *Names) DecodePayload(f *Field, v reflect.Value, body []byte) (unknown []string, err error) {
	switch f.Plan.Kind {
	case Blob:
		v.SetBytes(append([]byte{}, body...))
		return nil, nil
	case Stream:
		v.Set(reflect.ValueOf(io.NopCloser(bytes.NewReader(body))))
		return nil, nil
	}
	d := jsonDecoder{names: n}
	d.src = body
	d.value(f.Plan, v)
	return d.unknown, d.err
}

// AppendPayload is DecodePayload's other direction.
func (n *Names) AppendPayload(b []byte, f *Field, v reflect.Value) ([]byte, error) {
	switch {
	case f.Plan.Kind == Blob:
		return append(b, v.Bytes()...), nil
	case f.Plan.Absent(v):
		return b, nil
	case f.Plan.Kind == Stream:
		content, err := io.ReadAll(v.Interface().(io.Reader))
		return append(b, content...), err
	}
	return appendJSON(b, f.Plan, v)
}

// AppendJSONMembers is AppendJSON without the members that skip names.
func (n *Names) AppendJSONMembers(b []byte, v any, skip func(string) bool) ([]byte, error) {
	rv := reflect.ValueOf(v).Elem()
	p := n.Plan(rv.Type())
	b = append(b, '{')
	for i := range p.Fields {
		f := &p.Fields[i]
		if skip(f.Name) || f.Plan.Absent(f.Of(rv)) {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		var err error
		if b, err = appendJSON(append(b, f.key...), f.Plan, f.Of(rv)); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}
