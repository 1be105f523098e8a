package logs

import "strings"

// pattern compiles a filter pattern of terms: all of them must occur, "-term" must not,
// and of "?term"s one must. Quotes make phrases. An empty pattern matches everything.
func pattern(p string) (func(string) bool, error) {
	p = strings.TrimSpace(p)
	if strings.HasPrefix(p, "{") || strings.HasPrefix(p, "[") || strings.HasPrefix(p, "%") {
		return nil, invalid("Invalid filter pattern: the local cloud takes terms and quoted phrases, not %s", p[:1])
	}
	var all, none, any []string
	for p != "" {
		kind := p[0]
		if kind == '-' || kind == '?' {
			p = p[1:]
		}
		var term string
		var ok bool
		if term, p, ok = next(p); !ok {
			return nil, invalid("Invalid filter pattern: a quote is not closed")
		}
		switch {
		case term == "":
		case kind == '-':
			none = append(none, term)
		case kind == '?':
			any = append(any, term)
		default:
			all = append(all, term)
		}
		p = strings.TrimLeft(p, " ")
	}
	return func(s string) bool {
		for _, t := range all {
			if !strings.Contains(s, t) {
				return false
			}
		}
		for _, t := range none {
			if strings.Contains(s, t) {
				return false
			}
		}
		for _, t := range any {
			if strings.Contains(s, t) {
				return true
			}
		}
		return len(any) == 0
	}, nil
}

// next takes one term or phrase off p.
func next(p string) (term, rest string, ok bool) {
	if strings.HasPrefix(p, `"`) {
		term, rest, ok = strings.Cut(p[1:], `"`)
		return term, rest, ok
	}
	term, rest, _ = strings.Cut(p, " ")
	return term, rest, true
}
