package policy

import (
	"testing"
)

const (
	me      = "arn:aws:iam::123456789012:user/me"
	cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/prod"
)

func source(t *testing.T, kind Kind, statements string) *Source {
	t.Helper()
	return &Source{ID: "it", Document: parse(t, kind, doc(statements))}
}

// request is what I want to do, with condition keys given in pairs.
func request(action, resource string, keys ...string) *Request {
	r := &Request{
		Action: action, Resource: resource, Principals: []string{me}, Account: "123456789012",
		Context: map[string][]string{},
	}
	for i := 0; i < len(keys); i += 2 {
		r.Context[keys[i]] = append(r.Context[keys[i]], keys[i+1])
	}
	return r
}

// What identity policies say of one request.
func TestIdentityPolicies(t *testing.T) {
	for _, tc := range []struct {
		name   string
		policy string
		r      *Request
		want   Effect
	}{
		{"nothing fits", `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`, request("ecs:RunTask", cluster), ImplicitDeny},
		{"actions have no case", `{"Effect":"Allow","Action":"ECS:runtask","Resource":"*"}`, request("ecs:RunTask", cluster), Allowed},
		{"wildcards", `{"Effect":"Allow","Action":"ecs:Run*","Resource":"arn:aws:ecs:*:*:cluster/p?od"}`, request("ecs:RunTask", cluster), Allowed},
		{"resources have case", `{"Effect":"Allow","Action":"ecs:*","Resource":"arn:aws:ecs:*:*:cluster/Prod"}`, request("ecs:RunTask", cluster), ImplicitDeny},
		{"NotAction", `{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}`, request("ecs:RunTask", cluster), Allowed},
		{"NotAction leaves out", `{"Effect":"Allow","NotAction":["ecs:*"],"Resource":"*"}`, request("ecs:RunTask", cluster), ImplicitDeny},
		{"NotResource", `{"Effect":"Allow","Action":"ecs:*","NotResource":"arn:aws:ecs:*:*:cluster/test"}`, request("ecs:RunTask", cluster), Allowed},
		{"a deny wins", `[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ecs:RunTask","Resource":"*"}]`, request("ecs:RunTask", cluster), ExplicitDeny},
		{"a deny for others", `[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ecs:StopTask","Resource":"*"}]`, request("ecs:RunTask", cluster), Allowed},
		{"a condition holds", `{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringLike":{"iam:PassedToService":["ecs-tasks.amazonaws.com"]}}}`, request("iam:PassRole", "arn:aws:iam::123456789012:role/x", "iam:passedtoservice", "ecs-tasks.amazonaws.com"), Allowed},
		{"a condition does not", `{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringLike":{"iam:PassedToService":["ecs-tasks.amazonaws.com"]}}}`, request("iam:PassRole", "arn:aws:iam::123456789012:role/x", "iam:passedtoservice", "ec2.amazonaws.com"), ImplicitDeny},
		{"all conditions must", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:a":"true"},"StringEquals":{"aws:b":"x","aws:c":"y"}}}`, request("a:b", "*", "aws:a", "true", "aws:b", "x"), ImplicitDeny},
		{"a variable", `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::home/${aws:username}/*"}`, request("s3:GetObject", "arn:aws:s3:::home/me/x", "aws:username", "me"), Allowed},
		{"a variable is literal", `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::home/${aws:username}/*"}`, request("s3:GetObject", "arn:aws:s3:::home/you/x", "aws:username", "*"), ImplicitDeny},
		{"an unknown variable", `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::home/${aws:username}*"}`, request("s3:GetObject", "arn:aws:s3:::home/"), ImplicitDeny},
		{"a variable's default", `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::home/${aws:PrincipalTag/team, 'all'}"}`, request("s3:GetObject", "arn:aws:s3:::home/all"), Allowed},
		{"a literal star", `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${*}x"}`, request("s3:GetObject", "arn:aws:s3:::*x"), Allowed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := Evaluate(tc.r, Policies{Identity: []Source{*source(t, Identity, tc.policy)}})
			if d.Effect != tc.want {
				t.Errorf("got %+v", d)
			}
		})
	}
}

