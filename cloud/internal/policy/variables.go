package policy

import "strings"

// expand fills policy variables into a text. In patterns the filled-in values are literal:
// a user called * is nobody else. A variable that the request has no single value for
// makes the text match nothing, which ok tells, unless it has a default.
func expand(s string, r *Request, pattern bool) (out string, ok bool) {
	if !strings.Contains(s, "${") {
		return s, true
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			b.WriteString("${" + rest)
			return b.String(), true
		}
		v, ok := variable(name, r)
		if !ok {
			return "", false
		}
		if pattern {
			v = escape(v)
		}
		b.WriteString(v)
		s = after
	}
}

// variable is the value of "aws:username", of "aws:username, 'nobody'", or of one of the
// three characters that are written as variables.
func variable(name string, r *Request) (string, bool) {
	switch name {
	case "*", "?", "$":
		return name, true
	}
	key, fallback, has := strings.Cut(name, ",")
	if v, ok := r.values(strings.TrimSpace(key)); ok && len(v) == 1 {
		return v[0], true
	}
	fallback = strings.TrimSpace(fallback)
	if has && len(fallback) >= 2 && fallback[0] == '\'' && fallback[len(fallback)-1] == '\'' {
		return fallback[1 : len(fallback)-1], true
	}
	return "", false
}
