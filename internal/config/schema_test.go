package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/turnoutdev/turnout/docs"
)

func TestSchemaHasExactlyTheKeysOfTheStructs(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(docs.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	compare(t, "", reflect.TypeFor[Config](), schema)
}

func compare(t *testing.T, at string, typ reflect.Type, schema map[string]any) {
	t.Helper()
	props, _ := schema["properties"].(map[string]any)
	seen := map[string]bool{}
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
		if name == "-" {
			continue
		}
		seen[name] = true
		p, ok := props[name].(map[string]any)
		if !ok {
			t.Errorf("the schema lacks %s%s", at, name)
			continue
		}
		switch f := typ.Field(i).Type; {
		case f.Kind() == reflect.Struct:
			compare(t, at+name+".", f, p)
		case f.Kind() == reflect.Slice && f.Elem().Kind() == reflect.Struct:
			items, _ := p["items"].(map[string]any)
			compare(t, at+name+"[].", f.Elem(), items)
		}
	}
	for name := range props {
		if !seen[name] {
			t.Errorf("the schema has %s%s, the code does not", at, name)
		}
	}
}

func TestSchemaAgreesWithParse(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(docs.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("turnout.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("turnout.json")
	if err != nil {
		t.Fatal(err)
	}
	for src, ok := range map[string]bool{
		"service: a\n": true,
		"service: a\ninfrastructure: {termination_wait: 10m, health: {path: /h}}\n": true,
		"cluster: a\n":               false,
		"service: a\nunknown: 1\n":   false,
		"service: a b\n":             false,
		"service: a\nversion: 2\n":   false,
		"service: a\nlocal: maybe\n": false,
		"service: a\nrender: {task_role: r, containers: [{name: c, environment: {A: b}, env_files: ['arn:aws-cn:s3:::b/e.env'], log_driver: awslogs}]}\n": true,
		"service: a\nrender: {containers: [{env_files: [local.env]}]}\n":                                                                                  false,
		"service: a\nrender: {containers: [{log_driver: tape}]}\n":                                                                                        false,
		"service: a\nrender: {containers: [{image: a b}]}\n":                                                                                              false,
		"service: a\nrender: {containers: [{envs: {}}]}\n":                                                                                                false,
	} {
		js, err := yaml.YAMLToJSON([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(js))
		if err != nil {
			t.Fatal(err)
		}
		_, perr := Parse("turnout.yml", []byte(src))
		if serr := schema.Validate(v); (serr == nil) != ok || (perr == nil) != ok {
			t.Errorf("%q: schema says %v, Parse says %v", src, serr, perr)
		}
	}
}
