package lambda

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/internal/regex"
)

// policy is a resource policy, in the order in which its statements were added.
type policy struct {
	Revision   string
	Statements []statement
}

// statement is one permission in a policy's own JSON.
type statement struct {
	Sid       string                       `json:"Sid"`
	Effect    string                       `json:"Effect"`
	Principal any                          `json:"Principal"`
	Action    string                       `json:"Action"`
	Resource  string                       `json:"Resource"`
	Condition map[string]map[string]string `json:"Condition,omitempty"`
}

var accountID = regex.New(`^[0-9]{12}$`)

// AddPermission adds a statement to the policy of a function, a version or an alias.
func (s *Service) AddPermission(_ context.Context, in *lambda.AddPermissionInput, _ ...func(*lambda.Options)) (*lambda.AddPermissionOutput, error) {
	st := statement{Sid: aws.ToString(in.StatementId), Effect: "Allow", Action: aws.ToString(in.Action), Principal: s.principal(aws.ToString(in.Principal)), Condition: conditions(in)}
	if !strings.HasPrefix(st.Action, "lambda:") && st.Action != "*" {
		return nil, invalid("1 validation error detected: Value '%s' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])", st.Action)
	}
	err := s.policy(in.FunctionName, in.Qualifier, in.RevisionId, func(p *policy, resource string) error {
		if slices.ContainsFunc(p.Statements, func(o statement) bool { return o.Sid == st.Sid }) {
			return conflict("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", st.Sid)
		}
		st.Resource = resource
		p.Statements = append(slices.Clone(p.Statements), st)
		return nil
	})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(st)
	return &lambda.AddPermissionOutput{Statement: aws.String(string(text))}, err
}

// principal is how policies write what callers give: a service, an account, an ARN, all.
func (s *Service) principal(p string) any {
	switch {
	case p == "*":
		return p
	case accountID.MatchString(p):
		return map[string]string{"AWS": "arn:" + s.Place.Partition + ":iam::" + p + ":root"}
	case strings.HasPrefix(p, "arn:"):
		return map[string]string{"AWS": p}
	}
	return map[string]string{"Service": p}
}

func conditions(in *lambda.AddPermissionInput) map[string]map[string]string {
	c := map[string]map[string]string{}
	add := func(operator, key string, value *string) {
		if value == nil || *value == "" {
			return
		}
		if c[operator] == nil {
			c[operator] = map[string]string{}
		}
		c[operator][key] = *value
	}
	add("StringEquals", "AWS:SourceAccount", in.SourceAccount)
	add("ArnLike", "AWS:SourceArn", in.SourceArn)
	add("StringEquals", "aws:PrincipalOrgID", in.PrincipalOrgID)
	add("StringEquals", "lambda:EventSourceToken", in.EventSourceToken)
	add("StringEquals", "lambda:FunctionUrlAuthType", aws.String(string(in.FunctionUrlAuthType)))
	return c
}

// RemovePermission removes a statement.
func (s *Service) RemovePermission(_ context.Context, in *lambda.RemovePermissionInput, _ ...func(*lambda.Options)) (*lambda.RemovePermissionOutput, error) {
	return &lambda.RemovePermissionOutput{}, s.policy(in.FunctionName, in.Qualifier, in.RevisionId, func(p *policy, resource string) error {
		n := len(p.Statements)
		p.Statements = slices.DeleteFunc(slices.Clone(p.Statements), func(o statement) bool { return o.Sid == aws.ToString(in.StatementId) })
		if len(p.Statements) == n {
			return notFound("Statement %s is not found in resource policy.", aws.ToString(in.StatementId))
		}
		return nil
	})
}

// GetPolicy returns a policy as a JSON document.
func (s *Service) GetPolicy(_ context.Context, in *lambda.GetPolicyInput, _ ...func(*lambda.Options)) (*lambda.GetPolicyOutput, error) {
	f, err := s.get(in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	p := f.Policy[f.qualifier]
	if len(p.Statements) == 0 {
		return nil, notFound("The resource you requested does not exist.")
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Id": "default", "Statement": p.Statements})
	return &lambda.GetPolicyOutput{Policy: aws.String(string(text)), RevisionId: &p.Revision}, err
}

// policy stores a changed copy of one.
func (s *Service) policy(id, qualifier, revisionID *string, change func(p *policy, resource string) error) error {
	return s.Store.Update(func(tx *store.Tx) error {
		f, err := s.find(tx, id, qualifier)
		if err != nil {
			return err
		}
		p := f.Policy[f.qualifier]
		if revisionID != nil && *revisionID != p.Revision {
			return errStale
		}
		if err := change(&p, s.qualified(f.Name, f.qualifier)); err != nil {
			return err
		}
		p.Revision = ids.UUID()
		all := map[string]policy{f.qualifier: p}
		for q, other := range f.Policy {
			if q != f.qualifier {
				all[q] = other
			}
		}
		f.Policy = all
		s.t.functions.Put(tx, f.Name, f.function)
		return nil
	})
}
