package policy

import (
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// operator compares one value of the request with one of the policy.
type operator struct {
	match    func(have, want string) bool
	negate   bool
	patterns bool
}

// operators are known by their names in lower case.
var operators = map[string]operator{
	"stringequals":              {match: equal},
	"stringnotequals":           {match: equal, negate: true},
	"stringequalsignorecase":    {match: strings.EqualFold},
	"stringnotequalsignorecase": {match: strings.EqualFold, negate: true},
	"stringlike":                {match: like, patterns: true},
	"stringnotlike":             {match: like, negate: true, patterns: true},
	"arnequals":                 {match: arnLike, patterns: true},
	"arnnotequals":              {match: arnLike, negate: true, patterns: true},
	"arnlike":                   {match: arnLike, patterns: true},
	"arnnotlike":                {match: arnLike, negate: true, patterns: true},
	"bool":                      {match: strings.EqualFold},
	"binaryequals":              {match: binary},
	"numericequals":             {match: numbers(func(c int) bool { return c == 0 })},
	"numericnotequals":          {match: numbers(func(c int) bool { return c == 0 }), negate: true},
	"numericlessthan":           {match: numbers(func(c int) bool { return c < 0 })},
	"numericlessthanequals":     {match: numbers(func(c int) bool { return c <= 0 })},
	"numericgreaterthan":        {match: numbers(func(c int) bool { return c > 0 })},
	"numericgreaterthanequals":  {match: numbers(func(c int) bool { return c >= 0 })},
	"dateequals":                {match: dates(func(c int) bool { return c == 0 })},
	"datenotequals":             {match: dates(func(c int) bool { return c == 0 }), negate: true},
	"datelessthan":              {match: dates(func(c int) bool { return c < 0 })},
	"datelessthanequals":        {match: dates(func(c int) bool { return c <= 0 })},
	"dategreaterthan":           {match: dates(func(c int) bool { return c > 0 })},
	"dategreaterthanequals":     {match: dates(func(c int) bool { return c >= 0 })},
	"ipaddress":                 {match: inNetwork},
	"notipaddress":              {match: inNetwork, negate: true},
}

func equal(have, want string) bool { return have == want }

func like(have, want string) bool { return wild(want, have) }

// arnLike compares the six parts of ARNs one by one, so that a * does not reach over a
// colon but in the last.
func arnLike(have, want string) bool {
	h, w := strings.SplitN(have, ":", 6), strings.SplitN(want, ":", 6)
	if want == "*" {
		return true
	}
	if len(h) != len(w) {
		return false
	}
	for i := range h {
		if !wild(w[i], h[i]) {
			return false
		}
	}
	return true
}

func binary(have, want string) bool {
	h, err1 := base64.StdEncoding.DecodeString(have)
	w, err2 := base64.StdEncoding.DecodeString(want)
	return err1 == nil && err2 == nil && string(h) == string(w)
}

func numbers(holds func(int) bool) func(have, want string) bool {
	return func(have, want string) bool {
		h, err1 := strconv.ParseFloat(have, 64)
		w, err2 := strconv.ParseFloat(want, 64)
		if err1 != nil || err2 != nil || h != h || w != w {
			return false
		}
		switch {
		case h < w:
			return holds(-1)
		case h > w:
			return holds(1)
		}
		return holds(0)
	}
}

func dates(holds func(int) bool) func(have, want string) bool {
	return func(have, want string) bool {
		h, ok1 := date(have)
		w, ok2 := date(want)
		return ok1 && ok2 && holds(h.Compare(w))
	}
}

// date reads W3C profiles of ISO 8601, and epoch seconds.
func date(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil && (layout != "2006" || len(s) == 4) {
			return t, true
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return time.Unix(n, 0), err == nil
}

func inNetwork(have, want string) bool {
	addr, err := netip.ParseAddr(have)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	if p, err := netip.ParsePrefix(want); err == nil {
		return p.Contains(addr)
	}
	one, err := netip.ParseAddr(want)
	return err == nil && one.Unmap() == addr
}
