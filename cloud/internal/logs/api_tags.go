package logs

import (
	"context"

	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func (s *Service) tags(name, identifier *string) (map[string]string, error) {
	var tags map[string]string
	var err error
	s.Store.View(func(tx *store.Tx) {
		var g group
		g, err = s.groupOf(tx, name, identifier)
		tags = merged(g.Tags, nil)
	})
	return tags, err
}

// ListTagsForResource lists the tags of a group by its ARN.
func (s *Service) ListTagsForResource(_ context.Context, in *cwl.ListTagsForResourceInput, _ ...func(*cwl.Options)) (*cwl.ListTagsForResourceOutput, error) {
	tags, err := s.tags(nil, in.ResourceArn)
	return &cwl.ListTagsForResourceOutput{Tags: tags}, err
}

// TagResource adds tags to a group by its ARN.
func (s *Service) TagResource(_ context.Context, in *cwl.TagResourceInput, _ ...func(*cwl.Options)) (*cwl.TagResourceOutput, error) {
	return &cwl.TagResourceOutput{}, s.change(nil, in.ResourceArn, func(g *group) { g.Tags = merged(g.Tags, in.Tags) })
}

// UntagResource removes tags from a group by its ARN.
func (s *Service) UntagResource(_ context.Context, in *cwl.UntagResourceInput, _ ...func(*cwl.Options)) (*cwl.UntagResourceOutput, error) {
	return &cwl.UntagResourceOutput{}, s.change(nil, in.ResourceArn, func(g *group) { g.Tags = without(g.Tags, in.TagKeys) })
}

// ListTagsLogGroup is the older ListTagsForResource, by the group's name.
func (s *Service) ListTagsLogGroup(_ context.Context, in *cwl.ListTagsLogGroupInput, _ ...func(*cwl.Options)) (*cwl.ListTagsLogGroupOutput, error) {
	tags, err := s.tags(in.LogGroupName, nil)
	return &cwl.ListTagsLogGroupOutput{Tags: tags}, err
}

// TagLogGroup is the older TagResource.
func (s *Service) TagLogGroup(_ context.Context, in *cwl.TagLogGroupInput, _ ...func(*cwl.Options)) (*cwl.TagLogGroupOutput, error) {
	return &cwl.TagLogGroupOutput{}, s.change(in.LogGroupName, nil, func(g *group) { g.Tags = merged(g.Tags, in.Tags) })
}

// UntagLogGroup is the older UntagResource.
func (s *Service) UntagLogGroup(_ context.Context, in *cwl.UntagLogGroupInput, _ ...func(*cwl.Options)) (*cwl.UntagLogGroupOutput, error) {
	return &cwl.UntagLogGroupOutput{}, s.change(in.LogGroupName, nil, func(g *group) { g.Tags = without(g.Tags, in.Tags) })
}
