package balancer

import (
	"regexp"
	"strings"
	"testing"
)

// likeness is a rule's pattern as a regular expression.
func likeness(pattern string, fold, escapes bool) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*':
			b.WriteString(`.*`)
		case '?':
			b.WriteString(`.`)
		default:
			if escapes && c == '\\' && i+1 < len(pattern) {
				i++
				c = pattern[i]
			}
			one := regexp.QuoteMeta(string(rune(c)))
			if fold && c|0x20 >= 'a' && c|0x20 <= 'z' {
				one = "[" + string(rune(c|0x20)) + string(rune(c&^0x20)) + "]"
			}
			b.WriteString(one)
		}
	}
	return regexp.MustCompile(b.String() + `\z`)
}

// Patterns of rules match what regular expressions say, in a time that no pattern makes long.
func FuzzPattern(f *testing.F) {
	f.Add("/api/*", "/api/v1", false, false)
	f.Add("*.Example.??", "www.example.de", true, false)
	f.Add(`a\*b\`, `a*b\`, true, true)
	f.Add("*a*a*a*a*a*a*b", strings.Repeat("a", 100), false, false)
	f.Fuzz(func(t *testing.T, pattern, s string, fold, escapes bool) {
		for _, c := range pattern + s {
			if c == 0 || c > '~' { // a pattern's ? is one byte
				return
			}
		}
		if got, want := wild(pattern, s, fold, escapes), likeness(pattern, fold, escapes).MatchString(s); got != want {
			t.Errorf("%q matches %q: %t", pattern, s, got)
		}
	})
}
