package cloudwatch

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// The limits of PutMetricData.
const (
	maxData       = 1000
	maxValues     = 150
	maxDimensions = 30
)

// Record takes in one value of a metric, measured now. The cloud's own services publish
// through it: names and dimensions as AWS documents them, unit one of types.StandardUnit
// or empty.
func (s *Service) Record(namespace, name string, dims map[string]string, value float64, unit string) {
	now := s.Clock.Now()
	var b bucket
	b.add(value, 1)
	s.metrics.record(metric{namespace, name, dims}, unit, now, now, b)
}

// RecordCounts takes in many values of a metric at once, measured now: how often each
// occurred.
func (s *Service) RecordCounts(namespace, name string, dims map[string]string, counts map[float64]float64, unit string) {
	now := s.Clock.Now()
	var b bucket
	for v, n := range counts {
		b.add(v, n)
	}
	s.metrics.record(metric{namespace, name, dims}, unit, now, now, b)
}

// PutMetricData takes in values. Nothing of a call with an error in it is kept.
func (s *Service) PutMetricData(_ context.Context, in *cw.PutMetricDataInput, _ ...func(*cw.Options)) (*cw.PutMetricDataOutput, error) {
	namespace := aws.ToString(in.Namespace)
	if strings.HasPrefix(namespace, "AWS/") {
		return nil, badValue("The value AWS/ for parameter Namespace is invalid.")
	}
	data := in.MetricData
	for _, e := range in.EntityMetricData {
		data = append(data[:len(data):len(data)], e.MetricData...)
	}
	if len(data) == 0 {
		return nil, missing("MetricData")
	}
	if len(data) > maxData {
		return nil, badValue("The collection MetricData must not have a size greater than %d.", maxData)
	}
	now := s.Clock.Now()
	sums := make([]bucket, len(data))
	for i, d := range data {
		var err error
		if sums[i], err = sum(d, i+1, now); err != nil {
			return nil, err
		}
	}
	for i, d := range data {
		m := metric{namespace, aws.ToString(d.MetricName), dimensions(d.Dimensions)}
		s.metrics.record(m, string(d.Unit), at(d, now), now, sums[i])
	}
	return &cw.PutMetricDataOutput{}, nil
}

// at is when a datum was measured.
func at(d types.MetricDatum, now time.Time) time.Time {
	if d.Timestamp == nil {
		return now
	}
	return *d.Timestamp
}

// sum checks the nth datum and sums it up.
func sum(d types.MetricDatum, n int, now time.Time) (b bucket, err error) {
	forms := 0
	for _, given := range []bool{d.Value != nil, len(d.Values) > 0, d.StatisticValues != nil} {
		if given {
			forms++
		}
	}
	switch t := at(d, now); {
	case forms == 0:
		return b, missing("MetricData.member." + itoa(n) + ".Value")
	case forms > 1:
		return b, badMix("The parameters MetricData.member.%d.Value and MetricData.member.%d.StatisticValues are mutually exclusive and you have specified both.", n, n)
	case len(d.Dimensions) > maxDimensions:
		return b, badValue("The collection MetricData.member.%d.Dimensions must not have a size greater than %d.", n, maxDimensions)
	case len(d.Values) > maxValues:
		return b, badValue("The collection MetricData.member.%d.Values must not have a size greater than %d.", n, maxValues)
	case len(d.Counts) > 0 && len(d.Counts) != len(d.Values):
		return b, badValue("The parameters MetricData.member.%d.Values and MetricData.member.%d.Counts must be of the same size.", n, n)
	case t.Before(now.Add(-14*24*time.Hour)) || t.After(now.Add(2*time.Hour)):
		return b, badValue("The parameter MetricData.member.%d.Timestamp must specify a time within the past two weeks and no more than two hours in the future.", n)
	}
	if v := d.StatisticValues; v != nil {
		return set(*v, n)
	}
	values := d.Values
	if d.Value != nil {
		values = []float64{*d.Value}
	}
	for i, v := range values {
		count := 1.0
		if len(d.Counts) > 0 {
			count = d.Counts[i]
		}
		if !measurable(v) || !measurable(count) {
			return b, badValue("The value %v for parameter MetricData.member.%d.Value is invalid.", v, n)
		}
		b.add(v, count)
	}
	return b, nil
}

// set makes a bucket of a statistic set.
func set(v types.StatisticSet, n int) (bucket, error) {
	b := bucket{count: aws.ToFloat64(v.SampleCount), sum: aws.ToFloat64(v.Sum), min: aws.ToFloat64(v.Minimum), max: aws.ToFloat64(v.Maximum), opaque: true}
	if b.min > b.max {
		return b, badMix("The parameter MetricData.member.%d.StatisticValues.Maximum must be greater than MetricData.member.%d.StatisticValues.Minimum.", n, n)
	}
	for _, x := range []float64{b.count, b.sum, b.min, b.max} {
		if !measurable(x) {
			return b, badValue("The value %v for parameter MetricData.member.%d.StatisticValues is invalid.", x, n)
		}
	}
	return b, nil
}

// measurable holds a value against the range that CloudWatch takes.
func measurable(v float64) bool { return math.Abs(v) <= 0x1p360 }

func dimensions(ds []types.Dimension) map[string]string {
	m := make(map[string]string, len(ds))
	for _, d := range ds {
		m[aws.ToString(d.Name)] = aws.ToString(d.Value)
	}
	return m
}
