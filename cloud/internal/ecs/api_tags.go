package ecs

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// withTags gives f the tags of the resource that has the ARN, and stores what f returns
// unless that is nil.
func (s *Service) withTags(tx *store.Tx, ref string, f func([]types.Tag) ([]types.Tag, error)) error {
	a, ok := arn.Parse(ref)
	kind, name, found := strings.Cut(a.Resource, "/")
	if !ok || a.Service != "ecs" || !found {
		return invalid("Invalid identifier: %s", ref)
	}
	if _, err := s.resource(kind, ref); err != nil {
		return err
	}
	switch kind {
	case "cluster":
		return retag(tx, s.t.clusters, name, func(r *cluster) *[]types.Tag { return &r.Tags }, f)
	case "service":
		return retag(tx, s.t.services, name, func(r *service) *[]types.Tag { return &r.Tags }, f)
	case "task":
		return retag(tx, s.t.tasks, name, func(r *task) *[]types.Tag { return &r.Tags }, f)
	case "task-set":
		return retag(tx, s.t.sets, strings.Replace(name, "/ecs-svc/", "/", 1), func(r *set) *[]types.Tag { return &r.Tags }, f)
	case "capacity-provider":
		return retag(tx, s.t.providers, name, func(r *types.CapacityProvider) *[]types.Tag { return &r.Tags }, f)
	case "task-definition":
		d, ok := s.definitionOf(tx, ref)
		if !ok || !strings.Contains(name, ":") {
			return notFound("The specified task definition is not found.")
		}
		return retag(tx, s.t.definitions, definitionKey(*d.TaskDefinition.Family, d.TaskDefinition.Revision), func(r *definition) *[]types.Tag { return &r.Tags }, f)
	}
	return invalid("Unsupported resource type: %s", kind)
}

func retag[T any](tx *store.Tx, table store.Table[T], key string, of func(*T) *[]types.Tag, f func([]types.Tag) ([]types.Tag, error)) error {
	row, ok := table.Get(tx, key)
	if !ok {
		return notFound("The specified resource could not be found.")
	}
	tags := of(&row)
	now, err := f(*tags)
	if err != nil || now == nil {
		return err
	}
	*tags = now
	table.Put(tx, key, row)
	return nil
}

// TagResource sets tags on a resource.
func (s *Service) TagResource(_ context.Context, in *ecs.TagResourceInput, _ ...func(*ecs.Options)) (*ecs.TagResourceOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		return s.withTags(tx, aws.ToString(in.ResourceArn), func(old []types.Tag) ([]types.Tag, error) { return mergeTags(old, in.Tags) })
	})
	if err != nil {
		return nil, err
	}
	return &ecs.TagResourceOutput{}, nil
}

// UntagResource takes tags away; keys that are not there are no error.
func (s *Service) UntagResource(_ context.Context, in *ecs.UntagResourceInput, _ ...func(*ecs.Options)) (*ecs.UntagResourceOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		return s.withTags(tx, aws.ToString(in.ResourceArn), func(old []types.Tag) ([]types.Tag, error) {
			left := slices.DeleteFunc(slices.Clone(old), func(t types.Tag) bool { return slices.Contains(in.TagKeys, *t.Key) })
			return append([]types.Tag{}, left...), nil
		})
	})
	if err != nil {
		return nil, err
	}
	return &ecs.UntagResourceOutput{}, nil
}

// ListTagsForResource lists a resource's tags.
func (s *Service) ListTagsForResource(_ context.Context, in *ecs.ListTagsForResourceInput, _ ...func(*ecs.Options)) (*ecs.ListTagsForResourceOutput, error) {
	out := &ecs.ListTagsForResourceOutput{Tags: []types.Tag{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		err = s.withTags(tx, aws.ToString(in.ResourceArn), func(old []types.Tag) ([]types.Tag, error) {
			out.Tags = append(out.Tags, old...)
			return nil, nil
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
