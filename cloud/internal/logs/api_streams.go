package logs

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/page"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// CreateLogStream makes an empty stream.
func (s *Service) CreateLogStream(_ context.Context, in *cwl.CreateLogStreamInput, _ ...func(*cwl.Options)) (*cwl.CreateLogStreamOutput, error) {
	name := aws.ToString(in.LogStreamName)
	if name == "" || len(name) > 512 || strings.ContainsAny(name, ":*\x00") {
		return nil, invalid("1 validation error detected: Value '%s' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*", name)
	}
	return &cwl.CreateLogStreamOutput{}, s.Store.Update(func(tx *store.Tx) error {
		g, err := s.groupOf(tx, in.LogGroupName, nil)
		if err != nil {
			return err
		}
		if _, ok := s.streams.Get(tx, streamKey(g.Name, name)); ok {
			return errExists
		}
		s.putStream(tx, g.Name, name)
		return nil
	})
}

func (s *Service) putStream(tx *store.Tx, group, name string) stream {
	st := stream{Group: group, Name: name, ID: ids.Hex(32), Created: s.Clock.Now()}
	s.streams.Put(tx, streamKey(group, name), st)
	return st
}

// DeleteLogStream removes a stream and its events.
func (s *Service) DeleteLogStream(_ context.Context, in *cwl.DeleteLogStreamInput, _ ...func(*cwl.Options)) (*cwl.DeleteLogStreamOutput, error) {
	var gone stream
	err := s.Store.Update(func(tx *store.Tx) error {
		var err error
		if gone, _, err = s.find(tx, in.LogGroupName, nil, in.LogStreamName); err == nil {
			s.streams.Delete(tx, streamKey(gone.Group, gone.Name))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &cwl.DeleteLogStreamOutput{}, s.removeFiles([]stream{gone})
}

// find returns a stream with its group.
func (s *Service) find(tx *store.Tx, groupName, groupID, name *string) (stream, group, error) {
	g, err := s.groupOf(tx, groupName, groupID)
	if err != nil {
		return stream{}, group{}, err
	}
	st, ok := s.streams.Get(tx, streamKey(g.Name, aws.ToString(name)))
	if !ok {
		return stream{}, group{}, errNoStream
	}
	return st, g, nil
}

// DescribeLogStreams lists a group's streams by name or by their last event.
func (s *Service) DescribeLogStreams(_ context.Context, in *cwl.DescribeLogStreamsInput, _ ...func(*cwl.Options)) (*cwl.DescribeLogStreamsOutput, error) {
	var all []stream
	var err error
	s.Store.View(func(tx *store.Tx) {
		var g group
		if g, err = s.groupOf(tx, in.LogGroupName, in.LogGroupIdentifier); err != nil {
			return
		}
		for _, st := range s.streams.All(tx, streamKey(g.Name, aws.ToString(in.LogStreamNamePrefix))) {
			all = append(all, st)
		}
	})
	if err != nil {
		return nil, err
	}
	described := make([]types.LogStream, len(all))
	for i, st := range all {
		if described[i], err = s.describe(st); err != nil {
			return nil, err
		}
	}
	if in.OrderBy == types.OrderByLastEventTime {
		slices.SortStableFunc(described, func(a, b types.LogStream) int {
			return cmp.Compare(aws.ToInt64(a.LastEventTimestamp), aws.ToInt64(b.LastEventTimestamp))
		})
	}
	if aws.ToBool(in.Descending) {
		slices.Reverse(described)
	}
	part, next, err := page.Cut(described, func(l types.LogStream) string { return aws.ToString(l.LogStreamName) }, aws.ToString(in.NextToken), limit(in.Limit, 50))
	if err != nil {
		return nil, errToken
	}
	return &cwl.DescribeLogStreamsOutput{LogStreams: part, NextToken: optional(next)}, nil
}

func (s *Service) describe(st stream) (types.LogStream, error) {
	events, err := s.read(st)
	if err != nil {
		return types.LogStream{}, err
	}
	out := types.LogStream{
		LogStreamName: aws.String(st.Name), CreationTime: aws.Int64(st.Created.UnixMilli()), StoredBytes: aws.Int64(0),
		Arn: aws.String(s.groupARN(st.Group) + ":log-stream:" + st.Name), UploadSequenceToken: aws.String(st.ID),
	}
	if n := len(events); n > 0 {
		out.FirstEventTimestamp, out.LastEventTimestamp = &events[0].At, &events[n-1].At
		out.LastIngestionTime = &events[n-1].Arrived
	}
	return out, nil
}
