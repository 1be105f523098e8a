package ecs

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// maxRollouts is how many service deployments are remembered of a service.
const maxRollouts = 100

// rollout is a service deployment: what became of a change of a service under the ECS
// controller. It is stored under its service's key and its id, and outlives the set.
type rollout struct {
	ID       string                                        `json:"id"`
	Service  string                                        `json:"service"`
	Set      string                                        `json:"set"` // the set that it is about now
	Status   types.ServiceDeploymentStatus                 `json:"status"`
	Reason   string                                        `json:"reason,omitempty"`
	Sources  []string                                      `json:"sources,omitempty"` // revisions before
	Target   string                                        `json:"target"`            // revision to be
	Config   types.DeploymentConfiguration                 `json:"config"`
	Failed   int32                                         `json:"failed,omitempty"`
	Limit    int32                                         `json:"limit,omitempty"` // of failed tasks
	Breaker  types.ServiceDeploymentRollbackMonitorsStatus `json:"breaker,omitempty"`
	Alarms   types.ServiceDeploymentRollbackMonitorsStatus `json:"alarms,omitempty"`
	Heard    bool                                          `json:"heard,omitempty"`   // the alarms were looked at
	Ringing  []string                                      `json:"ringing,omitempty"` // the alarms that failed it
	Rollback *types.Rollback                               `json:"rollback,omitempty"`
	Created  time.Time                                     `json:"created"`
	Updated  time.Time                                     `json:"updated"`
	Finished time.Time                                     `json:"finished"`
	Stopped  time.Time                                     `json:"stopped"`
}

func (r *rollout) key() string { return r.Service + "/" + r.ID }

// over tells whether nothing more will become of it.
func (r *rollout) over() bool { return !r.Finished.IsZero() }

// end gives the rollout its last status.
func (r *rollout) end(status types.ServiceDeploymentStatus, reason string, at time.Time) {
	if r.over() {
		return
	}
	r.Status, r.Reason, r.Finished = status, reason, at
	if status == types.ServiceDeploymentStatusStopped {
		r.Stopped = at
	}
	for _, m := range []*types.ServiceDeploymentRollbackMonitorsStatus{&r.Breaker, &r.Alarms} {
		if *m == types.ServiceDeploymentRollbackMonitorsStatusMonitoring {
			*m = types.ServiceDeploymentRollbackMonitorsStatusMonitoringComplete
		}
	}
}

// revision is a service revision: the workload of a set, remembered under the service's
// key and the revision's id.
type revision struct {
	ID      string    `json:"id"` // the digits of the set's id: Terraform's provider finds one by the other
	Service string    `json:"service"`
	Created time.Time `json:"created"`
	Work    workload  `json:"work"`
}

func (r *revision) key() string { return r.Service + "/" + r.ID }

// beginRollout makes the service deployment and the revision of a new set, which follows
// others. The caller stores x.
func (s *Service) beginRollout(tx *store.Tx, v service, x *set, before []set) {
	now := s.Clock.Now()
	rev := revision{ID: last(x.ID), Service: v.key(), Created: now, Work: x.Work}
	s.t.revisions.Put(tx, rev.key(), rev)
	r := rollout{
		ID: ids.Upper(21), Service: v.key(), Set: x.ID, Status: types.ServiceDeploymentStatusInProgress, Target: rev.ID, Config: v.Config,
		Breaker: types.ServiceDeploymentRollbackMonitorsStatusDisabled, Alarms: types.ServiceDeploymentRollbackMonitorsStatusDisabled, Created: now, Updated: now,
	}
	if a := v.Config.Alarms; a != nil && a.Enable && len(a.AlarmNames) > 0 {
		r.Alarms = types.ServiceDeploymentRollbackMonitorsStatusMonitoring
	}
	if b := v.Config.DeploymentCircuitBreaker; b != nil && b.Enable {
		r.Breaker, r.Limit = types.ServiceDeploymentRollbackMonitorsStatusMonitoring, threshold(v.Config, v.Desired)
	}
	for _, old := range before {
		if p, ok := s.t.rollouts.Get(tx, v.key()+"/"+old.Rollout); ok {
			r.Sources = append(r.Sources, p.Target)
		}
	}
	s.t.rollouts.Put(tx, r.key(), r)
	s.forgetRollouts(tx, v.key())
	x.Rollout, x.State, x.Reason = r.ID, types.DeploymentRolloutStateInProgress, "ECS deployment "+x.ID+" in progress."
}

// forgetRollouts drops the oldest beyond what is remembered.
func (s *Service) forgetRollouts(tx *store.Tx, key string) {
	for {
		var oldest rollout
		n := 0
		for _, r := range s.t.rollouts.All(tx, key+"/") {
			if n++; n == 1 || r.Created.Before(oldest.Created) {
				oldest = r
			}
		}
		if n <= maxRollouts {
			return
		}
		s.t.rollouts.Delete(tx, oldest.key())
		s.t.revisions.Delete(tx, key+"/"+oldest.Target)
	}
}

