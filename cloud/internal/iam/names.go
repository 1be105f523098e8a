package iam

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/internal/regex"
)

var (
	nameForm = regex.New(`^[\w+=,.@-]+$`)
	pathForm = regex.New(`^/$|^/[!-~]+/$`)
)

// checkName holds a name against IAM's rules; member is the API's word for it ("roleName").
func checkName(member, name string, max int) error {
	if name == "" || len(name) > max || !nameForm.MatchString(name) {
		if len(name) > max {
			return validation("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: "+
				"Member must have length less than or equal to %d", name, member, max)
		}
		return validation("The specified value for %s is invalid. It must contain only alphanumeric characters "+
			"and/or the following: +=,.@_-", member)
	}
	return nil
}

// pathOf returns a path or its default.
func pathOf(p *string) (string, error) {
	path := aws.ToString(p)
	if path == "" {
		return "/", nil
	}
	if !pathForm.MatchString(path) {
		return "", validation("The specified value for path is invalid. It must begin and end with / and contain only " +
			"alphanumeric characters and/or / characters.")
	}
	return path, nil
}

// arn names an entity: arn("role", "/service-role/", "ecs").
func (s *Service) arn(kind, path, name string) *string {
	return aws.String(s.Place.Global("iam", kind+path+name))
}

const maxTags = 50

// mergeTags returns old with the added ones set.
func mergeTags(old, added []types.Tag) ([]types.Tag, error) {
	out := append([]types.Tag{}, old...)
	seen := map[string]bool{}
	for _, t := range added {
		key := aws.ToString(t.Key)
		if seen[strings.ToLower(key)] {
			return nil, invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return nil, invalidInput("Tag keys beginning with 'aws:' are reserved for system use")
		}
		seen[strings.ToLower(key)] = true
		out = append(withoutTags(out, []string{key}), types.Tag{Key: aws.String(key), Value: aws.String(aws.ToString(t.Value))})
	}
	if len(out) > maxTags {
		return nil, quota("TagsPerResource", maxTags)
	}
	return out, nil
}

// withoutTags leaves tags out; keys of tags are compared without their case.
func withoutTags(old []types.Tag, keys []string) []types.Tag {
	out := []types.Tag{}
	for _, t := range old {
		drop := false
		for _, k := range keys {
			drop = drop || strings.EqualFold(*t.Key, k)
		}
		if !drop {
			out = append(out, t)
		}
	}
	return out
}
