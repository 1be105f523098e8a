package sts_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/policy"
)

const (
	me      = `"Principal":{"AWS":"arn:aws:iam::123456789012:user/me"}`
	account = `"Principal":{"AWS":"123456789012"}`
	anyStep = `"sts:AssumeRole"`
)

func (c cloud) assume(ctx context.Context, in sdk.AssumeRoleInput) (*sdk.AssumeRoleOutput, error) {
	if in.RoleSessionName == nil {
		in.RoleSessionName = aws.String("ci")
	}
	return c.AssumeRole(ctx, &in)
}

// A user assumes a role and then is the role: to STS, and to IAM's policies.
func TestAssumeRoleStory(t *testing.T) {
	c := newCloud(t)
	as := c.user(t, "me")
	role := c.role(t, "deploy", anyStep, me)
	c.allow(t, "deploy", "ecs:*")
	out, err := c.assume(as, sdk.AssumeRoleInput{RoleArn: &role, DurationSeconds: aws.Int32(900)})
	o := must(t, out, err)
	if *o.AssumedRoleUser.Arn != "arn:aws:sts::123456789012:assumed-role/deploy/ci" || !strings.HasSuffix(*o.AssumedRoleUser.AssumedRoleId, ":ci") {
		t.Errorf("assumed %s, %s", *o.AssumedRoleUser.Arn, *o.AssumedRoleUser.AssumedRoleId)
	}
	if d := time.Until(*o.Credentials.Expiration); d > 15*time.Minute || d < 14*time.Minute {
		t.Errorf("the keys are good for %s", d)
	}
	cred, ok := c.iam.Lookup(bg, *o.Credentials.AccessKeyId)
	if !ok || cred.SessionToken != *o.Credentials.SessionToken || !strings.HasPrefix(*o.Credentials.AccessKeyId, "ASIA") {
		t.Fatalf("the keys are not found: %+v", cred)
	}
	then := identity.With(bg, cred.Caller)
	who, err := c.GetCallerIdentity(then, &sdk.GetCallerIdentityInput{})
	if w := must(t, who, err); *w.Arn != *o.AssumedRoleUser.Arn || *w.UserId != *o.AssumedRoleUser.AssumedRoleId || *w.Account != "123456789012" {
		t.Errorf("I am %s, %s", *w.Arn, *w.UserId)
	}
	if !c.iam.Decide(cred.Caller, policy.Request{Action: "ecs:RunTask", Resource: "*"}, nil, false).Allowed() {
		t.Error("the session may not what its role may")
	}
}

func TestAssumeRoleRefuses(t *testing.T) {
	c := newCloud(t)
	as, other := c.user(t, "me"), c.user(t, "other")
	role := c.role(t, "deploy", anyStep, me)
	outside := c.role(t, "outside", anyStep, me+`,"Condition":{"StringEquals":{"sts:ExternalId":"42"}}`)
	ours := c.role(t, "ours", anyStep, account)
	refusal := func(user, action, role string) string {
		return "User: arn:aws:iam::123456789012:user/" + user + " is not authorized to perform: " + action + " on resource: " + role
	}
	tags := []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
	for _, tc := range []struct {
		name          string
		ctx           context.Context
		in            sdk.AssumeRoleInput
		code, message string
	}{
		{"another user", other, sdk.AssumeRoleInput{RoleArn: &role}, "AccessDenied", refusal("other", "sts:AssumeRole", role)},
		{"no such role", as, sdk.AssumeRoleInput{RoleArn: aws.String(role + "x")}, "AccessDenied", refusal("me", "sts:AssumeRole", role+"x")},
		{"the account, and no policy", as, sdk.AssumeRoleInput{RoleArn: &ours}, "AccessDenied", refusal("me", "sts:AssumeRole", ours)},
		{"no external id", as, sdk.AssumeRoleInput{RoleArn: &outside}, "AccessDenied", refusal("me", "sts:AssumeRole", outside)},
		{"tags", as, sdk.AssumeRoleInput{RoleArn: &role, Tags: tags}, "AccessDenied", refusal("me", "sts:TagSession", role)},
		{"no role's ARN", as, sdk.AssumeRoleInput{RoleArn: aws.String("deploy")}, "ValidationError", "deploy is invalid"},
		{"a short session", as, sdk.AssumeRoleInput{RoleArn: &role, DurationSeconds: aws.Int32(60)}, "ValidationError", "1 validation error detected: Value '60' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		{"a long session", as, sdk.AssumeRoleInput{RoleArn: &role, DurationSeconds: aws.Int32(7200)}, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		{"a bad policy", as, sdk.AssumeRoleInput{RoleArn: &role, Policy: aws.String("{")}, "MalformedPolicyDocument", "This policy contains invalid Json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := c.assume(tc.ctx, tc.in)
			wantError(t, err, tc.code, tc.message)
		})
	}
	_, err := c.assume(as, sdk.AssumeRoleInput{RoleArn: &outside, ExternalId: aws.String("42")})
	must(t, 0, err)
	_, err = c.assume(as, sdk.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("a b")})
	wantError(t, err, "ValidationError", "1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*")
}

