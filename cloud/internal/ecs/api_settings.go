package ecs

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// accountSettings are the settings that there are: their default, and what they may be.
var accountSettings = []struct {
	name     types.SettingName
	value    string
	allowed  []string
	inherent bool // AWS's own, not to be changed
}{
	{types.SettingNameServiceLongArnFormat, "enabled", []string{"enabled", "disabled"}, false},
	{types.SettingNameTaskLongArnFormat, "enabled", []string{"enabled", "disabled"}, false},
	{types.SettingNameContainerInstanceLongArnFormat, "enabled", []string{"enabled", "disabled"}, false},
	{types.SettingNameAwsvpcTrunking, "disabled", []string{"enabled", "disabled"}, false},
	{types.SettingNameContainerInsights, "disabled", []string{"enabled", "disabled", "enhanced"}, false},
	{types.SettingNameFargateFipsMode, "disabled", []string{"enabled", "disabled", "on", "off"}, false},
	{types.SettingNameTagResourceAuthorization, "on", []string{"on", "off"}, false},
	{types.SettingNameFargateTaskRetirementWaitPeriod, "7", []string{"0", "7", "14"}, false},
	{types.SettingNameDefaultLogDriverMode, "non-blocking", []string{"blocking", "non-blocking"}, false},
	{types.SettingNameGuardDutyActivate, "off", nil, true},
}

// settingKey is a setting's key: of the account's default, when principal is empty.
func settingKey(principal string, name types.SettingName) string {
	return principal + "\x00" + string(name)
}

// effective is what holds for a principal: its own setting, the account's, AWS's.
func (s *Service) effective(tx *store.Tx, principal string, name types.SettingName) string {
	for _, who := range []string{principal, ""} {
		if v, ok := s.t.settings.Get(tx, settingKey(who, name)); ok {
			return aws.ToString(v.Value)
		}
	}
	for _, a := range accountSettings {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

func (s *Service) setting(principal string, name types.SettingName, value string) types.Setting {
	out := types.Setting{Name: name, Value: &value, PrincipalArn: &principal, Type: types.SettingTypeUser}
	for _, a := range accountSettings {
		if a.name == name && a.inherent {
			out.Type = types.SettingTypeAwsManaged
		}
	}
	return out
}

// principal is whose settings a call is about: its caller's own, or the named one's.
func (s *Service) principal(ctx context.Context, named *string) string {
	if p := aws.ToString(named); p != "" {
		return p
	}
	c := identity.From(ctx)
	switch {
	case c.RoleARN != "":
		return c.RoleARN
	case c.ARN != "":
		return c.ARN
	}
	return s.rootARN()
}

func (s *Service) rootARN() string { return s.Place.Global("iam", "root") }

func checkSetting(name types.SettingName, value string) error {
	for _, a := range accountSettings {
		if a.name != name {
			continue
		}
		if a.inherent {
			return invalid("The setting %s is managed by AWS and cannot be changed.", name)
		}
		if !slices.Contains(a.allowed, value) {
			return invalid("Invalid value for setting %s: %s. Valid values are %v.", name, value, a.allowed)
		}
		return nil
	}
	return invalid("Unknown setting name: %s", name)
}

func (s *Service) putSetting(principal string, name types.SettingName, value string) (*types.Setting, error) {
	if err := checkSetting(name, value); err != nil {
		return nil, err
	}
	who := principal
	if who == s.rootARN() {
		who = "" // the root user's settings are the account's
	}
	v := s.setting(principal, name, value)
	err := s.Store.Update(func(tx *store.Tx) error {
		s.t.settings.Put(tx, settingKey(who, name), v)
		return nil
	})
	return &v, err
}

// PutAccountSetting records a setting of the caller, or of the named principal.
func (s *Service) PutAccountSetting(ctx context.Context, in *ecs.PutAccountSettingInput, _ ...func(*ecs.Options)) (*ecs.PutAccountSettingOutput, error) {
	v, err := s.putSetting(s.principal(ctx, in.PrincipalArn), in.Name, aws.ToString(in.Value))
	if err != nil {
		return nil, err
	}
	return &ecs.PutAccountSettingOutput{Setting: v}, nil
}

// PutAccountSettingDefault records a setting of all who have none of their own.
func (s *Service) PutAccountSettingDefault(_ context.Context, in *ecs.PutAccountSettingDefaultInput, _ ...func(*ecs.Options)) (*ecs.PutAccountSettingDefaultOutput, error) {
	v, err := s.putSetting(s.rootARN(), in.Name, aws.ToString(in.Value))
	if err != nil {
		return nil, err
	}
	return &ecs.PutAccountSettingDefaultOutput{Setting: v}, nil
}

// DeleteAccountSetting takes a setting back.
func (s *Service) DeleteAccountSetting(ctx context.Context, in *ecs.DeleteAccountSettingInput, _ ...func(*ecs.Options)) (*ecs.DeleteAccountSettingOutput, error) {
	who := s.principal(ctx, in.PrincipalArn)
	key := who
	if who == s.rootARN() {
		key = ""
	}
	var v types.Setting
	err := s.Store.Update(func(tx *store.Tx) error {
		s.t.settings.Delete(tx, settingKey(key, in.Name))
		v = s.setting(who, in.Name, s.effective(tx, key, in.Name))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecs.DeleteAccountSettingOutput{Setting: &v}, nil
}

// ListAccountSettings lists the settings of a principal: those it has, or with
// effectiveSettings those that hold.
func (s *Service) ListAccountSettings(ctx context.Context, in *ecs.ListAccountSettingsInput, _ ...func(*ecs.Options)) (*ecs.ListAccountSettingsOutput, error) {
	who := s.principal(ctx, in.PrincipalArn)
	key := who
	if who == s.rootARN() {
		key = ""
	}
	found := map[string]types.Setting{}
	var names []string
	s.Store.View(func(tx *store.Tx) {
		for _, a := range accountSettings {
			v, own := s.t.settings.Get(tx, settingKey(key, a.name))
			if !own {
				v = s.setting(who, a.name, s.effective(tx, key, a.name))
			}
			asked := (in.Name == "" || in.Name == a.name) && (in.Value == nil || *in.Value == *v.Value)
			if asked && (own || in.EffectiveSettings) {
				names = append(names, string(a.name))
				found[string(a.name)] = v
			}
		}
	})
	names, next, err := paged(names, in.NextToken, &in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	out := &ecs.ListAccountSettingsOutput{Settings: []types.Setting{}, NextToken: next}
	for _, n := range names {
		out.Settings = append(out.Settings, found[n])
	}
	return out, nil
}
