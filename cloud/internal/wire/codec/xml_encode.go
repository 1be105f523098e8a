package codec

import (
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendXML appends the members of v, a pointer to an SDK struct, as awsQuery writes
// them: lists of <member> (of <item> for ec2Query), maps of <entry><key/><value/></entry>, times in ISO 8601.
func (n *Names) AppendXML(b []byte, v any) ([]byte, error) {
	rv := reflect.ValueOf(v).Elem()
	return appendXMLMembers(b, n.Plan(rv.Type()), rv)
}

func appendXMLMembers(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	for i := range p.Fields {
		f := &p.Fields[i]
		fv := v.Field(f.index)
		if f.Plan.Absent(fv) {
			continue
		}
		var err error
		if b, err = appendElementXML(b, f.Name, f.Plan, fv); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendElementXML(b []byte, name string, p *Plan, v reflect.Value) ([]byte, error) {
	b = openTag(b, name)
	b, err := appendXMLContent(b, p, v)
	if err != nil {
		return nil, err
	}
	return closeTag(b, name), nil
}

func openTag(b []byte, name string) []byte {
	b = append(b, '<')
	b = append(b, name...)
	return append(b, '>')
}

func closeTag(b []byte, name string) []byte {
	b = append(b, '<', '/')
	b = append(b, name...)
	return append(b, '>')
}

func appendXMLContent(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	switch p.Kind {
	case Pointer:
		if v.IsNil() {
			return b, nil
		}
		return appendXMLContent(b, p.Elem, v.Elem())
	case String, Enum:
		return AppendXMLText(b, v.String()), nil
	case Bool:
		return strconv.AppendBool(b, v.Bool()), nil
	case Int:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case Float:
		return appendXMLFloat(b, v.Float()), nil
	case Time:
		return appendISO(b, v.Interface().(time.Time)), nil
	case Blob:
		return base64.StdEncoding.AppendEncode(b, v.Bytes()), nil
	case List:
		return appendXMLList(b, p, v)
	case Map:
		return appendXMLMap(b, p, v)
	case Struct:
		return appendXMLMembers(b, p, v)
	case Union:
		f, content := p.Variant(v)
		if f != nil {
			return appendElementXML(b, f.Name, f.Plan, content)
		}
	}
	return nil, fmt.Errorf("encode %v: no XML form", p.Type)
}

func appendXMLList(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	element := "member"
	if p.names.EC2 {
		element = "item"
	}
	for i := range v.Len() {
		var err error
		if b, err = appendElementXML(b, element, p.Elem, v.Index(i)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendXMLMap(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	for _, k := range sortedKeys(v) {
		b = append(b, "<entry><key>"...)
		b = AppendXMLText(b, k.String())
		b = append(b, "</key>"...)
		var err error
		if b, err = appendElementXML(b, "value", p.Elem, v.MapIndex(k)); err != nil {
			return nil, err
		}
		b = append(b, "</entry>"...)
	}
	return b, nil
}

func appendXMLFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(b, floatWord(f)...)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

// appendISO writes whole seconds without a fraction, as IAM and STS do.
func appendISO(b []byte, t time.Time) []byte {
	t = t.UTC()
	if t.Nanosecond()/1e6 == 0 {
		return t.AppendFormat(b, "2006-01-02T15:04:05Z")
	}
	return t.AppendFormat(b, "2006-01-02T15:04:05.000Z")
}

// AppendXMLText appends s as XML character data; what XML cannot carry becomes U+FFFD.
func AppendXMLText(b []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if esc := xmlEscape(r, size); esc != "" {
			b = append(b, s[start:i]...)
			b = append(b, esc...)
			start = i + size
		}
		i += size
	}
	return append(b, s[start:]...)
}

func xmlEscape(r rune, size int) string {
	switch {
	case r == '<':
		return "&lt;"
	case r == '>':
		return "&gt;"
	case r == '&':
		return "&amp;"
	case r == '"':
		return "&quot;"
	case r == '\r':
		return "&#xD;"
	case r < 0x20 && r != '\n' && r != '\t', r == utf8.RuneError && size == 1, r == 0xFFFE, r == 0xFFFF:
		return "\ufffd"
	}
	return ""
}
