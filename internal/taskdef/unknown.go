package taskdef

import (
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/turnoutdev/turnout/internal/document"
	"github.com/turnoutdev/turnout/internal/spell"
)

// Unknown finds the fields that the SDK's model of RegisterTaskDefinition does not have:
// misspelled ones, and ones that are newer than this program. They are sent all the same.
// Each error has its place, and a guess as hint where one is near.
func (t *TaskDefinition) Unknown() []*document.Error {
	var out []*document.Error
	t.unknown(t.root, reflect.TypeFor[ecs.RegisterTaskDefinitionInput](), "", &out)
	return out
}

func (t *TaskDefinition) unknown(n *document.Node, typ reflect.Type, path string, out *[]*document.Error) {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch {
	case n.Kind == document.Array && typ.Kind() == reflect.Slice:
		for _, item := range n.Items {
			t.unknown(item, typ.Elem(), path+"[]", out)
		}
	case n.Kind == document.Object && typ.Kind() == reflect.Struct:
		fields := members(typ)
		for _, m := range n.Members {
			at := strings.TrimPrefix(path+"."+m.Key, ".")
			if f, ok := fields[strings.ToLower(m.Key)]; ok {
				t.unknown(m.Value, f.Type, at, out)
				continue
			}
			if path == "" && slices.Contains(ReadOnly, m.Key) {
				continue // StripReadOnly's business
			}
			*out = append(*out, t.doc.At(&document.Node{Start: m.Start}, guess(m.Key, fields), "%s is not a field that ECS is known to have", at))
		}
	}
}

// members are a struct's fields by their names in lower case, as ECS reads them.
func members(typ reflect.Type) map[string]reflect.StructField {
	out := map[string]reflect.StructField{}
	for f := range fieldsOf(typ) {
		out[strings.ToLower(f.Name)] = f
	}
	return out
}

func fieldsOf(typ reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range typ.NumField() {
			if f := typ.Field(i); f.IsExported() && !yield(f) {
				return
			}
		}
	}
}

func guess(key string, fields map[string]reflect.StructField) string {
	var names []string
	for _, f := range fields {
		names = append(names, strings.ToLower(f.Name[:1])+f.Name[1:])
	}
	slices.Sort(names)
	if near := spell.Nearest(key, names); near != "" {
		return "did you mean \"" + near + "\"?"
	}
	return "it is sent as it stands; ECS refuses or ignores what it does not know"
}
