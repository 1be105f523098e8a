package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

func (c *Console) balancers(r *http.Request) (any, error) { return c.survey(r.Context()) }

// balancerView is one load balancer with what CloudWatch knows of its groups.
type balancerView struct {
	balancer
	Groups []groupView `json:"groups"`
	Period float64     `json:"period"` // seconds of one value
}

type groupView struct {
	group
	Requests []float64 `json:"requests"` // by period, oldest first
	Faults   float64   `json:"faults"`   // answers with 5XX in all of them
	P50      float64   `json:"p50"`      // seconds, of the newest period with any
	P99      float64   `json:"p99"`
}

// named is the thing that a path names, behind which .json may stand.
func named(r *http.Request, what string) string {
	return strings.TrimSuffix(r.PathValue(what), ".json")
}

func (c *Console) balancer(r *http.Request) (any, error) {
	n, err := c.survey(r.Context())
	if err != nil {
		return nil, err
	}
	for _, b := range n.Balancers {
		if b.Name != named(r, "name") {
			continue
		}
		out := balancerView{balancer: b, Groups: []groupView{}, Period: c.period().Seconds()}
		for _, g := range n.Groups {
			if !slices.Contains(g.Balancers, b.Name) {
				continue
			}
			one := groupView{group: g}
			if err := c.measure(r.Context(), b, &one); err != nil {
				return nil, err
			}
			out.Groups = append(out.Groups, one)
		}
		return out, nil
	}
	return nil, absent("load balancer", named(r, "name"))
}

// periods is how many values a group's metrics have.
const periods = 30

// period is the time of one value: a minute, or a few seconds on a cloud whose time is
// scaled, which counts by the second.
func (c *Console) period() time.Duration {
	if c.Scale(time.Minute) < time.Minute {
		return 5 * time.Second
	}
	return time.Minute
}

// measure reads a group's metrics of the last periods.
func (c *Console) measure(ctx context.Context, b balancer, g *groupView) error {
	every := c.period()
	end := time.Now().Truncate(every)
	dims := []cwtypes.Dimension{
		{Name: aws.String("LoadBalancer"), Value: aws.String(short(b.ARN, "loadbalancer/"))}, {Name: aws.String("TargetGroup"), Value: aws.String("targetgroup/" + short(g.ARN, "targetgroup/"))},
	}
	query := func(id, metric, stat string) cwtypes.MetricDataQuery {
		return cwtypes.MetricDataQuery{Id: &id, MetricStat: &cwtypes.MetricStat{
			Metric: &cwtypes.Metric{Namespace: aws.String("AWS/ApplicationELB"), MetricName: &metric, Dimensions: dims}, Period: aws.Int32(int32(every.Seconds())), Stat: &stat,
		}}
	}
	begin := end.Add(-periods * every)
	out, err := c.Measures.GetMetricData(ctx, &cw.GetMetricDataInput{StartTime: &begin, EndTime: &end, ScanBy: cwtypes.ScanByTimestampAscending, MetricDataQueries: []cwtypes.MetricDataQuery{
		query("requests", "RequestCount", "Sum"), query("faults", "HTTPCode_Target_5XX_Count", "Sum"), query("p50", "TargetResponseTime", "p50"), query("p99", "TargetResponseTime", "p99"),
	}})
	if err != nil {
		return err
	}
	g.Requests = make([]float64, periods)
	for _, m := range out.MetricDataResults {
		for i, v := range m.Values {
			switch aws.ToString(m.Id) {
			case "requests":
				if at := int(m.Timestamps[i].Sub(begin) / every); at >= 0 && at < periods {
					g.Requests[at] += v
				}
			case "faults":
				g.Faults += v
			case "p50":
				g.P50 = v
			case "p99":
				g.P99 = v
			}
		}
	}
	return nil
}

// short is what stands behind a mark in an ARN.
func short(arn, mark string) string {
	_, after, _ := strings.Cut(arn, mark)
	return after
}
