package cloudwatch

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/turnoutdev/turnout/cloud/internal/page"
)

func itoa(n int) string { return strconv.Itoa(n) }

// validPeriod tells whether CloudWatch takes a period, in seconds.
func validPeriod(p int32) bool {
	return p == 1 || p == 5 || p == 10 || p == 20 || p == 30 || (p > 0 && p%60 == 0)
}

// maxDatapoints is what GetMetricStatistics returns at most.
const maxDatapoints = 1440

// GetMetricStatistics returns a metric's statistics by periods, in no particular order.
func (s *Service) GetMetricStatistics(_ context.Context, in *cw.GetMetricStatisticsInput, _ ...func(*cw.Options)) (*cw.GetMetricStatisticsOutput, error) {
	period, start, end := aws.ToInt32(in.Period), aws.ToTime(in.StartTime), aws.ToTime(in.EndTime)
	stats, err := statistics(in)
	switch {
	case err != nil:
		return nil, err
	case !validPeriod(period):
		return nil, badValue("The parameter Period must be a multiple of 60, or 1, 5, 10, 20 or 30.")
	case !start.Before(end):
		return nil, badMix("The parameter StartTime must be less than the parameter EndTime.")
	case int64(end.Sub(start)/time.Second)/int64(period) > maxDatapoints:
		return nil, badMix("You have requested up to %d datapoints, which exceeds the limit of %d. You may reduce the datapoints requested by increasing Period, or decreasing the time range.", int64(end.Sub(start)/time.Second)/int64(period), maxDatapoints)
	}
	m := metric{aws.ToString(in.Namespace), aws.ToString(in.MetricName), dimensions(in.Dimensions)}
	sums, unit := s.metrics.periods(m, floor(start, period), end.Unix(), int64(period))
	out := &cw.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []types.Datapoint{}}
	if in.Unit != "" && string(in.Unit) != unit {
		return out, nil
	}
	for _, b := range sums {
		d := types.Datapoint{Timestamp: aws.Time(time.Unix(b.start, 0).UTC()), Unit: unitOf(unit)}
		for name, f := range stats {
			if v, ok := f(&b); ok {
				fillIn(&d, name, v)
			}
		}
		out.Datapoints = append(out.Datapoints, d)
	}
	return out, nil
}

// statistics reads the statistics that are asked for, at least one.
func statistics(in *cw.GetMetricStatisticsInput) (map[string]statistic, error) {
	names := slices.Clone(in.ExtendedStatistics)
	for _, n := range in.Statistics {
		names = append(names, string(n))
	}
	if len(names) == 0 {
		return nil, badMix("At least one of the parameters Statistics and ExtendedStatistics must be specified.")
	}
	stats := map[string]statistic{}
	for _, n := range names {
		f, ok := statisticOf(n)
		if !ok {
			return nil, badValue("The value %s for parameter ExtendedStatistics is not supported.", n)
		}
		stats[n] = f
	}
	return stats, nil
}

func fillIn(d *types.Datapoint, name string, v float64) {
	switch types.Statistic(name) {
	case types.StatisticSum:
		d.Sum = &v
	case types.StatisticAverage:
		d.Average = &v
	case types.StatisticMinimum:
		d.Minimum = &v
	case types.StatisticMaximum:
		d.Maximum = &v
	case types.StatisticSampleCount:
		d.SampleCount = &v
	default:
		if d.ExtendedStatistics == nil {
			d.ExtendedStatistics = map[string]float64{}
		}
		d.ExtendedStatistics[name] = v
	}
}

func unitOf(unit string) types.StandardUnit {
	if unit == "" {
		return types.StandardUnitNone
	}
	return types.StandardUnit(unit)
}

// floor is the start of the period that t is in, as CloudWatch rounds a start time.
func floor(t time.Time, period int32) int64 { return t.Unix() / int64(period) * int64(period) }

// ListMetrics lists the metrics that have been written.
func (s *Service) ListMetrics(_ context.Context, in *cw.ListMetricsInput, _ ...func(*cw.Options)) (*cw.ListMetricsOutput, error) {
	all := s.metrics.list(func(x *series) bool {
		for _, f := range in.Dimensions {
			v, ok := x.dims[aws.ToString(f.Name)]
			if !ok || (f.Value != nil && *f.Value != v) {
				return false
			}
		}
		return (in.Namespace == nil || *in.Namespace == x.namespace) && (in.MetricName == nil || *in.MetricName == x.name)
	})
	part, next, err := page.Cut(all, metric.key, aws.ToString(in.NextToken), 500)
	if err != nil {
		return nil, errToken
	}
	out := &cw.ListMetricsOutput{Metrics: []types.Metric{}, NextToken: optional(next)}
	for _, m := range part {
		t := types.Metric{Namespace: &m.namespace, MetricName: &m.name, Dimensions: []types.Dimension{}}
		for _, k := range slices.Sorted(maps.Keys(m.dims)) {
			t.Dimensions = append(t.Dimensions, types.Dimension{Name: aws.String(k), Value: aws.String(m.dims[k])})
		}
		out.Metrics = append(out.Metrics, t)
	}
	return out, nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
