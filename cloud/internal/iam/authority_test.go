package iam

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/policy"
)

var (
	root   = identity.Caller{Kind: identity.Root, ARN: "arn:aws:iam::123456789012:root"}
	worker = identity.Caller{
		Kind: identity.Role, ARN: "arn:aws:sts::123456789012:assumed-role/r/s", RoleARN: "arn:aws:iam::123456789012:role/r",
	}
	person = identity.Caller{Kind: identity.User, ARN: "arn:aws:iam::123456789012:user/u"}
)

// Who may do what, by the policies that the API stores.
func TestDecide(t *testing.T) {
	s := newService(t)
	s.makeRole(t, "r")
	s.makeUser(t, "u")
	run := policy.Request{Action: "ecs:RunTask", Resource: "*"}
	may := func(c identity.Caller) bool { return s.Decide(c, run, nil, false).Allowed() }
	if !may(root) {
		t.Error("root may not")
	}
	if may(worker) || may(person) || may(identity.Caller{}) {
		t.Error("somebody without policies may")
	}

	_, err := s.PutRolePolicy(bg, &iam.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p"), PolicyDocument: aws.String(allowECS)})
	must(t, 0, err)
	if !may(worker) {
		t.Error("the role's policy does not hold")
	}
	narrow := worker
	narrow.SessionPolicy = allowECR
	if may(narrow) {
		t.Error("the session's policy does not narrow")
	}
	bound := s.makePolicy(t, "bound", allowECR)
	_, err = s.PutRolePermissionsBoundary(bg, &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String("r"), PermissionsBoundary: bound})
	must(t, 0, err)
	if d := s.Decide(worker, run, nil, false); d.Allowed() || d.Layer != policy.LayerBoundary {
		t.Errorf("the boundary does not bound: %+v", d)
	}

	_, err = s.CreateGroup(bg, &iam.CreateGroupInput{GroupName: aws.String("g")})
	must(t, 0, err)
	_, err = s.AttachGroupPolicy(bg, &iam.AttachGroupPolicyInput{GroupName: aws.String("g"), PolicyArn: s.makePolicy(t, "ours", allowECS)})
	must(t, 0, err)
	_, err = s.AddUserToGroup(bg, &iam.AddUserToGroupInput{GroupName: aws.String("g"), UserName: aws.String("u")})
	must(t, 0, err)
	if !may(person) {
		t.Error("the group's policy does not hold for its members")
	}
}

// A role that is made anew under its old name gives nothing to the old one's sessions.
func TestOldSessionOfNewRole(t *testing.T) {
	s := newService(t)
	for _, id := range []string{"old", "new"} {
		s.makeRole(t, "r")
		_, err := s.PutRolePolicy(bg, &iam.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p"), PolicyDocument: aws.String(allowECS)})
		must(t, 0, err)
		out, err := s.GetRole(bg, &iam.GetRoleInput{RoleName: aws.String("r")})
		c := worker
		c.UserID = *must(t, out, err).Role.RoleId + ":s"
		run := policy.Request{Action: "ecs:RunTask", Resource: "*"}
		if !s.Decide(c, run, nil, false).Allowed() {
			t.Errorf("the %s role's session may not", id)
		}
		_, err = s.DeleteRolePolicy(bg, &iam.DeleteRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p")})
		must(t, 0, err)
		_, err = s.DeleteRole(bg, &iam.DeleteRoleInput{RoleName: aws.String("r")})
		must(t, 0, err)
		c.UserID = "AROAANOTHER:s"
		if s.Decide(c, run, nil, false).Allowed() {
			t.Errorf("a session of another role may what the %s one may", id)
		}
	}
}

// The condition keys that every request has.
func TestDecideKnowsTheCaller(t *testing.T) {
	s := newService(t)
	s.makeUser(t, "u")
	for _, tc := range []struct {
		condition string
		want      bool
	}{
		{`{"StringEquals":{"aws:username":"u"}}`, true},
		{`{"StringEquals":{"aws:username":"v"}}`, false},
		{`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}}`, true},
		{`{"StringEquals":{"aws:PrincipalTag/Team":"a"}}`, true},
		{`{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`, true},
		{`{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}`, true},
		{`{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`, false},
		{`{"StringEquals":{"aws:PrincipalType":"User","aws:PrincipalAccount":"123456789012"}}`, true},
	} {
		doc := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":` + tc.condition + `}}`
		_, err := s.PutUserPolicy(bg, &iam.PutUserPolicyInput{UserName: aws.String("u"), PolicyName: aws.String("p"), PolicyDocument: &doc})
		must(t, 0, err)
		c := person
		c.SourceIP, c.Tags = "127.0.0.1", map[string]string{"Team": "a"}
		if got := s.Decide(c, policy.Request{Action: "a:b", Resource: "*"}, nil, false).Allowed(); got != tc.want {
			t.Errorf("%s: %t", tc.condition, got)
		}
	}
}

// CodeDeploy's managed policy lets it pass roles to tasks and to nothing else.
func TestCodeDeployRole(t *testing.T) {
	s := newService(t)
	s.makeRole(t, "r")
	_, err := s.AttachRolePolicy(bg, &iam.AttachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: aws.String("arn:aws:iam::aws:policy/AWSCodeDeployRoleForECS")})
	must(t, 0, err)
	for _, tc := range []struct {
		action, to string
		want       bool
	}{
		{"ecs:CreateTaskSet", "", true}, {"elasticloadbalancing:ModifyListener", "", true}, {"ecs:UpdateTaskSet", "", false},
		{"iam:PassRole", "ecs-tasks.amazonaws.com", true}, {"iam:PassRole", "ec2.amazonaws.com", false}, {"iam:PassRole", "", false},
	} {
		r := policy.Request{Action: tc.action, Resource: "arn:aws:iam::123456789012:role/task", Context: map[string][]string{}}
		if tc.to != "" {
			r.Context["iam:passedtoservice"] = []string{tc.to}
		}
		if got := s.Decide(worker, r, nil, false).Allowed(); got != tc.want {
			t.Errorf("%s %s: %t", tc.action, tc.to, got)
		}
	}
}

// Keys are kept over a restart; the root user's is always the same one.
func TestKeysAreDurable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := serviceOn(t, path, Options{})
	id, secret := s.RootKey()
	c := worker
	c.Tags = map[string]string{"a": "b"}
	keys, err := s.Issue(bg, c, time.Hour)
	must(t, 0, err)
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}

	s = serviceOn(t, path, Options{})
	if id2, secret2 := s.RootKey(); id2 != id || secret2 != secret {
		t.Errorf("the root user's key was %s, is %s", id, id2)
	}
	got, ok := s.Lookup(bg, *keys.AccessKeyId)
	if !ok || got.Secret != *keys.SecretAccessKey || got.SessionToken != *keys.SessionToken || !got.Expires.Equal(*keys.Expiration) ||
		got.Caller.RoleARN != c.RoleARN || got.Caller.Tags["a"] != "b" {
		t.Errorf("the session is %+v", got)
	}
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}

	s = serviceOn(t, path, Options{RootAccessKeyID: "test", RootSecret: "test"})
	if c, ok := s.Lookup(bg, "test"); !ok || c.Caller.Kind != identity.Root || c.Secret != "test" {
		t.Errorf("the fixed key is %+v", c)
	}
	if _, ok := s.Lookup(bg, id); ok {
		t.Error("the key before still opens")
	}
}

