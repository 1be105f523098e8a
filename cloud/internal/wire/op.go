package wire

import (
	"context"
	"reflect"
	"strings"
)

// Op is one operation that a service answers, with what is known of its faithfulness.
type Op struct {
	Name    string   // "CreateDeployment"
	Record  string   // why nothing but a record is kept, or ""
	Differs []string // known differences from AWS, for docs/parity.md

	in, out reflect.Type
	call    func(ctx context.Context, in any) (any, error)
}

// Handle makes an Op of a method that has the SDK client's own signature. The name is
// that of the Input type: a method value keeps the linker's dead code elimination alive,
// which reflection over all methods would end.
func Handle[In, Out, Options any](f func(context.Context, *In, ...func(*Options)) (*Out, error)) Op {
	in := reflect.TypeFor[In]()
	return Op{
		Name: strings.TrimSuffix(in.Name(), "Input"),
		in:   in,
		out:  reflect.TypeFor[Out](),
		call: func(ctx context.Context, v any) (any, error) {
			out, err := f(ctx, v.(*In))
			if err != nil {
				return nil, err // not a typed nil inside an interface
			}
			return out, nil
		},
	}
}

// RecordOnly marks an operation that keeps and returns a record but has no effect.
func (o Op) RecordOnly(why string) Op {
	o.Record = why
	return o
}

// Differing notes a known difference from AWS.
func (o Op) Differing(how string) Op {
	o.Differs = append(o.Differs, how)
	return o
}

// Dynamic makes an Op of Input and Output types that are known only at run time, as
// programs do that run over all operations of a client. Services use Handle.
func Dynamic(in, out reflect.Type, call Call) Op {
	return Op{Name: strings.TrimSuffix(in.Name(), "Input"), in: in, out: out, call: call}
}
