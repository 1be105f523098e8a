package codec_test

import (
	"strings"
	"testing"
)

// Lists grow while they are read: a page of a hundred tasks is not rare.
func TestLongLists(t *testing.T) {
	for _, length := range []int{0, 1, 4, 5, 100} {
		js := `{"colours":[` + strings.TrimSuffix(strings.Repeat(`"x",`, length), ",") +
			`],"cuttings":[` + strings.TrimSuffix(strings.Repeat(`{"count":7},`, length), ",") + `]}`
		cb := "\xa2\x67colours\x9f" + strings.Repeat("\x61x", length) + "\xff\x68cuttings\x9f" + strings.Repeat("\xa1\x65count\x07", length) + "\xff"
		for name, decode := range map[string]func(*plant) ([]string, error){
			"JSON": func(p *plant) ([]string, error) { return lower().DecodeJSON([]byte(js), p) },
			"CBOR": func(p *plant) ([]string, error) { return lower().DecodeCBOR([]byte(cb), p) },
		} {
			var got plant
			if unknown, err := decode(&got); err != nil || len(unknown) > 0 {
				t.Fatalf("%s, %d elements: %v, unknown %v", name, length, err, unknown)
			}
			if len(got.Colours) != length || len(got.Cuttings) != length || (length > 0 && got.Cuttings[length-1].Count != 7) {
				t.Errorf("%s: %d and %d of %d elements", name, len(got.Colours), len(got.Cuttings), length)
			}
		}
	}
}
