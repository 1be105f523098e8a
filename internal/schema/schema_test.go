package schema

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/internal/doctor"
)

type base struct {
	ID string `json:"id"`
}

type leaf struct {
	Name string `json:"name,omitempty"`
}

type sample struct {
	base
	At      time.Time       `json:"at"`
	Took    time.Duration   `json:"took"`
	Raw     json.RawMessage `json:"raw"`
	Code    *int32          `json:"code"`
	Leaves  []leaf          `json:"leaves"`
	Weights map[string]int  `json:"weights,omitempty"`
	Secret  string          `json:"-"`
	Bare    bool
	hidden  int
}

func maker() *Maker {
	return &Maker{
		Source: &Source{Module: "example.com/none"},
		Words: map[string]string{
			"id": "its id", "at": "when", "took": "how long", "raw": "any", "code": "its code", "leaves": "its leaves",
			"weights": "by name", "Bare": "untagged", "name": "its name", "schema.leaf.name": "the leaf's name",
		},
	}
}

func TestDocument(t *testing.T) {
	b, err := maker().Document("a title", "what it is", sample{hidden: 1})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		AnyOf []map[string]any          `json:"anyOf"`
		Defs  map[string]map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	of := func(kind any, about string) map[string]any { return map[string]any{"type": kind, "description": about} }
	at := of("string", "when")
	at["format"] = "date-time"
	leaves := of("array", "its leaves")
	leaves["items"] = map[string]any{"$ref": "#/$defs/leaf"}
	weights := of("object", "by name")
	weights["additionalProperties"] = map[string]any{"type": "integer"}
	want := map[string]map[string]any{
		"sample": {"type": "object", "required": []any{"id", "at", "took", "raw", "code", "leaves", "Bare"}, "properties": map[string]any{
			"id": of("string", "its id"), "at": at, "took": of("integer", "how long (nanoseconds)"), "raw": map[string]any{"description": "any"},
			"code": of([]any{"integer", "null"}, "its code"), "leaves": leaves, "weights": weights, "Bare": of("boolean", "untagged"),
		}},
		"leaf": {"type": "object", "required": []any{}, "properties": map[string]any{"name": of("string", "the leaf's name")}},
	}
	if d := cmp.Diff(want, got.Defs); d != "" {
		t.Error(d)
	}
}

func TestFieldsThatNothingIsSaidOf(t *testing.T) {
	m := maker()
	delete(m.Words, "took")
	if _, err := m.Document("t", "d", sample{}); err == nil || !strings.Contains(err.Error(), "schema.sample.Took") {
		t.Errorf("%v", err)
	}
}

// TestSource reads this package's own comments.
func TestSource(t *testing.T) {
	m := &Maker{Source: &Source{Module: "github.com/turnoutdev/turnout", Root: "../.."}, Words: map[string]string{}}
	b, err := m.Document("t", "d", struct{ M Source }{})
	if err == nil {
		t.Fatalf("a struct without a name passed: %s", b)
	}
	b, err = m.Document("t", "d", Source{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"its path, such as example.com/m", "the folder of its go.mod", "Source is a module's source, of which comments and constants are read."} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%q is not in %s", want, b)
		}
	}
	m.Words["severity"] = "how bad it is"
	if b, err = m.Document("t", "d", doctor.Finding{}); err != nil || !strings.Contains(strings.Join(strings.Fields(string(b)), ""), `"enum":["error","warning","note"]`) {
		t.Errorf("%v: %s", err, b)
	}
}

func TestCheck(t *testing.T) {
	s, err := maker().Document("t", "d", leaf{})
	if err != nil {
		t.Fatal(err)
	}
	for output, want := range map[string]int{"": 0, `{"name": "a"}`: 1, "{}\n{}\n": 2} {
		if n, err := Check(s, []byte(output)); n != want || err != nil {
			t.Errorf("%q: %d values, %v", output, n, err)
		}
	}
	for _, bad := range []string{`{"name": 1}`, `{"nam": "a"}`, `[]`, `{} x`, `{}{"name": null}`} {
		if _, err := Check(s, []byte(bad)); err == nil {
			t.Errorf("%q passed", bad)
		}
	}
}
