package codec_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
)

// plant has a member of every kind that SDK structs have.
type plant struct {
	Name     *string
	Kind     kind
	Count    int32
	Total    *int64
	Ratio    *float64
	Alive    *bool
	Planted  *time.Time
	Seed     []byte
	Tags     map[string]string
	Leaves   []leaf
	Colours  []string
	Soil     soil
	Cuttings []plant
}

type leaf struct{ Length *int32 }

type kind string

func (kind) Values() []kind { return []kind{"TREE", "HERB"} }

// soil is a union of two.
type soil interface{ isSoil() }

type soilMemberDepth struct{ Value int32 }

type soilMemberMix struct{ Value map[string]string }

func (*soilMemberDepth) isSoil() {}
func (*soilMemberMix) isSoil()   {}

func lower() *codec.Names {
	return &codec.Names{Lower: true, Variants: []any{&soilMemberDepth{}, &soilMemberMix{}}, Except: map[string]string{"leaf.Length": "len"}}
}

func upper() *codec.Names { return &codec.Names{Variants: []any{&soilMemberDepth{}, &soilMemberMix{}}} }

func ptr[T any](v T) *T { return &v }

func full() *plant {
	return &plant{
		Name: ptr("oak \"\\\n\x01 é"), Kind: "TREE", Count: -7, Total: ptr(int64(1 << 40)), Ratio: ptr(0.25), Alive: ptr(false),
		Planted: ptr(time.UnixMilli(1700000000123).UTC()), Seed: []byte{0, 255}, Tags: map[string]string{"b": "2", "a": "1"},
		Leaves: []leaf{{ptr(int32(3))}, {}}, Colours: []string{"green", ""}, Soil: &soilMemberDepth{9}, Cuttings: []plant{{Name: ptr("twig")}},
	}
}

const fullJSON = `{"name":"oak \"\\\n\u0001 é","kind":"TREE","count":-7,"total":1099511627776,"ratio":0.25,"alive":false,` +
	`"planted":1700000000.123,"seed":"AP8=","tags":{"a":"1","b":"2"},"leaves":[{"len":3},{}],"colours":["green",""],` +
	`"soil":{"depth":9},"cuttings":[{"name":"twig","count":0}]}`

func TestJSONBothWays(t *testing.T) {
	b, err := lower().AppendJSON(nil, full())
	if err != nil || string(b) != fullJSON {
		t.Errorf("encode: %v\ngot  %s\nwant %s", err, b, fullJSON)
	}
	var got plant
	unknown, err := lower().DecodeJSON([]byte(fullJSON), &got)
	if err != nil || len(unknown) > 0 {
		t.Fatalf("decode: %v, unknown %q", err, unknown)
	}
	if d := cmp.Diff(full(), &got); d != "" {
		t.Error(d)
	}
}

func TestJSONIsTakenAsAWSTakesIt(t *testing.T) {
	for _, tc := range []struct{ name, body, want string }{
		{"nothing", ``, `{"count":0}`},
		{"white space", " \n{ \"count\" : 1 , \"colours\" : [ ] } ", `{"count":1,"colours":[]}`},
		{"null is absent", `{"name":null,"tags":null,"soil":{"depth":null}}`, `{"count":0}`},
		{"integers in other clothes", `{"count":3.0,"total":1e3}`, `{"count":3,"total":1000}`},
		{"floats that are words", `{"ratio":"-Infinity"}`, `{"count":0,"ratio":"-Infinity"}`},
		{"a time as a text", `{"planted":"2023-11-14T22:13:20Z"}`, `{"count":0,"planted":1700000000}`},
		{"broken UTF-8", "{\"name\":\"a\xffb\"}", "{\"name\":\"a\ufffdb\",\"count\":0}"},
		{"escapes", `{"name":"\u00e9\ud83d\ude42\/"}`, `{"name":"é🙂/","count":0}`},
		{"enums are not judged here", `{"kind":"FUNGUS"}`, `{"kind":"FUNGUS","count":0}`},
		{"a union with its type", `{"soil":{"__type":"x","mix":{}}}`, `{"count":0,"soil":{"mix":{}}}`},
	} {
		var got plant
		if _, err := lower().DecodeJSON([]byte(tc.body), &got); err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if b, err := lower().AppendJSON(nil, &got); err != nil || string(b) != tc.want {
			t.Errorf("%s: got %s, %v, want %s", tc.name, b, err, tc.want)
		}
	}
}