func TestSimulate(t *testing.T) {
	s := newService(t)
	s.makeRole(t, "r")
	_, err := s.PutRolePolicy(bg, &iam.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p"), PolicyDocument: aws.String(allowECS)})
	must(t, 0, err)
	out, err := s.SimulatePrincipalPolicy(bg, &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String(worker.RoleARN), ActionNames: []string{"ecs:RunTask", "ecr:PutImage"},
		PermissionsBoundaryPolicyInputList: []string{allowECS},
	})
	r := must(t, out, err).EvaluationResults
	if r[0].EvalDecision != types.PolicyEvaluationDecisionTypeAllowed || r[1].EvalDecision != types.PolicyEvaluationDecisionTypeImplicitDeny {
		t.Errorf("decided %s, %s", r[0].EvalDecision, r[1].EvalDecision)
	}
	if m := r[0].MatchedStatements; len(m) != 1 || *m[0].SourcePolicyId != "role_r_p" || m[0].StartPosition.Column != 38 {
		t.Errorf("by %+v", m)
	}
	if !r[0].PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary || r[1].PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary {
		t.Error("the boundary's part is told wrongly")
	}

	pass := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"x"}}}}`
	custom := &iam.SimulateCustomPolicyInput{PolicyInputList: []string{pass}, ActionNames: []string{"iam:PassRole"}}
	c, err := s.SimulateCustomPolicy(bg, custom)
	if m := must(t, c, err).EvaluationResults[0]; len(m.MissingContextValues) != 1 || m.MissingContextValues[0] != "iam:PassedToService" {
		t.Errorf("missing are %v", m.MissingContextValues)
	}
	custom.ContextEntries = []types.ContextEntry{{ContextKeyName: aws.String("iam:PassedToService"), ContextKeyValues: []string{"x"}}}
	c, err = s.SimulateCustomPolicy(bg, custom)
	if d := must(t, c, err).EvaluationResults[0].EvalDecision; d != types.PolicyEvaluationDecisionTypeAllowed {
		t.Errorf("decided %s", d)
	}
	custom.PolicyInputList = []string{"{"}
	_, err = s.SimulateCustomPolicy(bg, custom)
	wantError(t, err, "InvalidInput", "Invalid Input PolicyInputList.1: This policy contains invalid Json")
	keys, err := s.GetContextKeysForCustomPolicy(bg, &iam.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{pass, pass}})
	if k := must(t, keys, err).ContextKeyNames; len(k) != 1 {
		t.Errorf("keys are %v", k)
	}
	_, err = s.SimulatePrincipalPolicy(bg, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String("arn:aws:iam::123456789012:user/no"), ActionNames: []string{"a:b"}})
	wantError(t, err, "NoSuchEntity", "The user with name no cannot be found.")
	_, err = s.GetContextKeysForPrincipalPolicy(bg, &iam.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: aws.String("me")})
	wantError(t, err, "InvalidInput", "ARN me is not valid.")
}
