package ecs

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// early is how soon after its start a task's end counts as a start that failed.
const early = 10 * time.Second

// observe stores what the runner reports of a task.
func (s *Service) observe(key string, st agent.State) {
	var of string
	err := s.Store.Update(func(tx *store.Tx) error {
		t, ok := s.t.tasks.Get(tx, key)
		if !ok {
			return nil
		}
		of = t.Service
		if st.Status == stopped {
			s.conclude(tx, &t, &st)
		}
		t.State = st
		t.Version++
		s.t.tasks.Put(tx, key, t)
		return nil
	})
	if err != nil {
		s.Log.Error("store a task's state", "task", key, "error", err)
	}
	if st.Status == stopped {
		s.engine.forget(last(key))
	}
	if of != "" {
		s.engine.wake(of)
	}
}

// conclude settles why a task ended, and whether that was a failure of its set.
func (s *Service) conclude(tx *store.Tx, t *task, st *agent.State) {
	if t.Desired == stopped {
		st.StopCode, st.StoppedReason = t.StopCode, t.Reason
	} else if x, ok := s.t.sets.Get(tx, t.Service+"/"+last(t.Set)); ok && st.StopCode != types.TaskStopCodeTerminationNotice {
		s.miss(&x, *t, *st)
		s.t.sets.Put(tx, x.key(), x)
	}
	t.Desired = stopped
}

// miss notes that a task of the set ended by itself.
func (s *Service) miss(x *set, t task, st agent.State) {
	now := s.Clock.Now()
	switch {
	case st.StartedAt.IsZero():
		x.Misses++
		x.MissAt = now
	case now.Sub(st.StartedAt) < early:
		x.MissAt = now
	}
	if !t.Well {
		x.Failed++
	}
}

// buried is the reason of tasks that ended with the process that ran them.
const buried = "Task stopped: the local cloud restarted"

// bury marks what ran in an earlier process as stopped, and takes it out of its target
// groups before anything new may get its addresses.
func (s *Service) bury(ctx context.Context) error {
	var gone []target
	err := s.Store.Update(func(tx *store.Tx) error {
		for key, t := range s.t.tasks.All(tx, "") {
			if t.stopped() && len(t.Targets) == 0 {
				continue
			}
			gone = append(gone, t.Targets...)
			if !t.stopped() {
				end := ended(types.TaskStopCodeTerminationNotice, buried)
				end.Addr, end.StartedAt, end.PullStartedAt, end.PullStoppedAt = t.State.Addr, t.State.StartedAt, t.State.PullStartedAt, t.State.PullStoppedAt
				for _, c := range t.State.Containers {
					c.Status = stopped
					end.Containers = append(end.Containers, c)
				}
				t.State, t.Desired = end, stopped
			}
			t.Targets, t.Registered, t.Leaving = nil, false, false
			t.Version++
			s.t.tasks.Put(tx, key, t)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for group, targets := range byGroup(gone) {
		if err := s.deregister(ctx, group, targets); err != nil {
			s.Log.Warn("deregister targets of an earlier process", "group", group, "error", err)
		}
	}
	return nil
}
