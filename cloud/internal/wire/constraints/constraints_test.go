package constraints

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
)

const forest = `# a comment
op Plant PlantRequest
op Fell FellRequest void unsigned
http Plant POST /trees/{Name} 201
at PlantInput Name uri Name
err Rotten Rot 410 Message
err Storm Storm 500 -
n Depth 0..10
t Name 2..4 [a-z]+
t* Secret ..2 [\u0020-\u007E]*
s PlantRequest Alive! Count!=Depth Kinds=Kinds Name!=Name Roots=Roots Secret=Secret Tags=Tags
s Root Depth=Depth Name!=Name Roots=Roots
l Roots 1.. Root
l Kinds ..2 -
m Tags ..2 Name Secret
`

type plantInput struct {
	Name   *string
	Count  int32
	Alive  bool
	Kinds  []kind
	Roots  []root
	Secret *string
	Tags   map[string]string
}

type root struct {
	Name  *string
	Depth *int32
	Roots []root
}

type kind string

func (kind) Values() []kind { return []kind{"TREE", "HERB"} }

func ptr[T any](v T) *T { return &v }

// show writes a violation in one line.
func show(v Violation) string {
	s := fmt.Sprint(join(v.Path), " ", v.Within)
	if v.Within != None {
		for _, r := range v.All {
			s += fmt.Sprint(" ", r.Rule, ":", r.Limit, r.Text, r.Values)
		}
		return s
	}
	return s + fmt.Sprint(" ", v.Rule, ":", v.Limit, v.Text, v.Values, " ", v.Secret)
}

func TestViolations(t *testing.T) {
	names := &codec.Names{}
	table := parse(forest)
	plan := names.Plan(reflect.TypeFor[plantInput]())
	for _, tc := range []struct {
		name    string
		in      plantInput
		present string
		want    []string
	}{
		{"good", plantInput{Name: ptr("oak"), Count: 1, Alive: true}, "", nil},
		{"zero that was sent", plantInput{Name: ptr("oak")}, "Count Alive", nil},
		{"nothing", plantInput{}, "", []string{"Name 0 0:0[] false", "Count 0 0:0[] false", "Alive 0 0:0[] false"}},
		{"numbers", plantInput{Name: ptr("oak"), Count: 11, Alive: true}, "", []string{"Count 0 4:10[] false"}},
		{"text", plantInput{Name: ptr("Oak tree"), Count: 1, Alive: true}, "", []string{"Name 0 5:0[a-z]+[] false", "Name 0 2:4[] false"}},
		{"length counts characters", plantInput{Name: ptr("éé"), Count: 1, Alive: true}, "", []string{"Name 0 5:0[a-z]+[] false"}},
		{"secret", plantInput{Name: ptr("oak"), Count: 1, Alive: true, Secret: ptr("\n")}, "", []string{`Secret 0 5:0[\u0020-\u007E]*[] true`}},
		{"elements", plantInput{Name: ptr("oak"), Count: 1, Alive: true, Kinds: []kind{"TREE", "FUNGUS", "X"}}, "",
			[]string{"Kinds 0 2:2[] false", "Kinds 1 6:0[TREE HERB]"}},
		{"empty list", plantInput{Name: ptr("oak"), Count: 1, Alive: true, Roots: []root{}}, "", []string{"Roots 0 1:1[] false"}},
		{"deep", plantInput{Name: ptr("oak"), Count: 1, Alive: true, Roots: []root{{Name: ptr("a"), Roots: []root{{Depth: ptr(int32(11))}}}}}, "",
			[]string{"Roots[0].Name 0 1:2[] false", "Roots[0].Roots[0].Name 0 0:0[] false", "Roots[0].Roots[0].Depth 0 4:10[] false"}},
		{"map", plantInput{Name: ptr("oak"), Count: 1, Alive: true, Tags: map[string]string{"A": "long"}}, "",
			[]string{"Tags 2 2:4[] 1:2[] 5:0[a-z]+[]", `Tags 3 2:2[] 5:0[\u0020-\u007E]*[]`}},
	} {
		present := func(path string) bool { return slices.Contains(strings.Fields(tc.present), path) }
		var got []string
		for _, v := range table.Check("Plant", plan, &tc.in, present) {
			got = append(got, show(v))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", tc.name, got, tc.want)
		}
	}
}

func TestFacts(t *testing.T) {
	table := parse(forest)
	if !table.Void("Fell") || table.Void("Plant") || !table.Unsigned("Fell") || table.Unsigned("Plant") || !table.Knows("Plant") || table.Knows("Grow") {
		t.Error("operations")
	}
	if table.Status("Rot") != 410 || table.Status("Rotten") != 410 || table.Code("Rotten") != "Rot" || table.Status("Other") != 0 || table.Code("Other") != "Other" ||
		table.Message("Rotten") != "Message" || table.Message("Storm") != "" {
		t.Error("errors")
	}
	if r := table.Routes(); len(r) != 1 || r[0] != (Route{"Plant", "POST", "/trees/{Name}", 201}) {
		t.Errorf("routes %v", r)
	}
	if p := table.Places("PlantInput"); len(p) != 1 || p[0] != (Place{"Name", "uri", "Name"}) {
		t.Errorf("places %v", p)
	}
	var none *Table
	if none.Void("x") || none.Unsigned("x") || none.Knows("x") || none.Status("x") != 0 || none.Code("x") != "x" || none.Check("x", nil, nil, nil) != nil || none.Routes() != nil {
		t.Error("a nil table knows something")
	}
}

// Go's expressions have no look-around and no repetition over 1000. What that leaves
// unchecked is known: one name of IAM's, and some of the services that matter less here.
func TestPatterns(t *testing.T) {
	entries, err := data.ReadDir("data")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]int{"iam": 1, "lambda": 4, "ssm": 16}
	for _, e := range entries {
		id := strings.TrimSuffix(e.Name(), ".txt")
		unchecked := 0
		for name := range For(id).shapes {
			if s := For(id).shape(name); s.pattern != "" && newPattern(s.pattern) == nil {
				unchecked++
			}
		}
		if unchecked != known[id] {
			t.Errorf("%s: %d patterns are not checked, want %d", id, unchecked, known[id])
		}
	}
	if For("nothing") != nil {
		t.Error("a table of nothing")
	}
}
