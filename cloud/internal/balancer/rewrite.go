package balancer

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// rewrites are a rule's compiled transforms. They change what the target gets, not where
// a request goes.
type rewrites struct{ host, url *rewrite }

// rewrite replaces the first match of a regular expression.
type rewrite struct {
	pattern *regexp.Regexp
	with    []piece
}

// piece of a replacement is literal text or what a group has captured.
type piece struct {
	text  string
	group int // literal for text
}

const literal = -1

func compileRewrites(r Rule) *rewrites {
	if r.RewriteHost == nil && r.RewriteURL == nil {
		return nil
	}
	return &rewrites{compileRewrite(r.RewriteHost), compileRewrite(r.RewriteURL)}
}

// compileRewrite drops what is not valid, which whoever configures has refused before.
func compileRewrite(r *Rewrite) *rewrite {
	if r == nil {
		return nil
	}
	pattern, err := regexp.Compile(r.Regex)
	if err != nil {
		return nil
	}
	return &rewrite{pattern, replacement(r.Replace)}
}

// replacement takes a text with $1, $2, … apart.
func replacement(s string) (out []piece) {
	for {
		i := strings.IndexByte(s, '$')
		n := 0
		for i >= 0 && i+1+n < len(s) && s[i+1+n] >= '0' && s[i+1+n] <= '9' {
			n++
		}
		switch {
		case i < 0:
			return append(out, piece{s, literal})
		case n == 0:
			out = append(out, piece{s[:i+1], literal})
		default:
			group, _ := strconv.Atoi(s[i+1 : i+1+n])
			out = append(out, piece{s[:i], literal}, piece{group: group})
		}
		s = s[i+1+n:]
	}
}

// apply returns s with the first match replaced; what does not match stays as it is.
func (r *rewrite) apply(s string) (out string, matched bool) {
	m := r.pattern.FindStringSubmatchIndex(s)
	if m == nil {
		return s, false
	}
	var b strings.Builder
	b.WriteString(s[:m[0]])
	for _, p := range r.with {
		b.WriteString(p.text)
		if g := 2 * p.group; g >= 0 && g+1 < len(m) && m[g] >= 0 {
			b.WriteString(s[m[g]:m[g+1]])
		}
	}
	b.WriteString(s[m[1]:])
	return b.String(), true
}

// rewritten is what a target gets of a request that was rewritten.
type rewritten struct {
	host, target string // "" for what stays as it is
}

// rewritten applies a rule's transforms, or fails when what comes out is no host or no URL.
func (w *rewrites) rewritten(host, target string) (out rewritten, ok bool) {
	if w.host != nil {
		if h, matched := w.host.apply(withoutPort(host)); matched {
			if !isHost(h) {
				return out, false
			}
			out.host = h
		}
	}
	if w.url != nil {
		if t, matched := w.url.apply(target); matched {
			if t = "/" + strings.TrimPrefix(t, "/"); !isTarget(t) {
				return out, false
			}
			out.target = t
		}
	}
	return out, true
}

// maxTarget is how long a request line may be.
const maxTarget = 16 << 10

func isTarget(t string) bool {
	if len(t) > maxTarget || strings.ContainsFunc(t, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' }) {
		return false
	}
	_, err := url.ParseRequestURI(t)
	return err == nil
}

func isHost(h string) bool {
	return h != "" && len(h) <= 255 && !strings.ContainsFunc(h, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-._:[]", c))
	})
}
