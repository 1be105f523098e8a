package codec_test

import (
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
)

func TestCBORBothWays(t *testing.T) {
	b, err := upper().AppendCBOR(nil, full())
	if err != nil {
		t.Fatal(err)
	}
	var got plant
	unknown, err := upper().DecodeCBOR(b, &got)
	if err != nil || len(unknown) > 0 {
		t.Fatalf("%v, unknown %q", err, unknown)
	}
	if d := cmp.Diff(full(), &got); d != "" {
		t.Error(d)
	}
	for path, want := range map[string]bool{
		"Count": true, "Leaves[0].Length": true, "Leaves[1].Length": false, "Leaves[5]": false, "Soil.Depth": true, "Nope": false, "Name.x": false, "Tags.b": true,
	} {
		if codec.CBORHas(b, path) != want {
			t.Errorf("%s present: %v", path, !want)
		}
	}
}

// The vectors are of RFC 8949's appendix A, and what encoders other than ours write.
func TestCBORInItsManyForms(t *testing.T) {
	for _, tc := range []struct{ name, hex, want string }{
		{"nothing", "", `{"count":0}`},
		{"numbers", "a3" + "65436f756e74" + "3863" + "65546f74616c" + "1b000000e8d4a51000" + "65526174696f" + "f93e00", `{"count":-100,"total":1000000000000,"ratio":1.5}`},
		{"a float for a whole number", "a1" + "65526174696f" + "0a", `{"count":0,"ratio":10}`},
		{"single precision", "a1" + "65526174696f" + "fa47c35000", `{"count":0,"ratio":100000}`},
		{"a small half", "a1" + "65526174696f" + "f90001", `{"count":0,"ratio":5.960464477539063e-08}`},
		{"infinite half", "a1" + "65526174696f" + "f9fc00", `{"count":0,"ratio":"-Infinity"}`},
		{"indefinite lengths", "bf" + "67436f6c6f757273" + "9f" + "7f616161626163ff" + "6164" + "ff" + "6453656564" + "5f4100" + "41ffff" + "ff", `{"count":0,"seed":"AP8=","colours":["abc","d"]}`},
		{"times", "a1" + "67506c616e746564" + "c11a6553f100", `{"count":0,"planted":1700000000}`},
		{"null and undefined", "a2" + "644e616d65" + "f6" + "6454616773" + "f7", `{"count":0}`},
	} {
		raw, err := hex.DecodeString(tc.hex)
		if err != nil {
			t.Fatal(err)
		}
		var got plant
		if unknown, err := upper().DecodeCBOR(raw, &got); err != nil || len(unknown) > 0 {
			t.Errorf("%s: %v, unknown %q", tc.name, err, unknown)
			continue
		}
		if b, err := lower().AppendJSON(nil, &got); err != nil || string(b) != tc.want {
			t.Errorf("%s: got %s, %v, want %s", tc.name, b, err, tc.want)
		}
	}
}

func TestCBORErrors(t *testing.T) {
	for _, tc := range []struct{ name, hex, want string }{
		{"cut", "a1644e616d6565", "decode Name: Unexpected end of input."},
		{"a huge length", "a1644e616d657bffffffffffffffff", "decode Name: Unexpected end of input."},
		{"a huge array", "a167436f6c6f7572739bffffffffffffffff", "decode Colours[0]: Unexpected end of input."},
		{"number for text", "a1644e616d6501", "decode Name: Value can not be converted to a String"},
		{"text for number", "a165436f756e746161", "decode Count: Value can not be converted to an Integer"},
		{"too large", "a165436f756e741a80000000", "decode Count: Value can not be converted to an Integer"},
		{"list for map", "80", "decode: Expected map or null"},
		{"map for list", "a1664c6561766573a0", "decode Leaves: Expected list or null"},
		{"trailing", "a000", "decode: Unexpected data after the end of the value."},
		{"key that is no text", "a10101", "decode: Expected a text key."},
		{"reserved", "1c", "decode: Malformed CBOR at offset 0."},
		{"deep", "a1616e" + strings.Repeat("81", 1e6), "decode: nested too deeply"},
		{"two of a union", "a164536f696ca265446570746801634d6978a0", "decode Soil.Mix: Unions must have exactly one member set"},
	} {
		raw, err := hex.DecodeString(tc.hex)
		if err != nil {
			t.Fatal(err)
		}
		_, err = upper().DecodeCBOR(raw, &plant{})
		var e *codec.Error
		if !errors.As(err, &e) || e.Error() != tc.want {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
}

func TestNotANumberIsANumberInCBOR(t *testing.T) {
	b, err := upper().AppendCBOR(nil, &plant{Ratio: ptr(math.NaN())})
	if err != nil {
		t.Fatal(err)
	}
	var got plant
	if _, err := upper().DecodeCBOR(b, &got); err != nil || !math.IsNaN(*got.Ratio) {
		t.Errorf("%v, %v", got.Ratio, err)
	}
}
