package elbv2

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Traffic is what the data path has counted. Counts only grow.
type Traffic interface {
	Stats(group string) balancer.Stats
	Times(group string) balancer.Times
	ListenerStats(listener string) balancer.ListenerStats
}

// Metrics takes in measurements: how often each value of a metric was seen.
type Metrics interface {
	RecordCounts(namespace, name string, dims map[string]string, counts map[float64]float64, unit string)
}

// Units of metrics.
const (
	unitCount   = "Count"
	unitSeconds = "Seconds"
)

// meter publishes what load balancers do as CloudWatch's metrics. It remembers what was
// counted when it last looked.
type meter struct {
	*Service
	to        Metrics
	traffic   Traffic
	stats     map[string]balancer.Stats // by group
	times     map[string]balancer.Times
	listeners map[string]balancer.ListenerStats
}

// Measure publishes AWS/ApplicationELB's and AWS/NetworkELB's metrics, every five seconds
// of the cloud's time, until ctx ends.
func (s *Service) Measure(ctx context.Context, traffic Traffic, to Metrics) error {
	m := &meter{
		Service: s, to: to, traffic: traffic,
		stats: map[string]balancer.Stats{}, times: map[string]balancer.Times{}, listeners: map[string]balancer.ListenerStats{},
	}
	t := time.NewTicker(s.Clock.AtLeast(5*time.Second, 200*time.Millisecond))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			m.publish()
		}
	}
}

// attached is a target group and the load balancer that sends to it.
type attached struct{ group, balancer string }

func (m *meter) publish() {
	var fronts []listenerOf
	var groups []attached
	m.Store.View(func(tx *store.Tx) {
		for id, l := range m.tables.listeners.All(tx, "") {
			fronts = append(fronts, listenerOf{id, aws.ToString(l.Desc.LoadBalancerArn)})
		}
		for group, balancers := range m.associations(tx) {
			for _, b := range balancers {
				groups = append(groups, attached{group, b})
			}
		}
	})
	sums := map[string]*counted{} // by load balancer
	of := func(lb string) *counted {
		if sums[lb] == nil {
			sums[lb] = &counted{}
		}
		return sums[lb]
	}
	for _, f := range fronts {
		of(f.balancer).listener(m.listenerDelta(f.listener))
	}
	deltas := map[string]counted{} // a group's, which may serve two load balancers
	for _, a := range groups {
		d, ok := deltas[a.group]
		if !ok {
			d = m.groupDelta(a.group)
			deltas[a.group] = d
		}
		of(a.balancer).group(d)
		m.publishGroup(a, d)
	}
	for _, lb := range slices.Sorted(maps.Keys(sums)) {
		m.publishBalancer(lb, *sums[lb])
	}
}

type listenerOf struct{ listener, balancer string }

// counted is what happened since the last look.
type counted struct {
	connections, requests, connectionErrors float64
	active                                  float64         // now
	codes                                   [6]float64      // from targets, by hundreds
	answers                                 map[int]float64 // the load balancer's own
	times                                   balancer.Times
}

func (c *counted) listener(d counted) {
	c.connections += d.connections
	c.active += d.active
	if c.answers == nil {
		c.answers = map[int]float64{}
	}
	for status, n := range d.answers {
		c.answers[status] += n
	}
}

func (c *counted) group(d counted) {
	c.requests += d.requests
	c.connectionErrors += d.connectionErrors
	for i, n := range d.codes {
		c.codes[i] += n
	}
	for i, n := range d.times {
		c.times[i] += n
	}
}

func (m *meter) listenerDelta(id string) counted {
	now, was := m.traffic.ListenerStats(id), m.listeners[id]
	m.listeners[id] = now
	d := counted{connections: grown(now.Connections, was.Connections), active: float64(now.Active), answers: map[int]float64{}}
	for status, n := range now.Answers {
		d.answers[status] = grown(n, was.Answers[status])
	}
	return d
}

func (m *meter) groupDelta(id string) counted {
	now, was := m.traffic.Stats(id), m.stats[id]
	times, before := m.traffic.Times(id), m.times[id]
	m.stats[id], m.times[id] = now, times
	d := counted{requests: grown(now.Requests, was.Requests), connectionErrors: grown(now.ConnectionErrors, was.ConnectionErrors)}
	for i := range now.Codes {
		d.codes[i] = grown(now.Codes[i], was.Codes[i])
	}
	for i := range times {
		d.times[i] = uint64(grown(times[i], before[i]))
	}
	return d
}

