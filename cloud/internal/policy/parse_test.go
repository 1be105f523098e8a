package policy

import (
	"errors"
	"strings"
	"testing"
)

// doc wraps statements into a document of today's version.
func doc(statements string) string {
	return `{"Version":"2012-10-17","Statement":` + statements + `}`
}

func parse(t *testing.T, kind Kind, text string) *Document {
	t.Helper()
	d, err := Parse(kind, text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

func TestParseReadsAllMembers(t *testing.T) {
	d := parse(t, Resource, `{
  "Version": "2012-10-17", "Id": "it",
  "Statement": {
    "Sid": "one", "Effect": "Deny",
    "NotPrincipal": {"AWS": ["123456789012", "arn:aws:iam::123456789012:user/a"], "Service": "ecs.amazonaws.com"},
    "Action": "s3:*", "NotResource": ["arn:aws:s3:::a"],
    "Condition": {"NumericLessThan": {"s3:max-keys": 10}, "Bool": {"aws:SecureTransport": [false]}}
  }
}`)
	s := d.Statements[0]
	if d.ID != "it" || s.Sid != "one" || !s.Deny || len(s.NotPrincipal.AWS) != 2 || s.NotPrincipal.Service[0] != "ecs.amazonaws.com" {
		t.Errorf("read %+v", s)
	}
	if len(s.Conditions) != 2 || s.Conditions[0].Values[0] != "10" || s.Conditions[1].Values[0] != "false" {
		t.Errorf("conditions are %+v", s.Conditions)
	}
	if line, column := d.Line(s.Start); line != 3 || column != 16 {
		t.Errorf("the statement begins at %d:%d", line, column)
	}
	if line, column := d.Line(s.End); line != 8 || column != 4 {
		t.Errorf("the statement ends at %d:%d", line, column)
	}
}

func TestParseRefuses(t *testing.T) {
	const allow = `{"Effect":"Allow","Action":"a:b","Resource":"*"`
	for _, tc := range []struct {
		name string
		kind Kind
		text string
		want string
	}{
		{"no JSON", Identity, `nope`, "This policy contains invalid Json"},
		{"cut off", Identity, `{"Version":`, "This policy contains invalid Json"},
		{"more behind", Identity, doc(`[]`) + `{}`, "This policy contains invalid Json"},
		{"a member twice", Identity, `{"Version":"2012-10-17","Version":"2012-10-17"}`, "This policy contains invalid Json"},
		{"deep", Identity, doc(strings.Repeat("[", 40) + strings.Repeat("]", 40)), "This policy contains invalid Json"},
		{"a list", Identity, `[]`, "Syntax errors in policy."},
		{"an unknown member", Identity, `{"Version":"2012-10-17","Statements":[]}`, "Syntax errors in policy."},
		{"a number for a version", Identity, `{"Version":2012,"Statement":[]}`, "Syntax errors in policy."},
		{"an old version", Identity, `{"Version":"2008-10-17","Statement":[]}`, "Policy document must be version 2012-10-17 or greater."},
		{"no version", Identity, `{"Statement":[]}`, "Policy document must be version 2012-10-17 or greater."},
		{"no statement", Identity, `{"Version":"2012-10-17"}`, "Missing required field Statement"},
		{"empty", Identity, doc(`[]`), "Syntax errors in policy."},
		{"a text for a statement", Identity, doc(`["x"]`), "Syntax errors in policy."},
		{"an unknown word", Identity, doc(allow + `,"Effects":"x"}`), "Syntax errors in policy."},
		{"no effect", Identity, doc(`{"Action":"a:b","Resource":"*"}`), "Missing required field Effect"},
		{"a wrong effect", Identity, doc(`{"Effect":"allow","Action":"a:b","Resource":"*"}`), "Invalid effect: allow"},
		{"no action", Identity, doc(`{"Effect":"Allow","Resource":"*"}`), "Policy statement must contain actions."},
		{"no resource", Identity, doc(`{"Effect":"Allow","Action":"a:b"}`), "Policy statement must contain resources."},
		{"both actions", Identity, doc(allow + `,"NotAction":"c:d"}`), "Statement/policy already has instance of Action"},
		{"both resources", Identity, doc(allow + `,"NotResource":"*"}`), "Statement/policy already has instance of Resource"},
		{"no vendor", Identity, doc(`{"Effect":"Allow","Action":"list","Resource":"*"}`), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{"a vendor's pattern", Identity, doc(`{"Effect":"Allow","Action":"e*:List","Resource":"*"}`), "Vendor e* is not valid"},
		{"a resource's name", Identity, doc(`{"Effect":"Allow","Action":"a:b","Resource":"bucket"}`), `Resource bucket must be in ARN format or "*".`},
		{"half an ARN", Identity, doc(`{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s3"}`), `Resource arn:aws:s3 must be in ARN format or "*".`},
		{"any service", Identity, doc(`{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:*:::x"}`), ""},
		{"some services", Identity, doc(`{"Effect":"Allow","Action":"a:b","Resource":"arn:aws:s*:::x"}`), "Resource vendor must be fully qualified and cannot contain regexes."},
		{"a principal", Identity, doc(allow + `,"Principal":"*"}`), "Policy document should not specify a principal."},
		{"a Sid with a blank", Identity, doc(allow + `,"Sid":"a b"}`), "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"},
		{"a Sid twice", Identity, doc(`[` + allow + `,"Sid":"a"},` + allow + `,"Sid":"a"}]`), "Statement IDs (SID) in a single policy must be unique."},
		{"an unknown operator", Identity, doc(allow + `,"Condition":{"StringIs":{"aws:a":"b"}}}`), "Invalid Condition type : StringIs."},
		{"an unknown set operator", Identity, doc(allow + `,"Condition":{"ForSome:StringEquals":{"aws:a":"b"}}}`), "Invalid Condition type : ForSome:StringEquals."},
		{"a list of conditions", Identity, doc(allow + `,"Condition":[]}`), "Syntax errors in policy."},
		{"a key without a vendor", Identity, doc(allow + `,"Condition":{"StringEquals":{"a":"b"}}}`), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{"trust without a principal", Trust, doc(`{"Effect":"Allow","Action":"sts:AssumeRole"}`), "Missing required field Principal"},
		{"trust with a resource", Trust, doc(`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"}`), "Has prohibited field Resource"},
		{"trust without an action", Trust, doc(`{"Effect":"Allow","Principal":"*"}`), "Missing required field Action"},
		{"trust of another service", Trust, doc(`{"Effect":"Allow","Principal":"*","Action":"ecs:RunTask"}`), "AssumeRole policy may only specify STS AssumeRole actions."},
		{"a principal's number", Trust, doc(`{"Effect":"Allow","Principal":7,"Action":"sts:AssumeRole"}`), "Invalid principal in policy"},
		{"an unknown kind of principal", Trust, doc(`{"Effect":"Allow","Principal":{"Azure":"x"},"Action":"sts:AssumeRole"}`), `Invalid principal in policy: "Azure"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse(tc.kind, tc.text)
			var e *Error
			switch {
			case tc.want == "" && err == nil:
			case !errors.As(err, &e) || e.Message != tc.want:
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(0, doc(`{"Effect":"Allow","Action":["a:*"],"Resource":"*","Condition":{"StringLike":{"aws:a":["${aws:username}*"]}}}`))
	f.Add(1, doc(`[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]`))
	f.Add(2, doc(`{"Effect":"Deny","NotPrincipal":"*","NotAction":"s3:Get?","NotResource":"arn:aws:s3:::${x"}`))
	f.Add(0, `{"Version":"2012-10-17","Statement":[{"Sid":"`+"\u00f8"+`"}]}`)
	f.Fuzz(func(t *testing.T, kind int, text string) {
		d, err := Parse(Kind(kind), text)
		if err != nil {
			return
		}
		for i, s := range d.Statements {
			if s.Start < 0 || s.End > len(text) || s.Start >= s.End || text[s.Start] != '{' || text[s.End-1] != '}' {
				t.Errorf("statement %d is said to stand at %d–%d", i, s.Start, s.End)
			}
		}
		r := &Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::a", Context: map[string][]string{"aws:username": {"*"}}}
		src := Source{Document: d}
		_ = Evaluate(r, Policies{Identity: []Source{src}, Resource: &src})
	})
}
