package codec_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
)

func form(t *testing.T, encoded ...string) *codec.Form {
	t.Helper()
	f, err := codec.ParseForm(encoded...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFormsAreDecoded(t *testing.T) {
	f := form(t, "Action=Plant&Version=1", "Name=oak+%26+ash&Kind=TREE&Count=-7&Total=5&Ratio=0.5&Alive=true&Planted=2023-11-14T22:13:20.5Z&Seed=AP8%3D"+
		"&Tags.entry.1.key=a&Tags.entry.1.value=1&Leaves.member.10.Length=10&Leaves.member.9.Length=9&Colours=&Soil.Mix.entry.1.key=x&Soil.Mix.entry.1.value=y"+
		"&X-Amz-Signature=00")
	var got plant
	unknown, err := upper().DecodeForm(f, &got, "Action", "Version")
	if err != nil || len(unknown) > 0 {
		t.Fatalf("%v, unknown %q", err, unknown)
	}
	want := &plant{
		Name: ptr("oak & ash"), Kind: "TREE", Count: -7, Total: ptr(int64(5)), Ratio: ptr(0.5), Alive: ptr(true),
		Planted: ptr(time.UnixMilli(1700000000500).UTC()), Seed: []byte{0, 255}, Tags: map[string]string{"a": "1"},
		Leaves: []leaf{{ptr(int32(9))}, {ptr(int32(10))}}, Colours: []string{}, Soil: &soilMemberMix{map[string]string{"x": "y"}},
	}
	if d := cmp.Diff(want, &got); d != "" {
		t.Error(d)
	}
	for path, want := range map[string]bool{
		"Count": true, "Leaves[0].Length": true, "Leaves[2]": false, "Colours": true, "Cuttings": false, "Soil.Mix": true, "Soil.Depth": false,
	} {
		if f.Has(path) != want {
			t.Errorf("%s present: %v", path, !want)
		}
	}
	if f.Get("Action") != "Plant" || f.Get("Leaves.member.9.Length") != "9" || f.Get("None.at.all") != "" {
		t.Error("parameters are not found by name")
	}
}

func TestFormErrors(t *testing.T) {
	for _, tc := range []struct{ body, want string }{
		{"Count=x", `decode Count: Invalid value "x"`},
		{"Count=3000000000", `decode Count: Invalid value "3000000000"`},
		{"Alive=yes", `decode Alive: Invalid value "yes"`},
		{"Planted=soon", `decode Planted: Invalid value "soon"`},
		{"Seed=!", `decode Seed: Invalid value "!"`},
		{"Tags.entry.1.key=a", `decode Tags: Map entry 1 without key or value`},
		{"Soil.Depth=1&Soil.Mix=", `decode Soil: Unions must have exactly one member set`},
		{"Name=a&Name=b", `decode Name: duplicate parameter`},
		{"Name=%zz", `decode Name: malformed value`},
		{"%zz=a", `decode: malformed parameter name "%zz"`},
		{strings.Repeat("a.", 1000) + "b=1", `decode: nested too deeply`},
		{strings.Repeat("a=1&", 1e5), `decode: too many parameters`},
	} {
		f, err := codec.ParseForm(tc.body)
		if err == nil {
			_, err = upper().DecodeForm(f, &plant{})
		}
		var e *codec.Error
		if !errors.As(err, &e) || e.Error() != tc.want {
			t.Errorf("%.30s: got %v, want %s", tc.body, err, tc.want)
		}
	}
}

func TestUnknownParametersAreNamed(t *testing.T) {
	f := form(t, "Roots=1&Name.x=1&Leaves.member.1.Width=2&Leaves.item.1=3&Tags.entry.a.key=b&Soil.Sand=1")
	unknown, err := upper().DecodeForm(f, &plant{})
	want := []string{"Roots", "Name.x", "Leaves.item", "Leaves.member.1.Width", "Tags.a", "Soil.Sand"}
	if err != nil || !slices.Equal(unknown, want) {
		t.Errorf("got %q, %v, want %q", unknown, err, want)
	}
}

// A list as long as is allowed must not take long to read.
func TestLongListsAreReadInLinearTime(t *testing.T) {
	var b strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&b, "&Colours.member.%d=x", i+1)
	}
	var got plant
	if _, err := upper().DecodeForm(form(t, b.String()), &got); err != nil || len(got.Colours) != 20000 {
		t.Errorf("%d elements, %v", len(got.Colours), err)
	}
}

func TestXML(t *testing.T) {
	p := full()
	p.Name, p.Ratio = ptr("a<b>&\"\r\n\x01\xff"), ptr(1e6)
	b, err := upper().AppendXML(nil, p)
	want := "<Name>a&lt;b&gt;&amp;&quot;&#xD;\n\ufffd\ufffd</Name><Kind>TREE</Kind><Count>-7</Count><Total>1099511627776</Total><Ratio>1000000</Ratio>" +
		"<Alive>false</Alive><Planted>2023-11-14T22:13:20.123Z</Planted><Seed>AP8=</Seed>" +
		"<Tags><entry><key>a</key><value>1</value></entry><entry><key>b</key><value>2</value></entry></Tags>" +
		"<Leaves><member><Length>3</Length></member><member></member></Leaves><Colours><member>green</member><member></member></Colours>" +
		"<Soil><Depth>9</Depth></Soil><Cuttings><member><Name>twig</Name><Count>0</Count></member></Cuttings>"
	if err != nil || string(b) != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, b, want)
	}
}
