package iam

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

// A user gets into a group, gets a key, is renamed, and goes.
func TestUserStory(t *testing.T) {
	s := newService(t)
	s.makeUser(t, "ann")
	_, err := s.CreateUser(bg, &iam.CreateUserInput{UserName: aws.String("Ann")})
	wantError(t, err, "EntityAlreadyExists", "User with name Ann already exists.")
	_, err = s.CreateGroup(bg, &iam.CreateGroupInput{GroupName: aws.String("dev")})
	must(t, 0, err)
	_, err = s.CreateGroup(bg, &iam.CreateGroupInput{GroupName: aws.String("dev")})
	wantError(t, err, "EntityAlreadyExists", "Group with name dev already exists.")
	for range 2 { // again is no error
		_, err = s.AddUserToGroup(bg, &iam.AddUserToGroupInput{GroupName: aws.String("dev"), UserName: aws.String("ann")})
		must(t, 0, err)
	}
	key, err := s.CreateAccessKey(bg, &iam.CreateAccessKeyInput{UserName: aws.String("ann")})
	id := must(t, key, err).AccessKey.AccessKeyId

	_, err = s.UpdateUser(bg, &iam.UpdateUserInput{UserName: aws.String("ann"), NewUserName: aws.String("anna"), NewPath: aws.String("/x/")})
	must(t, 0, err)
	got, err := s.GetUser(bg, &iam.GetUserInput{UserName: aws.String("anna")})
	if u := must(t, got, err).User; *u.Arn != "arn:aws:iam::123456789012:user/x/anna" {
		t.Errorf("renamed to %s", *u.Arn)
	}
	g, err := s.GetGroup(bg, &iam.GetGroupInput{GroupName: aws.String("dev")})
	if m := must(t, g, err).Users; len(m) != 1 || *m[0].UserName != "anna" {
		t.Errorf("the group has %v", m)
	}
	c, ok := s.Lookup(bg, *id)
	if !ok || c.Caller.ARN != "arn:aws:iam::123456789012:user/x/anna" {
		t.Errorf("the key is %+v's", c.Caller)
	}

	groups, err := s.ListGroupsForUser(bg, &iam.ListGroupsForUserInput{UserName: aws.String("anna")})
	if n := len(must(t, groups, err).Groups); n != 1 {
		t.Errorf("in %d groups", n)
	}
	drop := func() error {
		_, err := s.DeleteUser(bg, &iam.DeleteUserInput{UserName: aws.String("anna")})
		return err
	}
	wantError(t, drop(), "DeleteConflict", "Cannot delete entity, must delete access keys first.")
	_, err = s.DeleteAccessKey(bg, &iam.DeleteAccessKeyInput{UserName: aws.String("anna"), AccessKeyId: id})
	must(t, 0, err)
	wantError(t, drop(), "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	_, err = s.DeleteGroup(bg, &iam.DeleteGroupInput{GroupName: aws.String("dev")})
	wantError(t, err, "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	_, err = s.RemoveUserFromGroup(bg, &iam.RemoveUserFromGroupInput{GroupName: aws.String("dev"), UserName: aws.String("anna")})
	must(t, 0, err)
	if err := drop(); err != nil {
		t.Fatal(err)
	}
	_, err = s.UpdateGroup(bg, &iam.UpdateGroupInput{GroupName: aws.String("dev"), NewGroupName: aws.String("ops")})
	must(t, 0, err)
	_, err = s.DeleteGroup(bg, &iam.DeleteGroupInput{GroupName: aws.String("ops")})
	must(t, 0, err)
	wantError(t, drop(), "NoSuchEntity", "The user with name anna cannot be found.")
}

// Users and groups have the policy operations that roles have.
func TestUserAndGroupPolicies(t *testing.T) {
	s := newService(t)
	s.makeUser(t, "u")
	_, err := s.CreateGroup(bg, &iam.CreateGroupInput{GroupName: aws.String("g")})
	must(t, 0, err)
	name, doc, arn := aws.String("p"), aws.String(allowECS), aws.String(execution)

	_, err = s.PutUserPolicy(bg, &iam.PutUserPolicyInput{UserName: aws.String("u"), PolicyName: name, PolicyDocument: doc})
	must(t, 0, err)
	up, err := s.GetUserPolicy(bg, &iam.GetUserPolicyInput{UserName: aws.String("u"), PolicyName: name})
	if *must(t, up, err).PolicyName != "p" {
		t.Error("the user's policy has no name")
	}
	ul, err := s.ListUserPolicies(bg, &iam.ListUserPoliciesInput{UserName: aws.String("u")})
	if n := must(t, ul, err).PolicyNames; len(n) != 1 {
		t.Errorf("the user has %v", n)
	}
	_, err = s.AttachUserPolicy(bg, &iam.AttachUserPolicyInput{UserName: aws.String("u"), PolicyArn: arn})
	must(t, 0, err)
	ua, err := s.ListAttachedUserPolicies(bg, &iam.ListAttachedUserPoliciesInput{UserName: aws.String("u")})
	if n := len(must(t, ua, err).AttachedPolicies); n != 1 {
		t.Errorf("the user has %d managed policies", n)
	}
	_, err = s.DetachUserPolicy(bg, &iam.DetachUserPolicyInput{UserName: aws.String("u"), PolicyArn: arn})
	must(t, 0, err)
	_, err = s.DeleteUserPolicy(bg, &iam.DeleteUserPolicyInput{UserName: aws.String("u"), PolicyName: name})
	must(t, 0, err)

	_, err = s.PutGroupPolicy(bg, &iam.PutGroupPolicyInput{GroupName: aws.String("g"), PolicyName: name, PolicyDocument: doc})
	must(t, 0, err)
	gp, err := s.GetGroupPolicy(bg, &iam.GetGroupPolicyInput{GroupName: aws.String("g"), PolicyName: name})
	if *must(t, gp, err).PolicyName != "p" {
		t.Error("the group's policy has no name")
	}
	gl, err := s.ListGroupPolicies(bg, &iam.ListGroupPoliciesInput{GroupName: aws.String("g")})
	if n := must(t, gl, err).PolicyNames; len(n) != 1 {
		t.Errorf("the group has %v", n)
	}
	_, err = s.AttachGroupPolicy(bg, &iam.AttachGroupPolicyInput{GroupName: aws.String("g"), PolicyArn: arn})
	must(t, 0, err)
	ga, err := s.ListAttachedGroupPolicies(bg, &iam.ListAttachedGroupPoliciesInput{GroupName: aws.String("g")})
	if n := len(must(t, ga, err).AttachedPolicies); n != 1 {
		t.Errorf("the group has %d managed policies", n)
	}
	_, err = s.DetachGroupPolicy(bg, &iam.DetachGroupPolicyInput{GroupName: aws.String("g"), PolicyArn: arn})
	must(t, 0, err)
	_, err = s.DeleteGroupPolicy(bg, &iam.DeleteGroupPolicyInput{GroupName: aws.String("g"), PolicyName: name})
	must(t, 0, err)
}

func TestWhoAmI(t *testing.T) {
	s := newService(t)
	s.makeUser(t, "u")
	got, err := s.GetUser(bg, &iam.GetUserInput{})
	if u := must(t, got, err).User; *u.Arn != "arn:aws:iam::123456789012:root" || u.CreateDate.IsZero() {
		t.Errorf("the root user is %+v", u)
	}
	as := identity.With(bg, identity.Caller{Kind: identity.User, ARN: "arn:aws:iam::123456789012:user/u"})
	got, err = s.GetUser(as, &iam.GetUserInput{})
	if u := must(t, got, err).User; *u.UserName != "u" {
		t.Errorf("I am %s", *u.UserName)
	}
	as = identity.With(bg, identity.Caller{Kind: identity.Role, ARN: "arn:aws:sts::123456789012:assumed-role/r/s"})
	_, err = s.GetUser(as, &iam.GetUserInput{})
	wantError(t, err, "ValidationError", "Must specify userName when calling with non-User credentials")
}

func TestAccessKeys(t *testing.T) {
	s := newService(t)
	s.makeUser(t, "u")
	as := identity.With(bg, identity.Caller{Kind: identity.User, ARN: "arn:aws:iam::123456789012:user/u"})
	var id *string
	for range 2 {
		out, err := s.CreateAccessKey(as, &iam.CreateAccessKeyInput{})
		id = must(t, out, err).AccessKey.AccessKeyId
	}
	_, err := s.CreateAccessKey(as, &iam.CreateAccessKeyInput{})
	wantError(t, err, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
	last, err := s.GetAccessKeyLastUsed(bg, &iam.GetAccessKeyLastUsedInput{AccessKeyId: id})
	if l := must(t, last, err).AccessKeyLastUsed; l.LastUsedDate != nil || *l.ServiceName != "N/A" {
		t.Errorf("a new key was used: %+v", l)
	}
	if _, ok := s.Lookup(bg, *id); !ok {
		t.Error("a new key is not found")
	}
	last, err = s.GetAccessKeyLastUsed(bg, &iam.GetAccessKeyLastUsedInput{AccessKeyId: id})
	if l := must(t, last, err); l.AccessKeyLastUsed.LastUsedDate == nil || *l.UserName != "u" {
		t.Errorf("a used key was not: %+v", l)
	}
	_, err = s.UpdateAccessKey(as, &iam.UpdateAccessKeyInput{AccessKeyId: id, Status: types.StatusTypeInactive})
	must(t, 0, err)
	if _, ok := s.Lookup(bg, *id); ok {
		t.Error("an inactive key is found")
	}
	list, err := s.ListAccessKeys(bg, &iam.ListAccessKeysInput{UserName: aws.String("u")})
	if n := len(must(t, list, err).AccessKeyMetadata); n != 2 {
		t.Errorf("%d keys are listed", n)
	}
	_, err = s.DeleteAccessKey(bg, &iam.DeleteAccessKeyInput{AccessKeyId: id})
	wantError(t, err, "NoSuchEntity", "The Access Key with id "+*id+" cannot be found.")
}

func TestBoundariesAndTags(t *testing.T) {
	s := newService(t)
	s.makeUser(t, "u")
	s.makeRole(t, "r")
	arn := s.makePolicy(t, "p", allowECS)
	name, role := aws.String("u"), aws.String("r")
	_, err := s.PutUserPermissionsBoundary(bg, &iam.PutUserPermissionsBoundaryInput{UserName: name, PermissionsBoundary: arn})
	must(t, 0, err)
	_, err = s.PutRolePermissionsBoundary(bg, &iam.PutRolePermissionsBoundaryInput{RoleName: role, PermissionsBoundary: arn})
	must(t, 0, err)
	got, err := s.GetPolicy(bg, &iam.GetPolicyInput{PolicyArn: arn})
	if n := *must(t, got, err).Policy.PermissionsBoundaryUsageCount; n != 2 {
		t.Errorf("bounds %d", n)
	}
	_, err = s.DeleteUserPermissionsBoundary(bg, &iam.DeleteUserPermissionsBoundaryInput{UserName: name})
	must(t, 0, err)
	_, err = s.DeleteUserPermissionsBoundary(bg, &iam.DeleteUserPermissionsBoundaryInput{UserName: name})
	wantError(t, err, "NoSuchEntity", "User u does not have a permissions boundary.")
	_, err = s.DeleteRolePermissionsBoundary(bg, &iam.DeleteRolePermissionsBoundaryInput{RoleName: role})
	must(t, 0, err)
	_, err = s.DeleteRolePermissionsBoundary(bg, &iam.DeleteRolePermissionsBoundaryInput{RoleName: role})
	wantError(t, err, "NoSuchEntity", "Role r does not have a permissions boundary.")

	two := []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b")}}
	_, err = s.TagRole(bg, &iam.TagRoleInput{RoleName: role, Tags: two})
	must(t, 0, err)
	_, err = s.TagRole(bg, &iam.TagRoleInput{RoleName: role, Tags: []types.Tag{{Key: aws.String("A"), Value: aws.String("2")}}})
	must(t, 0, err)
	_, err = s.UntagRole(bg, &iam.UntagRoleInput{RoleName: role, TagKeys: []string{"b", "none"}})
	must(t, 0, err)
	tags, err := s.ListRoleTags(bg, &iam.ListRoleTagsInput{RoleName: role})
	if l := must(t, tags, err).Tags; len(l) != 1 || *l[0].Key != "A" || *l[0].Value != "2" {
		t.Errorf("the role has %v", l)
	}
	_, err = s.TagUser(bg, &iam.TagUserInput{UserName: name, Tags: []types.Tag{{Key: aws.String("aws:x")}}})
	wantError(t, err, "InvalidInput", "Tag keys beginning with 'aws:' are reserved for system use")
	_, err = s.TagUser(bg, &iam.TagUserInput{UserName: name, Tags: two})
	must(t, 0, err)
	_, err = s.UntagUser(bg, &iam.UntagUserInput{UserName: name, TagKeys: []string{"a"}})
	must(t, 0, err)
	ut, err := s.ListUserTags(bg, &iam.ListUserTagsInput{UserName: name})
	if n := len(must(t, ut, err).Tags); n != 1 {
		t.Errorf("the user has %d tags", n)
	}
	_, err = s.TagPolicy(bg, &iam.TagPolicyInput{PolicyArn: arn, Tags: two})
	must(t, 0, err)
	_, err = s.UntagPolicy(bg, &iam.UntagPolicyInput{PolicyArn: arn, TagKeys: []string{"a"}})
	must(t, 0, err)
	pt, err := s.ListPolicyTags(bg, &iam.ListPolicyTagsInput{PolicyArn: arn})
	if n := len(must(t, pt, err).Tags); n != 1 {
		t.Errorf("the policy has %d tags", n)
	}
}