// grown is by how much a counter has grown; one that was made anew began at 0.
func grown(now, was uint64) float64 {
	if now < was {
		was = 0
	}
	return float64(now - was)
}

// publishGroup publishes a group's metrics, by group and load balancer.
func (m *meter) publishGroup(a attached, d counted) {
	healthy, unhealthy, registered := 0, 0, false
	for _, h := range m.Balancer.Health(a.group) {
		switch types.TargetHealthStateEnum(h.State) {
		case types.TargetHealthStateEnumHealthy:
			healthy++
		case types.TargetHealthStateEnumUnhealthy:
			unhealthy++
		case types.TargetHealthStateEnumDraining:
			continue
		}
		registered = true
	}
	to := m.at(a.balancer, map[string]string{"LoadBalancer": shortName(a.balancer), "TargetGroup": shortName(a.group)})
	if registered {
		to.gauge("HealthyHostCount", float64(healthy))
		to.gauge("UnHealthyHostCount", float64(unhealthy))
	}
	if isNetwork(a.balancer) {
		return
	}
	to.traffic(d)
	if registered {
		to.count("RequestCount", d.requests)
		each := m.at(a.balancer, map[string]string{"TargetGroup": shortName(a.group)})
		each.gauge("RequestCountPerTarget", d.requests/float64(max(healthy, 1)))
	}
}

// publishBalancer publishes the metrics of a load balancer as a whole.
func (m *meter) publishBalancer(lb string, c counted) {
	to := m.at(lb, map[string]string{"LoadBalancer": shortName(lb)})
	if isNetwork(lb) {
		to.gauge("ActiveFlowCount", c.active)
		to.count("NewFlowCount", c.connections)
		return
	}
	to.traffic(c)
	to.count("RequestCount", c.requests)
	to.some("NewConnectionCount", c.connections)
	if c.active > 0 {
		to.gauge("ActiveConnectionCount", c.active)
	}
	byClass := map[string]float64{}
	for status, n := range c.answers {
		if status >= 300 && status < 600 {
			byClass["HTTPCode_ELB_"+strconv.Itoa(status/100)+"XX_Count"] += n
		}
		switch status {
		case 500, 502, 503, 504:
			byClass["HTTPCode_ELB_"+strconv.Itoa(status)+"_Count"] += n
		}
	}
	for name, n := range byClass {
		to.some(name, n)
	}
}

// sink takes the metrics of one set of dimensions.
type sink struct {
	Metrics
	namespace string
	dims      map[string]string
}

func (m *meter) at(lb string, dims map[string]string) sink {
	namespace := "AWS/ApplicationELB"
	if isNetwork(lb) {
		namespace = "AWS/NetworkELB"
	}
	return sink{m.to, namespace, dims}
}

// traffic publishes what targets answered; what did not happen is not told.
func (s sink) traffic(c counted) {
	for i := 2; i < len(c.codes); i++ {
		s.some("HTTPCode_Target_"+strconv.Itoa(i)+"XX_Count", c.codes[i])
	}
	s.some("TargetConnectionErrorCount", c.connectionErrors)
	times := map[float64]float64{}
	for i, n := range c.times {
		if n > 0 {
			times[c.times.Class(i).Seconds()] = float64(n)
		}
	}
	if len(times) > 0 {
		s.RecordCounts(s.namespace, "TargetResponseTime", s.dims, times, unitSeconds)
	}
}

// gauge publishes one value.
func (s sink) gauge(name string, v float64) {
	s.RecordCounts(s.namespace, name, s.dims, map[float64]float64{v: 1}, unitCount)
}

// count publishes n events, each of value 1, so that the sum is n and all other
// statistics are 1; none is one value of 0.
func (s sink) count(name string, n float64) {
	if n == 0 {
		s.gauge(name, 0)
		return
	}
	s.some(name, n)
}

// some publishes n events, and nothing if there were none.
func (s sink) some(name string, n float64) {
	if n > 0 {
		s.RecordCounts(s.namespace, name, s.dims, map[float64]float64{1: n}, unitCount)
	}
}

// shortName is how dimensions name a load balancer or a target group: "app/web/0123…",
// "targetgroup/web/0123…".
func shortName(arn string) string {
	_, rest, _ := strings.Cut(arn, ":loadbalancer/")
	if rest != "" {
		return rest
	}
	return arn[strings.LastIndexByte(arn, ':')+1:]
}
