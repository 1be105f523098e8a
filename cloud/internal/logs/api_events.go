package logs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// The limits of PutLogEvents and of a page.
const (
	maxBatch = 10000
	maxPage  = 10000
)

// PutLogEvents appends to a stream. Events too old or too new are told, not kept.
func (s *Service) PutLogEvents(_ context.Context, in *cwl.PutLogEventsInput, _ ...func(*cwl.Options)) (*cwl.PutLogEventsOutput, error) {
	if len(in.LogEvents) == 0 || len(in.LogEvents) > maxBatch {
		return nil, invalid("Log events must number from 1 to %d.", maxBatch)
	}
	var st stream
	var g group
	var err error
	s.Store.View(func(tx *store.Tx) { st, g, err = s.find(tx, in.LogGroupName, nil, in.LogStreamName) })
	if err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	var keep []event
	old, late := 0, 0
	for i, e := range in.LogEvents {
		at := aws.ToInt64(e.Timestamp)
		if i > 0 && at < aws.ToInt64(in.LogEvents[i-1].Timestamp) {
			return nil, invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
		switch t := time.UnixMilli(at); {
		case t.Before(now.Add(-14 * 24 * time.Hour)):
			old = i + 1
		case t.After(now.Add(2 * time.Hour)):
			late++
		default:
			keep = append(keep, event{At: at, Arrived: now.UnixMilli(), Message: aws.ToString(e.Message)})
		}
	}
	out := &cwl.PutLogEventsOutput{NextSequenceToken: aws.String(st.ID)}
	if old > 0 || late > 0 {
		out.RejectedLogEventsInfo = &types.RejectedLogEventsInfo{}
		if old > 0 {
			out.RejectedLogEventsInfo.TooOldLogEventEndIndex = aws.Int32(int32(old))
		}
		if late > 0 {
			out.RejectedLogEventsInfo.TooNewLogEventStartIndex = aws.Int32(int32(len(in.LogEvents) - late))
		}
	}
	return out, s.append(st, keep, g.Retention)
}

// GetLogEvents pages through one stream. As on AWS, both tokens are always returned, and
// the end is reached when the token does not change.
func (s *Service) GetLogEvents(_ context.Context, in *cwl.GetLogEventsInput, _ ...func(*cwl.Options)) (*cwl.GetLogEventsOutput, error) {
	var st stream
	var err error
	s.Store.View(func(tx *store.Tx) { st, _, err = s.find(tx, in.LogGroupName, in.LogGroupIdentifier, in.LogStreamName) })
	if err != nil {
		return nil, err
	}
	events, err := s.read(st)
	if err != nil {
		return nil, err
	}
	events = between(events, in.StartTime, in.EndTime)
	from, to, err := window(len(events), aws.ToString(in.NextToken), limit(in.Limit, maxPage), aws.ToBool(in.StartFromHead))
	if err != nil {
		return nil, err
	}
	out := &cwl.GetLogEventsOutput{
		Events:            []types.OutputLogEvent{},
		NextForwardToken:  aws.String(fmt.Sprintf("f/%056d", to)),
		NextBackwardToken: aws.String(fmt.Sprintf("b/%056d", from)),
	}
	for _, e := range events[from:to] {
		out.Events = append(out.Events, types.OutputLogEvent{Timestamp: aws.Int64(e.At), IngestionTime: aws.Int64(e.Arrived), Message: aws.String(e.Message)})
	}
	return out, nil
}

// window chooses which of n events a page shows.
func window(n int, token string, size int, head bool) (from, to int, err error) {
	switch {
	case token == "" && head:
		return 0, min(n, size), nil
	case token == "":
		return max(0, n-size), n, nil
	}
	at, err := strconv.Atoi(token[min(2, len(token)):])
	if err != nil || at < 0 {
		return 0, 0, errToken
	}
	at = min(at, n)
	switch {
	case strings.HasPrefix(token, "f/"):
		return at, min(n, at+size), nil
	case strings.HasPrefix(token, "b/"):
		return max(0, at-size), at, nil
	}
	return 0, 0, errToken
}

// between keeps the events from start (included) to end (excluded), in milliseconds.
func between(events []event, start, end *int64) []event {
	return slices.DeleteFunc(slices.Clone(events), func(e event) bool {
		return (start != nil && e.At < *start) || (end != nil && e.At >= *end)
	})
}

// found is an event with its stream.
type found struct {
	event
	stream string
	index  int
}

// FilterLogEvents searches the streams of a group, by time.
func (s *Service) FilterLogEvents(_ context.Context, in *cwl.FilterLogEventsInput, _ ...func(*cwl.Options)) (*cwl.FilterLogEventsOutput, error) {
	match, err := pattern(aws.ToString(in.FilterPattern))
	if err != nil {
		return nil, err
	}
	var streams []stream
	s.Store.View(func(tx *store.Tx) {
		var g group
		if g, err = s.groupOf(tx, in.LogGroupName, in.LogGroupIdentifier); err != nil {
			return
		}
		for _, st := range s.streams.All(tx, streamKey(g.Name, aws.ToString(in.LogStreamNamePrefix))) {
			if len(in.LogStreamNames) == 0 || slices.Contains(in.LogStreamNames, st.Name) {
				streams = append(streams, st)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	all, err := s.search(streams, in.StartTime, endOf(in.EndTime), match)
	if err != nil {
		return nil, err
	}
	from := 0
	if t := aws.ToString(in.NextToken); t != "" {
		if from, err = strconv.Atoi(t); err != nil || from < 0 || from > len(all) {
			return nil, errToken
		}
	}
	to := min(len(all), from+limit(in.Limit, maxPage))
	out := &cwl.FilterLogEventsOutput{Events: []types.FilteredLogEvent{}, SearchedLogStreams: []types.SearchedLogStream{}}
	for _, e := range all[from:to] {
		out.Events = append(out.Events, types.FilteredLogEvent{
			EventId: aws.String(fmt.Sprintf("%s/%d", e.stream, e.index)), LogStreamName: aws.String(e.stream),
			Timestamp: aws.Int64(e.At), IngestionTime: aws.Int64(e.Arrived), Message: aws.String(e.Message),
		})
	}
	if to < len(all) {
		out.NextToken = aws.String(strconv.Itoa(to))
	}
	return out, nil
}

// endOf turns FilterLogEvents' inclusive end into an exclusive one.
func endOf(end *int64) *int64 {
	if end == nil {
		return nil
	}
	return aws.Int64(*end + 1)
}

func (s *Service) search(streams []stream, start, end *int64, match func(string) bool) ([]found, error) {
	var all []found
	for _, st := range streams {
		events, err := s.read(st)
		if err != nil {
			return nil, err
		}
		for i, e := range between(events, start, end) {
			if match(e.Message) {
				all = append(all, found{e, st.Name, i})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return int(a.At - b.At) })
	return all, nil
}
