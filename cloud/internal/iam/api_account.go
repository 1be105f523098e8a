package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/internal/regex"
)

const aliasKey = "alias" // there is one at most

var aliasForm = regex.New(`^[a-z0-9]([a-z0-9]|-[a-z0-9]){2,62}$`)

// CreateAccountAlias names the account, in place of an older name.
func (s *Service) CreateAccountAlias(_ context.Context, in *iam.CreateAccountAliasInput, _ ...func(*iam.Options)) (*iam.CreateAccountAliasOutput, error) {
	alias := aws.ToString(in.AccountAlias)
	if !aliasForm.MatchString(alias) {
		return nil, validation("1 validation error detected: Value '%s' at 'accountAlias' failed to satisfy constraint: "+
			"Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", alias)
	}
	err := s.Store.Update(func(tx *store.Tx) error {
		s.tables.aliases.Put(tx, aliasKey, alias)
		return nil
	})
	return answer(&iam.CreateAccountAliasOutput{}, err)
}

// ListAccountAliases returns the account's name, if it has one.
func (s *Service) ListAccountAliases(_ context.Context, _ *iam.ListAccountAliasesInput, _ ...func(*iam.Options)) (*iam.ListAccountAliasesOutput, error) {
	out := &iam.ListAccountAliasesOutput{AccountAliases: []string{}}
	s.Store.View(func(tx *store.Tx) {
		if a, ok := s.tables.aliases.Get(tx, aliasKey); ok {
			out.AccountAliases = append(out.AccountAliases, a)
		}
	})
	return out, nil
}

// DeleteAccountAlias takes the name away.
func (s *Service) DeleteAccountAlias(_ context.Context, in *iam.DeleteAccountAliasInput, _ ...func(*iam.Options)) (*iam.DeleteAccountAliasOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		if a, ok := s.tables.aliases.Get(tx, aliasKey); !ok || a != aws.ToString(in.AccountAlias) {
			return noSuch("The account alias %s cannot be found.", aws.ToString(in.AccountAlias))
		}
		s.tables.aliases.Delete(tx, aliasKey)
		return nil
	})
	return answer(&iam.DeleteAccountAliasOutput{}, err)
}

// GetAccountSummary counts what there is, and tells the quotas.
func (s *Service) GetAccountSummary(_ context.Context, _ *iam.GetAccountSummaryInput, _ ...func(*iam.Options)) (*iam.GetAccountSummaryOutput, error) {
	m := map[string]int32{
		"AccountAccessKeysPresent": 1, "AccountMFAEnabled": 0, "AccountSigningCertificatesPresent": 0,
		"AccountPasswordPresent": 0, "MFADevices": 0, "MFADevicesInUse": 0, "ServerCertificates": 0,
		"AccessKeysPerUserQuota": maxKeys, "AssumeRolePolicySizeQuota": maxTrustSize,
		"AttachedPoliciesPerGroupQuota": 10, "AttachedPoliciesPerRoleQuota": 10, "AttachedPoliciesPerUserQuota": 10,
		"GlobalEndpointTokenVersion": 1, "GroupPolicySizeQuota": 5120, "GroupsPerUserQuota": 10, "GroupsQuota": 300,
		"InstanceProfilesQuota": 1000, "PoliciesQuota": 1500, "PolicySizeQuota": maxManagedSize,
		"PolicyVersionsInUseQuota": 10000, "RolePolicySizeQuota": 10240, "RolesQuota": 1000,
		"ServerCertificatesQuota": 20, "SigningCertificatesPerUserQuota": 2, "UserPolicySizeQuota": 2048,
		"UsersQuota": 5000, "VersionsPerPolicyQuota": maxVersions,
	}
	s.Store.View(func(tx *store.Tx) {
		m["Roles"], m["Users"], m["Groups"] = count(tx, s.tables.roles), count(tx, s.tables.users), count(tx, s.tables.groups)
		m["Policies"], m["InstanceProfiles"] = count(tx, s.tables.policies), count(tx, s.tables.profiles)
		m["Providers"], m["MFADevices"] = count(tx, s.tables.providers), count(tx, s.tables.devices)
		for _, d := range s.tables.devices.All(tx, "") {
			if d.Enabled.IsZero() {
				continue
			}
			m["MFADevicesInUse"]++
			if d.Owner == "" {
				m["AccountMFAEnabled"] = 1
			}
		}
		for _, p := range s.tables.policies.All(tx, "") {
			m["PolicyVersionsInUse"] += int32(len(p.Versions))
		}
	})
	return &iam.GetAccountSummaryOutput{SummaryMap: m}, nil
}

func count[T any](tx *store.Tx, t store.Table[T]) (n int32) {
	for range t.All(tx, "") {
		n++
	}
	return n
}
