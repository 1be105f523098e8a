package policy

import (
	"strings"
)

// test is what a condition operator does with one value of the request and one of the
// policy, and how it treats several of each.
type test struct {
	match    func(have, want string) bool
	negate   bool // holds when no value matches
	ifExists bool // holds when the request lacks the key
	all, any bool // ForAllValues, ForAnyValue
	null     bool
	patterns bool // the policy's values may hold wildcards
}

func readConditions(n node) ([]Condition, error) {
	if n.kind != '{' {
		return nil, malformed("Syntax errors in policy.")
	}
	var out []Condition
	for _, op := range n.fields {
		t, err := findTest(op.name)
		if err != nil {
			return nil, err
		}
		if op.value.kind != '{' {
			return nil, malformed("Syntax errors in policy.")
		}
		for _, key := range op.value.fields {
			values, ok := key.value.texts(true)
			if !ok {
				return nil, malformed("Syntax errors in policy.")
			}
			if !strings.Contains(key.name, ":") {
				return nil, malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
			}
			out = append(out, Condition{Operator: op.name, Key: key.name, Values: values, test: t})
		}
	}
	return out, nil
}

// findTest knows an operator by its name, with prefix and suffix.
func findTest(name string) (test, error) {
	var t test
	base := name
	if before, after, ok := strings.Cut(base, ":"); ok {
		switch strings.ToLower(before) {
		case "forallvalues":
			t.all = true
		case "foranyvalue":
			t.any = true
		default:
			return t, malformed("Invalid Condition type : %s.", name)
		}
		base = after
	}
	low := strings.ToLower(base)
	if low == "null" && !t.all && !t.any {
		t.null = true
		return t, nil
	}
	low, t.ifExists = strings.CutSuffix(low, "ifexists")
	op, ok := operators[low]
	if !ok {
		return t, malformed("Invalid Condition type : %s.", name)
	}
	t.match, t.negate, t.patterns = op.match, op.negate, op.patterns
	return t, nil
}

// holds decides a condition for the request. want are the policy's values with their
// variables filled in.
func (t test) holds(have, want []string, present bool) bool {
	switch {
	case t.null:
		return len(want) > 0 && strings.EqualFold(want[0], "true") != present
	case !present || t.all && len(have) == 0:
		// ForAllValues is true of a key that is not there: that is AWS's rule, and why one
		// should not write it alone. Negated operators are, too.
		return t.ifExists || t.all || t.negate && !t.any
	}
	one := func(h string) bool {
		for _, w := range want {
			if t.match(h, w) {
				return !t.negate
			}
		}
		return t.negate
	}
	if t.any || t.all || !t.negate {
		return quantify(have, one, t.all)
	}
	return quantify(have, one, true) // no value of the request may match
}

// quantify asks for all or for one of the values.
func quantify(have []string, one func(string) bool, all bool) bool {
	for _, h := range have {
		if one(h) != all {
			return !all
		}
	}
	return all
}
