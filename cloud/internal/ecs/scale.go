package ecs

import (
	"cmp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const (
	firstPause = 5 * time.Second
	lastPause  = 15 * time.Minute
	leastPause = 200 * time.Millisecond
	// missed is how many starts must fail in a row before clients are told.
	missed = 3
)

// scale starts or condemns tasks of a set until it has as many as it wants.
func (p *pass) scale(x *set) {
	alive, want := p.alive(x), wanted(p.v, *x)
	p.start(x, want-len(alive), want)
	p.shrink(x, alive, len(alive)-want)
}

// start begins n tasks of a set that wants so many, unless its starts have failed lately.
func (p *pass) start(x *set, n, want int) {
	if n <= 0 || x.Status == draining || x.State == types.DeploymentRolloutStateFailed {
		return
	}
	if x.Misses >= missed {
		p.tellOnce("%s is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.", subject(p.v, *x))
	}
	if next := x.MissAt.Add(p.pause(x, want)); !x.MissAt.IsZero() && p.now.Before(next) {
		p.at(next)
		return
	}
	if err := p.roles[x.ID]; err != nil {
		p.refuse(x, n, err)
		p.at(p.now.Add(p.pause(x, want)))
		return
	}
	var begun []task
	for range n {
		t := p.newTask(x, len(p.tasks[x.ID]))
		p.tasks[x.ID] = append(p.tasks[x.ID], t)
		p.s.t.tasks.Put(p.tx, t.key(), t)
		begun = append(begun, t)
	}
	p.begin = append(p.begin, begun...)
	p.tell("%s has started %d tasks: %s.", subject(p.v, *x), n, taskList(begun))
}

// pause is how long to wait after a start that failed. Each round in which none of the
// wanted tasks ran doubles it; a task that ran a moment is started again a little later.
func (p *pass) pause(x *set, want int) time.Duration {
	d := 2 * firstPause
	if x.Misses > 0 {
		rounds := (x.Misses - 1) / max(want, 1)
		d = min(firstPause<<min(rounds, 16), lastPause)
	}
	return p.s.Clock.AtLeast(d, leastPause)
}

func (p *pass) newTask(x *set, n int) task {
	t := p.s.newTask(p.v.Cluster, x.Work, n)
	t.Service, t.Set, t.Group, t.StartedBy, t.Exec = p.v.key(), x.ID, "service:"+p.v.Name, x.ID, p.v.Exec
	switch p.v.Propagate {
	case types.PropagateTagsService:
		t.Tags = propagated(t.Tags, p.v.Tags)
	case types.PropagateTagsTaskDefinition:
		if d, ok := p.s.definitionOf(p.tx, x.Work.Definition); ok {
			t.Tags = propagated(t.Tags, d.Tags)
		}
	}
	if p.v.Managed {
		t.Tags = propagated(t.Tags, managedTags(p.v.Cluster, p.v.Name))
	}
	return t
}

// shrink condemns n of the set's tasks: those that are least far first, then the newest.
// Protected ones stay while the service does.
func (p *pass) shrink(x *set, alive []*task, n int) {
	if n <= 0 {
		return
	}
	alive = slices.DeleteFunc(slices.Clone(alive), func(t *task) bool {
		if !t.Protected.After(p.now) || p.v.Status != active {
			return false
		}
		p.at(t.Protected)
		return true
	})
	slices.SortStableFunc(alive, func(a, b *task) int {
		return cmp.Or(cmp.Compare(p.progress(x, a), p.progress(x, b)), b.Created.Compare(a.Created))
	})
	for _, t := range alive[:min(n, len(alive))] {
		t.condemn(types.TaskStopCodeServiceSchedulerInitiated, "Scaling activity initiated by (deployment "+x.ID+")")
		p.put(t)
	}
}

func (p *pass) progress(x *set, t *task) int {
	switch {
	case p.well(x, t):
		return 2
	case t.State.Status == running:
		return 1
	}
	return 0
}
