package ecr

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
)

const (
	maxResourceTags = 50
	maxTagKey       = 128
	maxTagValue     = 256
)

// mergeTags adds tags to those of a resource.
func mergeTags(old map[string]string, add []types.Tag) (map[string]string, error) {
	all := maps.Clone(old)
	if all == nil && len(add) > 0 {
		all = map[string]string{}
	}
	for _, t := range add {
		k, v := aws.ToString(t.Key), aws.ToString(t.Value)
		if k == "" || len(k) > maxTagKey || len(v) > maxTagValue || strings.HasPrefix(strings.ToLower(k), "aws:") {
			return nil, &types.InvalidTagParameterException{Message: text("Invalid parameter at 'tags' failed to satisfy constraint: 'tag key %q is empty, reserved or too long'", k)}
		}
		all[k] = v
	}
	if len(all) > maxResourceTags {
		return nil, &types.TooManyTagsException{Message: text("The number of tags exceeds the limit of %d", maxResourceTags)}
	}
	return all, nil
}

// resource returns the repository that an ARN names.
func (s *Service) resource(resourceARN *string) (*string, error) {
	a, ok := arn.Parse(aws.ToString(resourceARN))
	name, isRepository := strings.CutPrefix(a.Resource, "repository/")
	if !ok || !isRepository || a.Service != "ecr" {
		return nil, refused("Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'")
	}
	if a.Account != s.Place.Account || a.Region != s.Place.Region {
		return nil, noRepository(name, a.Account)
	}
	return &name, nil
}

// TagResource adds tags to a repository.
func (s *Service) TagResource(_ context.Context, p *ecr.TagResourceInput, _ ...func(*ecr.Options)) (*ecr.TagResourceOutput, error) {
	name, err := s.resource(p.ResourceArn)
	if err != nil {
		return nil, err
	}
	_, err = s.edit(nil, name, func(r *repository) (err error) {
		r.Tags, err = mergeTags(r.Tags, p.Tags)
		return err
	})
	return &ecr.TagResourceOutput{}, err
}

// UntagResource removes tags from a repository.
func (s *Service) UntagResource(_ context.Context, p *ecr.UntagResourceInput, _ ...func(*ecr.Options)) (*ecr.UntagResourceOutput, error) {
	name, err := s.resource(p.ResourceArn)
	if err != nil {
		return nil, err
	}
	_, err = s.edit(nil, name, func(r *repository) error {
		r.Tags = maps.Clone(r.Tags)
		for _, k := range p.TagKeys {
			delete(r.Tags, k)
		}
		return nil
	})
	return &ecr.UntagResourceOutput{}, err
}

// ListTagsForResource lists the tags of a repository.
func (s *Service) ListTagsForResource(_ context.Context, p *ecr.ListTagsForResourceInput, _ ...func(*ecr.Options)) (*ecr.ListTagsForResourceOutput, error) {
	name, err := s.resource(p.ResourceArn)
	if err != nil {
		return nil, err
	}
	r, err := s.exists(nil, name)
	if err != nil {
		return nil, err
	}
	return &ecr.ListTagsForResourceOutput{Tags: tagList(r.Tags)}, nil
}

func tagList(tags map[string]string) []types.Tag {
	list := []types.Tag{}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return list
}
