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
	a := types.MetricAlarm{
		AlarmName: in.AlarmName, AlarmDescription: in.AlarmDescription, ActionsEnabled: in.ActionsEnabled,
		OKActions: in.OKActions, AlarmActions: in.AlarmActions, InsufficientDataActions: in.InsufficientDataActions,
		ComparisonOperator: in.ComparisonOperator, Threshold: in.Threshold, ThresholdMetricId: in.ThresholdMetricId,
		EvaluationPeriods: in.EvaluationPeriods, DatapointsToAlarm: in.DatapointsToAlarm, TreatMissingData: in.TreatMissingData,
		EvaluateLowSampleCountPercentile: in.EvaluateLowSampleCountPercentile,
		Namespace:                        in.Namespace, MetricName: in.MetricName, Dimensions: in.Dimensions, Unit: in.Unit, Period: in.Period,
		Statistic: in.Statistic, ExtendedStatistic: in.ExtendedStatistic, Metrics: slices.Clone(in.Metrics),
	}
	if a.Dimensions == nil {
		a.Dimensions = []types.Dimension{}
	}
	return &cw.PutMetricAlarmOutput{}, s.Store.Update(func(tx *store.Tx) error { return s.putAlarm(tx, alarm{MetricAlarm: a}, in.Tags) })
}

// putAlarm stores an alarm of either kind: a new one with its tags and without a state, one
// that is there with the state and the tags that it had.
func (s *Service) putAlarm(tx *store.Tx, row alarm, tags []types.Tag) error {
	now := s.Clock.Now().UTC()
	row.AlarmArn, row.AlarmConfigurationUpdatedTimestamp = aws.String(s.alarmARN(*row.AlarmName)), &now
	row.ActionsEnabled = aws.Bool(row.ActionsEnabled == nil || *row.ActionsEnabled)
	row.OKActions, row.AlarmActions, row.InsufficientDataActions = list(row.OKActions), list(row.AlarmActions), list(row.InsufficientDataActions)
	verb := "created"
	had, exists := s.alarms.Get(tx, *row.AlarmName)
	switch {
	case exists && had.kind() != row.kind():
		return refused("Alarm %s already exists and is a %s", *row.AlarmName, had.kind())
	case exists:
		verb = "updated"
		row.Tags = had.Tags // as on AWS: TagResource changes them
		row.StateValue, row.StateReason, row.StateReasonData = had.StateValue, had.StateReason, had.StateReasonData
		row.StateUpdatedTimestamp, row.StateTransitionedTimestamp = had.StateUpdatedTimestamp, had.StateTransitionedTimestamp
	default:
		row.Tags = tagMap(tags)
		row.StateValue, row.StateReason = types.StateValueInsufficientData, aws.String("Unchecked: Initial alarm creation")
		row.StateUpdatedTimestamp, row.StateTransitionedTimestamp = &now, &now
	}
	s.alarms.Put(tx, *row.AlarmName, row)
	s.note(tx, row, types.HistoryItemTypeConfigurationUpdate, "Alarm \""+*row.AlarmName+"\" "+verb, configuration(verb, row))
	return nil
}

func list(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

// DeleteAlarms removes alarms, all of them or none, and one composite alarm at most. What a
// composite alarm judges by stays as long as that does.
func (s *Service) DeleteAlarms(_ context.Context, in *cw.DeleteAlarmsInput, _ ...func(*cw.Options)) (*cw.DeleteAlarmsOutput, error) {
	return &cw.DeleteAlarmsOutput{}, s.Store.Update(func(tx *store.Tx) error {
		composites := 0
		for _, name := range in.AlarmNames {
			a, ok := s.alarms.Get(tx, name)
			if a.composite() {
				composites++
			}
			switch parent := s.depending(tx, name, in.AlarmNames); {
			case !ok:
				return &types.ResourceNotFound{Message: aws.String("Alarms not found: " + name)}
			case composites > 1:
				return refused("Only one composite alarm can be deleted in a call")
			case parent != "":
				return refused("Cannot delete %s as there are composite alarm(s) depending on it.", name)
			}
			s.alarms.Delete(tx, name)
			s.note(tx, a, types.HistoryItemTypeConfigurationUpdate, "Alarm \""+name+"\" deleted", configuration("deleted", a))
		}
		return nil
	})
}

// DescribeAlarms lists alarms by name: metric alarms, and composite ones if it is asked for
// them.
func (s *Service) DescribeAlarms(_ context.Context, in *cw.DescribeAlarmsInput, _ ...func(*cw.Options)) (*cw.DescribeAlarmsOutput, error) {
	if in.AlarmNamePrefix != nil && len(in.AlarmNames) > 0 {
		return nil, refused("AlarmNames and AlarmNamePrefix are mutually exclusive")
	}
	var all []alarm
	var err error
	s.Store.View(func(tx *store.Tx) { all, err = s.chosen(tx, in) })
	if err != nil {
		return nil, err
	}
	part, next, err := page.Cut(all, func(a alarm) string { return *a.AlarmName }, aws.ToString(in.NextToken), limit(in.MaxRecords))
	if err != nil {
		return nil, errToken
	}
	out := &cw.DescribeAlarmsOutput{MetricAlarms: []types.MetricAlarm{}, CompositeAlarms: []types.CompositeAlarm{}, NextToken: optional(next)}
	for _, a := range part {
		if a.composite() {
			out.CompositeAlarms = append(out.CompositeAlarms, a.described())
		} else {
			out.MetricAlarms = append(out.MetricAlarms, a.MetricAlarm)
		}
	}
	return out, nil
}

// chosen are the alarms that a call asks for.
func (s *Service) chosen(tx *store.Tx, in *cw.DescribeAlarmsInput) (all []alarm, err error) {
	match := func(string) bool { return true }
	relatives := in.ChildrenOfAlarmName != nil || in.ParentsOfAlarmName != nil
	if relatives {
		if match, err = s.related(tx, in); err != nil {
			return nil, err
		}
	}
	for name, a := range s.alarms.All(tx, aws.ToString(in.AlarmNamePrefix)) {
		if (relatives || asked(in.AlarmTypes, a.kind())) && wanted(in, a.MetricAlarm) && match(name) {
			all = append(all, a)
		}
	}
	return all, nil
}

// asked tells whether a kind of alarm is meant: metric alarms if nothing is said.
func asked(kinds []types.AlarmType, kind types.AlarmType) bool {
	if len(kinds) == 0 {
		return kind == types.AlarmTypeMetricAlarm
	}
	return slices.Contains(kinds, kind)
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
			if !a.composite() && has.key() == m.key() && (in.Statistic == "" || in.Statistic == a.Statistic) &&
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