// changeRollout changes the service deployment of a set.
func (s *Service) changeRollout(tx *store.Tx, x set, f func(*rollout)) {
	r, ok := s.t.rollouts.Get(tx, x.Service+"/"+x.Rollout)
	if !ok {
		return
	}
	f(&r)
	r.Updated = s.Clock.Now()
	s.t.rollouts.Put(tx, r.key(), r)
}

// complete marks the primary deployment as rolled out.
func (s *Service) complete(tx *store.Tx, v *service, x *set) {
	x.State, x.Reason, x.Updated = types.DeploymentRolloutStateCompleted, "ECS deployment "+x.ID+" completed.", s.Clock.Now()
	s.tell(tx, v, "(service %s) (deployment %s) deployment completed.", v.Name, x.ID)
	s.changeRollout(tx, *x, func(r *rollout) {
		status := types.ServiceDeploymentStatusSuccessful
		if r.Rollback != nil {
			status = types.ServiceDeploymentStatusRollbackSuccessful
		}
		r.Failed = x.Failed
		r.end(status, r.Reason, s.Clock.Now())
	})
}

// failing is why a deployment fails, and what becomes of it then.
type failing struct {
	by, why  string
	rollback bool
	note     func(*rollout)
}

// fail marks the primary deployment as failed: it starts no more tasks. If what failed it
// says so, the service goes back to the last deployment that was completed.
func (s *Service) fail(tx *store.Tx, v *service, x set, sets []set, f failing) {
	why := f.by + ": " + f.why
	x.State, x.Reason, x.Updated = types.DeploymentRolloutStateFailed, why, s.Clock.Now()
	s.tell(tx, v, "(service %s) (deployment %s) deployment failed: %s", v.Name, x.ID, f.why)
	s.changeRollout(tx, x, func(r *rollout) {
		r.Failed = x.Failed
		f.note(r)
	})
	if f.rollback && s.rollBack(tx, v, x, sets, f.by, why) {
		return
	}
	s.changeRollout(tx, x, func(r *rollout) { r.end(types.ServiceDeploymentStatusStopped, why, s.Clock.Now()) })
	s.t.sets.Put(tx, x.key(), x)
}

// completed is a deployment that came to its end: what a rollback goes back to.
type completed struct {
	set      string // its id
	work     workload
	revision string
}

// lastCompleted is the last deployment before x that was completed. Its set may be gone
// already, when x was steady itself and only watched.
func (s *Service) lastCompleted(tx *store.Tx, x set) (completed, bool) {
	for _, r := range s.rolloutsOf(tx, x.Service) {
		if r.ID == x.Rollout || r.Status != types.ServiceDeploymentStatusSuccessful && r.Status != types.ServiceDeploymentStatusRollbackSuccessful {
			continue
		}
		id := r.Target
		if r.Rollback != nil {
			id = last(aws.ToString(r.Rollback.ServiceRevisionArn))
		}
		if rev, ok := s.t.revisions.Get(tx, x.Service+"/"+id); ok {
			return completed{r.Set, rev.Work, id}, true
		}
	}
	return completed{}, false
}

// rollBack makes a new primary deployment of what the last completed one was, which takes
// over that one's tasks. It tells whether there was one; then it has stored x.
func (s *Service) rollBack(tx *store.Tx, v *service, x set, sets []set, by, why string) bool {
	good, ok := s.lastCompleted(tx, x)
	if !ok {
		return false
	}
	back := s.newSet(*v, good.work)
	back.Status, back.Scale, back.Rollout = primary, 100, x.Rollout
	back.State = types.DeploymentRolloutStateInProgress
	back.Reason = by + ": rolling back to deploymentId " + good.set + "."
	for key, t := range s.t.tasks.All(tx, v.Cluster+"/") {
		if t.Service == v.key() && t.Set == good.set {
			t.Set = back.ID
			s.t.tasks.Put(tx, key, t)
		}
	}
	s.tell(tx, v, "(service %s) rolling back to deployment %s.", v.Name, good.set)
	s.changeRollout(tx, x, func(r *rollout) {
		at, reason := s.Clock.Now(), why
		r.Set, r.Status, r.Reason = back.ID, types.ServiceDeploymentStatusRollbackInProgress, why
		r.Rollback = &types.Rollback{StartedAt: &at, Reason: &reason, ServiceRevisionArn: optional(s.revisionARN(v.key(), good.revision))}
	})
	x.Status = active
	v.Work = good.work
	for _, y := range sets {
		if y.ID == good.set {
			s.t.sets.Delete(tx, y.key())
		}
	}
	s.t.sets.Put(tx, x.key(), x)
	s.t.sets.Put(tx, back.key(), back)
	return true
}