// A role that assumes a role gets an hour at most, and needs a policy if the trust policy
// names the account.
func TestRoleChaining(t *testing.T) {
	c := newCloud(t)
	c.role(t, "one", anyStep, account)
	two := c.role(t, "two", anyStep, account)
	_, err := c.iam.UpdateRole(bg, &sdkiam.UpdateRoleInput{RoleName: aws.String("two"), MaxSessionDuration: aws.Int32(43200)})
	must(t, 0, err)
	as := identity.With(bg, identity.Caller{
		Kind: identity.Role, ARN: "arn:aws:sts::123456789012:assumed-role/one/s", RoleARN: "arn:aws:iam::123456789012:role/one",
	})
	_, err = c.assume(as, sdk.AssumeRoleInput{RoleArn: &two})
	if err == nil {
		t.Fatal("a role without a policy may")
	}
	c.allow(t, "one", "sts:AssumeRole")
	_, err = c.assume(as, sdk.AssumeRoleInput{RoleArn: &two, DurationSeconds: aws.Int32(3601)})
	wantError(t, err, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	_, err = c.assume(as, sdk.AssumeRoleInput{RoleArn: &two})
	must(t, 0, err)
}

// Session policies narrow: several of them together allow what any of them does.
func TestSessionPolicies(t *testing.T) {
	c := newCloud(t)
	as := c.user(t, "me")
	role := c.role(t, "deploy", `["sts:AssumeRole","sts:TagSession"]`, me)
	c.allow(t, "deploy", "*")
	inline := `{"Version":"2012-10-17","Statement":{"Sid":"a","Effect":"Allow","Action":"ecs:*","Resource":"*"}}`
	out, err := c.assume(as, sdk.AssumeRoleInput{
		RoleArn: &role, Policy: &inline, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}},
		PolicyArns: []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly")}},
	})
	o := must(t, out, err)
	if int(*o.SessionTokenSize) != len(*o.Credentials.SessionToken) || *o.SessionTokenUtilization < 1 {
		t.Errorf("the token has %d bytes, %d %%", *o.SessionTokenSize, *o.SessionTokenUtilization)
	}
	cred, _ := c.iam.Lookup(bg, *o.Credentials.AccessKeyId)
	if cred.Caller.Tags["team"] != "a" {
		t.Errorf("tags are %v", cred.Caller.Tags)
	}
	for action, want := range map[string]bool{"ecs:RunTask": true, "ecr:ListImages": true, "ecr:PutImage": false, "s3:GetObject": false} {
		if got := c.iam.Decide(cred.Caller, policy.Request{Action: action, Resource: "*"}, nil, false).Allowed(); got != want {
			t.Errorf("%s: %t", action, got)
		}
	}
	_, err = c.assume(as, sdk.AssumeRoleInput{RoleArn: &role, PolicyArns: []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/No")}}})
	wantError(t, err, "MalformedPolicyDocument", "Policy arn:aws:iam::aws:policy/No does not exist or is not attachable.")
}

// Services of the cloud take on the roles that trust them.
func TestAssumeFor(t *testing.T) {
	c := newCloud(t)
	role := c.role(t, "cd", anyStep, `"Principal":{"Service":"codedeploy.amazonaws.com"}`)
	caller, err := c.AssumeFor(bg, role, "codedeploy.amazonaws.com", "d-123")
	must(t, 0, err)
	if caller.RoleARN != role || caller.ARN != "arn:aws:sts::123456789012:assumed-role/cd/d-123" {
		t.Errorf("acts as %+v", caller)
	}
	_, err = c.AssumeFor(bg, role, "ecs.amazonaws.com", "x")
	wantError(t, err, "AccessDenied", "User: ecs.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: "+role)
	keys, err := c.KeysFor(bg, role, "codedeploy.amazonaws.com", "t", time.Hour)
	if _, ok := c.iam.Lookup(bg, *must(t, keys, err).AccessKeyId); !ok {
		t.Error("the keys are not found")
	}
}

// A trust policy may let a service in for its own account alone.
func TestServicesActForTheAccount(t *testing.T) {
	c := newCloud(t)
	tasks := `"Principal":{"Service":"ecs-tasks.amazonaws.com"},"Condition":{"StringEquals":{"aws:SourceAccount":"%s"},"ArnLike":{"aws:SourceArn":"arn:aws:ecs:%s:%s:*"}}`
	here := c.Place
	for account, want := range map[string]string{here.Account: "", "210987654321": "AccessDenied"} {
		role := c.role(t, "tasks-"+account, anyStep, fmt.Sprintf(tasks, account, here.Region, account))
		_, err := c.AssumeFor(bg, role, "ecs-tasks.amazonaws.com", "t")
		if want == "" {
			must(t, 0, err)
			continue
		}
		wantError(t, err, want, "User: ecs-tasks.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: "+role)
	}
}

func TestGetSessionToken(t *testing.T) {
	c := newCloud(t)
	as := c.user(t, "me")
	out, err := c.GetSessionToken(as, &sdk.GetSessionTokenInput{})
	cred, _ := c.iam.Lookup(bg, *must(t, out, err).Credentials.AccessKeyId)
	if cred.Caller.ARN != "arn:aws:iam::123456789012:user/me" || time.Until(cred.Expires) < 11*time.Hour {
		t.Errorf("got %+v", cred)
	}
	_, err = c.GetSessionToken(as, &sdk.GetSessionTokenInput{DurationSeconds: aws.Int32(60)})
	wantError(t, err, "ValidationError", "1 validation error detected: Value '60' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 129600")
	_, err = c.GetSessionToken(identity.With(bg, identity.Caller{Kind: identity.Role, ARN: "x"}), &sdk.GetSessionTokenInput{})
	wantError(t, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	info, err := c.GetAccessKeyInfo(bg, &sdk.GetAccessKeyInfoInput{AccessKeyId: aws.String("AKIAIOSFODNN7EXAMPLE")})
	if *must(t, info, err).Account != "123456789012" {
		t.Errorf("the key is of %s", *info.Account)
	}
	_, err = c.GetAccessKeyInfo(bg, &sdk.GetAccessKeyInfoInput{AccessKeyId: aws.String("x")})
	wantError(t, err, "ValidationError", "Invalid Access Key ID: x")
	who, err := c.GetCallerIdentity(bg, &sdk.GetCallerIdentityInput{})
	if *must(t, who, err).Arn != "arn:aws:iam::123456789012:root" {
		t.Errorf("nobody is %s", *who.Arn)
	}
}
