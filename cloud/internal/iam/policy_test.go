package iam

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/policy"
)

// AWS's own policies must read, and fit where AWS's do.
func TestManagedPoliciesRead(t *testing.T) {
	s := newService(t)
	for id, m := range s.aws {
		if _, err := policy.Parse(policy.Identity, m.document()); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if len(*m.Desc.PolicyId) != 21 {
			t.Errorf("%s has the id %s", id, *m.Desc.PolicyId)
		}
	}
	for _, id := range []string{
		"arn:aws:iam::aws:policy/AWSCodeDeployRoleForECS", "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECSLimited", execution,
		"arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/PowerUserAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess",
		"arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser",
	} {
		out, err := s.GetPolicy(bg, &iam.GetPolicyInput{PolicyArn: &id})
		if p := must(t, out, err).Policy; !strings.HasSuffix(id, *p.Path+*p.PolicyName) {
			t.Errorf("%s has the path %s", id, *p.Path)
		}
	}
}

func TestPolicyVersions(t *testing.T) {
	s := newService(t)
	arn := s.makePolicy(t, "p", allowECS)
	for range 4 {
		_, err := s.CreatePolicyVersion(bg, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(allowECR), SetAsDefault: true})
		must(t, 0, err)
	}
	_, err := s.CreatePolicyVersion(bg, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(allowECR)})
	wantError(t, err, "LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
	_, err = s.DeletePolicyVersion(bg, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v5")})
	wantError(t, err, "DeleteConflict", "Cannot delete the default version of a policy.")
	_, err = s.SetDefaultPolicyVersion(bg, &iam.SetDefaultPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")})
	must(t, 0, err)
	_, err = s.DeletePolicyVersion(bg, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v5")})
	must(t, 0, err)
	out, err := s.CreatePolicyVersion(bg, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(allowECR)})
	if v := must(t, out, err).PolicyVersion; *v.VersionId != "v6" || v.IsDefaultVersion {
		t.Errorf("the number of a deleted version was used again: %s", *v.VersionId)
	}
	list, err := s.ListPolicyVersions(bg, &iam.ListPolicyVersionsInput{PolicyArn: arn})
	var ids []string
	for _, v := range must(t, list, err).Versions {
		ids = append(ids, *v.VersionId)
	}
	if want := []string{"v6", "v4", "v3", "v2", "v1"}; !slices.Equal(ids, want) {
		t.Errorf("listed %v, want %v", ids, want)
	}
	v, err := s.GetPolicyVersion(bg, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")})
	if v := must(t, v, err).PolicyVersion; !v.IsDefaultVersion || !strings.HasPrefix(*v.Document, "%7B%22Version%22") {
		t.Errorf("got %+v", v)
	}
	_, err = s.GetPolicyVersion(bg, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v9")})
	wantError(t, err, "NoSuchEntity", "Policy arn:aws:iam::123456789012:policy/p version v9 does not exist or is not attachable.")
	_, err = s.DeletePolicy(bg, &iam.DeletePolicyInput{PolicyArn: arn})
	wantError(t, err, "DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
}

func TestAttachment(t *testing.T) {
	s := newService(t)
	s.makeRole(t, "r")
	arn := s.makePolicy(t, "p", allowECS)
	role := aws.String("r")
	attach := func(id string) error {
		_, err := s.AttachRolePolicy(bg, &iam.AttachRolePolicyInput{RoleName: role, PolicyArn: &id})
		return err
	}
	for _, id := range []string{*arn, *arn, execution} { // twice is no error
		if err := attach(id); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, attach("p"), "InvalidInput", "ARN p is not valid.")
	wantError(t, attach("arn:aws:iam::aws:policy/No"), "NoSuchEntity", "Policy arn:aws:iam::aws:policy/No does not exist or is not attachable.")
	list, err := s.ListAttachedRolePolicies(bg, &iam.ListAttachedRolePoliciesInput{RoleName: role})
	if p := must(t, list, err).AttachedPolicies; len(p) != 2 || *p[0].PolicyName != "AmazonECSTaskExecutionRolePolicy" {
		t.Errorf("attached are %v", p)
	}
	got, err := s.GetPolicy(bg, &iam.GetPolicyInput{PolicyArn: arn})
	if n := *must(t, got, err).Policy.AttachmentCount; n != 1 {
		t.Errorf("attached %d times", n)
	}
	_, err = s.DeletePolicy(bg, &iam.DeletePolicyInput{PolicyArn: arn})
	wantError(t, err, "DeleteConflict", "Cannot delete a policy attached to entities.")
	ents, err := s.ListEntitiesForPolicy(bg, &iam.ListEntitiesForPolicyInput{PolicyArn: arn})
	if e := must(t, ents, err); len(e.PolicyRoles) != 1 || len(e.PolicyUsers) != 0 {
		t.Errorf("entities are %+v", e)
	}
	for i := range 8 {
		if err := attach(*s.makePolicy(t, "p"+string(rune('a'+i)), allowECS)); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, attach(*s.makePolicy(t, "pz", allowECS)), "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")
	_, err = s.DetachRolePolicy(bg, &iam.DetachRolePolicyInput{RoleName: role, PolicyArn: arn})
	must(t, 0, err)
	_, err = s.DetachRolePolicy(bg, &iam.DetachRolePolicyInput{RoleName: role, PolicyArn: arn})
	wantError(t, err, "NoSuchEntity", "Policy "+*arn+" was not found.")
	_, err = s.DeletePolicy(bg, &iam.DeletePolicyInput{PolicyArn: arn})
	must(t, 0, err)
	_, err = s.GetPolicy(bg, &iam.GetPolicyInput{PolicyArn: arn})
	wantError(t, err, "NoSuchEntity", "Policy "+*arn+" was not found.")
}

func TestListPolicies(t *testing.T) {
	s := newService(t)
	s.makeRole(t, "r")
	s.makePolicy(t, "mine", allowECS)
	_, err := s.AttachRolePolicy(bg, &iam.AttachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: aws.String(execution)})
	must(t, 0, err)
	for _, tc := range []struct {
		name string
		in   iam.ListPoliciesInput
		want int
	}{
		{"all", iam.ListPoliciesInput{}, len(s.aws) + 1},
		{"the account's", iam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal}, 1},
		{"AWS's", iam.ListPoliciesInput{Scope: types.PolicyScopeTypeAws}, len(s.aws)},
		{"those in use", iam.ListPoliciesInput{OnlyAttached: true}, 1},
		{"boundaries", iam.ListPoliciesInput{OnlyAttached: true, PolicyUsageFilter: types.PolicyUsageTypePermissionsBoundary}, 0},
		{"in use as policies", iam.ListPoliciesInput{OnlyAttached: true, PolicyUsageFilter: types.PolicyUsageTypePermissionsPolicy}, 1},
		{"below a path", iam.ListPoliciesInput{PathPrefix: aws.String("/aws-service-role/")}, 2},
	} {
		out, err := s.ListPolicies(bg, &tc.in)
		if n := len(must(t, out, err).Policies); n != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, n, tc.want)
		}
	}
}

func TestPolicyErrors(t *testing.T) {
	s := newService(t)
	s.makePolicy(t, "p", allowECS)
	s.makeRole(t, "r")
	awsARN := aws.String("arn:aws:iam::aws:policy/AdministratorAccess")
	create := func(name, doc string) error {
		_, err := s.CreatePolicy(bg, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &doc})
		return err
	}
	wantError(t, create("P", allowECS), "EntityAlreadyExists", "A policy called P already exists. Duplicate names are not allowed.")
	wantError(t, create("q", trustECS), "MalformedPolicyDocument", "Policy document should not specify a principal.")
	long := strings.Replace(allowECS, "ecs:*", "ecs:"+strings.Repeat("x", 6144), 1)
	wantError(t, create("q", long), "LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
	_, err := s.DeletePolicy(bg, &iam.DeletePolicyInput{PolicyArn: awsARN})
	wantError(t, err, "UnmodifiableEntity", "Policy is managed by AWS and cannot be modified: "+*awsARN)
	_, err = s.CreatePolicyVersion(bg, &iam.CreatePolicyVersionInput{PolicyArn: awsARN, PolicyDocument: aws.String(allowECS)})
	wantError(t, err, "UnmodifiableEntity", "Policy is managed by AWS and cannot be modified: "+*awsARN)
	_, err = s.GetRolePolicy(bg, &iam.GetRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("x")})
	wantError(t, err, "NoSuchEntity", "The role policy with name x cannot be found.")
	_, err = s.DeleteRolePolicy(bg, &iam.DeleteRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("x")})
	wantError(t, err, "NoSuchEntity", "The role policy with name x cannot be found.")
	big := strings.Replace(allowECS, "ecs:*", "ecs:"+strings.Repeat("x", 10240), 1)
	_, err = s.PutRolePolicy(bg, &iam.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("x"), PolicyDocument: &big})
	wantError(t, err, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role r")
}
