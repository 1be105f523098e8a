// Package schema derives a JSON schema (2020-12) from the Go type that is printed: its
// shape by reflection, its words from the comments in the source. Nothing of it is in the
// program itself; what it makes is committed and embedded.
//
// Known limits: types with a MarshalJSON of their own are known for time.Time,
// time.Duration and json.RawMessage only, and a nil slice, which prints as null, is held to
// be a fault of the code that prints it.
package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Maker makes schemas of one module's types.
type Maker struct {
	Source *Source
	Words  map[string]string // what fields are whose comments do not say it: by JSON name, or by pkg.Type.NAME
}

// document is a schema as it is written, what people read first.
type document struct {
	Schema      string           `json:"$schema"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	AnyOf       []map[string]any `json:"anyOf"`
	Defs        map[string]any   `json:"$defs"`
}

// Document is a schema for any of the values given; description says what they are.
func (m *Maker) Document(title, description string, values ...any) ([]byte, error) {
	d := &drawing{Maker: m, defs: map[string]any{}, names: map[reflect.Type]string{}}
	out := document{Schema: "https://json-schema.org/draft/2020-12/schema", Title: title, Description: description, Defs: d.defs}
	for _, v := range values {
		s, err := d.of(reflect.TypeOf(v))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", title, err)
		}
		out.AnyOf = append(out.AnyOf, s)
	}
	if len(d.untold) > 0 {
		return nil, fmt.Errorf("%s: no comment says what these are, and there are no words for them: %s", title, strings.Join(d.untold, ", "))
	}
	b, err := json.MarshalIndent(out, "", "  ")
	return append(b, '\n'), err
}

// drawing is one schema in the making.
type drawing struct {
	*Maker
	defs  map[string]any
	names map[reflect.Type]string // of those in defs

	untold []string // fields that nothing is said of
}

// of is the schema of a type.
func (d *drawing) of(t reflect.Type) (map[string]any, error) {
	switch t {
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}, nil
	case reflect.TypeFor[json.RawMessage]():
		return map[string]any{}, nil
	case reflect.TypeFor[[]byte]():
		return map[string]any{"type": "string", "contentEncoding": "base64"}, nil
	}
	switch t.Kind() {
	case reflect.Interface:
		return map[string]any{}, nil
	case reflect.Pointer:
		return d.of(t.Elem())
	case reflect.Bool:
		return map[string]any{"type": "boolean"}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return map[string]any{"type": "integer"}, nil
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}, nil
	case reflect.String:
		return d.text(t)
	case reflect.Slice, reflect.Array:
		items, err := d.of(t.Elem())
		return map[string]any{"type": "array", "items": items}, err
	case reflect.Map:
		values, err := d.of(t.Elem())
		return map[string]any{"type": "object", "additionalProperties": values}, err
	case reflect.Struct:
		if t.Name() != "" {
			return d.ref(t)
		}
	}
	return nil, fmt.Errorf("%s has no schema", t)
}

// text is a string; of a type that has constants, it is one of them.
func (d *drawing) text(t reflect.Type) (map[string]any, error) {
	out := map[string]any{"type": "string"}
	values, err := d.Source.constants(t)
	if len(values) > 0 {
		out["enum"] = values
	}
	return out, err
}

// ref names a struct among the definitions, where it is drawn once.
func (d *drawing) ref(t reflect.Type) (map[string]any, error) {
	name, known := d.names[t]
	if !known {
		name = d.name(t)
		d.names[t] = name
		d.defs[name] = nil // taken
		def, err := d.object(t)
		if err != nil {
			return nil, err
		}
		d.defs[name] = def
	}
	return map[string]any{"$ref": "#/$defs/" + name}, nil
}

// name is a type's own, with its package where two are called the same.
func (d *drawing) name(t reflect.Type) string {
	name := strings.ToLower(t.Name()[:1]) + t.Name()[1:]
	if _, taken := d.defs[name]; taken {
		pkg := t.PkgPath()
		return pkg[strings.LastIndex(pkg, "/")+1:] + t.Name()
	}
	return name
}

func (d *drawing) object(t reflect.Type) (map[string]any, error) {
	properties, required := map[string]any{}, []string{}
	if err := d.fields(t, properties, &required); err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	out := map[string]any{"type": "object", "properties": properties, "required": required}
	about, err := d.Source.about(t)
	if about != "" {
		out["description"] = about
	}
	return out, err
}

// fields draws a struct's fields; those of embedded structs stand in their place, as they
// do in JSON.
func (d *drawing) fields(t reflect.Type, properties map[string]any, required *[]string) error {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
			continue
		case f.Anonymous && name == "":
			embedded := f.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			if err := d.fields(embedded, properties, required); err != nil {
				return err
			}
			continue
		case !f.IsExported():
			continue
		case name == "":
			name = f.Name
		}
		optional := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		p, err := d.property(t, f, name, optional)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		properties[name] = p
		if !optional {
			*required = append(*required, name)
		}
	}
	return nil
}

// property is a field's schema, with what its comment says of it.
func (d *drawing) property(in reflect.Type, f reflect.StructField, name string, optional bool) (map[string]any, error) {
	p, err := d.of(f.Type)
	if err != nil {
		return nil, err
	}
	if f.Type.Kind() == reflect.Pointer && !optional {
		if kind, ok := p["type"].(string); ok {
			p["type"] = []string{kind, "null"}
		}
	}
	about, err := d.Source.aboutField(in, f.Name)
	if err != nil {
		return nil, err
	}
	if about == "" {
		about = d.Words[in.String()+"."+name]
	}
	if about == "" {
		about = d.Words[name]
	}
	if about == "" {
		d.untold = append(d.untold, in.String()+"."+f.Name)
	}
	if f.Type == reflect.TypeFor[time.Duration]() && !strings.Contains(about, "nanoseconds") {
		about += " (nanoseconds)"
	}
	p["description"] = about
	return p, nil
}
