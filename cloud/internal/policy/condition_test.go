package policy

import (
	"strings"
	"testing"
)

func TestOperators(t *testing.T) {
	for _, tc := range []struct {
		operator, want, have string // texts with | between several
		holds                bool
	}{
		{"StringEquals", "a|b", "b", true},
		{"StringEquals", "a", "A", false},
		{"StringEquals", "a*", "ab", false},
		{"StringNotEquals", "a|b", "b", false},
		{"StringNotEquals", "a|b", "c", true},
		{"StringEqualsIgnoreCase", "a", "A", true},
		{"StringNotEqualsIgnoreCase", "a", "A", false},
		{"StringLike", "repo:o/r:*", "repo:o/r:ref:refs/heads/main", true},
		{"StringLike", "repo:o/r:*", "repo:o/rr:ref", false},
		{"StringNotLike", "a*", "ab", false},
		{"stringlike", "a?c", "abc", true},
		{"ArnLike", "arn:aws:ecs:*:123456789012:service/*/web", "arn:aws:ecs:us-east-1:123456789012:service/prod/web", true},
		{"ArnLike", "arn:aws:*:web", "arn:aws:ecs:us-east-1:123456789012:web", false},
		{"ArnEquals", "*", "arn:aws:ecs:us-east-1:123456789012:web", true},
		{"ArnNotLike", "arn:aws:ecs:*:*:*", "arn:aws:ecs:us-east-1:123456789012:web", false},
		{"Bool", "true", "True", true},
		{"Bool", "true", "false", false},
		{"BinaryEquals", "QUI=", "QUI=", true},
		{"BinaryEquals", "QUI=", "QUM=", false},
		{"NumericEquals", "10", "10.0", true},
		{"NumericNotEquals", "10", "10", false},
		{"NumericLessThan", "10", "9", true},
		{"NumericLessThan", "10", "10", false},
		{"NumericLessThanEquals", "10", "10", true},
		{"NumericGreaterThan", "10", "11", true},
		{"NumericGreaterThanEquals", "10", "9", false},
		{"NumericEquals", "10", "ten", false},
		{"NumericEquals", "NaN", "NaN", false},
		{"DateLessThan", "2030-01-01T00:00:00Z", "2026-11-23T12:00:00Z", true},
		{"DateGreaterThan", "2030-01-01", "2026-11-23T12:00:00Z", false},
		{"DateEquals", "1767225600", "2026-01-01T00:00:00Z", true},
		{"DateLessThanEquals", "soon", "2026-01-01T00:00:00Z", false},
		{"IpAddress", "10.0.0.0/8|192.168.1.1", "192.168.1.1", true},
		{"IpAddress", "10.0.0.0/8", "11.0.0.1", false},
		{"IpAddress", "10.0.0.0/8", "::ffff:10.1.1.1", true},
		{"NotIpAddress", "10.0.0.0/8", "10.0.0.1", false},
		{"Null", "true", "x", false},
		{"Null", "false", "x", true},
		{"ForAnyValue:StringEquals", "a|b", "c|b", true},
		{"ForAnyValue:StringEquals", "a|b", "c|d", false},
		{"ForAllValues:StringEquals", "a|b", "a|b|a", true},
		{"ForAllValues:StringEquals", "a|b", "a|c", false},
		{"ForAnyValue:StringNotEquals", "a", "a|b", true},
		{"ForAllValues:StringNotEquals", "a", "a|b", false},
	} {
		t.Run(tc.operator+" "+tc.want+" "+tc.have, func(t *testing.T) {
			op, err := findTest(tc.operator)
			if err != nil {
				t.Fatal(err)
			}
			if got := op.holds(strings.Split(tc.have, "|"), strings.Split(tc.want, "|"), true); got != tc.holds {
				t.Errorf("got %t", got)
			}
		})
	}
}

// A key that the request lacks. ForAllValues being true of it is what GitHub's guide warns of.
func TestMissingKey(t *testing.T) {
	for operator, want := range map[string]bool{
		"StringEquals": false, "StringEqualsIfExists": true, "StringNotEquals": true, "StringLike": false,
		"ForAllValues:StringEquals": true, "ForAnyValue:StringEquals": false, "ForAnyValue:StringNotEquals": false,
		"Bool": false, "BoolIfExists": true, "Null": false, "NotIpAddress": true, "ArnLikeIfExists": true,
	} {
		op, err := findTest(operator)
		if err != nil {
			t.Fatal(err)
		}
		if got := op.holds(nil, []string{"false"}, false); got != want {
			t.Errorf("%s: got %t", operator, got)
		}
	}
	op, _ := findTest("Null")
	if !op.holds(nil, []string{"true"}, false) {
		t.Error("Null true of a missing key does not hold")
	}
}

func TestWild(t *testing.T) {
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"*", "", true}, {"?", "", false}, {"a*b*c", "axxbyyc", true}, {"a*b*c", "axxbyy", false},
		{"**a", "ba", true}, {"a?", "a", false}, {"*ab", "aab", true}, {escape("*") + "a", "ba", false}, {escape("?a"), "?a", true},
	} {
		if got := wild(tc.pattern, tc.text); got != tc.want {
			t.Errorf("wild(%q, %q) = %t", tc.pattern, tc.text, got)
		}
	}
	if wild(strings.Repeat("*a", 200), strings.Repeat("a", 5000)+"b") { // must come to an end
		t.Error("a hostile pattern matches")
	}
}
