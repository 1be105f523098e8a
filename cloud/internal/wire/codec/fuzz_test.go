package codec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
)

// What a decoder takes, the encoder must write so that it is taken again alike.

func FuzzJSON(f *testing.F) {
	f.Add([]byte(fullJSON))
	f.Add([]byte(`{"leaves":[{"len":1e2},null],"soil":{"mix":{"a":"b"}},"new":{"x":[]}}`))
	f.Add([]byte(`{"planted":1e300,"ratio":"NaN","name":"\ud800"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		names, first := lower(), &plant{}
		if _, err := names.DecodeJSON(body, first); err != nil {
			return
		}
		b, err := names.AppendJSON(nil, first)
		if err != nil {
			t.Fatal(err)
		}
		second := &plant{}
		if _, err := names.DecodeJSON(b, second); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		same(t, first, second)
		codec.JSONHas(body, "leaves[1].len")
	})
}

func FuzzCBOR(f *testing.F) {
	b, err := upper().AppendCBOR(nil, full())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\xbf\x64Name\x7f\x61a\xff\x67Planted\xc1\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00\xff"))
	f.Fuzz(func(t *testing.T, body []byte) {
		names, first := upper(), &plant{}
		if _, err := names.DecodeCBOR(body, first); err != nil {
			return
		}
		b, err := names.AppendCBOR(nil, first)
		if err != nil {
			t.Fatal(err)
		}
		second := &plant{}
		if _, err := names.DecodeCBOR(b, second); err != nil {
			t.Fatalf("%v: %x", err, b)
		}
		same(t, first, second)
		codec.CBORHas(body, "Leaves[1].Length")
	})
}

func FuzzForm(f *testing.F) {
	f.Add("Name=a&Leaves.member.1.Length=2&Tags.entry.1.key=a&Tags.entry.1.value=b&Soil.Depth=3")
	f.Add("Leaves.member.-1=&Leaves.member.member.1=&Colours.member.99999999999999999999=1&.=&a.=b&Cuttings.member.1.Cuttings.member.1.Name=x")
	f.Fuzz(func(t *testing.T, body string) {
		form, err := codec.ParseForm(body)
		if err != nil {
			return
		}
		var p plant
		if _, err := upper().DecodeForm(form, &p); err != nil {
			return
		}
		if _, err := upper().AppendXML(nil, &p); err != nil {
			t.Fatal(err)
		}
		form.Has("Leaves[1].Length")
	})
}

func same(t *testing.T, a, b *plant) {
	t.Helper()
	if d := cmp.Diff(a, b, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); d != "" {
		t.Error(d)
	}
}
