package elbv2

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

const (
	maxTags     = 50
	addressTag  = "aws:turnout:address"
	reservedTag = "aws:"
)

// mergeTags returns old with the added ones set, in the order in which keys came.
func mergeTags(old, added []types.Tag) ([]types.Tag, error) {
	out := slices.Clone(old)
	seen := map[string]bool{}
	for _, t := range added {
		key := aws.ToString(t.Key)
		switch {
		case seen[key]:
			return nil, &types.DuplicateTagKeysException{Message: text("Tag key '%s' was specified more than once", key)}
		case strings.HasPrefix(strings.ToLower(key), reservedTag):
			return nil, validation("Tag keys cannot start with 'aws:'")
		}
		seen[key] = true
		t = types.Tag{Key: aws.String(key), Value: aws.String(aws.ToString(t.Value))}
		if i := slices.IndexFunc(out, func(o types.Tag) bool { return *o.Key == key }); i >= 0 {
			out[i] = t
		} else {
			out = append(out, t)
		}
	}
	if len(out) > maxTags {
		return nil, &types.TooManyTagsException{Message: aws.String(
			"The quota for the number of tags that can be assigned to a load balancer resource has been reached")}
	}
	return out, nil
}

func withoutTags(old []types.Tag, keys []string) []types.Tag {
	return slices.DeleteFunc(slices.Clone(old), func(t types.Tag) bool { return slices.Contains(keys, *t.Key) })
}
