package ecs

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// resync is the net under the signals: how often all services are looked at anyway.
const resync = 2 * time.Second

// Run schedules until ctx ends. Tasks of an earlier process have died with it: they are
// marked so, and their services start replacements.
func (s *Service) Run(ctx context.Context) error {
	if err := s.bury(ctx); err != nil {
		return err
	}
	health, stop := s.HealthChanged.Subscribe()
	defer stop()
	tick := time.NewTicker(resync)
	defer tick.Stop()
	for {
		if err := s.pass(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("schedule services", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-health:
		case <-tick.C:
		}
	}
}

// bury marks what ran in an earlier process as stopped and takes it out of its target
// groups before anything new may get its addresses.
func (s *Service) bury(ctx context.Context) error {
	type target struct {
		group, addr string
		port        *int32
	}
	var gone []target
	err := s.Store.Update(func(tx *store.Tx) error {
		for _, t := range s.t.tasks.All(tx, "") {
			if t.stopped() && !t.Registered {
				continue
			}
			if x, ok := s.t.sets.Get(tx, t.Service+"/"+last(t.Set)); ok && t.Registered {
				for _, b := range x.Balancers {
					gone = append(gone, target{aws.ToString(b.TargetGroupArn), t.State.Addr.String(), b.ContainerPort})
				}
			}
			if !t.stopped() {
				t.Desired, t.State.Status, t.State.StoppedAt = "STOPPED", "STOPPED", s.Clock.Now()
				t.State.StopCode, t.State.StoppedReason = types.TaskStopCodeTerminationNotice, "Task stopped: the local cloud was restarted"
			}
			t.Registered = false
			s.t.tasks.Put(tx, t.key(), t)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, g := range gone {
		_, err := s.Targets.DeregisterTargets(ctx, &elb.DeregisterTargetsInput{TargetGroupArn: &g.group, Targets: []elbtypes.TargetDescription{{Id: &g.addr, Port: g.port}}})
		if err != nil {
			s.Log.Warn("deregister a target of an earlier process", "target", g.addr, "error", err)
		}
	}
	return nil
}

// view is what one pass sees of a service.
type view struct {
	service service
	sets    []set
	tasks   map[string][]task // by set id, oldest first
	defs    map[string]types.TaskDefinition
}

func (s *Service) look() []view {
	var out []view
	s.Store.View(func(tx *store.Tx) {
		for _, v := range s.t.services.All(tx, "") {
			if v.Status == "INACTIVE" {
				continue
			}
			w := view{service: v, sets: s.setsOf(tx, v), tasks: map[string][]task{}, defs: map[string]types.TaskDefinition{}}
			for _, t := range s.t.tasks.All(tx, v.Cluster+"/") {
				if t.Service == v.key() && (!t.stopped() || t.Registered) {
					w.tasks[t.Set] = append(w.tasks[t.Set], t)
				}
			}
			for _, x := range w.sets {
				if d, ok := s.definitionOf(tx, x.Definition); ok {
					w.defs[x.Definition] = d.TaskDefinition
				}
				ts := w.tasks[x.ID]
				sort.Slice(ts, func(i, j int) bool { return ts[i].Created.Before(ts[j].Created) })
			}
			out = append(out, w)
		}
	})
	return out
}

func (s *Service) pass(ctx context.Context) error {
	for _, w := range s.look() {
		for _, x := range w.sets {
			if err := s.tend(ctx, w, x); err != nil {
				return fmt.Errorf("%s %s: %w", w.service.key(), x.ID, err)
			}
		}
		if err := s.finish(w); err != nil {
			return err
		}
	}
	return nil
}

// targetHealth is the health of a set's targets by address.
func (s *Service) targetHealth(ctx context.Context, x set) (map[string]elbtypes.TargetHealth, error) {
	out := map[string]elbtypes.TargetHealth{}
	for _, b := range x.Balancers {
		h, err := s.Targets.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: b.TargetGroupArn})
		if err != nil {
			return nil, err
		}
		for _, d := range h.TargetHealthDescriptions {
			out[aws.ToString(b.TargetGroupArn)+aws.ToString(d.Target.Id)] = *d.TargetHealth
		}
	}
	return out, nil
}

// tend moves one set a step towards what is desired.
func (s *Service) tend(ctx context.Context, w view, x set) error {
	health, err := s.targetHealth(ctx, x)
	if err != nil {
		return err
	}
	td := w.defs[x.Definition]
	alive, settled := []task{}, true
	for _, t := range w.tasks[x.ID] {
		if t.Desired == "RUNNING" && !t.stopped() {
			if bad := s.sick(w.service, x, td, t, health); bad != "" {
				if err := s.condemn(t.key(), types.TaskStopCodeServiceSchedulerInitiated, bad); err != nil {
					return err
				}
				t.Desired = "STOPPED"
			}
		}
		if t.stopped() || t.Desired == "STOPPED" {
			settled = false
			if err := s.retire(ctx, w, x, t, health); err != nil {
				return err
			}
			continue
		}
		alive = append(alive, t)
		if t.State.Status == "RUNNING" && !t.Registered {
			if err := s.enroll(ctx, w, x, t); err != nil {
				return err
			}
			settled = false
		}
		settled = settled && well(x, td, t, health)
	}
	want := int(wanted(w.service, x))
	if n := want - len(alive); n > 0 {
		settled = false
		if err := s.launch(w, x, td, n); err != nil {
			return err
		}
	}
	for _, t := range alive[min(len(alive), want):] {
		settled = false
		if err := s.condemn(t.key(), types.TaskStopCodeServiceSchedulerInitiated, "Scaling activity initiated by (deployment "+x.ID+")"); err != nil {
			return err
		}
	}
	return s.settle(w.service.key(), x, settled && x.Status != "DRAINING")
}

// boot is what a program gets to start before failed health checks of the load balancer
// end its task, where the time scale shortens the checks' intervals: programs start in
// real time.
const boot = 10 * time.Second

// sick tells why a running task must be replaced, or "".
func (s *Service) sick(v service, x set, td types.TaskDefinition, t task, health map[string]elbtypes.TargetHealth) string {
	if t.State.Status != "RUNNING" {
		return ""
	}
	if time.Since(t.State.StartedAt) < s.Clock.Scale(time.Duration(v.Grace)*time.Second) {
		return ""
	}
	if t.State.Health == types.HealthStatusUnhealthy {
		return "Task failed container health checks"
	}
	if s.Clock.Factor() > 1 && time.Since(t.State.StartedAt) < boot {
		return ""
	}
	for _, b := range x.Balancers {
		if h, ok := health[aws.ToString(b.TargetGroupArn)+t.State.Addr.String()]; ok && t.Registered && h.State == elbtypes.TargetHealthStateEnumUnhealthy {
			return "Task failed ELB health checks in (target-group " + aws.ToString(b.TargetGroupArn) + ")"
		}
	}
	return ""
}

// well tells whether a task counts as steady.
func well(x set, td types.TaskDefinition, t task, health map[string]elbtypes.TargetHealth) bool {
	if t.State.Status != "RUNNING" || !t.Registered {
		return false
	}
	for _, c := range td.ContainerDefinitions {
		if c.HealthCheck != nil && aws.ToBool(c.Essential) && t.State.Health != types.HealthStatusHealthy {
			return false
		}
	}
	for _, b := range x.Balancers {
		switch health[aws.ToString(b.TargetGroupArn)+t.State.Addr.String()].State {
		case elbtypes.TargetHealthStateEnumHealthy, elbtypes.TargetHealthStateEnumUnused:
		default:
			return false
		}
	}
	return true
}

// edit changes a stored task.
func (s *Service) edit(key string, f func(*task)) error {
	return s.Store.Update(func(tx *store.Tx) error {
		if t, ok := s.t.tasks.Get(tx, key); ok {
			f(&t)
			s.t.tasks.Put(tx, key, t)
		}
		return nil
	})
}

func (s *Service) condemn(key string, code types.TaskStopCode, reason string) error {
	defer s.poke()
	return s.edit(key, func(t *task) {
		if t.Desired == "RUNNING" {
			t.Desired, t.StopCode, t.Reason = "STOPPED", code, reason
		}
	})
}

// enroll registers a running task's targets.
func (s *Service) enroll(ctx context.Context, w view, x set, t task) error {
	for _, b := range x.Balancers {
		if _, err := s.Targets.RegisterTargets(ctx, &elb.RegisterTargetsInput{TargetGroupArn: b.TargetGroupArn, Targets: []elbtypes.TargetDescription{{
			Id: aws.String(t.State.Addr.String()), Port: b.ContainerPort,
		}}}); err != nil {
			return err
		}
	}
	if err := s.edit(t.key(), func(t *task) { t.Registered = true }); err != nil {
		return err
	}
	s.poke()
	if len(x.Balancers) == 0 {
		return nil
	}
	return s.tell(w.service.key(), "%s registered 1 targets in (target-group %s)", subject(w.service, x), aws.ToString(x.Balancers[0].TargetGroupArn))
}

// subject begins an event's text.
func subject(v service, x set) string {
	if v.Controller == types.DeploymentControllerTypeEcs {
		return "(service " + v.Name + ")"
	}
	return "(service " + v.Name + ", taskSet " + x.ID + ")"
}

func (s *Service) tell(key, format string, args ...any) error {
	return s.Store.Update(func(tx *store.Tx) error {
		if v, ok := s.t.services.Get(tx, key); ok {
			s.event(&v, format, args...)
			s.t.services.Put(tx, key, v)
		}
		return nil
	})
}

// retire takes a task out of its target groups, waits until it is drained, and stops it.
func (s *Service) retire(ctx context.Context, w view, x set, t task, health map[string]elbtypes.TargetHealth) error {
	if t.Registered {
		draining := false
		for _, b := range x.Balancers {
			h, there := health[aws.ToString(b.TargetGroupArn)+t.State.Addr.String()]
			if !there {
				continue
			}
			draining = true
			if h.State == elbtypes.TargetHealthStateEnumDraining {
				continue
			}
			if _, err := s.Targets.DeregisterTargets(ctx, &elb.DeregisterTargetsInput{TargetGroupArn: b.TargetGroupArn, Targets: []elbtypes.TargetDescription{{
				Id: aws.String(t.State.Addr.String()), Port: b.ContainerPort,
			}}}); err != nil {
				return err
			}
			if err := s.tell(w.service.key(), "%s has begun draining connections on 1 tasks.", subject(w.service, x)); err != nil {
				return err
			}
		}
		if draining {
			return nil // health changes wake us
		}
		if err := s.edit(t.key(), func(t *task) { t.Registered = false }); err != nil {
			return err
		}
	}
	if t.stopped() || t.Halting {
		return nil
	}
	if err := s.edit(t.key(), func(t *task) { t.Halting = true }); err != nil {
		return err
	}
	s.mu.Lock()
	live := s.live[t.ID]
	s.mu.Unlock()
	if live != nil {
		live.Stop(t.StopCode, t.Reason)
	}
	return s.tell(w.service.key(), "%s has stopped 1 running tasks: (task %s).", subject(w.service, x), t.ID)
}

// launch starts n tasks, unless starts have failed too often lately.
func (s *Service) launch(w view, x set, td types.TaskDefinition, n int) error {
	if x.Failures > 0 {
		wait := s.Clock.AtLeast(min(time.Duration(1<<min(x.Failures, 10))*5*time.Second, 15*time.Minute), 50*time.Millisecond)
		if since := time.Since(x.Updated); since < wait {
			time.AfterFunc(wait-since, s.poke)
			return nil
		}
	}
	subnet := ""
	if x.Network != nil && x.Network.AwsvpcConfiguration != nil && len(x.Network.AwsvpcConfiguration.Subnets) > 0 {
		subnet = x.Network.AwsvpcConfiguration.Subnets[0]
	}
	for range n {
		t := task{
			ID: ids.Hex(32), Cluster: w.service.Cluster, Service: w.service.key(), Set: x.ID, Definition: x.Definition, Desired: "RUNNING",
			Group: "service:" + w.service.Name, StartedBy: x.ID, LaunchType: x.LaunchType, Created: s.Clock.Now(), ENI: ids.UUID(), Subnet: subnet,
			State: agent.State{Status: "PROVISIONING"},
		}
		err := s.Store.Update(func(tx *store.Tx) error {
			s.t.tasks.Put(tx, t.key(), t)
			if v, ok := s.t.services.Get(tx, w.service.key()); ok {
				s.event(&v, "%s has started 1 tasks: (task %s).", subject(v, x), t.ID)
				s.t.services.Put(tx, v.key(), v)
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.begin(t, w.service.Name, td)
	}
	return nil
}

// begin hands a task to the runner.
func (s *Service) begin(t task, serviceName string, td types.TaskDefinition) {
	key := t.key()
	spec := agent.Spec{
		ID: t.ID, ARN: s.taskARN(t), Cluster: t.Cluster, Service: serviceName, Definition: td, Credentials: s.RegistryAuth, Image: s.RewriteImage, LogSink: s.sink(t, td),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[t.ID] = s.Runner.Start(spec, func(st agent.State) { s.observe(key, st) })
}

// observe stores what the runner reports.
func (s *Service) observe(key string, st agent.State) {
	err := s.Store.Update(func(tx *store.Tx) error {
		t, ok := s.t.tasks.Get(tx, key)
		if !ok {
			return nil
		}
		early := t.State.StartedAt.IsZero() && st.Status == "STOPPED" && t.Desired == "RUNNING"
		if st.Status == "STOPPED" && t.Reason != "" {
			st.StopCode, st.StoppedReason = t.StopCode, t.Reason
		}
		t.State = st
		if st.Status == "STOPPED" {
			t.Desired = "STOPPED"
		}
		s.t.tasks.Put(tx, key, t)
		return s.score(tx, t, st, early)
	})
	if err != nil {
		s.Log.Error("store a task's state", "task", key, "error", err)
	}
	if st.Status == "STOPPED" {
		s.mu.Lock()
		delete(s.live, last(key))
		s.mu.Unlock()
	}
	s.poke()
}

// score counts a set's starts that failed in a row.
func (s *Service) score(tx *store.Tx, t task, st agent.State, early bool) error {
	x, ok := s.t.sets.Get(tx, t.Service+"/"+last(t.Set))
	if !ok {
		return nil
	}
	switch {
	case early:
		x.Failures++
		x.Updated = s.Clock.Now()
		if v, ok := s.t.services.Get(tx, t.Service); ok && x.Failures == 3 {
			s.event(&v, "%s is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.", subject(v, x))
			s.t.services.Put(tx, v.key(), v)
		}
	case st.Status == "RUNNING" && x.Failures > 0:
		x.Failures = 0
	default:
		return nil
	}
	s.putSet(tx, x)
	return nil
}

// settle notes whether a set is steady.
func (s *Service) settle(key string, x set, steady bool) error {
	if x.Steady == steady && !x.SteadyAt.IsZero() {
		return nil
	}
	return s.Store.Update(func(tx *store.Tx) error {
		now, ok := s.t.sets.Get(tx, key+"/"+last(x.ID))
		if !ok {
			return nil
		}
		now.Steady, now.SteadyAt = steady, s.Clock.Now()
		s.putSet(tx, now)
		v, ok := s.t.services.Get(tx, key)
		if ok && steady {
			s.event(&v, "%s has reached a steady state.", subject(v, now))
			s.t.services.Put(tx, key, v)
		}
		return nil
	})
}

// finish removes drained sets, replaced deployments and ended services.
func (s *Service) finish(w view) error {
	primarySteady := false
	for _, x := range w.sets {
		primarySteady = primarySteady || (x.Status == "PRIMARY" && x.Steady)
	}
	return s.Store.Update(func(tx *store.Tx) error {
		left := 0
		for _, x := range s.setsOf(tx, w.service) {
			busy := false
			for _, t := range s.t.tasks.All(tx, w.service.Cluster+"/") {
				busy = busy || (t.Service == w.service.key() && t.Set == x.ID && (!t.stopped() || t.Registered))
			}
			switch {
			case x.Status == "DRAINING" && !busy:
				s.t.sets.Delete(tx, x.Service+"/"+last(x.ID))
				continue
			case w.service.Controller == types.DeploymentControllerTypeEcs && x.Status == "ACTIVE" && primarySteady:
				x.Status, x.Scale = "DRAINING", 0
				s.putSet(tx, x)
				s.poke()
			}
			left++
		}
		v, ok := s.t.services.Get(tx, w.service.key())
		if ok && v.Status == "DRAINING" && left == 0 {
			v.Status, v.Ended = "INACTIVE", s.Clock.Now()
			s.t.services.Put(tx, v.key(), v)
		}
		return nil
	})
}

// sink writes awslogs containers' lines to CloudWatch Logs.
func (s *Service) sink(t task, td types.TaskDefinition) func(string, time.Time, []byte) {
	if s.Logs == nil {
		return nil
	}
	write := map[string]func(time.Time, []byte) error{}
	for _, c := range td.ContainerDefinitions {
		l := c.LogConfiguration
		if l == nil || l.LogDriver != types.LogDriverAwslogs {
			continue
		}
		name := aws.ToString(c.Name)
		stream := strings.Trim(l.Options["awslogs-stream-prefix"]+"/"+name+"/"+t.ID, "/")
		f, err := s.Logs.Sink(l.Options["awslogs-group"], stream, true)
		if err != nil {
			s.Log.Warn("open log stream", "stream", stream, "error", err)
			continue
		}
		write[name] = f
	}
	return func(container string, at time.Time, line []byte) {
		if f := write[container]; f != nil {
			if err := f(at, line); err != nil {
				s.Log.Warn("write log", "container", container, "error", err)
			}
		}
	}
}
