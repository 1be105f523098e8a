package document

import (
	"errors"
	"strings"
	"testing"
)

// container is the first item of the list c, or the root.
func container(d *Document) *Node {
	if c := d.Root.Get("c"); c != nil {
		return c.Items[0]
	}
	return d.Root
}

func env(name, value string) *Node {
	return Map(Member{Key: "name", Value: Text(name)}, Member{Key: "value", Value: Text(value)})
}

func TestPutKeepsEveryOtherByte(t *testing.T) {
	words, list, labels := List(Text("sh"), Text("-c"), Text(`a "b"`)), List(env("A", "1"), env("B", "x: y")), Map(Member{Key: "a/b", Value: Text("c=d")})
	tests := []struct {
		name, in string
		key      string
		v        *Node
		want     string
	}{
		{"json in place", "{ \"c\" : [ {\"image\":\"old\" , \"n\": 1.50e3} ] }\n", "image", Text("new"), "{ \"c\" : [ {\"image\":\"new\" , \"n\": 1.50e3} ] }\n"},
		{"json at the end", "{\n  \"c\": [\n    {\n      \"name\": \"x\"\n    }\n  ]\n}\n", "command", words, "{\n  \"c\": [\n    {\n      \"name\": \"x\",\n      \"command\": [\"sh\", \"-c\", \"a \\\"b\\\"\"]\n    }\n  ]\n}\n"},
		{"json with tabs", "{\n\t\"c\": [\n\t\t{\n\t\t\t\"name\": \"x\"\n\t\t}\n\t]\n}", "env", list, "{\n\t\"c\": [\n\t\t{\n\t\t\t\"name\": \"x\",\n\t\t\t\"env\": [\n\t\t\t\t{\"name\": \"A\", \"value\": \"1\"},\n\t\t\t\t{\"name\": \"B\", \"value\": \"x: y\"}\n\t\t\t]\n\t\t}\n\t]\n}"},
		{"json on one line", `{"c": [{"name": "x"}]}`, "labels", labels, `{"c": [{"name": "x", "labels": {"a/b": "c=d"}}]}`},
		{"json without white space", `{"c":[{"name":"x"}]}`, "env", list, `{"c":[{"name":"x","env":[{"name":"A","value":"1"},{"name":"B","value":"x: y"}]}]}`},
		{"json in an empty object", "{\n  \"c\": [{}]\n}", "image", Text("i"), "{\n  \"c\": [{\n    \"image\": \"i\"\n  }]\n}"},
		{"json of another kind", `{"c":[{"image":null,"z":[]}]}`, "image", Text("i"), `{"c":[{"image":"i","z":[]}]}`},
		{"json with CRLF", "{\r\n  \"a\": 1\r\n}\r\n", "b", Text("x"), "{\r\n  \"a\": 1,\r\n  \"b\": \"x\"\r\n}\r\n"},
		{"the same", `{"c":[{"image":  "i"}]}`, "image", Text("i"), `{"c":[{"image":  "i"}]}`},
		{"yaml in place", "c: # why\n  - name: x\n    image: 'old' # keep\nz: 0x10\n", "image", Text("new"), "c: # why\n  - name: x\n    image: 'new' # keep\nz: 0x10\n"},
		{"yaml at the end", "c:\n  - name: x # this\n\n# of z\nz: 1\n", "command", words, "c:\n  - name: x # this\n    command:\n      - sh\n      - -c\n      - a \"b\"\n\n# of z\nz: 1\n"},
		{"yaml before a sibling", "c:\n- name: x\n  env:\n  - {name: A}\n- name: y\n", "env", list, "c:\n- name: x\n  env:\n    - name: A\n      value: \"1\"\n    - name: B\n      value: \"x: y\"\n- name: y\n"},
		{"yaml after a block scalar", "c:\n- name: x\n  note: |\n    a\n\n    # b\n- name: y\n", "labels", labels, "c:\n- name: x\n  note: |\n    a\n\n    # b\n  labels:\n    a/b: c=d\n- name: y\n"},
		{"yaml flow", "c:\n- {name: x, image: old }\n", "image", Text("new: er"), "c:\n- {name: x, image: \"new: er\" }\n"},
		{"yaml flow at the end", "c:\n- {name: x }\n", "command", words, "c:\n- {name: x, command: [\"sh\", \"-c\", \"a \\\"b\\\"\"] }\n"},
		{"yaml without a value", "c:\n- name: x\n  image:\n  z: 1\n", "image", Text("i"), "c:\n- name: x\n  image: i\n  z: 1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse("f", []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			out, err := d.Put(container(d), tt.key, tt.v)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(out.Source); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if string(d.Source) != tt.in {
				t.Error("the document before has changed")
			}
		})
	}
}

