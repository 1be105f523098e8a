package ssm

import (
	"context"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	maxStandard = 4 << 10 // bytes of a value
	maxAdvanced = 8 << 10
	maxVersions = 100
)

// PutParameter makes a parameter, or with Overwrite its next version.
func (s *Service) PutParameter(ctx context.Context, in *ssm.PutParameterInput, _ ...func(*ssm.Options)) (*ssm.PutParameterOutput, error) {
	name, _ := cutSelector(aws.ToString(in.Name))
	if err := checkPut(in); err != nil {
		return nil, err
	}
	next := version{
		Type: in.Type, Value: *in.Value, KeyID: in.KeyId, Description: in.Description, Pattern: in.AllowedPattern,
		DataType: "text", Tier: in.Tier, At: s.Clock.Now().UTC(), By: identity.From(ctx).ARN,
	}
	if aws.ToString(in.AllowedPattern) == "" { // Terraform's provider sends an empty one for none
		next.Pattern = nil
	}
	if in.DataType != nil {
		next.DataType = *in.DataType
	}
	if next.Tier == "" || next.Tier == types.ParameterTierIntelligentTiering {
		next.Tier = types.ParameterTierStandard
		if in.Tier != "" && len(*in.Value) > maxStandard {
			next.Tier = types.ParameterTierAdvanced
		}
	}
	err := s.Store.Update(func(tx *store.Tx) error {
		p, exists := s.find(tx, name)
		switch {
		case exists && !aws.ToBool(in.Overwrite):
			return &types.ParameterAlreadyExists{Message: aws.String("The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")}
		case !exists:
			if err := checkName(name); err != nil {
				return err
			}
			p = parameter{Name: name, Tags: tagMap(in.Tags)}
		default:
			next = inherit(next, p.latest())
		}
		if next.Type == "" {
			return invalid("A parameter type is required when you create a parameter.")
		}
		var err error
		p, next, err = s.push(p, next)
		s.parameters.Put(tx, p.Name, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &ssm.PutParameterOutput{Version: next.Number, Tier: next.Tier}, nil
}

func checkPut(in *ssm.PutParameterInput) error {
	size := maxStandard
	if in.Tier == types.ParameterTierAdvanced || in.Tier == types.ParameterTierIntelligentTiering {
		size = maxAdvanced
	}
	switch {
	case aws.ToString(in.Value) == "":
		return invalid("1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.")
	case len(*in.Value) > size && size == maxStandard:
		return invalid("Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html")
	case len(*in.Value) > size:
		return invalid("Advanced tier parameters support a maximum parameter value of 8192 characters.")
	case len(in.Tags) > 0 && aws.ToBool(in.Overwrite):
		return invalid("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	case in.Policies != nil && *in.Policies != "" && *in.Policies != "[]":
		return &types.InvalidPolicyTypeException{Message: aws.String("The local cloud does not carry out parameter policies.")}
	case in.KeyId != nil && in.Type != types.ParameterTypeSecureString && in.Type != "":
		return invalid("KeyId is required for SecureString type parameter only.")
	}
	return checkPattern(in)
}

// checkPattern holds the value against the allowed pattern; an empty one is none.
func checkPattern(in *ssm.PutParameterInput) error {
	if aws.ToString(in.AllowedPattern) == "" {
		return nil
	}
	re, err := regexp.Compile("^(?:" + *in.AllowedPattern + ")$")
	if err != nil {
		return &types.InvalidAllowedPatternException{Message: aws.String("The request does not meet the regular expression requirement.")}
	}
	if !re.MatchString(*in.Value) {
		return &types.ParameterPatternMismatchException{Message: aws.String("Parameter value, cannot be validated against allowedPattern: " + *in.AllowedPattern)}
	}
	return nil
}

// inherit fills what an overwriting call leaves out with what the last version has.
func inherit(next, last version) version {
	if next.Type == "" {
		next.Type = last.Type
	}
	if next.Description == nil {
		next.Description = last.Description
	}
	if next.KeyID == nil && next.Type == last.Type {
		next.KeyID = last.KeyID
	}
	if last.Tier == types.ParameterTierAdvanced {
		next.Tier = last.Tier // never goes back
	}
	return next
}

// push adds a version to p. The oldest goes when there are too many, unless it has labels.
func (s *Service) push(p parameter, next version) (parameter, version, error) {
	next.Number = 1
	if len(p.Versions) > 0 {
		next.Number = p.latest().Number + 1
	}
	if next.Type == types.ParameterTypeSecureString {
		next.Sealed, next.Value = s.Seal.Seal("ssm:"+p.Name, []byte(next.Value)), ""
		if next.KeyID == nil {
			next.KeyID = aws.String("alias/aws/ssm")
		}
	}
	versions := slices.Clone(p.Versions)
	if len(versions) >= maxVersions {
		if len(versions[0].Labels) > 0 {
			return p, next, &types.ParameterMaxVersionLimitExceeded{Message: aws.String("You attempted to create a new version of " + p.Name + " by calling the PutParameter API with the overwrite flag. Version 1, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.")}
		}
		versions = versions[1:]
	}
	p.Versions = append(versions, next)
	return p, next, nil
}

// DeleteParameter deletes one, with its versions.
func (s *Service) DeleteParameter(_ context.Context, in *ssm.DeleteParameterInput, _ ...func(*ssm.Options)) (*ssm.DeleteParameterOutput, error) {
	return &ssm.DeleteParameterOutput{}, s.Store.Update(func(tx *store.Tx) error {
		p, ok := s.find(tx, aws.ToString(in.Name))
		if !ok {
			return errNone
		}
		s.parameters.Delete(tx, p.Name)
		return nil
	})
}

// DeleteParameters deletes those that exist, and tells the others.
func (s *Service) DeleteParameters(_ context.Context, in *ssm.DeleteParametersInput, _ ...func(*ssm.Options)) (*ssm.DeleteParametersOutput, error) {
	out := &ssm.DeleteParametersOutput{DeletedParameters: []string{}, InvalidParameters: []string{}}
	return out, s.Store.Update(func(tx *store.Tx) error {
		for _, n := range in.Names {
			if p, ok := s.find(tx, n); ok {
				s.parameters.Delete(tx, p.Name)
				out.DeletedParameters = append(out.DeletedParameters, n)
			} else {
				out.InvalidParameters = append(out.InvalidParameters, n)
			}
		}
		return nil
	})
}
