package conformance

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/document"
	smithydocument "github.com/aws/smithy-go/document"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
)

// filler gives every member of a value something to carry.
type filler struct {
	rng   *rand.Rand
	names *codec.Names
	skip  float64 // how often an optional member is left out
	plain bool    // texts fit for headers and paths
	seen  map[reflect.Type]int
}

// fill makes a filled value of type t. Recursive types end at the second level.
func (f *filler) fill(t reflect.Type) any {
	f.seen = map[reflect.Type]int{}
	v := reflect.New(t)
	f.value(v.Elem())
	return v.Interface()
}

func (f *filler) value(v reflect.Value) {
	p := f.names.Plan(v.Type())
	switch p.Kind {
	case codec.Struct:
		f.seen[p.Type]++
		for i := range p.Fields {
			f.value(p.Fields[i].Of(v))
		}
		f.seen[p.Type]--
	case codec.Pointer:
		if f.leaveOut(p.Elem.Type) {
			return
		}
		v.Set(reflect.New(p.Elem.Type))
		f.element(v.Elem())
	case codec.List:
		f.list(p, v)
	case codec.Map:
		f.entries(p, v)
	case codec.Union:
		f.variant(p, v)
	case codec.Document:
		v.Set(reflect.ValueOf(f.names.NewDocument(map[string]any{"a": "ü", "b": []any{true, nil}})))
	default:
		f.scalar(p, v)
	}
}

// leaveOut decides on an optional member. A structure that is restJson's whole body is sent
// as {} when it is left out.
func (f *filler) leaveOut(t reflect.Type) bool {
	return f.seen[t] >= 2 || f.rng.Float64() < f.skip && !(f.plain && t.Kind() == reflect.Struct)
}

func (f *filler) scalar(p *codec.Plan, v reflect.Value) {
	switch p.Kind {
	case codec.String:
		v.SetString(f.text())
	case codec.Enum:
		all := v.MethodByName("Values").Call(nil)[0]
		v.Set(all.Index(f.rng.IntN(all.Len())))
	case codec.Bool:
		v.SetBool(f.rng.IntN(2) == 0)
	case codec.Int:
		v.SetInt(int64(int32(f.rng.Uint32())))
		if f.plain {
			v.SetInt(int64(200 + f.rng.IntN(99))) // may become an HTTP status
		}
	case codec.Float:
		v.SetFloat(f.rng.NormFloat64() * 1e6)
	case codec.Time:
		v.Set(reflect.ValueOf(time.UnixMilli(1.7e12 + f.rng.Int64N(1e9)).UTC()))
	case codec.Blob:
		v.SetBytes([]byte{0, 255, byte(f.rng.Uint32())})
	}
}

func (f *filler) text() string {
	n := f.rng.IntN(1e6)
	if f.plain {
		return fmt.Sprintf("text-%d", n)
	}
	hard := []string{"text %d", "é<&>\"'\\ +=%%%d", "x\n\t%d\r\ny", "漢🙂%d/~", "a&amp;b=%d"}
	return fmt.Sprintf(hard[f.rng.IntN(len(hard))], n)
}

func (f *filler) list(p *codec.Plan, v reflect.Value) {
	if f.leaveOut(p.Elem.Type) {
		return
	}
	v.Set(reflect.MakeSlice(p.Type, 2, 2))
	for i := range v.Len() {
		f.element(v.Index(i))
	}
	if f.plain && v.Index(0).Kind() == reflect.String && v.Index(0).String() > v.Index(1).String() {
		a, b := v.Index(0).String(), v.Index(1).String() // the SDK sorts a query's values
		v.Index(0).SetString(b)
		v.Index(1).SetString(a)
	}
}

// element fills what is in a list or map: never with nothing, which some protocols cannot say.
func (f *filler) element(v reflect.Value) {
	f.value(v)
	if skip := f.skip; v.IsZero() {
		f.skip = 0
		f.value(v)
		f.skip = skip
	}
}

func (f *filler) entries(p *codec.Plan, v reflect.Value) {
	if f.leaveOut(p.Elem.Type) {
		return
	}
	v.Set(reflect.MakeMap(p.Type))
	for range 2 {
		k, e := reflect.New(p.Type.Key()).Elem(), reflect.New(p.Elem.Type).Elem()
		f.value(k)
		f.element(e)
		v.SetMapIndex(k, e)
	}
}

func (f *filler) variant(p *codec.Plan, v reflect.Value) {
	field := &p.Fields[f.rng.IntN(len(p.Fields))]
	w := field.Wrapper()
	f.value(w.Elem().Field(0))
	v.Set(w)
}

// differ returns how two values differ, "" if they do not. Documents are compared by
// what they hold; what the client keeps for itself is left out.
func differ(a, b any) string {
	return cmp.Diff(a, b,
		cmp.Exporter(func(reflect.Type) bool { return true }),
		cmp.FilterPath(func(p cmp.Path) bool {
			return p.Last().Type() == reflect.TypeFor[middleware.Metadata]() || p.Last().String() == ".noSmithyDocumentSerde" ||
				p.Last().String() == ".ErrorCodeOverride" // what the client read of a header
		}, cmp.Ignore()),
		cmp.Comparer(func(a, b document.Interface) bool { return held(a) == held(b) }),
		cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
	)
}

func held(d document.Interface) string {
	if d == nil {
		return "none"
	}
	m, ok := d.(smithydocument.Marshaler)
	if !ok {
		return fmt.Sprintf("%T", d)
	}
	b, err := m.MarshalSmithyDocument()
	return fmt.Sprint(string(b), err)
}

func newFiller(t *testing.T, names *codec.Names, seed uint64) *filler {
	t.Helper()
	return &filler{rng: rand.New(rand.NewPCG(seed, 1)), names: names}
}
