package policy

import (
	"regexp"
	"strings"
)

func readStatement(kind Kind, n node) (s Statement, err error) {
	if n.kind != '{' {
		return s, malformed("Syntax errors in policy.")
	}
	s.Start, s.End = n.start, n.end
	effect := ""
	for _, f := range n.fields {
		if err := s.member(f, &effect); err != nil {
			return s, err
		}
	}
	if effect != "Allow" && effect != "Deny" {
		if effect == "" {
			return s, malformed("Missing required field Effect")
		}
		return s, malformed("Invalid effect: %s", effect)
	}
	s.Deny = effect == "Deny"
	return s, s.check(kind)
}

// member reads one member of a statement.
func (s *Statement) member(f field, effect *string) (err error) {
	ok := true
	switch v := f.value; f.name {
	case "Sid":
		s.Sid, ok = v.text, v.kind == 's'
	case "Effect":
		*effect, ok = v.text, v.kind == 's'
	case "Action":
		s.Actions, ok = v.texts(false)
	case "NotAction":
		s.NotActions, ok = v.texts(false)
	case "Resource":
		s.Resources, ok = v.texts(false)
	case "NotResource":
		s.NotResources, ok = v.texts(false)
	case "Principal":
		s.Principal, err = readPrincipal(v)
	case "NotPrincipal":
		s.NotPrincipal, err = readPrincipal(v)
	case "Condition":
		s.Conditions, err = readConditions(v)
	default:
		ok = false
	}
	if !ok {
		return malformed("Syntax errors in policy.")
	}
	return err
}

func readPrincipal(n node) (*Principal, error) {
	if n.kind == 's' && n.text == "*" {
		return &Principal{Any: true}, nil
	}
	if n.kind != '{' || len(n.fields) == 0 {
		return nil, malformed("Invalid principal in policy")
	}
	p := &Principal{}
	for _, f := range n.fields {
		values, ok := f.value.texts(false)
		if !ok || len(values) == 0 {
			return nil, malformed("Invalid principal in policy")
		}
		switch f.name {
		case "AWS":
			p.AWS = values
			for _, v := range values {
				p.Any = p.Any || v == "*"
			}
		case "Service":
			p.Service = values
		case "Federated":
			p.Federated = values
		case "CanonicalUser":
			p.Canonical = values
		default:
			return nil, malformed("Invalid principal in policy: \"%s\"", f.name)
		}
	}
	return p, nil
}

var sidForm = regexp.MustCompile(`^[0-9A-Za-z]*$`)

// check holds a statement against what its kind of document needs.
func (s *Statement) check(kind Kind) error {
	if kind != Resource && !sidForm.MatchString(s.Sid) {
		return malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
	}
	if kind == Trust && (s.Resources != nil || s.NotResources != nil) {
		return malformed("Has prohibited field Resource")
	}
	if kind != Identity && (s.Principal == nil) == (s.NotPrincipal == nil) {
		return malformed("Missing required field Principal")
	}
	if (len(s.Actions) > 0) == (len(s.NotActions) > 0) {
		if len(s.Actions) > 0 {
			return malformed("Statement/policy already has instance of Action")
		}
		if kind == Trust {
			return malformed("Missing required field Action")
		}
		return malformed("Policy statement must contain actions.")
	}
	for _, a := range append(s.Actions, s.NotActions...) {
		if err := checkAction(kind, a); err != nil {
			return err
		}
	}
	if kind == Identity {
		return s.checkIdentity()
	}
	return nil
}

func checkAction(kind Kind, a string) error {
	vendor, name, ok := strings.Cut(a, ":")
	switch {
	case a == "*" && kind != Trust:
		return nil
	case !ok:
		return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
	case vendor == "" || strings.ContainsAny(vendor, "*?"):
		return malformed("Vendor %s is not valid", vendor)
	case name == "":
		return malformed("Action %s is not valid", a)
	case kind == Trust && !strings.EqualFold(vendor, "sts"):
		return malformed("AssumeRole policy may only specify STS AssumeRole actions.")
	}
	return nil
}

func (s *Statement) checkIdentity() error {
	if s.Principal != nil || s.NotPrincipal != nil {
		return malformed("Policy document should not specify a principal.")
	}
	if (len(s.Resources) > 0) == (len(s.NotResources) > 0) {
		if len(s.Resources) > 0 {
			return malformed("Statement/policy already has instance of Resource")
		}
		return malformed("Policy statement must contain resources.")
	}
	for _, r := range append(s.Resources, s.NotResources...) {
		if err := checkResource(r); err != nil {
			return err
		}
	}
	return nil
}

func checkResource(r string) error {
	if r == "*" {
		return nil
	}
	parts := strings.SplitN(r, ":", 6)
	switch {
	case parts[0] != "arn" && !strings.HasPrefix(parts[0], "arn*"):
		return malformed("Resource %s must be in ARN format or \"*\".", r)
	case len(parts) < 6 && !strings.HasSuffix(r, "*"):
		return malformed("Resource %s must be in ARN format or \"*\".", r)
	case len(parts) > 2 && (parts[2] == "" || len(parts) == 6 && parts[2] != "*" && strings.ContainsAny(parts[2], "*?")):
		return malformed("Resource vendor must be fully qualified and cannot contain regexes.")
	}
	return nil
}
