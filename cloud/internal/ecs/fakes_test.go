package ecs

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// runner starts tasks that behave as their first container's image says: "crash" never
// runs, "exit" runs for two seconds, "sick" runs with an unhealthy container, "well" with a
// healthy one; all others run. A start takes one second, and so does a stop.
type runner struct {
	mu    sync.Mutex
	tasks map[string]*fakeTask
	order []*fakeTask
}

type fakeTask struct {
	spec    agent.Spec
	observe func(agent.State)
	began   time.Time
	stop    chan struct{}
	once    sync.Once
	done    chan struct{}
	code    types.TaskStopCode
	reason  string
	stopAt  time.Time
}

func newRunner() *runner { return &runner{tasks: map[string]*fakeTask{}} }

func (r *runner) Start(spec agent.Spec, observe func(agent.State)) agent.Task {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &fakeTask{spec: spec, observe: observe, began: time.Now(), stop: make(chan struct{}), done: make(chan struct{})}
	r.tasks[spec.ID] = t
	r.order = append(r.order, t)
	go t.run(netip.AddrFrom4([4]byte{10, 0, byte(len(r.order) / 250), byte(1 + len(r.order)%250)}))
	return t
}

// started is how many tasks were ever started.
func (r *runner) started() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.order)
}

// get returns a task by its ARN.
func (r *runner) get(arn string) *fakeTask {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tasks[last(arn)]
}

// end stops all tasks and waits for them.
func (r *runner) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.order {
		x.Stop(types.TaskStopCodeTerminationNotice, "The runner ends")
		<-x.done
	}
}

func (t *fakeTask) run(addr netip.Addr) {
	defer close(t.done)
	image := aws.ToString(t.spec.Definition.ContainerDefinitions[0].Image)
	st := agent.State{Status: "PENDING", Addr: addr, Health: types.HealthStatusUnknown}
	for _, c := range t.spec.Definition.ContainerDefinitions {
		st.Containers = append(st.Containers, agent.ContainerState{Name: *c.Name, Status: "PENDING", Image: *c.Image})
	}
	t.observe(st)
	if !t.wait(time.Second) || image == "crash" {
		t.finish(st, types.TaskStopCodeTaskFailedToStart, "CannotPullContainerError: no such image")
		return
	}
	st.Status, st.StartedAt, st.Containers = running, time.Now(), containers(st, running, nil)
	switch image {
	case "sick":
		st.Health = types.HealthStatusUnhealthy
	case "well":
		st.Health = types.HealthStatusHealthy
	}
	t.observe(st)
	if image == "exit" && t.wait(2*time.Second) {
		t.finish(st, types.TaskStopCodeEssentialContainerExited, "Essential container in task exited")
		return
	}
	<-t.stop
	st.Status = "STOPPING"
	t.observe(st)
	time.Sleep(time.Second)
	t.finish(st, t.code, t.reason)
}

// wait is false if the task was told to stop meanwhile.
func (t *fakeTask) wait(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-t.stop:
		return false
	}
}

func (t *fakeTask) finish(st agent.State, code types.TaskStopCode, reason string) {
	st.Status, st.StopCode, st.StoppedReason, st.StoppedAt = stopped, code, reason, time.Now()
	st.Containers = containers(st, stopped, aws.Int32(1))
	t.observe(st)
}

func containers(st agent.State, status string, exit *int32) []agent.ContainerState {
	out := append([]agent.ContainerState{}, st.Containers...)
	for i := range out {
		out[i].Status, out[i].ExitCode = status, exit
	}
	return out
}

func (t *fakeTask) Stop(code types.TaskStopCode, reason string) {
	t.once.Do(func() { t.code, t.reason, t.stopAt = code, reason, time.Now(); close(t.stop) })
}

func (t *fakeTask) Done() <-chan struct{} { return t.done }

func (t *fakeTask) Exec(context.Context, string, runtime.ExecSpec) (int, error) {
	return 0, errors.New("nothing runs here")
}

// Usage is an eighth of a CPU and 128 MiB for the image "busy", and nothing for others;
// an "unmeasured" one cannot tell.
func (t *fakeTask) Usage(context.Context) (runtime.Usage, error) {
	switch aws.ToString(t.spec.Definition.ContainerDefinitions[0].Image) {
	case "busy":
		return runtime.Usage{CPU: time.Since(t.began) / 8, Memory: 128 << 20}, nil
	case "unmeasured":
		return runtime.Usage{}, errors.ErrUnsupported
	}
	return runtime.Usage{}, nil
}

func (t *fakeTask) Logs(context.Context, string, bool) (io.ReadCloser, error) {
	return nil, errors.New("nothing runs here")
}

