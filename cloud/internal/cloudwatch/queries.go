package cloudwatch

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// span is the stretch of time, in seconds, of which queries read the periods.
type span struct{ from, to int64 }

func (w span) periods(period int64) []int64 {
	var all []int64
	for t := w.from; t < w.to; t += period {
		all = append(all, t)
	}
	return all
}

// plan is a set of queries, checked and compiled.
type plan struct {
	queries []types.MetricDataQuery
	stats   map[string]statistic
	maths   map[string]expression
	order   []string // of evaluation
}

// compileAll checks queries as GetMetricData and PutMetricAlarm take them.
func compileAll(queries []types.MetricDataQuery) (*plan, error) {
	p := &plan{queries: queries, stats: map[string]statistic{}, maths: map[string]expression{}}
	needs := map[string][]string{}
	for _, q := range queries {
		id := aws.ToString(q.Id)
		if id == "" || id[0] < 'a' || id[0] > 'z' {
			return nil, fmt.Errorf("invalid id %q: ids begin with a lower case letter", id)
		}
		if _, twice := needs[id]; twice {
			return nil, fmt.Errorf("the id %q occurs twice", id)
		}
		needs[id] = nil
		switch {
		case (q.MetricStat == nil) == (q.Expression == nil):
			return nil, fmt.Errorf("query %q must have either MetricStat or Expression", id)
		case q.MetricStat != nil:
			f, ok := statisticOf(aws.ToString(q.MetricStat.Stat))
			if !ok || q.MetricStat.Metric == nil || !validPeriod(aws.ToInt32(q.MetricStat.Period)) {
				return nil, fmt.Errorf("query %q has an invalid metric, statistic or period", id)
			}
			p.stats[id] = f
		default:
			e, ids, err := compile(*q.Expression)
			if err != nil {
				return nil, err
			}
			p.maths[id], needs[id] = e, ids
		}
	}
	return p, p.sort(needs)
}

// sort puts every query behind those that it needs.
func (p *plan) sort(needs map[string][]string) error {
	state := map[string]int{} // 1 in hand, 2 done
	var visit func(string) error
	visit = func(id string) error {
		deps, known := needs[id]
		switch {
		case !known:
			return fmt.Errorf("the id %q is not defined", id)
		case state[id] == 1:
			return fmt.Errorf("the query %q depends on itself", id)
		case state[id] == 2:
			return nil
		}
		state[id] = 1
		for _, d := range deps {
			if err := visit(d); err != nil {
				return err
			}
		}
		state[id] = 2
		p.order = append(p.order, id)
		return nil
	}
	for _, q := range p.queries {
		if err := visit(*q.Id); err != nil {
			return err
		}
	}
	return nil
}

// period is the queries' longest one, 60 if none says.
func (p *plan) period() int32 {
	var longest int32
	for _, q := range p.queries {
		longest = max(longest, aws.ToInt32(q.Period))
		if q.MetricStat != nil {
			longest = max(longest, aws.ToInt32(q.MetricStat.Period))
		}
	}
	if longest == 0 {
		return 60
	}
	return longest
}

// read evaluates all queries over w. Periods are period seconds, or each query's own for
// period 0.
func (p *plan) read(ms *metrics, w span, period int64) map[string]vector {
	common := period
	if common == 0 {
		common = int64(p.period())
	}
	s := scope{vectors: map[string]vector{}, periods: w.periods(common)}
	byID := map[string]types.MetricDataQuery{}
	for _, q := range p.queries {
		byID[*q.Id] = q
	}
	for _, id := range p.order {
		if e := p.maths[id]; e != nil {
			s.vectors[id] = e(s)
			continue
		}
		own := period
		if own == 0 {
			own = int64(aws.ToInt32(byID[id].MetricStat.Period))
		}
		s.vectors[id] = readStat(ms, *byID[id].MetricStat, p.stats[id], w, own)
	}
	return s.vectors
}

func readStat(ms *metrics, q types.MetricStat, f statistic, w span, period int64) vector {
	m := metric{aws.ToString(q.Metric.Namespace), aws.ToString(q.Metric.MetricName), dimensions(q.Metric.Dimensions)}
	sums, unit := ms.periods(m, w.from, w.to, period)
	out := vector{points: map[int64]float64{}}
	if q.Unit != "" && string(q.Unit) != unit {
		return out
	}
	for i := range sums {
		if v, ok := f(&sums[i]); ok {
			out.points[sums[i].start] = v
		}
	}
	return out
}
