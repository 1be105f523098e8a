package balancer

import (
	"context"
	"testing"
)

// guard lets those pass who know the word.
type guard struct{ word string }

func (g *guard) Admit(_ context.Context, v *Visitor) Admission {
	if v.Path == callback {
		return Admission{Status: 302, Answer: []Header{{"Location", "/from-" + v.Query}}}
	}
	if w := v.Header("X-Word"); len(w) == 1 && w[0] == g.word {
		return Admission{Tell: []Header{{"X-Amzn-Oidc-Identity", "friend"}}}
	}
	return Admission{Status: 401, Answer: []Header{{"X-Why", "no word"}}}
}

func TestGates(t *testing.T) {
	r := newRig(t, Options{})
	r.group("app", backend(t, fields()))
	r.rules(
		Rule{ID: "open", Conditions: []Condition{{Field: "path-pattern", Values: []string{"/open"}}}, Action: Action{Fixed: &Fixed{Status: 200, Body: "open"}}},
		Rule{ID: "fixed", Conditions: []Condition{{Field: "path-pattern", Values: []string{"/fixed"}}}, Gate: &guard{"friend"}, Action: Action{Fixed: &Fixed{Status: 200, Body: "fixed"}}},
		Rule{ID: "default", Gate: &guard{"friend"}, Action: Action{Forward: &Forward{Groups: []Weighted{{"app", 1}}}}})
	for name, get := range r.settings(HTTP{}) {
		if a := get("/open"); a.StatusCode != 200 {
			t.Errorf("%s: an open rule: %d", name, a.StatusCode)
		}
		for _, path := range []string{"/", "/fixed"} {
			if a := get(path); a.StatusCode != 401 || a.Header.Get("X-Why") != "no word" {
				t.Errorf("%s %s: without the word %d, %v", name, path, a.StatusCode, a.Header)
			}
			if a := get(path, "X-Word", "friend"); a.StatusCode != 200 {
				t.Errorf("%s %s: with the word %d", name, path, a.StatusCode)
			}
		}
		body := get("/", "X-Word", "friend", "X-Amzn-Oidc-Identity", "forged", "X-Amzn-Oidc-Data", "forged").body
		wantLines(t, name, body, []string{"X-Amzn-Oidc-Identity: friend"}, []string{"forged"})
		if a := get(callback + "?idp"); a.StatusCode != 302 || a.Header.Get("Location") != "/from-idp" {
			t.Errorf("%s: back from a login: %d to %s", name, a.StatusCode, a.Header.Get("Location"))
		}
	}
	r.settled("app")
}
