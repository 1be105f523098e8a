package ecs

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const (
	maxTags     = 50
	reservedTag = "aws:"
)

// mergeTags returns old with the added ones set, in the order in which keys came.
func mergeTags(old, added []types.Tag) ([]types.Tag, error) {
	out, seen := slices.Clone(old), map[string]bool{}
	for _, t := range added {
		key := aws.ToString(t.Key)
		switch {
		case key == "":
			return nil, invalid("Tag keys must be between 1 and 128 characters.")
		case seen[key]:
			return nil, invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		case strings.HasPrefix(strings.ToLower(key), reservedTag):
			return nil, invalid("Tags with the prefix aws: are reserved for AWS use.")
		}
		seen[key] = true
		t = types.Tag{Key: t.Key, Value: aws.String(aws.ToString(t.Value))}
		if i := slices.IndexFunc(out, func(o types.Tag) bool { return *o.Key == key }); i >= 0 {
			out[i] = t
		} else {
			out = append(out, t)
		}
	}
	if len(out) > maxTags {
		return nil, invalid("The maximum number of tags on a resource is %d.", maxTags)
	}
	return out, nil
}

// shown are a resource's tags as answers carry them, if the caller asked for them.
func shown[F ~string](tags []types.Tag, include []F) []types.Tag {
	if !slices.Contains(include, "TAGS") {
		return nil
	}
	return append([]types.Tag{}, tags...)
}
