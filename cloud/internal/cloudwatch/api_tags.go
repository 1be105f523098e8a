package cloudwatch

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func tagMap(tags []types.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return m
}

// tagged finds the alarm of an ARN.
func (s *Service) tagged(tx *store.Tx, arn *string) (alarm, error) {
	name, ok := strings.CutPrefix(aws.ToString(arn), s.alarmARN(""))
	a, exists := s.alarms.Get(tx, name)
	if !ok || !exists {
		return alarm{}, &types.ResourceNotFoundException{
			ResourceType: aws.String("Alarm"), ResourceId: arn, Message: aws.String("Unknown resource: " + aws.ToString(arn)),
		}
	}
	return a, nil
}

// ListTagsForResource lists an alarm's tags.
func (s *Service) ListTagsForResource(_ context.Context, in *cw.ListTagsForResourceInput, _ ...func(*cw.Options)) (*cw.ListTagsForResourceOutput, error) {
	out := &cw.ListTagsForResourceOutput{Tags: []types.Tag{}}
	var a alarm
	var err error
	s.Store.View(func(tx *store.Tx) { a, err = s.tagged(tx, in.ResourceARN) })
	if err != nil {
		return nil, err
	}
	for _, k := range slices.Sorted(maps.Keys(a.Tags)) {
		out.Tags = append(out.Tags, types.Tag{Key: aws.String(k), Value: aws.String(a.Tags[k])})
	}
	return out, nil
}

// TagResource adds tags to an alarm.
func (s *Service) TagResource(_ context.Context, in *cw.TagResourceInput, _ ...func(*cw.Options)) (*cw.TagResourceOutput, error) {
	return &cw.TagResourceOutput{}, s.retag(in.ResourceARN, func(tags map[string]string) { maps.Copy(tags, tagMap(in.Tags)) })
}

// UntagResource removes tags from an alarm.
func (s *Service) UntagResource(_ context.Context, in *cw.UntagResourceInput, _ ...func(*cw.Options)) (*cw.UntagResourceOutput, error) {
	return &cw.UntagResourceOutput{}, s.retag(in.ResourceARN, func(tags map[string]string) {
		maps.DeleteFunc(tags, func(k, _ string) bool { return slices.Contains(in.TagKeys, k) })
	})
}

func (s *Service) retag(arn *string, change func(map[string]string)) error {
	return s.Store.Update(func(tx *store.Tx) error {
		a, err := s.tagged(tx, arn)
		if err != nil {
			return err
		}
		tags := map[string]string{}
		maps.Copy(tags, a.Tags)
		change(tags)
		a.Tags = tags
		s.alarms.Put(tx, *a.AlarmName, a)
		return nil
	})
}