const (
	warmUp  = 5 * time.Second
	drainIn = 10 * time.Second
)

// groups are target groups whose targets turn healthy after five seconds and take ten to
// drain. Their names tell of what kind they are: loose, none, instance.
type groups struct {
	mu      sync.Mutex
	targets map[target]*fakeTarget
	subs    map[chan struct{}]bool
	bad     map[string]bool // groups whose new targets turn unhealthy
	unused  map[string]bool // groups that no listener uses
	refuse  error           // of RegisterTargets
	broken  error           // of DescribeTargetHealth
}

type fakeTarget struct{ since, leaving time.Time }

func newGroups() *groups {
	return &groups{targets: map[target]*fakeTarget{}, subs: map[chan struct{}]bool{}, bad: map[string]bool{}, unused: map[string]bool{}}
}

func (g *groups) DescribeTargetGroups(_ context.Context, in *elb.DescribeTargetGroupsInput, _ ...func(*elb.Options)) (*elb.DescribeTargetGroupsOutput, error) {
	id := in.TargetGroupArns[0]
	tg := elbtypes.TargetGroup{TargetGroupArn: &id, LoadBalancerArns: []string{"lb"}, TargetType: elbtypes.TargetTypeEnumIp}
	switch id {
	case "tg/none":
		return nil, &elbtypes.TargetGroupNotFoundException{}
	case "tg/loose":
		tg.LoadBalancerArns = nil
	case "tg/instance":
		tg.TargetType = elbtypes.TargetTypeEnumInstance
	}
	return &elb.DescribeTargetGroupsOutput{TargetGroups: []elbtypes.TargetGroup{tg}}, nil
}

func (g *groups) RegisterTargets(_ context.Context, in *elb.RegisterTargetsInput, _ ...func(*elb.Options)) (*elb.RegisterTargetsOutput, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refuse != nil {
		return nil, g.refuse
	}
	for _, t := range in.Targets {
		g.targets[target{*in.TargetGroupArn, *t.Id, *t.Port}] = &fakeTarget{since: time.Now()}
	}
	time.AfterFunc(warmUp, g.signal)
	return &elb.RegisterTargetsOutput{}, nil
}

func (g *groups) DeregisterTargets(_ context.Context, in *elb.DeregisterTargetsInput, _ ...func(*elb.Options)) (*elb.DeregisterTargetsOutput, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range in.Targets {
		if x := g.targets[target{*in.TargetGroupArn, *t.Id, *t.Port}]; x != nil && x.leaving.IsZero() {
			x.leaving = time.Now()
		}
	}
	time.AfterFunc(drainIn, g.signal)
	return &elb.DeregisterTargetsOutput{}, nil
}

func (g *groups) DescribeTargetHealth(_ context.Context, in *elb.DescribeTargetHealthInput, _ ...func(*elb.Options)) (*elb.DescribeTargetHealthOutput, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := &elb.DescribeTargetHealthOutput{}
	if g.broken != nil {
		return nil, g.broken
	}
	for at, x := range g.targets {
		if at.Group != *in.TargetGroupArn {
			continue
		}
		h := &elbtypes.TargetHealth{State: elbtypes.TargetHealthStateEnumInitial}
		switch {
		case !x.leaving.IsZero() && time.Since(x.leaving) >= drainIn:
			delete(g.targets, at)
			continue
		case !x.leaving.IsZero():
			h.State = elbtypes.TargetHealthStateEnumDraining
		case g.unused[at.Group]:
			h.State, h.Reason = elbtypes.TargetHealthStateEnumUnused, elbtypes.TargetHealthReasonEnumNotInUse
		case time.Since(x.since) >= warmUp && g.bad[at.Group]:
			h.State, h.Description = elbtypes.TargetHealthStateEnumUnhealthy, aws.String("Health checks failed with these codes: [500]")
		case time.Since(x.since) >= warmUp:
			h.State = elbtypes.TargetHealthStateEnumHealthy
		}
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, elbtypes.TargetHealthDescription{
			Target: &elbtypes.TargetDescription{Id: &at.Addr, Port: &at.Port}, TargetHealth: h,
		})
	}
	return out, nil
}

func (g *groups) Subscribe() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.subs[c] = true
	return c, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.subs, c)
	}
}

func (g *groups) signal() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.subs {
		signal(c)
	}
}

// in are the addresses that a group has and does not drain.
func (g *groups) in(group string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []string
	for at, x := range g.targets {
		if at.Group == group && x.leaving.IsZero() {
			all = append(all, at.Addr)
		}
	}
	return strings.Join(all, " ")
}
