package cloudwatch

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/turnoutdev/turnout/cloud/internal/page"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func (s *Service) alarmARN(name string) string { return s.Place.Of("cloudwatch", "alarm:"+name) }

// PutMetricAlarm makes an alarm, or replaces all of one but its state and its tags.
func (s *Service) PutMetricAlarm(_ context.Context, in *cw.PutMetricAlarmInput, _ ...func(*cw.Options)) (*cw.PutMetricAlarmOutput, error) {
	if err := checkAlarm(in); err != nil {
		return nil, err
	}
	now := s.Clock.Now().UTC()
	a := types.MetricAlarm{
		AlarmName: in.AlarmName, AlarmArn: aws.String(s.alarmARN(aws.ToString(in.AlarmName))), AlarmDescription: in.AlarmDescription,
		ActionsEnabled: aws.Bool(in.ActionsEnabled == nil || *in.ActionsEnabled), ActionConfiguration: in.ActionConfiguration,
		OKActions: list(in.OKActions), AlarmActions: list(in.AlarmActions), InsufficientDataActions: list(in.InsufficientDataActions),
		ComparisonOperator: in.ComparisonOperator, Threshold: in.Threshold, ThresholdMetricId: in.ThresholdMetricId,
		EvaluationPeriods: in.EvaluationPeriods, DatapointsToAlarm: in.DatapointsToAlarm, TreatMissingData: in.TreatMissingData,
		EvaluateLowSampleCountPercentile: in.EvaluateLowSampleCountPercentile,
		Namespace:                        in.Namespace, MetricName: in.MetricName, Dimensions: in.Dimensions, Unit: in.Unit, Period: in.Period,
		Statistic: in.Statistic, ExtendedStatistic: in.ExtendedStatistic, Metrics: slices.Clone(in.Metrics),
		AlarmConfigurationUpdatedTimestamp: &now,
		StateValue:                         types.StateValueInsufficientData, StateReason: aws.String("Unchecked: Initial alarm creation"),
		StateUpdatedTimestamp: &now, StateTransitionedTimestamp: &now,
	}
	if a.Dimensions == nil {
		a.Dimensions = []types.Dimension{}
	}
	return &cw.PutMetricAlarmOutput{}, s.Store.Update(func(tx *store.Tx) error {
		row := alarm{MetricAlarm: a, Tags: tagMap(in.Tags)}
		had, exists := s.alarms.Get(tx, *a.AlarmName)
		verb := "created"
		if exists {
			verb = "updated"
			row.Tags = had.Tags // as on AWS: TagResource changes them
			row.StateValue, row.StateReason, row.StateReasonData = had.StateValue, had.StateReason, had.StateReasonData
			row.StateUpdatedTimestamp, row.StateTransitionedTimestamp = had.StateUpdatedTimestamp, had.StateTransitionedTimestamp
		}
		s.alarms.Put(tx, *a.AlarmName, row)
		s.note(tx, *a.AlarmName, types.HistoryItemTypeConfigurationUpdate, "Alarm \""+*a.AlarmName+"\" "+verb, configuration(verb, row.MetricAlarm))
		return nil
	})
}

