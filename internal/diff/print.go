package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/turnoutdev/turnout/internal/taskdef"
	"github.com/turnoutdev/turnout/internal/term"
)

// oneLine is how long two values may be to stand side by side.
const oneLine = 72

// Print shows changes, one after the other.
func Print(s *term.Streams, changes []Change) {
	for _, c := range changes {
		before, after := word(c.Before), word(c.After)
		note := ""
		if c.Masked {
			note = s.Dim("  (masked)")
		}
		switch {
		case c.Op == Added:
			s.Talk("%s", s.Good("+ "+c.Path+": "+after)+note)
		case c.Op == Removed:
			s.Talk("%s", s.Bad("- "+c.Path+": "+before)+note)
		case len(before)+len(after) <= oneLine:
			s.Talk("%s %s → %s%s", s.Odd("~ "+c.Path+":"), s.Bad(before), s.Good(after), note)
		default:
			s.Talk("%s%s", s.Odd("~ "+c.Path+":"), note)
			s.Talk("    %s", s.Bad("- "+before))
			s.Talk("    %s", s.Good("+ "+after))
		}
	}
}

// word is a value on one line.
func word(v any) string {
	if v == nil {
		return ""
	}
	b, err := plainJSON(v, "")
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(string(b))
}

// Files are two definitions as texts that a differ for files shows well: what ECS adds
// left out, members sorted, one a line, secrets masked. A secret that changed stands there
// in two forms, so that it differs.
func Files(before, after []byte) (a, b []byte, err error) {
	x, err := taskdef.Plain(before)
	if err != nil {
		return nil, nil, err
	}
	y, err := taskdef.Plain(after)
	if err != nil {
		return nil, nil, err
	}
	if a, err = plainJSON(Masked("", x), "  "); err != nil {
		return nil, nil, err
	}
	b, err = plainJSON(apart(Masked("", x), Masked("", y), x, y), "  ")
	return a, b, err
}

// apart marks the masked strings of after whose values differ from those of before.
func apart(maskedBefore, maskedAfter, before, after any) any {
	switch m := maskedAfter.(type) {
	case map[string]any:
		mb, _ := maskedBefore.(map[string]any)
		b, _ := before.(map[string]any)
		a, _ := after.(map[string]any)
		for k := range m {
			m[k] = apart(mb[k], m[k], b[k], a[k])
		}
	case []any:
		mb, _ := maskedBefore.([]any)
		b, _ := before.([]any)
		a, _ := after.([]any)
		if key := common(a, b); key != "" {
			mb, b = aligned(a, mb, key), aligned(a, b, key)
		}
		for i := range m {
			m[i] = apart(at(mb, i), m[i], at(b, i), at(a, i))
		}
	case string:
		if reflect.DeepEqual(maskedBefore, maskedAfter) && !reflect.DeepEqual(before, after) {
			return m + " (another value)"
		}
	}
	return maskedAfter
}

// aligned are the items of list in the order of like's names, nil where there is none.
func aligned(like, list []any, key string) []any {
	by, out := named(list, key), make([]any, len(like))
	for i, e := range like {
		if m, ok := e.(map[string]any); ok {
			out[i] = by[fmt.Sprint(m[key])]
		}
	}
	return out
}

func at(l []any, i int) any {
	if i < len(l) {
		return l[i]
	}
	return nil
}

// plainJSON writes JSON without escaping what HTML would need.
func plainJSON(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	err := enc.Encode(v)
	return b.Bytes(), err
}
