package codedeploy

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// The limits of tags.
const (
	tagLimit      = 50
	tagKeyLimit   = 128
	tagValueLimit = 256
)

// tagged returns tags with more added: a key that is there gets the new value.
func tagged(tags, more []types.Tag) ([]types.Tag, error) {
	refuse := func(format string, args ...any) error {
		return &types.InvalidTagsToAddException{Message: text("The specified tags are not valid: "+format, args...)}
	}
	out := slices.Clone(tags)
	for _, t := range more {
		k, v := aws.ToString(t.Key), aws.ToString(t.Value)
		switch {
		case k == "":
			return nil, refuse("a tag has no key")
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return nil, refuse("the prefix aws: of key %s is reserved", k)
		case len([]rune(k)) > tagKeyLimit || len([]rune(v)) > tagValueLimit:
			return nil, refuse("a key has at most %d characters, a value %d", tagKeyLimit, tagValueLimit)
		}
		t.Value = &v // AWS answers "" for a tag without a value
		if i := slices.IndexFunc(out, func(o types.Tag) bool { return aws.ToString(o.Key) == k }); i >= 0 {
			out[i] = t
			continue
		}
		out = append(out, t)
	}
	if len(out) > tagLimit {
		return nil, refuse("a resource has at most %d tags", tagLimit)
	}
	return out, nil
}

// resource is what an ARN of CodeDeploy names: an application, or a group of it.
func (s *Service) resource(a *string) (app, group string, err error) {
	if aws.ToString(a) == "" {
		return "", "", &types.ResourceArnRequiredException{Message: text("The ARN of a resource is required, but was not found.")}
	}
	rest, own := strings.CutPrefix(*a, s.Place.Of("codedeploy", ""))
	kind, name, whole := strings.Cut(rest, ":")
	switch {
	case !own || !whole || name == "":
		return "", "", &types.InvalidArnException{Message: text("The specified ARN is not in a valid format: %s", *a)}
	case kind == "application":
		return name, "", nil
	case kind == "deploymentgroup":
		app, group, _ = strings.Cut(name, "/")
		return app, group, nil
	}
	return "", "", &types.ArnNotSupportedException{Message: text("The specified ARN is not supported: %s. Applications and deployment groups have tags.", *a)}
}

// tagsOf are the tags of a resource, and what stores others.
func (s *Service) tagsOf(tx *store.Tx, a *string) (tags []types.Tag, put func([]types.Tag), err error) {
	app, group, err := s.resource(a)
	if err != nil {
		return nil, nil, err
	}
	if group == "" {
		v, ok := s.t.apps.Get(tx, app)
		if !ok {
			return nil, nil, noApplication(app)
		}
		return v.Tags, func(tags []types.Tag) { v.Tags = tags; s.t.apps.Put(tx, app, v) }, nil
	}
	v, ok := s.t.groups.Get(tx, groupKey(app, group))
	if !ok {
		return nil, nil, noGroup(group)
	}
	return v.Tags, func(tags []types.Tag) { v.Tags = tags; s.t.groups.Put(tx, groupKey(app, group), v) }, nil
}

func noTag() error { return &types.TagRequiredException{Message: text("A tag was not specified.")} }

// TagResource adds tags to an application or deployment group.
func (s *Service) TagResource(_ context.Context, in *codedeploy.TagResourceInput, _ ...func(*codedeploy.Options)) (*codedeploy.TagResourceOutput, error) {
	return &codedeploy.TagResourceOutput{}, s.Store.Update(func(tx *store.Tx) error {
		tags, put, err := s.tagsOf(tx, in.ResourceArn)
		if err != nil {
			return err
		}
		if len(in.Tags) == 0 {
			return noTag()
		}
		if tags, err = tagged(tags, in.Tags); err != nil {
			return err
		}
		put(tags)
		return nil
	})
}

// UntagResource removes tags by their keys. Keys that are not there do no harm.
func (s *Service) UntagResource(_ context.Context, in *codedeploy.UntagResourceInput, _ ...func(*codedeploy.Options)) (*codedeploy.UntagResourceOutput, error) {
	return &codedeploy.UntagResourceOutput{}, s.Store.Update(func(tx *store.Tx) error {
		tags, put, err := s.tagsOf(tx, in.ResourceArn)
		if err != nil {
			return err
		}
		if len(in.TagKeys) == 0 {
			return noTag()
		}
		put(slices.DeleteFunc(slices.Clone(tags), func(t types.Tag) bool { return slices.Contains(in.TagKeys, aws.ToString(t.Key)) }))
		return nil
	})
}

// ListTagsForResource lists the tags of an application or deployment group.
func (s *Service) ListTagsForResource(_ context.Context, in *codedeploy.ListTagsForResourceInput, _ ...func(*codedeploy.Options)) (*codedeploy.ListTagsForResourceOutput, error) {
	var tags []types.Tag
	var err error
	s.Store.View(func(tx *store.Tx) { tags, _, err = s.tagsOf(tx, in.ResourceArn) })
	if err != nil {
		return nil, err
	}
	return &codedeploy.ListTagsForResourceOutput{Tags: append([]types.Tag{}, tags...)}, nil
}
