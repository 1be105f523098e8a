package wire

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/wire/constraints"
)

// Wording is how a service tells that an input breaks its model's constraints.
type Wording uint8

// The wordings.
const (
	// OwnWords leaves all checks to the service, which has an exception for each member.
	OwnWords Wording = iota
	// CoralWords: 1 validation error detected: Value '…' at '…' failed to satisfy …
	CoralWords
	// ECSWords are CoralWords, but for required members: "Family can not be blank."
	ECSWords
	// ECRWords: Invalid parameter at '…' failed to satisfy constraint: '…'
	ECRWords
)

// check holds a decoded input against the model's constraints.
func (s *Service) check(ctx context.Context, op *Op, in any) error {
	if s.Wording == OwnWords {
		return nil
	}
	present := func(path string) bool { return Present(ctx, path) }
	broken := s.model().Check(op.Name, s.Names.Plan(op.in), in, present)
	if s.Wording == ECSWords {
		if err := s.blank(op, broken); err != nil {
			return err
		}
		broken = withoutRequired(broken)
	}
	if len(broken) == 0 {
		return nil
	}
	if s.Wording == ECRWords {
		return failure(s.InvalidCode, "Invalid parameter at '%s' failed to satisfy constraint: '%s'",
			place(broken[0].Path), strings.TrimPrefix(ecrRule(broken[0]), "Member "))
	}
	return failure(s.invalidCode(op), "%s", coral(broken))
}

// invalidCode is the error's code; ECS has another where a client's document is at fault.
func (s *Service) invalidCode(op *Op) string {
	if s.Wording == ECSWords && op.Name == "RegisterTaskDefinition" {
		return "ClientException"
	}
	return s.InvalidCode
}

// blank is ECS's error for a missing text at the top. What is missing in lists and deeper
// down, ECS words case by case: that is left to the service.
func (s *Service) blank(op *Op, broken []constraints.Violation) error {
	for _, v := range broken {
		if v.Rule == constraints.Required && v.Within == constraints.None && len(v.Path) == 1 {
			name := v.Path[0].Name
			if p := s.Names.Plan(op.in).Field(name).Plan; p.IsText() {
				return failure(s.invalidCode(op), "%s%s can not be blank.", strings.ToUpper(name[:1]), name[1:])
			}
		}
	}
	return nil
}

func withoutRequired(all []constraints.Violation) []constraints.Violation {
	var rest []constraints.Violation
	for _, v := range all {
		if v.Rule != constraints.Required || v.Within != constraints.None {
			rest = append(rest, v)
		}
	}
	return rest
}

// coral words violations as the framework does that most of AWS's services are made with.
func coral(broken []constraints.Violation) string {
	var b strings.Builder
	noun := "error"
	if len(broken) > 1 {
		noun = "errors"
	}
	fmt.Fprintf(&b, "%d validation %s detected: ", len(broken), noun)
	for i, v := range broken {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "Value %sat '%s' failed to satisfy constraint: %s", shown(v), place(v.Path), coralRule(v))
	}
	return b.String()
}

// shown is a violation's value with a blank behind it, or nothing for secrets.
func shown(v constraints.Violation) string {
	switch {
	case v.Secret:
		return ""
	case !v.Value.IsValid():
		return "null "
	}
	return "'" + plainText(v.Value) + "' "
}

// plainText writes a value as Java's toString would.
func plainText(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = plainText(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		var parts []string
		for it := v.MapRange(); it.Next(); {
			parts = append(parts, plainText(it.Key())+"="+plainText(it.Value()))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case reflect.Pointer:
		if !v.IsNil() {
			return plainText(v.Elem())
		}
		return "null"
	case reflect.Struct:
		return v.Type().Name()
	}
	return fmt.Sprint(v.Interface())
}

func coralRule(v constraints.Violation) string {
	var rules []string
	for _, r := range v.All {
		rules = append(rules, coralRule(r))
	}
	all := strings.Join(rules, ", ")
	switch v.Within {
	case constraints.Elements:
		return "Member must satisfy constraint: [" + all + "]"
	case constraints.Keys:
		return "Map keys must satisfy constraint: [" + all + "]"
	case constraints.Values:
		return "Map value must satisfy constraint: [" + all + "]"
	}
	limit := strconv.FormatFloat(v.Limit, 'f', -1, 64)
	switch v.Rule {
	case constraints.MinLength:
		return "Member must have length greater than or equal to " + limit
	case constraints.MaxLength:
		return "Member must have length less than or equal to " + limit
	case constraints.Min:
		return "Member must have value greater than or equal to " + limit
	case constraints.Max:
		return "Member must have value less than or equal to " + limit
	case constraints.Pattern:
		return "Member must satisfy regular expression pattern: " + v.Text
	case constraints.Enum:
		return "Member must satisfy enum value set: [" + strings.Join(v.Values, ", ") + "]"
	}
	return "Member must not be null"
}

// ecrRule differs from coralRule where ECR is known to.
func ecrRule(v constraints.Violation) string {
	if v.Within == constraints.None && v.Rule == constraints.Pattern {
		return "must satisfy regular expression '" + v.Text + "'"
	}
	return coralRule(v)
}

// place writes a path as AWS does: "tags.1.member.key".
func place(path []constraints.Step) string {
	var b strings.Builder
	for i, s := range path {
		if i > 0 {
			b.WriteByte('.')
		}
		switch {
		case s.Index >= 0:
			fmt.Fprintf(&b, "%d.member", s.Index+1)
		case s.Map:
			b.WriteString(s.Name + ".member")
		default:
			b.WriteString(strings.ToLower(s.Name[:1]) + s.Name[1:])
		}
	}
	return b.String()
}