func TestAppendIsLikeItsNeighbours(t *testing.T) {
	for in, want := range map[string]string{
		"{\n  \"c\": [\n    {\"name\": \"A\"}\n  ]\n}":               "{\n  \"c\": [\n    {\"name\": \"A\"},\n    {\"name\": \"B\", \"value\": \"v\"}\n  ]\n}",
		"{\n  \"c\": [\n    {\n      \"name\": \"A\"\n    }\n  ]\n}": "{\n  \"c\": [\n    {\n      \"name\": \"A\"\n    },\n    {\n      \"name\": \"B\",\n      \"value\": \"v\"\n    }\n  ]\n}",
		"{\"c\": [{\"name\": \"A\"}]}":                               "{\"c\": [{\"name\": \"A\"}, {\"name\": \"B\", \"value\": \"v\"}]}",
		"{\n  \"c\": []\n}":                                          "{\n  \"c\": [\n    {\n      \"name\": \"B\",\n      \"value\": \"v\"\n    }\n  ]\n}",
		"c:\n- name: A\n  value: 1 # one\n# of z\nz: 1\n":            "c:\n- name: A\n  value: 1 # one\n- name: B\n  value: v\n# of z\nz: 1\n",
		"c:\n    - name: A\n":                                        "c:\n    - name: A\n    - name: B\n      value: v\n",
		"c: [{name: A}]\n":                                           "c: [{name: A}, {\"name\": \"B\", \"value\": \"v\"}]\n",
		"c: []\n":                                                    "c: [{\"name\": \"B\", \"value\": \"v\"}]\n",
	} {
		d, err := Parse("f", []byte(in))
		if err != nil {
			t.Fatal(err)
		}
		out, err := d.Append(d.Root.Get("c"), env("B", "v"))
		if err != nil {
			t.Errorf("%q: %v", in, err)
		} else if got := string(out.Source); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// What would change in two places, or where it is not known what stands there, is refused.
func TestWhatCannotBeChangedInPlaceIsRefused(t *testing.T) {
	for _, in := range []string{
		"a: &x {name: A}\nc:\n- *x\n",
		"a: &x {name: A}\nc:\n- <<: *x\n  z: 1\n",
	} {
		d, err := Parse("f", []byte(in))
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Put(container(d), "image", Text("i"))
		var own *Error
		if !errors.As(err, &own) || own.Line == 0 || !strings.Contains(err.Error(), "cannot be changed in place") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// Whatever the document: a change is made as meant or refused, and is never more than that.
func FuzzPut(f *testing.F) {
	for _, s := range []string{`{"c":[{"a":"b"}]}`, "c:\n- a: b\n  d: |\n   x\n", "c: [{a: b}]", "a: 1\nb:\n  - x: 'y'\n", "{\n}", "a:\n- - b\n"} {
		f.Add([]byte(s), "k", "v: 1\n#")
	}
	f.Fuzz(func(t *testing.T, b []byte, key, value string) {
		d, err := Parse("f", b)
		if err != nil || d.Root.Kind != Object {
			return
		}
		for _, v := range []*Node{Text(value), List(Text(value), Text("")), Map(Member{Key: key, Value: Text(value)}), List(env(key, value))} {
			out, err := d.Put(d.Root, key, v)
			if err != nil {
				continue
			}
			if got := out.Root.Get(key); !same(got, v) {
				t.Fatalf("%q: put %+v, got %+v", b, v, got)
			}
			if back, err := Parse("f", out.Source); err != nil || !same(back.Root, out.Root) {
				t.Fatalf("%q: %v", out.Source, err)
			}
		}
	})
}
