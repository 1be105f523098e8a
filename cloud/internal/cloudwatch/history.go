package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/turnoutdev/turnout/cloud/internal/page"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// maxHistory is how many entries of one alarm are kept.
const maxHistory = 100

// note adds an entry to an alarm's history. Its key is unique, and in order of time.
func (s *Service) note(tx *store.Tx, a alarm, kind types.HistoryItemType, summary string, data any) {
	name := *a.AlarmName
	s.last.Lock()
	at := s.Clock.Now().UTC()
	if !at.After(s.last.Time) {
		at = s.last.Add(time.Nanosecond)
	}
	s.last.Time = at
	s.last.Unlock()
	text, _ := json.Marshal(data) // plain maps and SDK types only
	var keys []string
	for k := range s.history.All(tx, name+"\x00") {
		keys = append(keys, k)
	}
	for len(keys) >= maxHistory {
		s.history.Delete(tx, keys[0])
		keys = keys[1:]
	}
	s.history.Put(tx, fmt.Sprintf("%s\x00%020d", name, at.UnixNano()), types.AlarmHistoryItem{
		AlarmName: &name, AlarmType: a.kind(), Timestamp: &at,
		HistoryItemType: kind, HistorySummary: &summary, HistoryData: aws.String(string(text)),
	})
}

// configuration is a ConfigurationUpdate's data.
func configuration(verb string, a alarm) any {
	kinds := map[string]string{"created": "Create", "updated": "Update", "deleted": "Delete"}
	var shown any = a.MetricAlarm
	if a.composite() {
		shown = a.described()
	}
	return map[string]any{"version": "1.0", "type": kinds[verb], verb + "Alarm": shown}
}

// DescribeAlarmHistory lists what happened to an alarm, or to all, the newest first unless
// ScanBy says otherwise. The history of a deleted alarm remains.
func (s *Service) DescribeAlarmHistory(_ context.Context, in *cw.DescribeAlarmHistoryInput, _ ...func(*cw.Options)) (*cw.DescribeAlarmHistoryOutput, error) {
	prefix := ""
	if in.AlarmName != nil {
		prefix = *in.AlarmName + "\x00"
	}
	var all []types.AlarmHistoryItem
	s.Store.View(func(tx *store.Tx) {
		for _, h := range s.history.All(tx, prefix) {
			if (in.HistoryItemType == "" || in.HistoryItemType == h.HistoryItemType) &&
				(in.StartDate == nil || !h.Timestamp.Before(*in.StartDate)) && (in.EndDate == nil || !h.Timestamp.After(*in.EndDate)) &&
				asked(in.AlarmTypes, h.AlarmType) {
				all = append(all, h)
			}
		}
	})
	slices.SortStableFunc(all, func(a, b types.AlarmHistoryItem) int {
		if in.ScanBy == types.ScanByTimestampAscending {
			a, b = b, a
		}
		return b.Timestamp.Compare(*a.Timestamp)
	})
	key := func(h types.AlarmHistoryItem) string { return *h.AlarmName + "\x00" + h.Timestamp.String() }
	part, next, err := page.Cut(all, key, aws.ToString(in.NextToken), limit(in.MaxRecords))
	if err != nil {
		return nil, errToken
	}
	if part == nil {
		part = []types.AlarmHistoryItem{}
	}
	return &cw.DescribeAlarmHistoryOutput{AlarmHistoryItems: part, NextToken: optional(next)}, nil
}
