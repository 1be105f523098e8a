package ecs

import (
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// roll takes a rolling deployment a step on: the primary grows as far as maximumPercent
// allows, the others shrink as far as minimumHealthyPercent allows.
func (p *pass) roll() {
	if p.v.Status != active || len(p.sets) == 0 {
		for i := range p.sets {
			p.scale(&p.sets[i])
		}
		return
	}
	p.heed()
	p.breakCircuit()
	x := &p.sets[0]
	if len(p.sets) == 1 {
		p.scale(x)
		return
	}
	want := wanted(p.v, *x)
	mine := p.alive(x)
	p.shrink(x, mine, len(mine)-want)
	all, well := 0, 0
	for i := range p.sets {
		for _, t := range p.alive(&p.sets[i]) {
			all++
			if p.well(&p.sets[i], t) {
				well++
			}
		}
	}
	most := int(math.Floor(float64(want) * float64(aws.ToInt32(p.v.Config.MaximumPercent)) / 100))
	least := int(math.Ceil(float64(want) * float64(aws.ToInt32(p.v.Config.MinimumHealthyPercent)) / 100))
	lacking := want - len(p.alive(x))
	room := max(most-all, 0)
	p.start(x, min(lacking, room), want)
	stopped := p.replaceOld(x, want, well-least, lacking > 0 && room == 0)
	if lacking > 0 && room == 0 && stopped == 0 && p.alive(x) == nil {
		p.tellOnce("(service %s) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.", p.v.Name)
	}
}

// replaceOld condemns tasks of the deployments before the primary: first those that do not
// count as healthy, then healthy ones for which the primary has one, or, if it has no
// room to grow, as many as may be spared. It returns how many.
func (p *pass) replaceOld(x *set, want, spare int, crowded bool) int {
	mine := 0
	for _, t := range p.alive(x) {
		if p.well(x, t) {
			mine++
		}
	}
	n, old := 0, 0
	for i := range p.sets[1:] {
		for _, t := range p.alive(&p.sets[1+i]) {
			if p.well(&p.sets[1+i], t) {
				old++
				continue
			}
			p.shrink(&p.sets[1+i], []*task{t}, 1)
			n++
		}
	}
	surplus := old - (want - mine)
	if crowded {
		surplus = min(old, want)
	}
	for i := len(p.sets) - 1; i > 0; i-- {
		y := &p.sets[i]
		alive := p.alive(y)
		take := min(surplus, spare, len(alive))
		if take > 0 {
			p.shrink(y, alive, take)
			surplus, spare, n = surplus-take, spare-take, n+take
		}
	}
	return n
}

// breakCircuit fails a deployment of which too many tasks have failed.
func (p *pass) breakCircuit() {
	x, b := p.sets[0], p.v.Config.DeploymentCircuitBreaker
	if b == nil || !b.Enable || x.State != types.DeploymentRolloutStateInProgress || x.Proven && resets(p.v.Config) {
		return
	}
	if x.Failed < threshold(p.v.Config, p.v.Desired) {
		return
	}
	p.fail(x, failing{by: "ECS deployment circuit breaker", why: "tasks failed to start.", rollback: b.Rollback, note: func(r *rollout) {
		r.Breaker = types.ServiceDeploymentRollbackMonitorsStatusTriggered
	}})
}

// fail fails the primary deployment, and reads the service again: the sets, and whose
// tasks are whose, have changed.
func (p *pass) fail(x set, f failing) {
	p.s.fail(p.tx, &p.v, x, p.sets, f)
	p.s.t.services.Put(p.tx, p.v.key(), p.v)
	p.load(p.v.key())
}
