package cloudwatch

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

var ctx = context.Background()

func open(t *testing.T, scale float64) *Service {
	t.Helper()
	st, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Store: st, Clock: clock.New(scale), Place: arn.Place{Partition: "aws", Account: "123456789012", Region: "us-east-1"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// running evaluates alarms until the test ends; call it inside a bubble.
func running(t *testing.T, s *Service) {
	t.Helper()
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

var tg = map[string]string{"TargetGroup": "targetgroup/web/1", "LoadBalancer": "app/lb/1"}

// fiveHundreds is an alarm on more than five errors a minute, in 2 minutes of 3.
func fiveHundreds() *cw.PutMetricAlarmInput {
	return &cw.PutMetricAlarmInput{
		AlarmName: aws.String("5xx"), Namespace: aws.String("AWS/ApplicationELB"), MetricName: aws.String("HTTPCode_Target_5XX_Count"),
		Dimensions: []types.Dimension{{Name: aws.String("TargetGroup"), Value: aws.String("targetgroup/web/1")}, {Name: aws.String("LoadBalancer"), Value: aws.String("app/lb/1")}},
		Statistic:  types.StatisticSum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(3), DatapointsToAlarm: aws.Int32(2),
		Threshold: aws.Float64(5), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, TreatMissingData: aws.String("notBreaching"),
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("web")}},
	}
}

func put(t *testing.T, s *Service, in *cw.PutMetricAlarmInput) {
	t.Helper()
	if _, err := s.PutMetricAlarm(ctx, in); err != nil {
		t.Fatal(err)
	}
}

func described(t *testing.T, s *Service, name string) types.MetricAlarm {
	t.Helper()
	out, err := s.DescribeAlarms(ctx, &cw.DescribeAlarmsInput{AlarmNames: []string{name}})
	if err != nil || len(out.MetricAlarms) != 1 {
		t.Fatalf("alarm %s: %+v, %v", name, out, err)
	}
	return out.MetricAlarms[0]
}

func TestAlarmRisesAndFalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 1)
		running(t, s)
		put(t, s, fiveHundreds())
		if a := described(t, s, "5xx"); a.StateValue != types.StateValueInsufficientData || *a.StateReason != "Unchecked: Initial alarm creation" {
			t.Errorf("begins as %s: %s", a.StateValue, *a.StateReason)
		}
		time.Sleep(time.Minute)
		if a := described(t, s, "5xx"); a.StateValue != types.StateValueOk {
			t.Errorf("without requests it is %s", a.StateValue)
		}
		for range 2 {
			for range 8 {
				s.Record("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", tg, 1, "Count")
			}
			time.Sleep(time.Minute)
		}
		time.Sleep(30 * time.Second)
		a := described(t, s, "5xx")
		if a.StateValue != types.StateValueAlarm || !strings.HasPrefix(*a.StateReason, "Threshold Crossed: 2 out of the last 3 datapoints [8.0 (") ||
			!strings.Contains(*a.StateReason, ")] were greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition)") {
			t.Errorf("with errors it is %s: %s", a.StateValue, *a.StateReason)
		}
		time.Sleep(6 * time.Minute)
		if a := described(t, s, "5xx"); a.StateValue != types.StateValueOk {
			t.Errorf("afterwards it is %s", a.StateValue)
		}
		h, err := s.DescribeAlarmHistory(ctx, &cw.DescribeAlarmHistoryInput{AlarmName: aws.String("5xx"), HistoryItemType: types.HistoryItemTypeStateUpdate})
		if err != nil || len(h.AlarmHistoryItems) != 3 || *h.AlarmHistoryItems[0].HistorySummary != "Alarm updated from ALARM to OK" {
			t.Errorf("history: %+v, %v", h, err)
		}
	})
}

func TestScaledTimeShrinksPeriods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 60)
		running(t, s)
		put(t, s, fiveHundreds())
		for range 4 {
			for range 8 {
				s.Record("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", tg, 1, "Count")
			}
			time.Sleep(time.Second)
		}
		if a := described(t, s, "5xx"); a.StateValue != types.StateValueAlarm {
			t.Errorf("after four scaled minutes it is %s", a.StateValue)
		}
	})
}

func TestAlarmOnAnExpression(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 1)
		running(t, s)
		of := func(id, name string) types.MetricDataQuery {
			return types.MetricDataQuery{Id: &id, ReturnData: aws.Bool(false), MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: aws.String("App"), MetricName: &name}, Period: aws.Int32(60), Stat: aws.String("Sum"),
			}}
		}
		in := &cw.PutMetricAlarmInput{
			AlarmName: aws.String("rate"), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(10),
			ComparisonOperator: types.ComparisonOperatorGreaterThanOrEqualToThreshold,
			Metrics:            []types.MetricDataQuery{of("m1", "Errors"), of("m2", "Requests"), {Id: aws.String("e"), Expression: aws.String("100*m1/m2")}},
		}
		put(t, s, in)
		s.Record("App", "Errors", nil, 1, "")
		s.Record("App", "Requests", nil, 8, "")
		time.Sleep(70 * time.Second)
		if a := described(t, s, "rate"); a.StateValue != types.StateValueAlarm || !strings.Contains(*a.StateReason, "[12.5 (") {
			t.Errorf("it is %s: %s", a.StateValue, *a.StateReason)
		}
		in.Metrics[2].ReturnData = aws.Bool(false)
		if _, err := s.PutMetricAlarm(ctx, in); err == nil {
			t.Error("an alarm on nothing is taken")
		}
	})
}

func TestAForcedStateHoldsForAPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 1)
		running(t, s)
		put(t, s, fiveHundreds())
		time.Sleep(time.Minute)
		if _, err := s.SetAlarmState(ctx, &cw.SetAlarmStateInput{AlarmName: aws.String("5xx"), StateValue: types.StateValueAlarm, StateReason: aws.String("drill")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(55 * time.Second)
		if a := described(t, s, "5xx"); a.StateValue != types.StateValueAlarm || *a.StateReason != "drill" {
			t.Errorf("within its period it became %s: %s", a.StateValue, *a.StateReason)
		}
		time.Sleep(20 * time.Second)
		if a := described(t, s, "5xx"); a.StateValue != types.StateValueOk {
			t.Errorf("after its period it is still %s", a.StateValue)
		}
	})
}

func TestForcedStatesAndTheirReaders(t *testing.T) {
	s := open(t, 1)
	put(t, s, fiveHundreds())
	_, err := s.SetAlarmState(ctx, &cw.SetAlarmStateInput{AlarmName: aws.String("5xx"), StateValue: types.StateValueAlarm, StateReason: aws.String("drill"), StateReasonData: aws.String(`{"x":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	states, err := s.States(ctx, []string{"5xx", "none"})
	if err != nil || len(states) != 1 || states["5xx"] != types.StateValueAlarm {
		t.Errorf("states are %v, %v", states, err)
	}
	put(t, s, fiveHundreds())
	if a := described(t, s, "5xx"); a.StateValue != types.StateValueAlarm {
		t.Error("a change of the alarm forgets its state")
	}
	var none *types.ResourceNotFound
	if _, err := s.SetAlarmState(ctx, &cw.SetAlarmStateInput{AlarmName: aws.String("x"), StateValue: types.StateValueOk}); !errors.As(err, &none) {
		t.Errorf("an unknown alarm: %v", err)
	}
	if _, err := s.DeleteAlarms(ctx, &cw.DeleteAlarmsInput{AlarmNames: []string{"5xx", "x"}}); !errors.As(err, &none) {
		t.Errorf("deleting an unknown alarm: %v", err)
	}
	described(t, s, "5xx")
}

func TestDescribeAlarmsPagesAndChooses(t *testing.T) {
	s := open(t, 1)
	for _, n := range []string{"a-1", "a-2", "a-3", "b-1"} {
		in := fiveHundreds()
		in.AlarmName = aws.String(n)
		put(t, s, in)
	}
	p := cw.NewDescribeAlarmsPaginator(s, &cw.DescribeAlarmsInput{AlarmNamePrefix: aws.String("a-"), MaxRecords: aws.Int32(2)})
	var got []string
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range out.MetricAlarms {
			got = append(got, *a.AlarmName)
		}
	}
	if strings.Join(got, " ") != "a-1 a-2 a-3" {
		t.Errorf("listed %v", got)
	}
	out, err := s.DescribeAlarms(ctx, &cw.DescribeAlarmsInput{StateValue: types.StateValueOk})
	if err != nil || len(out.MetricAlarms) != 0 {
		t.Errorf("OK are %+v, %v", out, err)
	}
	m := fiveHundreds()
	forMetric, err := s.DescribeAlarmsForMetric(ctx, &cw.DescribeAlarmsForMetricInput{Namespace: m.Namespace, MetricName: m.MetricName, Dimensions: m.Dimensions})
	if err != nil || len(forMetric.MetricAlarms) != 4 {
		t.Errorf("on the metric: %+v, %v", forMetric, err)
	}
}

func TestStatistics(t *testing.T) {
	s := open(t, 1)
	now := time.Now()
	for i := range 100 {
		s.Record("App", "Latency", map[string]string{"Host": "a"}, float64(i+1), "Milliseconds")
	}
	_, err := s.PutMetricData(ctx, &cw.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []types.MetricDatum{
		{MetricName: aws.String("Size"), Values: []float64{1, 5}, Counts: []float64{3, 1}},
		{MetricName: aws.String("Set"), StatisticValues: &types.StatisticSet{SampleCount: aws.Float64(4), Sum: aws.Float64(10), Minimum: aws.Float64(1), Maximum: aws.Float64(4)}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string, dims []types.Dimension) types.Datapoint {
		out, err := s.GetMetricStatistics(ctx, &cw.GetMetricStatisticsInput{
			Namespace: aws.String("App"), MetricName: &name, Dimensions: dims, Period: aws.Int32(3600), StartTime: aws.Time(now.Add(-time.Hour)), EndTime: aws.Time(now.Add(time.Hour)),
			Statistics: types.StatisticSum.Values(), ExtendedStatistics: []string{"p90"},
		})
		if err != nil || len(out.Datapoints) != 1 {
			t.Fatalf("%s: %+v, %v", name, out, err)
		}
		return out.Datapoints[0]
	}
	d := read("Latency", []types.Dimension{{Name: aws.String("Host"), Value: aws.String("a")}})
	if *d.Sum != 5050 || *d.Average != 50.5 || *d.Minimum != 1 || *d.Maximum != 100 || *d.SampleCount != 100 || d.Unit != types.StandardUnitMilliseconds {
		t.Errorf("latency: %+v", d)
	}
	if p := d.ExtendedStatistics["p90"]; p < 89 || p > 91 {
		t.Errorf("p90 is %v", p)
	}
	if d := read("Size", nil); *d.Sum != 8 || *d.SampleCount != 4 {
		t.Errorf("size: %+v", d)
	}
	if d := read("Set", nil); *d.Average != 2.5 || len(d.ExtendedStatistics) != 0 {
		t.Errorf("a set: %+v", d)
	}
	list, err := s.ListMetrics(ctx, &cw.ListMetricsInput{Dimensions: []types.DimensionFilter{{Name: aws.String("Host")}}})
	if err != nil || len(list.Metrics) != 1 || *list.Metrics[0].MetricName != "Latency" {
		t.Errorf("listed %+v, %v", list, err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s := open(t, 1)
	now := time.Now()
	for i := range maxSeries + 10 {
		s.metrics.record(metric{"N", itoa(i), nil}, "", now, now.Add(time.Duration(i)), bucket{count: 1})
	}
	if n := len(s.metrics.all); n != maxSeries {
		t.Errorf("%d series", n)
	}
	one := metric{"N", "5000", nil}
	for i := range 400 {
		at := now.Add(time.Duration(i) * time.Minute)
		s.metrics.record(one, "", at, at, bucket{count: 1})
	}
	if n := len(s.metrics.all[one.key()].buckets); n > 182 {
		t.Errorf("%d buckets", n)
	}
}

// The SDK's own client reads and writes through the wire.
func TestOverTheWire(t *testing.T) {
	s := open(t, 1)
	h := wire.NewServer(wire.Options{Services: []*wire.Service{wire.CloudWatch(s.Ops())}})
	c := cw.New(cw.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://cloud.local"), RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}, HTTPClient: &http.Client{Transport: wire.Transport(h)}})
	if _, err := c.PutMetricAlarm(ctx, fiveHundreds()); err != nil {
		t.Fatal(err)
	}
	out, err := c.DescribeAlarms(ctx, &cw.DescribeAlarmsInput{})
	if err != nil || len(out.MetricAlarms) != 1 || *out.MetricAlarms[0].AlarmArn != "arn:aws:cloudwatch:us-east-1:123456789012:alarm:5xx" {
		t.Fatalf("alarms: %+v, %v", out, err)
	}
	tags, err := c.ListTagsForResource(ctx, &cw.ListTagsForResourceInput{ResourceARN: out.MetricAlarms[0].AlarmArn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Key != "team" {
		t.Errorf("tags: %+v, %v", tags, err)
	}
	if _, err := c.PutMetricData(ctx, &cw.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []types.MetricDatum{{MetricName: aws.String("Q"), Value: aws.Float64(7)}}}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	data, err := c.GetMetricData(ctx, &cw.GetMetricDataInput{StartTime: aws.Time(now.Add(-time.Hour)), EndTime: aws.Time(now.Add(time.Minute)), MetricDataQueries: []types.MetricDataQuery{
		{Id: aws.String("q"), MetricStat: &types.MetricStat{Metric: &types.Metric{Namespace: aws.String("App"), MetricName: aws.String("Q")}, Period: aws.Int32(60), Stat: aws.String("Maximum")}},
		{Id: aws.String("e"), Expression: aws.String("q*6")},
	}})
	if err != nil || len(data.MetricDataResults) != 2 || len(data.MetricDataResults[1].Values) != 1 || data.MetricDataResults[1].Values[0] != 42 {
		t.Errorf("data: %+v, %v", data, err)
	}
	var api smithy.APIError
	if _, err := c.PutMetricData(ctx, &cw.PutMetricDataInput{Namespace: aws.String("AWS/ECS"), MetricData: []types.MetricDatum{{MetricName: aws.String("Q"), Value: aws.Float64(7)}}}); !errors.As(err, &api) || api.ErrorCode() != "InvalidParameterValue" {
		t.Errorf("AWS's own namespace: %v", err)
	}
}
