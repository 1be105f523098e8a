package ssm

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func tagMap(tags []types.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return m
}

// tagged finds the parameter that a tagging call names.
func (s *Service) tagged(tx *store.Tx, kind types.ResourceTypeForTagging, id *string) (parameter, error) {
	if kind != types.ResourceTypeForTaggingParameter {
		return parameter{}, &types.InvalidResourceType{Message: aws.String(string(kind) + " is not a valid resource type.")}
	}
	p, ok := s.find(tx, aws.ToString(id))
	if !ok {
		return parameter{}, &types.InvalidResourceId{Message: aws.String("The resource ID \"" + aws.ToString(id) + "\" is not valid. Verify the ID and try again.")}
	}
	return p, nil
}

func (s *Service) retag(kind types.ResourceTypeForTagging, id *string, change func(map[string]string)) error {
	return s.Store.Update(func(tx *store.Tx) error {
		p, err := s.tagged(tx, kind, id)
		if err != nil {
			return err
		}
		tags := map[string]string{}
		maps.Copy(tags, p.Tags)
		change(tags)
		p.Tags = tags
		s.parameters.Put(tx, p.Name, p)
		return nil
	})
}

// AddTagsToResource adds tags to a parameter.
func (s *Service) AddTagsToResource(_ context.Context, in *ssm.AddTagsToResourceInput, _ ...func(*ssm.Options)) (*ssm.AddTagsToResourceOutput, error) {
	return &ssm.AddTagsToResourceOutput{}, s.retag(in.ResourceType, in.ResourceId, func(m map[string]string) { maps.Copy(m, tagMap(in.Tags)) })
}

// RemoveTagsFromResource removes tags from a parameter.
func (s *Service) RemoveTagsFromResource(_ context.Context, in *ssm.RemoveTagsFromResourceInput, _ ...func(*ssm.Options)) (*ssm.RemoveTagsFromResourceOutput, error) {
	return &ssm.RemoveTagsFromResourceOutput{}, s.retag(in.ResourceType, in.ResourceId, func(m map[string]string) {
		maps.DeleteFunc(m, func(k, _ string) bool { return slices.Contains(in.TagKeys, k) })
	})
}

// ListTagsForResource lists a parameter's tags.
func (s *Service) ListTagsForResource(_ context.Context, in *ssm.ListTagsForResourceInput, _ ...func(*ssm.Options)) (*ssm.ListTagsForResourceOutput, error) {
	out := &ssm.ListTagsForResourceOutput{TagList: []types.Tag{}}
	var p parameter
	var err error
	s.Store.View(func(tx *store.Tx) { p, err = s.tagged(tx, in.ResourceType, in.ResourceId) })
	if err != nil {
		return nil, err
	}
	for _, k := range slices.Sorted(maps.Keys(p.Tags)) {
		out.TagList = append(out.TagList, types.Tag{Key: aws.String(k), Value: aws.String(p.Tags[k])})
	}
	return out, nil
}
