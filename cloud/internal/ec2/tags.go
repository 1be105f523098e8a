package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// resourceTypes are the kinds of resource by the prefix of their identifiers.
var resourceTypes = map[string]model.ResourceType{
	"vpc": model.ResourceTypeVpc, "subnet": model.ResourceTypeSubnet, "sg": model.ResourceTypeSecurityGroup, "sgr": model.ResourceTypeSecurityGroupRule,
	"igw": model.ResourceTypeInternetGateway, "rtb": model.ResourceTypeRouteTable, "eni": model.ResourceTypeNetworkInterface,
}

// tagsOf are a resource's tags, by key; empty, not nil.
func (s *Service) tagsOf(tx *store.Tx, id *string) []model.Tag {
	out := []model.Tag{}
	for _, t := range s.t.tags.All(tx, *id+" ") {
		out = append(out, model.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}

func (s *Service) tag(tx *store.Tx, id string, tags []model.Tag) {
	prefix, _, _ := strings.Cut(id, "-")
	for _, t := range tags {
		s.t.tags.Put(tx, id+" "+aws.ToString(t.Key), model.TagDescription{
			ResourceId: &id, ResourceType: resourceTypes[prefix], Key: t.Key, Value: aws.String(aws.ToString(t.Value)),
		})
	}
}

// tagNew takes the tags of a specification that are for a new resource.
func (s *Service) tagNew(tx *store.Tx, id string, specs []model.TagSpecification) {
	for _, spec := range specs {
		s.tag(tx, id, spec.Tags)
	}
}

// untag forgets all tags of a resource that is gone.
func (s *Service) untag(tx *store.Tx, id string) {
	for k := range s.t.tags.All(tx, id+" ") {
		s.t.tags.Delete(tx, k)
	}
}

// exists tells whether there is such a resource.
func (s *Service) exists(tx *store.Tx, id string) bool {
	var ok [7]bool
	_, ok[0] = s.t.vpcs.Get(tx, id)
	_, ok[1] = s.t.subnets.Get(tx, id)
	_, ok[2] = s.t.groups.Get(tx, id)
	_, ok[3] = s.t.rules.Get(tx, id)
	_, ok[4] = s.t.gateways.Get(tx, id)
	_, ok[5] = s.t.routes.Get(tx, id)
	_, ok[6] = s.t.interfaces.Get(tx, id)
	return slices.Contains(ok[:], true)
}

// CreateTags sets tags of resources, of all or of none.
func (s *Service) CreateTags(_ context.Context, in *model.CreateTagsInput, _ ...func(*model.Options)) (*model.CreateTagsOutput, error) {
	return &model.CreateTagsOutput{}, s.Store.Update(func(tx *store.Tx) error {
		for _, id := range in.Resources {
			if !s.exists(tx, id) {
				return failure("InvalidID", "The ID '%s' is not valid", id)
			}
			s.tag(tx, id, in.Tags)
		}
		return nil
	})
}

// DeleteTags removes tags of resources: all of them, those with a key, or those with a key
// and a value.
func (s *Service) DeleteTags(_ context.Context, in *model.DeleteTagsInput, _ ...func(*model.Options)) (*model.DeleteTagsOutput, error) {
	return &model.DeleteTagsOutput{}, s.Store.Update(func(tx *store.Tx) error {
		for _, id := range in.Resources {
			if len(in.Tags) == 0 {
				s.untag(tx, id)
			}
			for _, t := range in.Tags {
				k := id + " " + aws.ToString(t.Key)
				if have, ok := s.t.tags.Get(tx, k); ok && (t.Value == nil || *t.Value == *have.Value) {
					s.t.tags.Delete(tx, k)
				}
			}
		}
		return nil
	})
}

var tagKind = kind[model.TagDescription]{
	id:   func(t model.TagDescription) *string { return aws.String(*t.ResourceId + " " + *t.Key) },
	tags: func(t model.TagDescription) []model.Tag { return []model.Tag{{Key: t.Key, Value: t.Value}} },
	fields: map[string]func(model.TagDescription) []string{
		"key":           text(func(t model.TagDescription) *string { return t.Key }),
		"value":         text(func(t model.TagDescription) *string { return t.Value }),
		"resource-id":   text(func(t model.TagDescription) *string { return t.ResourceId }),
		"resource-type": func(t model.TagDescription) []string { return []string{string(t.ResourceType)} },
	},
}

// DescribeTags lists tags.
func (s *Service) DescribeTags(_ context.Context, in *model.DescribeTagsInput, _ ...func(*model.Options)) (*model.DescribeTagsOutput, error) {
	var all []model.TagDescription
	s.Store.View(func(tx *store.Tx) {
		for _, t := range s.t.tags.All(tx, "") {
			all = append(all, t)
		}
	})
	part, next, err := tagKind.choose(slices.Values(all), query{filters: in.Filters, token: in.NextToken, size: in.MaxResults})
	return &model.DescribeTagsOutput{Tags: part, NextToken: next}, err
}
