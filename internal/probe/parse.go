package probe

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Statuses reads 200, 200,204 or 200-299.
func Statuses(text string) ([]Range, error) {
	var out []Range
	for _, part := range strings.Split(text, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			to = from
		}
		a, err := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err != nil || err2 != nil || a < 100 || b > 599 || a > b {
			return nil, fmt.Errorf("%q is no HTTP status", part)
		}
		out = append(out, Range{a, b})
	}
	return out, nil
}

// Expected reads NAME or NAME: PATTERN.
func Expected(text string) (HeaderExpected, error) {
	name, pattern, given := strings.Cut(text, ":")
	name = strings.TrimSpace(name)
	if name == "" {
		return HeaderExpected{}, fmt.Errorf("%q names no header", text)
	}
	h := HeaderExpected{Name: http.CanonicalHeaderKey(name)}
	if !given {
		return h, nil
	}
	var err error
	h.Value, err = regexp.Compile(strings.TrimSpace(pattern))
	return h, err
}
