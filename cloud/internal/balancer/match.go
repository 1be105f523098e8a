package balancer

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// rule is a compiled Rule.
type rule struct {
	id         string
	conditions []condition
	forward    *forward
	redirect   *Redirect
	fixed      *Fixed
	rewrites   *rewrites // nil for none
	gate       Gate
}

// condition is a compiled Condition.
type condition func(query) bool

func compileRule(r Rule) rule {
	out := rule{id: r.ID, redirect: r.Action.Redirect, fixed: r.Action.Fixed, rewrites: compileRewrites(r), gate: r.Gate}
	if r.Action.Forward != nil {
		out.forward = compileForward(r.Action.Forward)
	}
	for _, c := range r.Conditions {
		out.conditions = append(out.conditions, compileCondition(c))
	}
	return out
}

func (r *rule) matches(q query) bool {
	for _, c := range r.conditions {
		if !c(q) {
			return false
		}
	}
	return true
}

// compileCondition knows the fields and how each treats case. An unknown field matches
// nothing.
func compileCondition(c Condition) condition {
	if len(c.Regex) > 0 {
		return compileRegex(c)
	}
	switch c.Field {
	case "host-header":
		return func(q query) bool { return anyMatches(c.Values, q.host(), true) }
	case "path-pattern":
		return func(q query) bool { return anyMatches(c.Values, q.path(), false) }
	case "http-header":
		return func(q query) bool {
			return slices.ContainsFunc(q.header(c.Header), func(v string) bool { return anyMatches(c.Values, v, true) })
		}
	case "http-request-method":
		return func(q query) bool { return slices.Contains(c.Values, q.method()) }
	case "query-string":
		return func(q query) bool { return queryMatches(c.Query, q.rawQuery()) }
	case "source-ip":
		return compileSource(c.Values)
	}
	return func(query) bool { return false }
}

// compileRegex is a condition by regular expressions, which see a host with and without
// its port.
func compileRegex(c Condition) condition {
	var all []*regexp.Regexp
	for _, s := range c.Regex {
		if r, err := regexp.Compile(s); err == nil {
			all = append(all, r)
		}
	}
	matches := func(s string) bool {
		return slices.ContainsFunc(all, func(r *regexp.Regexp) bool { return r.MatchString(s) })
	}
	switch c.Field {
	case "host-header":
		return func(q query) bool { return matches(q.host()) || matches(q.hostport()) }
	case "path-pattern":
		return func(q query) bool { return matches(q.path()) }
	case "http-header":
		return func(q query) bool { return slices.ContainsFunc(q.header(c.Header), matches) }
	}
	return func(query) bool { return false }
}

func compileSource(values []string) condition {
	var blocks []netip.Prefix
	for _, v := range values {
		if p, err := netip.ParsePrefix(v); err == nil {
			blocks = append(blocks, p.Masked())
		}
	}
	return func(q query) bool {
		source := q.source()
		return slices.ContainsFunc(blocks, func(p netip.Prefix) bool { return p.Contains(source) })
	}
}

func anyMatches(patterns []string, s string, fold bool) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return wild(p, s, fold, false) })
}

func queryMatches(want []KeyValue, raw string) bool {
	for pair := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(pair, "=")
		k, v = decoded(k), decoded(v)
		if slices.ContainsFunc(want, func(w KeyValue) bool {
			return (w.Key == "" || wild(w.Key, k, true, true)) && wild(w.Value, v, true, true)
		}) {
			return true
		}
	}
	return false
}

// decoded undoes percent encoding; what is not well encoded stays as it is.
func decoded(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}

// wild reports whether all of s matches pattern, in which * is any run of bytes and ? any
// one. With fold, case makes no difference; with escapes, a backslash takes the meaning
// from what follows it.
func wild(pattern, s string, fold, escapes bool) bool {
	p, i := 0, 0
	star, from := -1, 0 // the last * and where in s what follows it was last tried
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			star, from = p, i
			p++
			continue
		}
		if n := step(pattern[p:], s[i], fold, escapes); n > 0 {
			p += n
			i++
			continue
		}
		if star < 0 {
			return false
		}
		from++
		p, i = star+1, from
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// step returns how much of the pattern matches c, 0 when it does not.
func step(pattern string, c byte, fold, escapes bool) int {
	switch {
	case pattern == "":
		return 0
	case pattern[0] == '?':
		return 1
	case escapes && pattern[0] == '\\' && len(pattern) > 1:
		if same(pattern[1], c, fold) {
			return 2
		}
		return 0
	case same(pattern[0], c, fold):
		return 1
	}
	return 0
}

func same(a, b byte, fold bool) bool {
	if fold {
		a, b = lower(a), lower(b)
	}
	return a == b
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
