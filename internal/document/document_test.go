package document

import (
	"errors"
	"strings"
	"testing"
)

func TestSetStringKeepsEveryOtherByte(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"json", "{ \"a\" : [1 , {\"image\":\"old\"} ],\n\t\"z\": 1.50e3 }\n", "{ \"a\" : [1 , {\"image\":\"new:1\"} ],\n\t\"z\": 1.50e3 }\n"},
		{"json with escapes", `{"a":[0,{"image":"o\u006cd\"x"}]}`, `{"a":[0,{"image":"new:1"}]}`},
		{"yaml plain", "a: # why\n  - 0\n  - image: old # keep\nz: 0x10\n", "a: # why\n  - 0\n  - image: new:1 # keep\nz: 0x10\n"},
		{"yaml single", "a:\n- 0\n- image: 'it''s'\n", "a:\n- 0\n- image: 'new:1'\n"},
		{"yaml double", "é: ü\na:\n- 0\n- {x: \"ö\", image: \"o\\\"ld\", y: 2}\n", "é: ü\na:\n- 0\n- {x: \"ö\", image: \"new:1\", y: 2}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse("f", []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if err := d.SetString(d.Root.Get("a").Items[1].Get("image"), "new:1"); err != nil {
				t.Fatal(err)
			}
			if got := string(d.Bytes()); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestRemove(t *testing.T) {
	tests := []struct{ name, in, drop, want string }{
		{"first", "{\n  \"a\": 1,\n  \"b\": 2\n}", "a", "{\n  \"b\": 2\n}"},
		{"last", "{\n  \"a\": 1,\n  \"b\": 2\n}", "b", "{\n  \"a\": 1\n}"},
		{"only", `{"a":1}`, "a", `{}`},
		{"two at the end", `{"a":1,"b":2,"c":3}`, "b c", `{"a":1}`},
		{"middle", `{"a":1,"b":2,"c":3,"d":4}`, "b c", `{"a":1,"d":4}`},
		{"all", `{"a":1,"b":2}`, "a b", `{}`},
		{"yaml", "a:\n  x: 1\n  y: [1]\nb: 2\n", "a", "b: 2\n"},
		{"yaml last", "a: 1\nb:\n- 2\n", "b", "a: 1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse("f", []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Remove(d.Root, func(k string) bool { return strings.Contains(" "+tt.drop+" ", " "+k+" ") }); err != nil {
				t.Fatal(err)
			}
			if got := string(d.Bytes()); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestErrorsCarryTheirPlace(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", "f: the file is empty"},
		{"{\n  \"a\": 1,,\n}", "f:2:9: not valid JSON"},
		{"{\"a\": 1", "not valid JSON: the file ends too early"},
		{"{\"a\": 1} x", "f:1:10: something follows"},
		{"{\"a\": 1,\n \"a\": 2}", `f:2:2: the key "a" stands twice`},
		{"a: 1\nb: [1\n", "f:"},
		{"a: *nope\n", "no anchor"},
		{strings.Repeat("[", 300), "nested more than 200 levels"},
	}
	for _, tt := range tests {
		_, err := Parse("f", []byte(tt.in))
		var de *Error
		if !errors.As(err, &de) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.20q: got %v, want %q", tt.in, err, tt.want)
		}
	}
}

func TestDecodeNamesFieldAndPlace(t *testing.T) {
	d, err := Parse("f", []byte("{\n \"port\": \"9000\"}"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ Port int }
	if err := d.Decode(&v); err == nil || err.Error() != "f:2:15: port: expected a number, found a string" {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":"c"}]}`, "a: 1\nb:\n  - x: 'y'\n", "&a b: *a", "{a: 1, \"b\": [x]}", "- |\n  x\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse("f", b)
		if err != nil {
			return
		}
		if got := string(d.Bytes()); got != string(b) {
			t.Fatalf("no edit, but changed: %q → %q", b, got)
		}
		walk(d.Root, func(n *Node) {
			if n.Start < 0 || n.Start > len(b) || n.End > len(b) || (n.Kind == String && n.End < n.Start) {
				t.Fatalf("node outside the source: %+v", n)
			}
		})
	})
}

func walk(n *Node, f func(*Node)) {
	f(n)
	for _, m := range n.Members {
		walk(m.Value, f)
	}
	for _, it := range n.Items {
		walk(it, f)
	}
}
