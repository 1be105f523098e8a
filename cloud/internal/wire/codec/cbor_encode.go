package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"time"
)

// CBOR's major types, in the top three bits of a head.
const (
	cborUint   = 0 << 5
	cborNegInt = 1 << 5
	cborBytes  = 2 << 5
	cborText   = 3 << 5
	cborArray  = 4 << 5
	cborMap    = 5 << 5
	cborTag    = 6 << 5
	cborSimple = 7 << 5
)

const (
	cborFalse   = 0xf4
	cborTrue    = 0xf5
	cborNull    = 0xf6
	cborFloat64 = 0xfb
	cborBreak   = 0xff
	cborMapOpen = 0xbf // a map of indefinite length
	cborEpoch   = 0xc1 // tag 1: seconds since 1970
)

// AppendCBOR appends v, a pointer to an SDK struct, as rpc-v2-cbor's map.
func (n *Names) AppendCBOR(b []byte, v any) ([]byte, error) {
	rv := reflect.ValueOf(v).Elem()
	return appendCBOR(b, n.Plan(rv.Type()), rv)
}

// AppendCBORError appends an error: its type, its message under each of the names, and the
// members of e, a pointer to an SDK exception or nil, except those that skip names.
func (n *Names) AppendCBORError(b []byte, code, message string, names []string, e any, skip func(string) bool) []byte {
	b = append(b, cborMapOpen)
	b = appendCBORText(appendCBORText(b, "__type"), code)
	for _, name := range names {
		b = appendCBORText(appendCBORText(b, name), message)
	}
	if p, v, ok := n.exception(e); ok {
		for i := range p.Fields {
			f := &p.Fields[i]
			if skip(f.Name) || f.Plan.Absent(f.Of(v)) {
				continue
			}
			if member, err := appendCBOR(nil, f.Plan, f.Of(v)); err == nil {
				b = append(appendCBORText(b, f.Name), member...)
			}
		}
	}
	return append(b, cborBreak)
}

func appendCBORHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendCBORText(b []byte, s string) []byte {
	return append(appendCBORHead(b, cborText, uint64(len(s))), s...)
}

func appendCBORFloat(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, cborFloat64), math.Float64bits(f))
}

func appendCBORInt(b []byte, i int64) []byte {
	if i < 0 {
		return appendCBORHead(b, cborNegInt, uint64(-1-i))
	}
	return appendCBORHead(b, cborUint, uint64(i))
}

func appendCBOR(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	switch p.Kind {
	case Pointer:
		return appendCBOR(b, p.Elem, v.Elem())
	case String, Enum:
		return appendCBORText(b, v.String()), nil
	case Bool:
		if v.Bool() {
			return append(b, cborTrue), nil
		}
		return append(b, cborFalse), nil
	case Int:
		return appendCBORInt(b, v.Int()), nil
	case Float:
		return appendCBORFloat(b, v.Float()), nil
	case Time:
		t := v.Interface().(time.Time)
		return appendCBORFloat(append(b, cborEpoch), float64(t.UnixMilli())/1000), nil
	case Blob:
		return append(appendCBORHead(b, cborBytes, uint64(v.Len())), v.Bytes()...), nil
	case List:
		return appendCBORList(b, p, v)
	case Map:
		return appendCBORMap(b, p, v)
	case Struct:
		return appendCBORStruct(b, p, v)
	case Union:
		if f, content := p.Variant(v); f != nil {
			b = appendCBORText(append(b, cborMap|1), f.Name)
			return appendCBORElement(b, f.Plan, content)
		}
	}
	return nil, fmt.Errorf("encode %v: no CBOR form", p.Type)
}

func appendCBORElement(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	if p.Kind != String && p.Kind != Enum && p.Kind != Blob && p.Absent(v) {
		return append(b, cborNull), nil
	}
	return appendCBOR(b, p, v)
}

func appendCBORStruct(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	b = append(b, cborMapOpen)
	for i := range p.Fields {
		f := &p.Fields[i]
		if f.Plan.Absent(f.Of(v)) {
			continue
		}
		var err error
		if b, err = appendCBOR(appendCBORText(b, f.Name), f.Plan, f.Of(v)); err != nil {
			return nil, err
		}
	}
	return append(b, cborBreak), nil
}

func appendCBORList(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	b = appendCBORHead(b, cborArray, uint64(v.Len()))
	for i := range v.Len() {
		var err error
		if b, err = appendCBORElement(b, p.Elem, v.Index(i)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendCBORMap(b []byte, p *Plan, v reflect.Value) ([]byte, error) {
	b = appendCBORHead(b, cborMap, uint64(v.Len()))
	for _, k := range sortedKeys(v) {
		var err error
		if b, err = appendCBORElement(appendCBORText(b, k.String()), p.Elem, v.MapIndex(k)); err != nil {
			return nil, err
		}
	}
	return b, nil
}
