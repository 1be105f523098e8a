package iam

import (
	"slices"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// Ops lists what the service answers.
func (s *Service) Ops() []wire.Op {
	return slices.Concat(s.roleOps(), s.userOps(), s.groupOps(), s.policyOps(), s.mfaOps(), s.otherOps())
}

func (s *Service) roleOps() []wire.Op {
	return []wire.Op{
		wire.Handle(s.CreateRole),
		wire.Handle(s.GetRole).Differing("RoleLastUsed is empty."),
		wire.Handle(s.ListRoles),
		wire.Handle(s.UpdateRole),
		wire.Handle(s.UpdateRoleDescription),
		wire.Handle(s.UpdateAssumeRolePolicy),
		wire.Handle(s.DeleteRole),
		wire.Handle(s.PutRolePolicy),
		wire.Handle(s.GetRolePolicy),
		wire.Handle(s.DeleteRolePolicy),
		wire.Handle(s.ListRolePolicies),
		wire.Handle(s.AttachRolePolicy),
		wire.Handle(s.DetachRolePolicy),
		wire.Handle(s.ListAttachedRolePolicies),
		wire.Handle(s.PutRolePermissionsBoundary),
		wire.Handle(s.DeleteRolePermissionsBoundary),
		wire.Handle(s.ListInstanceProfilesForRole),
		wire.Handle(s.TagRole),
		wire.Handle(s.UntagRole),
		wire.Handle(s.ListRoleTags),
		wire.Handle(s.CreateServiceLinkedRole),
		wire.Handle(s.DeleteServiceLinkedRole).Differing("The role is gone at once, whether or not its service still has resources."),
		wire.Handle(s.GetServiceLinkedRoleDeletionStatus),
	}
}

func (s *Service) mfaOps() []wire.Op {
	return []wire.Op{
		wire.Handle(s.CreateVirtualMFADevice).Differing("QRCodePNG is absent; Base32StringSeed is what it would show."),
		wire.Handle(s.EnableMFADevice),
		wire.Handle(s.ResyncMFADevice),
		wire.Handle(s.DeactivateMFADevice),
		wire.Handle(s.DeleteVirtualMFADevice),
		wire.Handle(s.ListMFADevices),
		wire.Handle(s.ListVirtualMFADevices),
	}
}

func (s *Service) groupOps() []wire.Op {
	return []wire.Op{
		wire.Handle(s.CreateGroup),
		wire.Handle(s.GetGroup),
		wire.Handle(s.ListGroups),
		wire.Handle(s.ListGroupsForUser),
		wire.Handle(s.UpdateGroup),
		wire.Handle(s.DeleteGroup),
		wire.Handle(s.AddUserToGroup),
		wire.Handle(s.RemoveUserFromGroup),
		wire.Handle(s.PutGroupPolicy),
		wire.Handle(s.GetGroupPolicy),
		wire.Handle(s.DeleteGroupPolicy),
		wire.Handle(s.ListGroupPolicies),
		wire.Handle(s.AttachGroupPolicy),
		wire.Handle(s.DetachGroupPolicy),
		wire.Handle(s.ListAttachedGroupPolicies),
	}
}

func (s *Service) userOps() []wire.Op {
	return []wire.Op{
		wire.Handle(s.CreateUser),
		wire.Handle(s.GetUser),
		wire.Handle(s.ListUsers),
		wire.Handle(s.UpdateUser),
		wire.Handle(s.DeleteUser),
		wire.Handle(s.PutUserPolicy),
		wire.Handle(s.GetUserPolicy),
		wire.Handle(s.DeleteUserPolicy),
		wire.Handle(s.ListUserPolicies),
		wire.Handle(s.AttachUserPolicy),
		wire.Handle(s.DetachUserPolicy),
		wire.Handle(s.ListAttachedUserPolicies),
		wire.Handle(s.PutUserPermissionsBoundary),
		wire.Handle(s.DeleteUserPermissionsBoundary),
		wire.Handle(s.CreateAccessKey),
		wire.Handle(s.ListAccessKeys),
		wire.Handle(s.UpdateAccessKey),
		wire.Handle(s.DeleteAccessKey),
		wire.Handle(s.GetAccessKeyLastUsed).Differing("The last use is forgotten when the cloud restarts."),
		wire.Handle(s.TagUser),
		wire.Handle(s.UntagUser),
		wire.Handle(s.ListUserTags),
	}
}

func (s *Service) policyOps() []wire.Op {
	return []wire.Op{
		wire.Handle(s.CreatePolicy),
		wire.Handle(s.GetPolicy),
		wire.Handle(s.ListPolicies).Differing("Of AWS's managed policies, only those that concern containers and the general ones exist."),
		wire.Handle(s.DeletePolicy),
		wire.Handle(s.CreatePolicyVersion),
		wire.Handle(s.SetDefaultPolicyVersion),
		wire.Handle(s.GetPolicyVersion),
		wire.Handle(s.ListPolicyVersions),
		wire.Handle(s.DeletePolicyVersion),
		wire.Handle(s.ListEntitiesForPolicy).Differing("All entities come on one page."),
		wire.Handle(s.TagPolicy),
		wire.Handle(s.UntagPolicy),
		wire.Handle(s.ListPolicyTags),
		wire.Handle(s.SimulateCustomPolicy),
		wire.Handle(s.SimulatePrincipalPolicy).Differing("ResourceSpecificResults and OrganizationsDecisionDetail are left out."),
		wire.Handle(s.GetContextKeysForCustomPolicy),
		wire.Handle(s.GetContextKeysForPrincipalPolicy),
	}
}

func (s *Service) otherOps() []wire.Op {
	return []wire.Op{
		wire.Handle(s.CreateInstanceProfile),
		wire.Handle(s.GetInstanceProfile),
		wire.Handle(s.ListInstanceProfiles),
		wire.Handle(s.AddRoleToInstanceProfile),
		wire.Handle(s.RemoveRoleFromInstanceProfile),
		wire.Handle(s.DeleteInstanceProfile),
		wire.Handle(s.CreateOpenIDConnectProvider).Differing("Thumbprints are kept but not compared; http:// is taken on loopback."),
		wire.Handle(s.GetOpenIDConnectProvider),
		wire.Handle(s.ListOpenIDConnectProviders),
		wire.Handle(s.DeleteOpenIDConnectProvider),
		wire.Handle(s.AddClientIDToOpenIDConnectProvider),
		wire.Handle(s.RemoveClientIDFromOpenIDConnectProvider),
		wire.Handle(s.UpdateOpenIDConnectProviderThumbprint),
		wire.Handle(s.TagInstanceProfile),
		wire.Handle(s.UntagInstanceProfile),
		wire.Handle(s.ListInstanceProfileTags),
		wire.Handle(s.TagOpenIDConnectProvider),
		wire.Handle(s.UntagOpenIDConnectProvider),
		wire.Handle(s.ListOpenIDConnectProviderTags),
		wire.Handle(s.CreateAccountAlias).Differing("Aliases need not be unique in the world."),
		wire.Handle(s.ListAccountAliases),
		wire.Handle(s.DeleteAccountAlias),
		wire.Handle(s.GetAccountSummary),
		wire.Handle(s.GetAccountAuthorizationDetails),
	}
}
