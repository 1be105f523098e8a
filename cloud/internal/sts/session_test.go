package sts_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/turnoutdev/turnout/cloud/internal/iam"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

const step = `["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`

func tag(k, v string) types.Tag { return types.Tag{Key: &k, Value: &v} }

// caller is whom keys are of.
func (c cloud) caller(t *testing.T, k *types.Credentials) identity.Caller {
	t.Helper()
	cred, ok := c.iam.Lookup(bg, *k.AccessKeyId)
	if !ok {
		t.Fatal("the keys are not found")
	}
	return cred.Caller
}

// Transitive tags and the source identity go along a chain of roles; a role's own tags are
// its sessions', unless the session has others.
func TestTagsAndSourceAlongAChain(t *testing.T) {
	c := newCloud(t)
	as := c.user(t, "me")
	one := c.role(t, "one", step, me+`,"Condition":{"StringEquals":{"aws:RequestTag/team":"a","sts:SourceIdentity":"ann"}}`)
	two := c.role(t, "two", step, `"Principal":{"AWS":"`+one+`"},"Condition":{"StringEquals":{"aws:PrincipalTag/team":"a","aws:SourceIdentity":"ann"}}`)
	_, err := c.iam.TagRole(bg, &sdkiam.TagRoleInput{RoleName: aws.String("two"), Tags: []iamtypes.Tag{{Key: aws.String("Team"), Value: aws.String("own")}, {Key: aws.String("cost"), Value: aws.String("9")}}})
	must(t, 0, err)

	out, err := c.assume(as, sdk.AssumeRoleInput{
		RoleArn: &one, Tags: []types.Tag{tag("team", "a"), tag("job", "7")}, TransitiveTagKeys: []string{"team"}, SourceIdentity: aws.String("ann"),
	})
	first := must(t, out, err)
	if *first.SourceIdentity != "ann" {
		t.Errorf("source identity %s", *first.SourceIdentity)
	}
	then := identity.With(bg, c.caller(t, first.Credentials))
	out, err = c.assume(then, sdk.AssumeRoleInput{RoleArn: &two})
	second := c.caller(t, must(t, out, err).Credentials)
	if len(second.Tags) != 2 || second.Tags["team"] != "a" || second.Tags["cost"] != "9" || second.Source != "ann" || *out.SourceIdentity != "ann" {
		t.Errorf("the second session is %+v", second)
	}
	_, err = c.assume(then, sdk.AssumeRoleInput{RoleArn: &two, SourceIdentity: aws.String("bob")})
	wantError(t, err, "AccessDenied", "Source identity cannot be changed once it is set: it is ann")
	_, err = c.assume(then, sdk.AssumeRoleInput{RoleArn: &two, Tags: []types.Tag{tag("Team", "b")}})
	wantError(t, err, "ValidationError", "The session tag key team is inherited from a transitive session tag and cannot be passed.")
}

func TestSessionTagsAreChecked(t *testing.T) {
	c := newCloud(t)
	as := c.user(t, "me")
	role := c.role(t, "r", step, me)
	for message, tags := range map[string][]types.Tag{
		"Duplicate tag keys found. Please note that Tag keys are case insensitive.": {tag("a", "1"), tag("A", "2")},
		"Tag keys beginning with 'aws:' are reserved for system use":                {tag("aws:x", "1")},
		"The transitive tag key b is not among the session tags.":                   {tag("a", "1")},
	} {
		_, err := c.assume(as, sdk.AssumeRoleInput{RoleArn: &role, Tags: tags, TransitiveTagKeys: []string{"b"}})
		wantError(t, err, "InvalidParameterValue", message)
	}
	_, err := c.assume(as, sdk.AssumeRoleInput{RoleArn: &role, Tags: make([]types.Tag, 51)})
	wantError(t, err, "ValidationError", "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50")
	_, err = c.assume(as, sdk.AssumeRoleInput{RoleArn: &role, PolicyArns: make([]types.PolicyDescriptorType, 11)})
	wantError(t, err, "ValidationError", "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10")
}

// Keys of GetSessionToken are for everything but IAM and most of STS.
func TestWhatSessionTokensAreNotFor(t *testing.T) {
	c := newCloud(t)
	as := c.user(t, "me")
	out, err := c.GetSessionToken(as, &sdk.GetSessionTokenInput{})
	caller := c.caller(t, must(t, out, err).Credentials)
	a := &iam.Authorizer{IAM: c.iam}
	ctx := identity.With(bg, caller)
	wantError(t, a.Authorize(ctx, "iam", "ListUsers", &sdkiam.ListUsersInput{}), "InvalidClientTokenId", "The security token included in the request is invalid")
	wantError(t, a.Authorize(ctx, "sts", "GetAccessKeyInfo", &sdk.GetAccessKeyInfoInput{}), "AccessDenied", "Cannot call GetAccessKeyInfo with session credentials")
	must(t, 0, a.Authorize(ctx, "sts", "AssumeRole", &sdk.AssumeRoleInput{}))
	_, err = c.GetSessionToken(ctx, &sdk.GetSessionTokenInput{})
	wantError(t, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	_, err = c.DecodeAuthorizationMessage(bg, &sdk.DecodeAuthorizationMessageInput{EncodedMessage: aws.String("x")})
	wantError(t, err, "InvalidAuthorizationMessageException", "Message is invalid")
}
