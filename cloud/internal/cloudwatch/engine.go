package cloudwatch

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// lookBack is by how many periods an evaluation range is longer than the alarm's own.
const lookBack = 2

// Run evaluates all alarms, every ten seconds of the cloud's time, until ctx ends. A
// store that fails ends it too.
func (s *Service) Run(ctx context.Context) error {
	every := s.Clock.AtLeast(10*time.Second, 200*time.Millisecond)
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			if err := s.evaluateAll(); err != nil {
				return err
			}
		}
	}
}

func (s *Service) evaluateAll() error {
	var all []alarm
	s.Store.View(func(tx *store.Tx) {
		for _, a := range s.alarms.All(tx, "") {
			all = append(all, a)
		}
	})
	now := s.Clock.Now()
	for _, a := range all {
		if a.composite() || s.forced.holds(*a.AlarmName, now) {
			continue
		}
		v, reason, data := s.evaluate(a.MetricAlarm)
		if v.state == "" || v.state == a.StateValue {
			continue
		}
		err := s.Store.Update(func(tx *store.Tx) error {
			now, ok := s.alarms.Get(tx, *a.AlarmName)
			if !ok || now.composite() || !now.AlarmConfigurationUpdatedTimestamp.Equal(*a.AlarmConfigurationUpdatedTimestamp) || now.StateValue != a.StateValue {
				return nil // changed meanwhile: the next round sees it
			}
			s.transition(tx, now, v.state, reason, data)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.evaluateComposites(all)
}

// evaluate judges one alarm as of now, over periods that are complete.
func (s *Service) evaluate(a types.MetricAlarm) (v verdict, reason, data string) {
	n := int(*a.EvaluationPeriods)
	m := n
	if a.DatapointsToAlarm != nil {
		m = int(*a.DatapointsToAlarm)
	}
	queries, id := queriesOf(a)
	p, err := compileAll(queries)
	if err != nil { // checked when the alarm was put
		return verdict{}, "", ""
	}
	now := s.Clock.Now()
	period := int64(s.Clock.Scale(time.Duration(p.period())*time.Second) / time.Second)
	period = max(period/s.metrics.width, 1) * s.metrics.width
	end := now.Unix() / s.metrics.width * s.metrics.width
	w := span{end - int64(n+lookBack)*period, end}
	values := p.read(&s.metrics, w, period)[id]
	var points []point
	for _, t := range w.periods(period) {
		x, ok := values.at(t)
		points = append(points, point{at: t, value: x, known: ok})
	}
	breaches := func(x float64) bool { return comparisons[a.ComparisonOperator](x, *a.Threshold) }
	v = judge(points, n, m, aws.ToString(a.TreatMissingData), breaches)
	return v, v.reason(a, n, m), reasonData(a, v, now, p.period())
}

// queriesOf returns an alarm's queries and the id of the one that is held against the
// threshold.
func queriesOf(a types.MetricAlarm) (queries []types.MetricDataQuery, id string) {
	for _, q := range a.Metrics {
		if !hidden(q) {
			return a.Metrics, *q.Id
		}
	}
	return []types.MetricDataQuery{{Id: aws.String("m"), MetricStat: &types.MetricStat{
		Metric: &types.Metric{Namespace: a.Namespace, MetricName: a.MetricName, Dimensions: a.Dimensions},
		Period: a.Period, Stat: aws.String(statisticName(a.Statistic, a.ExtendedStatistic)), Unit: a.Unit,
	}}}, "m"
}

// instant is how CloudWatch writes times inside its JSON texts.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000-0700") }

func reasonData(a types.MetricAlarm, v verdict, now time.Time, period int32) string {
	recent := []float64{}
	evaluated := []map[string]any{}
	for i, p := range v.used {
		recent = append(recent, v.used[len(v.used)-1-i].value)
		evaluated = append(evaluated, map[string]any{"timestamp": instant(time.Unix(p.at, 0)), "value": p.value})
	}
	d := map[string]any{
		"version": "1.0", "queryDate": instant(now), "period": period,
		"recentDatapoints": recent, "threshold": *a.Threshold, "evaluatedDatapoints": evaluated,
	}
	if n := len(v.used); n > 0 {
		d["startDate"] = instant(time.Unix(v.used[n-1].at, 0))
	}
	if a.Statistic != "" {
		d["statistic"] = a.Statistic
	}
	text, _ := json.Marshal(d) // plain values: metrics are finite
	return string(text)
}

// transition puts an alarm into a state and writes it into the history, if it changes.
func (s *Service) transition(tx *store.Tx, a alarm, to types.StateValue, reason, data string) {
	now := s.Clock.Now().UTC()
	old := a.MetricAlarm
	a.StateValue, a.StateReason, a.StateReasonData, a.StateUpdatedTimestamp = to, &reason, optional(data), &now
	if old.StateValue != to {
		a.StateTransitionedTimestamp = &now
		s.note(tx, a, types.HistoryItemTypeStateUpdate, "Alarm updated from "+string(old.StateValue)+" to "+string(to), map[string]any{
			"version": "1.0", "oldState": stateOf(old), "newState": stateOf(a.MetricAlarm),
		})
	}
	s.alarms.Put(tx, *a.AlarmName, a)
}

func stateOf(a types.MetricAlarm) map[string]any {
	m := map[string]any{"stateValue": a.StateValue, "stateReason": aws.ToString(a.StateReason)}
	if d := aws.ToString(a.StateReasonData); json.Valid([]byte(d)) {
		m["stateReasonData"] = json.RawMessage(d)
	}
	return m
}

// forced are the alarms that SetAlarmState has put into a state, and until when that
// holds: a period, in which AWS would not have evaluated them either.
type forced struct {
	sync.Mutex
	until map[string]time.Time
}

func (f *forced) hold(name string, until time.Time) {
	f.Lock()
	defer f.Unlock()
	f.until[name] = until
}

func (f *forced) holds(name string, now time.Time) bool {
	f.Lock()
	defer f.Unlock()
	until, ok := f.until[name]
	if ok && !now.Before(until) {
		delete(f.until, name)
	}
	return now.Before(until)
}

// SetAlarmState forces an alarm into a state, until an evaluation, a minute later or its
// period if that is shorter, finds otherwise.
func (s *Service) SetAlarmState(_ context.Context, in *cw.SetAlarmStateInput, _ ...func(*cw.Options)) (*cw.SetAlarmStateOutput, error) {
	if d := in.StateReasonData; d != nil && !json.Valid([]byte(*d)) {
		return nil, &types.InvalidFormatFault{Message: aws.String("StateReasonData is not valid JSON")}
	}
	return &cw.SetAlarmStateOutput{}, s.Store.Update(func(tx *store.Tx) error {
		a, ok := s.alarms.Get(tx, aws.ToString(in.AlarmName))
		if !ok {
			return &types.ResourceNotFound{}
		}
		period := time.Duration(s.metrics.width) * time.Second
		if p := aws.ToInt32(a.Period); p > 0 && p < 60 {
			period = min(period, time.Duration(p)*time.Second)
		}
		s.forced.hold(*in.AlarmName, s.Clock.Now().Add(period))
		s.transition(tx, a, in.StateValue, aws.ToString(in.StateReason), aws.ToString(in.StateReasonData))
		return nil
	})
}

// States tells the states of those of the named alarms that exist.
func (s *Service) States(_ context.Context, names []string) (map[string]types.StateValue, error) {
	states := map[string]types.StateValue{}
	s.Store.View(func(tx *store.Tx) {
		for _, n := range names {
			if a, ok := s.alarms.Get(tx, n); ok {
				states[n] = a.StateValue
			}
		}
	})
	return states, nil
}
