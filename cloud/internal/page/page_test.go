package page

import (
	"errors"
	"slices"
	"testing"
)

func itself(s string) string { return s }

// A client that deletes what it lists sees everything once, whatever the order.
func TestItemsGoWhileTheyAreListed(t *testing.T) {
	all := []string{"c", "a", "e", "b", "d"}
	var seen []string
	for left, token := slices.Clone(all), ""; ; {
		part, next, err := Cut(left, itself, token, 2)
		if err != nil {
			t.Fatalf("after %v: %v", seen, err)
		}
		seen = append(seen, part...)
		left = slices.Clone(left[len(part):])
		if token = next; token == "" {
			break
		}
	}
	if !slices.Equal(seen, all) {
		t.Errorf("saw %v", seen)
	}
}

func TestItemsComeWhileTheyAreListed(t *testing.T) {
	_, token, err := Cut([]string{"b", "c", "d"}, itself, "", 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ now, want []string }{
		{[]string{"a", "b", "c", "cc", "d"}, []string{"cc", "d"}}, // new ones on either side
		{[]string{"b", "c"}, []string{}},                          // the rest has gone
		{[]string{}, []string{}},                                  // all has
	} {
		if part, _, err := Cut(tt.now, itself, token, 2); err != nil || !slices.Equal(part, tt.want) {
			t.Errorf("of %v: got %v, %v; want %v", tt.now, part, err, tt.want)
		}
	}
}

func TestTokensOfNobody(t *testing.T) {
	_, gone, err := Cut([]string{"x", "y"}, itself, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"x", "AAAA", "dHVybm91dDpi", "dHVybm91dDo5OmI", gone} {
		if part, _, err := Cut([]string{"a", "b"}, itself, token, 1); !errors.Is(err, ErrToken) {
			t.Errorf("token %q: got %v, %v", token, part, err)
		}
	}
}