// How the layers of policies work together.
func TestLayers(t *testing.T) {
	allow := func(action string) *Source {
		return source(t, Identity, `{"Effect":"Allow","Action":"`+action+`","Resource":"*"}`)
	}
	deny := source(t, Identity, `{"Effect":"Deny","Action":"ecs:*","Resource":"*"}`)
	mine := source(t, Resource, `{"Effect":"Allow","Principal":{"AWS":"`+me+`"},"Action":"*","Resource":"*"}`)
	ours := source(t, Resource, `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"*","Resource":"*"}`)
	notMe := source(t, Resource, `{"Effect":"Deny","Principal":{"AWS":"`+me+`"},"Action":"*","Resource":"*"}`)
	all := []Source{*allow("*")}
	for _, tc := range []struct {
		name    string
		p       Policies
		want    Effect
		layer   Layer
		refusal string
	}{
		{"identity alone", Policies{Identity: all}, Allowed, LayerIdentity, ""},
		{"nothing", Policies{}, ImplicitDeny, LayerIdentity, " because no identity-based policy allows the ecs:RunTask action"},
		{"a denying identity", Policies{Identity: []Source{*allow("*"), *deny}}, ExplicitDeny, LayerIdentity, " with an explicit deny in an identity-based policy"},
		{"a boundary allows, too", Policies{Identity: all, Boundary: allow("ecs:*")}, Allowed, LayerIdentity, ""},
		{"a boundary does not", Policies{Identity: all, Boundary: allow("ecr:*")}, ImplicitDeny, LayerBoundary, " because no permissions boundary allows the ecs:RunTask action"},
		{"a boundary denies", Policies{Identity: all, Boundary: deny}, ExplicitDeny, LayerBoundary, " with an explicit deny in a permissions boundary"},
		{"a boundary that is gone", Policies{Identity: all, Boundary: &Source{}}, ImplicitDeny, LayerBoundary, " because no permissions boundary allows the ecs:RunTask action"},
		{"a session does not", Policies{Identity: all, Session: allow("ecr:*")}, ImplicitDeny, LayerSession, " because no session policy allows the ecs:RunTask action"},
		{"a resource's policy names me", Policies{Resource: mine}, Allowed, LayerResource, ""},
		{"it names the account only", Policies{Resource: ours}, ImplicitDeny, LayerIdentity, " because no identity-based policy allows the ecs:RunTask action"},
		{"it denies", Policies{Identity: all, Resource: notMe}, ExplicitDeny, LayerResource, " with an explicit deny in a resource-based policy"},
		{"trust of me", Policies{Resource: mine, TrustOnly: true}, Allowed, LayerTrust, ""},
		{"trust of the account, and I may", Policies{Identity: all, Resource: ours, TrustOnly: true}, Allowed, LayerIdentity, ""},
		{"trust of the account, and I may not", Policies{Resource: ours, TrustOnly: true}, ImplicitDeny, LayerIdentity, " because no identity-based policy allows the ecs:RunTask action"},
		{"no trust", Policies{Identity: all, TrustOnly: true}, ImplicitDeny, LayerTrust, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := request("ecs:RunTask", cluster)
			d := Evaluate(r, tc.p)
			if d.Effect != tc.want || d.Layer != tc.layer {
				t.Errorf("got %+v", d)
			}
			want := "User: " + me + " is not authorized to perform: ecs:RunTask on resource: " + cluster + tc.refusal
			if got := d.Refusal(me, r); !d.Allowed() && got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestPrincipals(t *testing.T) {
	session := "arn:aws:sts::123456789012:assumed-role/deploy/ci"
	role := "arn:aws:iam::123456789012:role/deploy"
	github := "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
	for _, tc := range []struct {
		name, principal string
		r               Request
		want            bool
	}{
		{"everybody", `"*"`, Request{}, true},
		{"everybody of AWS", `{"AWS":"*"}`, Request{}, true},
		{"a session by its role", `{"AWS":"` + role + `"}`, Request{Principals: []string{session, role}}, true},
		{"a session itself", `{"AWS":"` + session + `"}`, Request{Principals: []string{session, role}}, true},
		{"another session", `{"AWS":"` + session + `2"}`, Request{Principals: []string{session, role}}, false},
		{"a service", `{"Service":["ecs.amazonaws.com","codedeploy.amazonaws.com"]}`, Request{Service: "codedeploy.amazonaws.com"}, true},
		{"another service", `{"Service":"ecs.amazonaws.com"}`, Request{Service: "codedeploy.amazonaws.com"}, false},
		{"a provider", `{"Federated":"` + github + `"}`, Request{Federated: github}, true},
		{"another account", `{"AWS":"999999999999"}`, Request{Account: "123456789012"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.r.Action = "sts:AssumeRole"
			p := source(t, Trust, `{"Effect":"Allow","Action":"sts:AssumeRole","Principal":`+tc.principal+`}`)
			if d := Evaluate(&tc.r, Policies{Resource: p, TrustOnly: true}); d.Allowed() != tc.want {
				t.Errorf("got %+v", d)
			}
		})
	}
	t.Run("NotPrincipal", func(t *testing.T) {
		p := source(t, Resource, `{"Effect":"Deny","Action":"*","Resource":"*","NotPrincipal":{"AWS":"`+role+`"}}`)
		if d := Evaluate(&Request{Action: "a:b", Principals: []string{session, role}}, Policies{Resource: p}); d.Effect != ImplicitDeny {
			t.Errorf("who is left out is told %+v", d)
		}
		if d := Evaluate(&Request{Action: "a:b", Principals: []string{me}}, Policies{Resource: p}); d.Effect != ExplicitDeny {
			t.Errorf("who is not is told %+v", d)
		}
	})
}

func TestDecisionNamesItsStatement(t *testing.T) {
	p := source(t, Identity, `[{"Effect":"Allow","Action":"ecr:*","Resource":"*"},{"Sid":"it","Effect":"Allow","Action":"ecs:*","Resource":"*"}]`)
	d := Evaluate(request("ecs:RunTask", cluster), Policies{Identity: []Source{*p}})
	if len(d.By) != 1 || d.By[0].Statement != 1 || d.By[0].Source.ID != "it" {
		t.Errorf("decided by %+v", d.By)
	}
}
