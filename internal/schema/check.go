package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Check holds all JSON values of an output against a schema, and tells how many there were.
// The schema is closed for it: a field that it does not have is a fault, although users are
// told that fields may be added.
func Check(schema, output []byte) (int, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return 0, err
	}
	closed(doc)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("output.json", doc); err != nil {
		return 0, err
	}
	s, err := c.Compile("output.json")
	if err != nil {
		return 0, err
	}
	values := json.NewDecoder(bytes.NewReader(output))
	values.UseNumber()
	for n := 0; ; n++ {
		var v any
		if err := values.Decode(&v); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, fmt.Errorf("value %d is no JSON: %w", n+1, err)
		}
		if err := s.Validate(v); err != nil {
			return n, fmt.Errorf("value %d: %w", n+1, err)
		}
	}
}

// closed forbids all objects of a schema other properties than those that they tell of.
func closed(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, sub := range v {
			closed(sub)
		}
		if _, open := v["additionalProperties"]; v["properties"] != nil && !open {
			v["additionalProperties"] = false
		}
	case []any:
		for _, sub := range v {
			closed(sub)
		}
	}
}

// CheckVerb holds what a command line printed with --json against the schema of its verb,
// which is schema/VERB.json in files. All verbs print one value, but for those that print
// one a line.
func CheckVerb(files fs.FS, args []string, output []byte) error {
	for i, word := range args {
		b, err := fs.ReadFile(files, "schema/"+word+".json")
		if err != nil && i+1 < len(args) {
			b, err = fs.ReadFile(files, "schema/"+word+"-"+args[i+1]+".json")
		}
		if err != nil {
			continue
		}
		n, err := Check(b, output)
		if err == nil && n != 1 && !bytes.Contains(b, []byte("one object a line")) {
			err = fmt.Errorf("%d values", n)
		}
		return err
	}
	return fmt.Errorf("there is no schema for %q", args)
}