func list(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

// DeleteAlarms removes alarms, all of them or none.
func (s *Service) DeleteAlarms(_ context.Context, in *cw.DeleteAlarmsInput, _ ...func(*cw.Options)) (*cw.DeleteAlarmsOutput, error) {
	return &cw.DeleteAlarmsOutput{}, s.Store.Update(func(tx *store.Tx) error {
		for _, name := range in.AlarmNames {
			a, ok := s.alarms.Get(tx, name)
			if !ok {
				return &types.ResourceNotFound{Message: aws.String("Alarms not found: " + name)}
			}
			s.alarms.Delete(tx, name)
			s.note(tx, name, types.HistoryItemTypeConfigurationUpdate, "Alarm \""+name+"\" deleted", configuration("deleted", a.MetricAlarm))
		}
		return nil
	})
}

// DescribeAlarms lists metric alarms by name.
func (s *Service) DescribeAlarms(_ context.Context, in *cw.DescribeAlarmsInput, _ ...func(*cw.Options)) (*cw.DescribeAlarmsOutput, error) {
	if in.AlarmNamePrefix != nil && len(in.AlarmNames) > 0 {
		return nil, refused("AlarmNames and AlarmNamePrefix are mutually exclusive")
	}
	var all []types.MetricAlarm
	s.Store.View(func(tx *store.Tx) {
		for _, a := range s.alarms.All(tx, aws.ToString(in.AlarmNamePrefix)) {
			if wanted(in, a.MetricAlarm) {
				all = append(all, a.MetricAlarm)
			}
		}
	})
	part, next, err := page.Cut(all, func(a types.MetricAlarm) string { return *a.AlarmName }, aws.ToString(in.NextToken), limit(in.MaxRecords))
	if err != nil {
		return nil, errToken
	}
	if part == nil {
		part = []types.MetricAlarm{}
	}
	return &cw.DescribeAlarmsOutput{MetricAlarms: part, CompositeAlarms: []types.CompositeAlarm{}, NextToken: optional(next)}, nil
}

func limit(n *int32) int {
	if n == nil {
		return 100
	}
	return int(*n)
}

func wanted(in *cw.DescribeAlarmsInput, a types.MetricAlarm) bool {
	hasAction := func(actions []string) bool {
		return slices.ContainsFunc(actions, func(x string) bool { return strings.HasPrefix(x, *in.ActionPrefix) })
	}
	switch {
	case len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, types.AlarmTypeMetricAlarm):
		return false
	case in.ChildrenOfAlarmName != nil || in.ParentsOfAlarmName != nil: // only composite alarms have any
		return false
	case len(in.AlarmNames) > 0 && !slices.Contains(in.AlarmNames, *a.AlarmName):
		return false
	case in.ActionPrefix != nil && !hasAction(a.AlarmActions) && !hasAction(a.OKActions) && !hasAction(a.InsufficientDataActions):
		return false
	}
	return in.StateValue == "" || in.StateValue == a.StateValue
}

// DescribeAlarmsForMetric lists the alarms on one metric.
func (s *Service) DescribeAlarmsForMetric(_ context.Context, in *cw.DescribeAlarmsForMetricInput, _ ...func(*cw.Options)) (*cw.DescribeAlarmsForMetricOutput, error) {
	m := metric{aws.ToString(in.Namespace), aws.ToString(in.MetricName), dimensions(in.Dimensions)}
	out := &cw.DescribeAlarmsForMetricOutput{MetricAlarms: []types.MetricAlarm{}}
	s.Store.View(func(tx *store.Tx) {
		for _, a := range s.alarms.All(tx, "") {
			has := metric{aws.ToString(a.Namespace), aws.ToString(a.MetricName), dimensions(a.Dimensions)}
			if has.key() == m.key() && (in.Statistic == "" || in.Statistic == a.Statistic) &&
				(in.ExtendedStatistic == nil || *in.ExtendedStatistic == aws.ToString(a.ExtendedStatistic)) &&
				(in.Period == nil || *in.Period == aws.ToInt32(a.Period)) && (in.Unit == "" || in.Unit == a.Unit) {
				out.MetricAlarms = append(out.MetricAlarms, a.MetricAlarm)
			}
		}
	})
	return out, nil
}

// EnableAlarmActions sets ActionsEnabled; alarms that do not exist are passed over.
func (s *Service) EnableAlarmActions(_ context.Context, in *cw.EnableAlarmActionsInput, _ ...func(*cw.Options)) (*cw.EnableAlarmActionsOutput, error) {
	return &cw.EnableAlarmActionsOutput{}, s.setActions(in.AlarmNames, true)
}

// DisableAlarmActions clears ActionsEnabled; alarms that do not exist are passed over.
func (s *Service) DisableAlarmActions(_ context.Context, in *cw.DisableAlarmActionsInput, _ ...func(*cw.Options)) (*cw.DisableAlarmActionsOutput, error) {
	return &cw.DisableAlarmActionsOutput{}, s.setActions(in.AlarmNames, false)
}

func (s *Service) setActions(names []string, on bool) error {
	return s.Store.Update(func(tx *store.Tx) error {
		for _, n := range names {
			if a, ok := s.alarms.Get(tx, n); ok && *a.ActionsEnabled != on {
				a.ActionsEnabled = &on
				s.alarms.Put(tx, n, a)
			}
		}
		return nil
	})
}
