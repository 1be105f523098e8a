package ecs

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// alarmState is what CloudWatch says of the alarms of a deployment.
type alarmState struct {
	known   bool          // it was asked
	ringing []string      // those in ALARM
	bake    time.Duration // for how long the slowest of them may take to tell, unscaled
}

// lookAtAlarms asks for the alarms that the service's deployment is watched by, if one is.
func (s *Service) lookAtAlarms(ctx context.Context, key string) (alarmState, error) {
	var names []string
	s.Store.View(func(tx *store.Tx) {
		sets := s.setsOf(tx, key)
		if len(sets) == 0 {
			return
		}
		if r, ok := s.t.rollouts.Get(tx, key+"/"+sets[0].Rollout); ok && r.monitored() {
			names = r.Config.Alarms.AlarmNames
		}
	})
	if len(names) == 0 || s.Alarms == nil {
		return alarmState{}, nil
	}
	out, err := s.Alarms.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
		AlarmNames: names, AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm},
	})
	if err != nil {
		return alarmState{}, err
	}
	a := alarmState{known: true, bake: time.Minute}
	for _, x := range out.MetricAlarms {
		a.bake = max(a.bake, time.Duration(aws.ToInt32(x.Period))*time.Duration(aws.ToInt32(x.EvaluationPeriods))*time.Second)
		a.note(x.AlarmName, x.StateValue)
	}
	for _, x := range out.CompositeAlarms {
		a.note(x.AlarmName, x.StateValue)
	}
	slices.Sort(a.ringing)
	return a, nil
}

func (a *alarmState) note(name *string, state cwtypes.StateValue) {
	if state == cwtypes.StateValueAlarm {
		a.ringing = append(a.ringing, aws.ToString(name))
	}
}

// monitored tells whether alarms may fail the rollout. What goes back is not watched.
func (r *rollout) monitored() bool {
	return r.Alarms == types.ServiceDeploymentRollbackMonitorsStatusMonitoring && r.Rollback == nil && !r.over()
}

// heed fails a deployment one of whose alarms has gone off. Alarms that ring already when
// it begins say nothing about it: then none are watched.
func (p *pass) heed() {
	x := p.sets[0]
	r, ok := p.s.t.rollouts.Get(p.tx, p.v.key()+"/"+x.Rollout)
	if !ok || !p.alarms.known || !r.monitored() || r.Set != x.ID || x.State != types.DeploymentRolloutStateInProgress {
		return
	}
	ringing := len(p.alarms.ringing) > 0
	if !r.Heard {
		p.s.changeRollout(p.tx, x, func(r *rollout) {
			if r.Heard = true; ringing {
				r.Alarms = types.ServiceDeploymentRollbackMonitorsStatusDisabled
			}
		})
		return
	}
	if !ringing {
		return
	}
	p.fail(x, failing{by: "ECS deployment alarms", why: "alarm detected.", rollback: r.Config.Alarms.Rollback, note: func(r *rollout) {
		r.Alarms, r.Ringing = types.ServiceDeploymentRollbackMonitorsStatusTriggered, p.alarms.ringing
	}})
}

// baked tells whether a steady deployment has been watched by its alarms for long enough.
func (p *pass) baked(x *set) bool {
	r, ok := p.s.t.rollouts.Get(p.tx, p.v.key()+"/"+x.Rollout)
	if !ok || !p.alarms.known || !r.monitored() {
		return true
	}
	until := x.SteadyAt.Add(p.s.Clock.Scale(p.alarms.bake))
	p.at(until)
	return !p.now.Before(until)
}

// describeAlarms is what a service deployment shows of its alarms.
func (r *rollout) describeAlarms() *types.ServiceDeploymentAlarms {
	out := &types.ServiceDeploymentAlarms{Status: r.Alarms, AlarmNames: []string{}, TriggeredAlarmNames: orEmpty(r.Ringing)}
	if out.Status == "" { // begun before alarms were watched
		out.Status = types.ServiceDeploymentRollbackMonitorsStatusDisabled
	}
	if a := r.Config.Alarms; a != nil {
		out.AlarmNames = orEmpty(a.AlarmNames)
	}
	return out
}