func TestJSONErrors(t *testing.T) {
	for _, tc := range []struct{ body, path, message string }{
		{`{"name":5}`, "name", "NUMBER_VALUE can not be converted to a String"},
		{`{"name":{}}`, "name", "Start of structure or map found where not expected."},
		{`{"colours":[[]]}`, "colours[0]", "Start of list found where not expected"},
		{`{"count":"5"}`, "count", "STRING_VALUE can not be converted to an Integer"},
		{`{"count":1.5}`, "count", "NUMBER_VALUE can not be converted to an Integer"},
		{`{"count":3000000000}`, "count", "NUMBER_VALUE can not be converted to an Integer"},
		{`{"total":true}`, "total", "TRUE_VALUE can not be converted to a Long"},
		{`{"alive":0}`, "alive", "NUMBER_VALUE can not be converted to a Boolean"},
		{`{"planted":"soon"}`, "planted", "STRING_VALUE can not be converted to milliseconds since epoch"},
		{`{"leaves":"x"}`, "leaves", "Unrecognized collection type class java.lang.String"},
		{`{"leaves":{}}`, "leaves", "Expected list or null"},
		{`{"leaves":[{"len":"x"}]}`, "leaves[0].len", "STRING_VALUE can not be converted to an Integer"},
		{`{"tags":[]}`, "tags", "Expected map or null"},
		{`{"seed":"!"}`, "seed", "Invalid base64."},
		{`{"soil":{"depth":1,"mix":{}}}`, "soil", "Unions must have exactly one member set"},
		{`{"name":"a"`, "", "Unexpected end of input."},
		{`{"name":"a`, "name", "Unexpected end of input."},
		{`{"name":nope}`, "name", "Unrecognized token at offset 8."},
		{`{"name":"a"} x`, "", "Unexpected data after the end of the value at offset 13."},
		{`{"name" "a"}`, "", "Unexpected character '\"' at offset 8, expected ':'."},
		{`[]`, "", "Expected structure or null"},
		{"{\"name\":\"a\nb\"}", "name", "Unescaped control character in a string at offset 10."},
		{`{"new":` + strings.Repeat("[", 1e6), "", "nested too deeply"},
		{strings.Repeat(`{"cuttings":[`, 1e4), "cuttings", "nested too deeply"},
	} {
		_, err := lower().DecodeJSON([]byte(tc.body), &plant{})
		var e *codec.Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Path, tc.path) || e.Message != tc.message {
			t.Errorf("%.40s: got %v, want %s: %s", tc.body, err, tc.path, tc.message)
		}
	}
}

func TestUnknownMembersAreNamed(t *testing.T) {
	body := `{"name":"a","roots":{"deep":[1,"x",true,null]},"leaves":[{},{"len":1,"width":2}],"soil":{"sand":1,"depth":2}}`
	unknown, err := lower().DecodeJSON([]byte(body), &plant{})
	if want := []string{"roots", "leaves[1].width", "soil.sand"}; err != nil || !slices.Equal(unknown, want) {
		t.Errorf("got %q, %v, want %q", unknown, err, want)
	}
	unknown, err = lower().DecodeJSON([]byte(`{`+strings.Repeat(`"x":1,`, 1000)+`"y":1}`), &plant{})
	if err != nil || len(unknown) > 100 {
		t.Errorf("%d unknown members named, %v", len(unknown), err)
	}
	unknown, err = lower().DecodeJSON([]byte(`{"`+strings.Repeat("x", 1<<20)+`":1}`), &plant{})
	if err != nil || len(unknown) != 1 || len(unknown[0]) > 256 {
		t.Errorf("%v, a name of %d bytes", err, len(unknown[0]))
	}
}

func TestWhatWasPresent(t *testing.T) {
	const body = `{"count":0,"name":null,"leaves":[{},{"len":0}],"tags":{"k":""},"skipped":[[1],{"a":"]"}],"alive":false}`
	for path, want := range map[string]bool{
		"count": true, "name": false, "total": false, "leaves": true, "leaves[1].len": true, "leaves[0].len": false,
		"leaves[2]": false, "leaves[x]": false, "tags.k": true, "tags.k.x": false, "alive": true, "count[0]": false, "": true,
	} {
		if got := codec.JSONHas([]byte(body), path); got != want {
			t.Errorf("json %q: %v", path, got)
		}
	}
}
