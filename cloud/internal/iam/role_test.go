package iam

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// A role as Terraform makes, reads, changes and destroys one.
func TestRoleStory(t *testing.T) {
	s := newService(t)
	out, err := s.CreateRole(bg, &iam.CreateRoleInput{
		RoleName: aws.String("task"), Path: aws.String("/apps/"), AssumeRolePolicyDocument: aws.String(trustECS),
		Description: aws.String("runs tasks"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}},
	})
	made := must(t, out, err).Role
	if *made.Arn != "arn:aws:iam::123456789012:role/apps/task" || !strings.HasPrefix(*made.RoleId, "AROA") || len(*made.RoleId) != 21 {
		t.Errorf("made %s, %s", *made.Arn, *made.RoleId)
	}
	got, err := s.GetRole(bg, &iam.GetRoleInput{RoleName: aws.String("task")})
	r := must(t, got, err).Role
	doc, err := url.PathUnescape(*r.AssumeRolePolicyDocument)
	if err != nil || doc != trustECS || *r.MaxSessionDuration != 3600 || len(r.Tags) != 1 {
		t.Errorf("got back %q, %d s, tags %v", doc, *r.MaxSessionDuration, r.Tags)
	}

	_, err = s.UpdateRole(bg, &iam.UpdateRoleInput{RoleName: made.RoleName, MaxSessionDuration: aws.Int32(7200)})
	must(t, 0, err)
	_, err = s.UpdateRoleDescription(bg, &iam.UpdateRoleDescriptionInput{RoleName: made.RoleName, Description: aws.String("x")})
	must(t, 0, err)
	_, err = s.UpdateAssumeRolePolicy(bg, &iam.UpdateAssumeRolePolicyInput{RoleName: made.RoleName, PolicyDocument: aws.String(allowECS)})
	wantError(t, err, "MalformedPolicyDocument", "Has prohibited field Resource")
	got, err = s.GetRole(bg, &iam.GetRoleInput{RoleName: made.RoleName})
	if r := must(t, got, err).Role; *r.MaxSessionDuration != 7200 || *r.Description != "x" {
		t.Errorf("changed to %d s, %q", *r.MaxSessionDuration, *r.Description)
	}

	_, err = s.AttachRolePolicy(bg, &iam.AttachRolePolicyInput{RoleName: made.RoleName, PolicyArn: aws.String(execution)})
	must(t, 0, err)
	_, err = s.PutRolePolicy(bg, &iam.PutRolePolicyInput{RoleName: made.RoleName, PolicyName: aws.String("more"), PolicyDocument: aws.String(allowECS)})
	must(t, 0, err)
	_, err = s.DeleteRole(bg, &iam.DeleteRoleInput{RoleName: made.RoleName})
	wantError(t, err, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	_, err = s.DetachRolePolicy(bg, &iam.DetachRolePolicyInput{RoleName: made.RoleName, PolicyArn: aws.String(execution)})
	must(t, 0, err)
	_, err = s.DeleteRole(bg, &iam.DeleteRoleInput{RoleName: made.RoleName})
	wantError(t, err, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	_, err = s.DeleteRolePolicy(bg, &iam.DeleteRolePolicyInput{RoleName: made.RoleName, PolicyName: aws.String("more")})
	must(t, 0, err)
	_, err = s.DeleteRole(bg, &iam.DeleteRoleInput{RoleName: made.RoleName})
	must(t, 0, err)
	_, err = s.GetRole(bg, &iam.GetRoleInput{RoleName: made.RoleName})
	wantError(t, err, "NoSuchEntity", "The role with name task cannot be found.")
}

func TestCreateRoleRefuses(t *testing.T) {
	s := newService(t)
	s.makeRole(t, "there")
	principal := func(p string) string {
		return strings.Replace(trustECS, `{"Service":"ecs-tasks.amazonaws.com"}`, `{"AWS":"`+p+`"}`, 1)
	}
	for _, tc := range []struct {
		name          string
		in            iam.CreateRoleInput
		code, message string
	}{
		{"a name that is there", iam.CreateRoleInput{RoleName: aws.String("There")}, "EntityAlreadyExists", "Role with name There already exists."},
		{"a name with a blank", iam.CreateRoleInput{RoleName: aws.String("a b")}, "ValidationError", "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"},
		{"a long name", iam.CreateRoleInput{RoleName: aws.String(strings.Repeat("a", 65))}, "ValidationError", "1 validation error detected: Value '" + strings.Repeat("a", 65) + "' at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{"a path without an end", iam.CreateRoleInput{RoleName: aws.String("a"), Path: aws.String("/x")}, "ValidationError", "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."},
		{"no JSON", iam.CreateRoleInput{RoleName: aws.String("a"), AssumeRolePolicyDocument: aws.String("{")}, "MalformedPolicyDocument", "This policy contains invalid Json"},
		{"an unknown user", iam.CreateRoleInput{RoleName: aws.String("a"), AssumeRolePolicyDocument: aws.String(principal("arn:aws:iam::123456789012:user/who"))}, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/who"`},
		{"a word for a principal", iam.CreateRoleInput{RoleName: aws.String("a"), AssumeRolePolicyDocument: aws.String(principal("me"))}, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"me"`},
		{"a known role", iam.CreateRoleInput{RoleName: aws.String("b"), AssumeRolePolicyDocument: aws.String(principal("arn:aws:iam::123456789012:role/there"))}, "", ""},
		{"a long policy", iam.CreateRoleInput{RoleName: aws.String("a"), AssumeRolePolicyDocument: aws.String(principal("arn:aws:iam::999999999999:role/" + strings.Repeat("x", 2048)))}, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"},
		{"a short session", iam.CreateRoleInput{RoleName: aws.String("a"), MaxSessionDuration: aws.Int32(60)}, "ValidationError", "1 validation error detected: Value '60' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between 3600 and 43200"},
		{"an unknown boundary", iam.CreateRoleInput{RoleName: aws.String("a"), PermissionsBoundary: aws.String("arn:aws:iam::123456789012:policy/no")}, "NoSuchEntity", "Scope ARN: arn:aws:iam::123456789012:policy/no does not exist or is not attachable."},
		{"a tag twice", iam.CreateRoleInput{RoleName: aws.String("a"), Tags: []types.Tag{{Key: aws.String("k")}, {Key: aws.String("K")}}}, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.in.AssumeRolePolicyDocument == nil {
				tc.in.AssumeRolePolicyDocument = aws.String(trustECS)
			}
			_, err := s.CreateRole(bg, &tc.in)
			if tc.code == "" {
				must(t, 0, err)
				return
			}
			wantError(t, err, tc.code, tc.message)
		})
	}
}

func TestListRolesInPages(t *testing.T) {
	s := newService(t)
	for _, n := range []string{"c", "a", "b"} {
		s.makeRole(t, n)
	}
	var names []string
	p := iam.NewListRolesPaginator(s, &iam.ListRolesInput{MaxItems: aws.Int32(2)})
	for p.HasMorePages() {
		out, err := p.NextPage(bg)
		for _, r := range must(t, out, err).Roles {
			names = append(names, *r.RoleName)
		}
	}
	if strings.Join(names, "") != "abc" {
		t.Errorf("listed %v", names)
	}
	_, err := s.ListRoles(bg, &iam.ListRolesInput{Marker: aws.String("nonsense")})
	wantError(t, err, "ValidationError", "Invalid Marker.")
	out, err := s.ListRoles(bg, &iam.ListRolesInput{PathPrefix: aws.String("/x/")})
	if n := len(must(t, out, err).Roles); n != 0 {
		t.Errorf("%d roles below /x/", n)
	}
}

func TestServiceLinkedRole(t *testing.T) {
	s := newService(t)
	in := &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("ecs.amazonaws.com")}
	out, err := s.CreateServiceLinkedRole(bg, in)
	r := must(t, out, err).Role
	if *r.Arn != "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS" {
		t.Errorf("made %s", *r.Arn)
	}
	_, err = s.CreateServiceLinkedRole(bg, in)
	wantError(t, err, "InvalidInput", "Service role name AWSServiceRoleForECS has been taken in this account, please try a different suffix.")
	_, err = s.DeleteRole(bg, &iam.DeleteRoleInput{RoleName: r.RoleName})
	wantError(t, err, "UnmodifiableEntity", "Cannot perform the operation on the protected role 'AWSServiceRoleForECS' - this role is only modifiable by AWS")
	_, err = s.TagRole(bg, &iam.TagRoleInput{RoleName: r.RoleName})
	wantError(t, err, "UnmodifiableEntity", "Cannot perform the operation on the protected role 'AWSServiceRoleForECS' - this role is only modifiable by AWS")
	gone, err := s.DeleteServiceLinkedRole(bg, &iam.DeleteServiceLinkedRoleInput{RoleName: r.RoleName})
	task := must(t, gone, err).DeletionTaskId
	status, err := s.GetServiceLinkedRoleDeletionStatus(bg, &iam.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: task})
	if must(t, status, err).Status != types.DeletionTaskStatusTypeSucceeded {
		t.Errorf("deletion is %s", status.Status)
	}
	_, err = s.DeleteServiceLinkedRole(bg, &iam.DeleteServiceLinkedRoleInput{RoleName: r.RoleName})
	wantError(t, err, "NoSuchEntity", "The role with name AWSServiceRoleForECS cannot be found.")
	_, err = s.CreateServiceLinkedRole(bg, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("ecs")})
	wantError(t, err, "InvalidInput", "Service name ecs is not valid.")
	other, err := s.CreateServiceLinkedRole(bg, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("x.y.amazonaws.com"), CustomSuffix: aws.String("one")})
	if name := *must(t, other, err).Role.RoleName; name != "AWSServiceRoleForX_y_one" {
		t.Errorf("made %s", name)
	}
}

func TestInstanceProfile(t *testing.T) {
	s := newService(t)
	s.makeRole(t, "ec2")
	name, role := aws.String("box"), aws.String("ec2")
	_, err := s.CreateInstanceProfile(bg, &iam.CreateInstanceProfileInput{InstanceProfileName: name})
	must(t, 0, err)
	_, err = s.CreateInstanceProfile(bg, &iam.CreateInstanceProfileInput{InstanceProfileName: name})
	wantError(t, err, "EntityAlreadyExists", "Instance Profile box already exists.")
	_, err = s.AddRoleToInstanceProfile(bg, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: name, RoleName: role})
	must(t, 0, err)
	_, err = s.AddRoleToInstanceProfile(bg, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: name, RoleName: role})
	wantError(t, err, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
	got, err := s.GetInstanceProfile(bg, &iam.GetInstanceProfileInput{InstanceProfileName: name})
	if p := must(t, got, err).InstanceProfile; len(p.Roles) != 1 || *p.Roles[0].RoleName != "ec2" || *p.Arn != "arn:aws:iam::123456789012:instance-profile/box" {
		t.Errorf("got %+v", p)
	}
	_, err = s.DeleteRole(bg, &iam.DeleteRoleInput{RoleName: role})
	wantError(t, err, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	_, err = s.DeleteInstanceProfile(bg, &iam.DeleteInstanceProfileInput{InstanceProfileName: name})
	wantError(t, err, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	for _, list := range []func() int{
		func() int {
			out, err := s.ListInstanceProfiles(bg, &iam.ListInstanceProfilesInput{})
			return len(must(t, out, err).InstanceProfiles)
		},
		func() int {
			out, err := s.ListInstanceProfilesForRole(bg, &iam.ListInstanceProfilesForRoleInput{RoleName: role})
			return len(must(t, out, err).InstanceProfiles)
		},
	} {
		if n := list(); n != 1 {
			t.Errorf("%d profiles are listed", n)
		}
	}
	_, err = s.RemoveRoleFromInstanceProfile(bg, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: name, RoleName: role})
	must(t, 0, err)
	_, err = s.RemoveRoleFromInstanceProfile(bg, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: name, RoleName: role})
	wantError(t, err, "NoSuchEntity", "The role with name ec2 cannot be found.")
	_, err = s.DeleteInstanceProfile(bg, &iam.DeleteInstanceProfileInput{InstanceProfileName: name})
	must(t, 0, err)
	_, err = s.GetInstanceProfile(bg, &iam.GetInstanceProfileInput{InstanceProfileName: name})
	wantError(t, err, "NoSuchEntity", "Instance Profile box cannot be found.")
}
