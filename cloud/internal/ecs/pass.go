package ecs

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// pass is one look at a service. In one transaction it reads what is known, decides and
// writes what shall be; the effects come after the commit; those that fail are decided on
// again by a later look, and should the process end between, the next one buries the tasks.
type pass struct {
	s      *Service
	tx     *store.Tx
	now    time.Time
	health health
	alarms alarmState
	roles  map[string]error // that cannot be assumed, by set id
	again  time.Time        // when to look again at the latest

	v     service
	sets  []set             // the primary first
	tasks map[string][]task // by set id: alive ones oldest first, then those that go
	td    map[string]types.TaskDefinition
	dirty bool // v was changed

	begin    []task
	halt     []task
	register map[string][]task // by set id
	leave    map[string][]task // by set id
	stay     map[string][]task // by set id: those that the balancer did not let go
	sample   Sample
}

// pass looks at a service once. It returns how long to sleep if nothing wakes, and
// whether the service needs no keeper any more.
func (s *Service) pass(ctx context.Context, key string) (time.Duration, bool, error) {
	h, err := s.lookAtTargets(ctx, key)
	if err != nil {
		return s.idle(), false, err
	}
	alarms, err := s.lookAtAlarms(ctx, key)
	if err != nil {
		return s.idle(), false, err
	}
	now := s.Clock.Now()
	p := &pass{s: s, now: now, health: h, alarms: alarms, roles: s.lookAtRoles(ctx, key), again: now.Add(s.idle()), register: map[string][]task{}, leave: map[string][]task{}, stay: map[string][]task{}}
	over := false
	err = s.Store.Update(func(tx *store.Tx) error {
		p.tx = tx
		over = !p.load(key)
		if !over {
			p.decide()
		}
		return nil
	})
	if err != nil || over {
		return s.idle(), over, err
	}
	p.act(ctx)
	return max(p.again.Sub(now), time.Millisecond), false, nil
}

// load reads the service; it is false for one that has ended.
func (p *pass) load(key string) bool {
	s, tx := p.s, p.tx
	var ok bool
	if p.v, ok = s.t.services.Get(tx, key); !ok || p.v.Status == inactive {
		return false
	}
	p.sets = s.setsOf(tx, key)
	p.tasks, p.td = map[string][]task{}, map[string]types.TaskDefinition{}
	for _, t := range s.t.tasks.All(tx, p.v.Cluster+"/") {
		if t.Service == key && (!t.stopped() || len(t.Targets) > 0) {
			p.tasks[t.Set] = append(p.tasks[t.Set], t)
		}
	}
	for _, x := range p.sets {
		if d, ok := s.definitionOf(tx, x.Work.Definition); ok {
			p.td[x.ID] = d.TaskDefinition
		}
		p.order(x.ID)
	}
	return true
}

func (p *pass) order(set string) {
	slices.SortStableFunc(p.tasks[set], func(a, b task) int { return a.Created.Compare(b.Created) })
}

// decide is what a pass does to the service, in order.
func (p *pass) decide() {
	for i := range p.sets {
		p.judge(&p.sets[i])
	}
	if p.v.rolling() {
		p.roll()
	} else {
		for i := range p.sets {
			p.scale(&p.sets[i])
		}
	}
	for i := range p.sets {
		p.move(&p.sets[i])
	}
	p.settle()
	p.finish()
	if p.dirty {
		p.s.t.services.Put(p.tx, p.v.key(), p.v)
	}
	p.measure()
}

// put stores a changed task.
func (p *pass) put(t *task) {
	t.Version++
	p.s.t.tasks.Put(p.tx, t.key(), *t)
}

func (p *pass) putSet(x *set) { p.s.t.sets.Put(p.tx, x.key(), *x) }

// tell adds an event.
func (p *pass) tell(format string, args ...any) {
	p.dirty = true
	p.s.tell(p.tx, &p.v, format, args...)
}

// tellOnce tells of a condition that may last.
func (p *pass) tellOnce(format string, args ...any) {
	before := p.v.Told
	p.s.tellOnce(p.tx, &p.v, format, args...)
	p.dirty = p.dirty || p.v.Told != before
}

// at makes the keeper look again at a moment.
func (p *pass) at(t time.Time) {
	if t.Before(p.again) {
		p.again = t
	}
}

// alive are the tasks of a set that are to run, oldest first.
func (p *pass) alive(x *set) []*task {
	var out []*task
	for i := range p.tasks[x.ID] {
		if t := &p.tasks[x.ID][i]; t.alive() {
			out = append(out, t)
		}
	}
	return out
}

// measure notes the counts for those who observe the service.
func (p *pass) measure() {
	p.sample = Sample{At: p.now, Cluster: p.v.Cluster, Service: p.v.Name, Desired: p.v.Desired, Deployments: len(p.sets)}
	for i := range p.sets {
		for _, t := range p.alive(&p.sets[i]) {
			if t.running() {
				p.sample.Running++
			} else {
				p.sample.Pending++
			}
		}
	}
}
