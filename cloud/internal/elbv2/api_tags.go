package elbv2

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// withTags calls f with the tags of the resource that has the ARN, and stores what f
// returns when that differs in length or content; f returns its argument to change nothing.
func (s *Service) withTags(tx *store.Tx, id string, f func([]types.Tag) ([]types.Tag, error)) error {
	a, _ := arn.Parse(id)
	kind, _, _ := strings.Cut(a.Resource, "/")
	if err := checkARN(id, kind); err != nil || arnNames[kind] == "" {
		return validation("'%s' is not a valid ARN of a resource with tags", id)
	}
	switch kind {
	case "loadbalancer":
		return retag(tx, s.tables.loadBalancers, id, errLoadBalancers, func(r *loadBalancer) *[]types.Tag { return &r.Tags }, f)
	case "targetgroup":
		return retag(tx, s.tables.groups, id, errTargetGroups, func(r *targetGroup) *[]types.Tag { return &r.Tags }, f)
	case "truststore":
		return retag(tx, s.tables.trustStores, id, noTrustStore(id), func(r *trustStore) *[]types.Tag { return &r.Tags }, f)
	case "listener":
		return retag(tx, s.tables.listeners, id, errListeners, func(r *listener) *[]types.Tag { return &r.Tags }, f)
	}
	if l, ok := s.tables.listeners.Get(tx, ruleListener(id)); ok && l.DefaultRule == id {
		return retag(tx, s.tables.listeners, ruleListener(id), errRules, func(r *listener) *[]types.Tag { return &r.RuleTags }, f)
	}
	return retag(tx, s.tables.rules, id, errRules, func(r *rule) *[]types.Tag { return &r.Tags }, f)
}

func retag[T any](tx *store.Tx, table store.Table[T], id string, missing error, of func(*T) *[]types.Tag, f func([]types.Tag) ([]types.Tag, error)) error {
	row, ok := table.Get(tx, id)
	if !ok {
		return missing
	}
	tags := of(&row)
	now, err := f(*tags)
	if err != nil {
		return err
	}
	if now != nil {
		*tags = now
		table.Put(tx, id, row)
	}
	return nil
}

// AddTags sets tags on all the resources, or on none.
func (s *Service) AddTags(_ context.Context, in *elb.AddTagsInput, _ ...func(*elb.Options)) (*elb.AddTagsOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		for _, id := range in.ResourceArns {
			err := s.withTags(tx, id, func(old []types.Tag) ([]types.Tag, error) { return mergeTags(old, in.Tags) })
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.AddTagsOutput{}, nil
}

// RemoveTags takes tags away; keys that are not there are no error.
func (s *Service) RemoveTags(_ context.Context, in *elb.RemoveTagsInput, _ ...func(*elb.Options)) (*elb.RemoveTagsOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		for _, id := range in.ResourceArns {
			err := s.withTags(tx, id, func(old []types.Tag) ([]types.Tag, error) {
				return append([]types.Tag{}, withoutTags(old, in.TagKeys)...), nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.RemoveTagsOutput{}, nil
}

const maxDescribedTags = 20

// DescribeTags returns the tags of resources. Listeners have one more, which tells where
// they really stand.
func (s *Service) DescribeTags(_ context.Context, in *elb.DescribeTagsInput, _ ...func(*elb.Options)) (*elb.DescribeTagsOutput, error) {
	if n := len(in.ResourceArns); n > maxDescribedTags {
		return nil, validation("The number of resource ARNs '%d' must be at most '%d'", n, maxDescribedTags)
	}
	out := &elb.DescribeTagsOutput{TagDescriptions: []types.TagDescription{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		for _, id := range in.ResourceArns {
			d := types.TagDescription{ResourceArn: aws.String(id), Tags: []types.Tag{}}
			err = s.withTags(tx, id, func(old []types.Tag) ([]types.Tag, error) {
				d.Tags = append(d.Tags, old...)
				return nil, nil
			})
			if err != nil {
				return
			}
			out.TagDescriptions = append(out.TagDescriptions, d)
		}
	})
	if err != nil {
		return nil, err
	}
	for i, id := range in.ResourceArns {
		if strings.Contains(id, ":listener/") {
			d := &out.TagDescriptions[i]
			d.Tags = append(d.Tags, types.Tag{Key: aws.String(addressTag), Value: aws.String(s.address(id))})
		}
	}
	return out, nil
}

// address is where a listener stands: host:port, or "" while it stands nowhere.
func (s *Service) address(listener string) string {
	at, _ := s.Balancer.Bound(listener) // the reason was logged when it came up
	if !at.IsValid() {
		return ""
	}
	return at.String()
}
