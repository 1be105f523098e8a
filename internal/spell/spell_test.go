package spell

import "testing"

func TestNearest(t *testing.T) {
	words := []string{"containerPort", "hostPort", "protocol"}
	for in, want := range map[string]string{
		"contanierPort": "containerPort", "hostport": "hostPort", "protocol": "protocol", "xyz": "", "": "",
	} {
		if got := Nearest(in, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", in, got, want)
		}
	}
}
