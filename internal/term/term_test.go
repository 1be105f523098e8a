package term

import (
	"strings"
	"testing"
)

// A question names its answers and the one that nothing but Enter gives.
func TestAsk(t *testing.T) {
	for typed, want := range map[string]string{"\n": "leave", "s\n": "stop", "what\nROLLBACK\n": "rollback", "": ""} {
		var talk strings.Builder
		s := &Streams{In: strings.NewReader(typed), Err: &talk}
		got, err := s.Ask("it runs", "leave", "stop", "rollback")
		if got != want || (err != nil) != (want == "") || !strings.HasPrefix(talk.String(), "it runs: leave, stop, rollback [leave] ") {
			t.Errorf("%q: %q, %v, %q", typed, got, err, talk.String())
		}
	}
}
