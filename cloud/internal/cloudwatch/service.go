package cloudwatch

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// Options are what the service needs.
type Options struct {
	Store *store.Store
	Clock *clock.Clock
	Place arn.Place
}

// Service is CloudWatch.
type Service struct {
	Options
	alarms  store.Table[alarm]
	history store.Table[types.AlarmHistoryItem]
	metrics metrics
	forced  forced
	last    struct {
		sync.Mutex
		time.Time // of the newest entry of the history
	}
}

// alarm is a stored alarm, keyed by its name. A composite one has a rule, and of a metric
// alarm's members those that both kinds have.
type alarm struct {
	types.MetricAlarm
	Rule       string            `json:",omitempty"`
	Suppressor *suppressor       `json:",omitempty"`
	Tags       map[string]string `json:",omitempty"`
}

// New opens the service on its tables. Run evaluates its alarms.
func New(o Options) (*Service, error) {
	s := &Service{Options: o, forced: forced{until: map[string]time.Time{}}}
	width := min(max(o.Clock.Scale(time.Minute), time.Second), time.Minute)
	s.metrics = metrics{width: int64(width / time.Second), all: map[string]*series{}}
	var err, err2 error
	s.alarms, err = store.NewTable[alarm](o.Store, "cloudwatch-alarms")
	s.history, err2 = store.NewTable[types.AlarmHistoryItem](o.Store, "cloudwatch-history")
	if err = errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("open cloudwatch: %w", err)
	}
	return s, nil
}

// Ops are the operations that the service answers.
func (s *Service) Ops() []wire.Op {
	const kept = "metrics are kept in memory, by the minute, for three hours"
	return []wire.Op{
		wire.Handle(s.PutMetricData).Differing(kept),
		wire.Handle(s.GetMetricStatistics).Differing(kept),
		wire.Handle(s.GetMetricData).Differing(kept).Differing("no SEARCH, METRICS or anomaly detection in expressions"),
		wire.Handle(s.ListMetrics),
		wire.Handle(s.PutMetricAlarm).Differing("actions are records: nothing is notified").Differing("no anomaly detection, no PromQL"),
		wire.Handle(s.PutCompositeAlarm).Differing("actions and their suppressor are records: nothing is notified").Differing("no AT_LEAST in rules"),
		wire.Handle(s.DescribeAlarms),
		wire.Handle(s.DescribeAlarmsForMetric),
		wire.Handle(s.DescribeAlarmHistory).Differing("the newest hundred entries of an alarm are kept"),
		wire.Handle(s.SetAlarmState),
		wire.Handle(s.DeleteAlarms),
		wire.Handle(s.EnableAlarmActions).RecordOnly("alarm actions are not carried out"),
		wire.Handle(s.DisableAlarmActions).RecordOnly("alarm actions are not carried out"),
		wire.Handle(s.ListTagsForResource),
		wire.Handle(s.TagResource),
		wire.Handle(s.UntagResource),
	}
}
