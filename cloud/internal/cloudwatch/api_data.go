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
)

// maxPage is what a page of GetMetricData holds, over all queries.
const maxPage = 100800

// GetMetricData reads several metrics and expressions over them, the newest values first
// unless ScanBy says otherwise.
func (s *Service) GetMetricData(_ context.Context, in *cw.GetMetricDataInput, _ ...func(*cw.Options)) (*cw.GetMetricDataOutput, error) {
	start, end := aws.ToTime(in.StartTime), aws.ToTime(in.EndTime)
	if !start.Before(end) {
		return nil, refused("The parameter StartTime must be less than the parameter EndTime.")
	}
	p, err := compileAll(in.MetricDataQueries)
	if err != nil {
		return nil, refused("Error in expression or query: %s", err)
	}
	size := int(aws.ToInt32(in.MaxDatapoints))
	if size == 0 {
		size = maxPage
	}
	from := 0
	if in.NextToken != nil {
		if from, err = strconv.Atoi(*in.NextToken); err != nil || from < 0 {
			return nil, errToken
		}
	}
	period := p.period()
	w := s.kept(start, end, period)
	vectors := p.read(&s.metrics, w, 0)
	out := &cw.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{}}
	each := max(size/max(len(in.MetricDataQueries), 1), 1)
	for _, q := range in.MetricDataQueries {
		if q.ReturnData != nil && !*q.ReturnData {
			continue
		}
		r, more := result(q, vectors[*q.Id], w.periods(int64(period)), in.ScanBy, from, each)
		out.MetricDataResults = append(out.MetricDataResults, r)
		if more {
			out.NextToken = aws.String(strconv.Itoa(from + each))
		}
	}
	return out, nil
}

// kept narrows a stretch of time to what can hold values: metrics are kept for so long
// only, and none are of the far future.
func (s *Service) kept(start, end time.Time, period int32) span {
	now := s.Clock.Now()
	oldest := now.Add(-retention - time.Duration(period)*time.Second)
	return span{max(floor(start, period), floor(oldest, period)), min(end.Unix(), now.Add(3*time.Hour).Unix())}
}

// result makes a query's result of at most size of its values, those behind the first
// skip ones, and tells whether there are more.
func result(q types.MetricDataQuery, v vector, periods []int64, by types.ScanBy, skip, size int) (types.MetricDataResult, bool) {
	if v.constant {
		v.points = map[int64]float64{}
		for _, t := range periods {
			v.points[t] = v.value
		}
	}
	times := slices.Sorted(maps.Keys(v.points))
	if by != types.ScanByTimestampAscending {
		slices.Reverse(times)
	}
	times = times[min(skip, len(times)):]
	n := min(len(times), size)
	r := types.MetricDataResult{
		Id: q.Id, Label: label(q), StatusCode: types.StatusCodeComplete,
		Timestamps: []time.Time{}, Values: []float64{},
	}
	for _, t := range times[:n] {
		r.Timestamps = append(r.Timestamps, time.Unix(t, 0).UTC())
		r.Values = append(r.Values, v.points[t])
	}
	if n < len(times) {
		r.StatusCode = types.StatusCodePartialData
	}
	return r, n < len(times)
}

func label(q types.MetricDataQuery) *string {
	switch {
	case q.Label != nil:
		return q.Label
	case q.MetricStat != nil:
		return q.MetricStat.Metric.MetricName
	}
	return q.Id
}
