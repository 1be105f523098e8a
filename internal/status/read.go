package status

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/watch"
)

// Target is a task's address as its target group sees it.
type Target struct {
	Address string `json:"address"` // host:port
	State   string `json:"state"`   // healthy, unhealthy, initial, draining, unused
	Reason  string `json:"reason,omitempty"`
}

// Deployment is a deployment of the service, by whichever controller.
type Deployment struct {
	ID          string    `json:"id"`
	Active      bool      `json:"active"`
	Status      string    `json:"status"`
	Creator     string    `json:"creator,omitempty"`
	Config      string    `json:"config,omitempty"`
	Description string    `json:"description,omitempty"`
	Waits       string    `json:"waits,omitempty"` // ready or termination
	Created     time.Time `json:"created"`
	Completed   time.Time `json:"completed,omitzero"`
	Error       string    `json:"error,omitempty"`
	Lifecycle   []Step    `json:"lifecycle,omitempty"`
}

// Step is a lifecycle event of a deployment.
type Step struct {
	Name   string        `json:"name"`
	Status string        `json:"status"`
	Took   time.Duration `json:"took,omitempty"` // nanoseconds
}

// What a deployment waits for.
const (
	WaitsReady       = "ready"       // for turnout continue, before traffic moves
	WaitsTermination = "termination" // before the old tasks are ended
)

// routes reads the listeners and gives the parts their share of production traffic.
func (r *Reader) routes(ctx context.Context, st *Status) error {
	routes, err := r.Subject.Routes(ctx)
	if err != nil {
		return err
	}
	st.Routes = append(st.Routes, routes...)
	for i := range st.Parts {
		if p := &st.Parts[i]; p.TargetGroup != "" && (!r.Subject.Rolling() || p.Role == "PRIMARY") {
			p.Weight = share(routes, p.TargetGroup)
		}
	}
	return nil
}

// share is how much of its production listener's traffic a target group gets: of the first
// one that names it, since a service may stand behind several. It is nil without any.
func share(routes []subject.Route, group string) *float64 {
	var out *float64
	for _, r := range routes {
		named := slices.ContainsFunc(r.Weights, func(w subject.Weight) bool { return w.ARN == group })
		if !r.Test && (named || out == nil) {
			out = aws.Float64(r.Of(group))
		}
		if !r.Test && named {
			break
		}
	}
	return out
}

// health asks each target group once. Parts that share one (those of a rolling service)
// show it with the primary.
func (r *Reader) health(ctx context.Context, st *Status) error {
	told := map[string]bool{}
	for i := range st.Parts {
		p := &st.Parts[i]
		if p.TargetGroup == "" || told[p.TargetGroup] {
			continue
		}
		told[p.TargetGroup] = true
		h, err := r.Subject.AWS.ELB().DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &p.TargetGroup})
		if err != nil {
			return fmt.Errorf("%s: %w", subject.GroupName(p.TargetGroup), err)
		}
		for _, t := range h.TargetHealthDescriptions {
			out := Target{Address: fmt.Sprintf("%s:%d", aws.ToString(t.Target.Id), aws.ToInt32(t.Target.Port)), State: string(t.TargetHealth.State)}
			if t.TargetHealth.Reason != "" {
				out.Reason = string(t.TargetHealth.Reason)
				if d := aws.ToString(t.TargetHealth.Description); d != "" {
					out.Reason += ": " + d
				}
			}
			p.Targets = append(p.Targets, out)
		}
		sort.Slice(p.Targets, func(i, j int) bool { return p.Targets[i].Address < p.Targets[j].Address })
	}
	return nil
}

func (r *Reader) readImages(ctx context.Context, st *Status) error {
	if r.images == nil {
		r.images = map[string][]Image{}
	}
	for i := range st.Parts {
		p := &st.Parts[i]
		if _, known := r.images[p.Revision]; !known && p.Revision != "" {
			d, err := r.Subject.AWS.ECS().DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &p.Revision})
			if err != nil {
				return fmt.Errorf("%s: %w", subject.Last(p.Revision), err)
			}
			for _, c := range d.TaskDefinition.ContainerDefinitions {
				r.images[p.Revision] = append(r.images[p.Revision], Image{aws.ToString(c.Name), aws.ToString(c.Image)})
			}
		}
		p.Images = r.images[p.Revision]
	}
	return nil
}

// deployment reads the active deployment, or the last one.
func (r *Reader) deployment(ctx context.Context, st *Status) error {
	s := r.Subject
	if s.Rolling() {
		if d := s.Primary(); d != nil {
			st.Deployment = &Deployment{
				ID: aws.ToString(d.Id), Status: string(d.RolloutState), Created: aws.ToTime(d.CreatedAt), Error: failure(string(d.RolloutState), aws.ToString(d.RolloutStateReason)),
			}
			st.Deployment.Active = st.Deployment.Status == "IN_PROGRESS"
		}
		return nil
	}
	if s.Group == nil {
		return nil
	}
	out, err := s.AWS.CodeDeploy().ListDeployments(ctx, &codedeploy.ListDeploymentsInput{ApplicationName: s.Group.ApplicationName, DeploymentGroupName: s.Group.DeploymentGroupName})
	if err != nil || len(out.Deployments) == 0 {
		return err
	}
	st.Deployment, err = r.codeDeploy(ctx, out.Deployments[0])
	return err
}

func failure(state, reason string) string {
	if state == "FAILED" {
		return reason
	}
	return ""
}

func (r *Reader) codeDeploy(ctx context.Context, id string) (*Deployment, error) {
	cd := r.Subject.AWS.CodeDeploy()
	got, err := cd.GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: &id})
	if err != nil {
		return nil, err
	}
	d := got.DeploymentInfo
	out := &Deployment{
		ID: id, Status: string(d.Status), Creator: string(d.Creator), Config: aws.ToString(d.DeploymentConfigName), Description: aws.ToString(d.Description),
		Created: aws.ToTime(d.CreateTime), Completed: aws.ToTime(d.CompleteTime), Active: !watch.HasEnded(d.Status),
	}
	switch {
	case d.Status == cdtypes.DeploymentStatusReady:
		out.Waits = WaitsReady
	case out.Active && d.InstanceTerminationWaitTimeStarted:
		out.Waits = WaitsTermination
	}
	if d.ErrorInformation != nil {
		out.Error = aws.ToString(d.ErrorInformation.Message)
	}
	if out.Active {
		out.Lifecycle, err = r.lifecycle(ctx, id)
	}
	return out, err
}

// notStarted makes nothing of an error that says that a deployment has no target yet.
func notStarted(err error) error {
	var early *cdtypes.DeploymentNotStartedException
	if errors.As(err, &early) {
		return nil
	}
	return err
}

func (r *Reader) lifecycle(ctx context.Context, id string) ([]Step, error) {
	cd := r.Subject.AWS.CodeDeploy()
	l, err := cd.ListDeploymentTargets(ctx, &codedeploy.ListDeploymentTargetsInput{DeploymentId: &id})
	if err != nil || len(l.TargetIds) == 0 {
		return nil, notStarted(err)
	}
	t, err := cd.GetDeploymentTarget(ctx, &codedeploy.GetDeploymentTargetInput{DeploymentId: &id, TargetId: &l.TargetIds[0]})
	if err != nil || t.DeploymentTarget == nil || t.DeploymentTarget.EcsTarget == nil {
		return nil, err
	}
	var out []Step
	for _, e := range t.DeploymentTarget.EcsTarget.LifecycleEvents {
		s := Step{Name: aws.ToString(e.LifecycleEventName), Status: string(e.Status)}
		if e.StartTime != nil && e.EndTime != nil {
			s.Took = e.EndTime.Sub(*e.StartTime)
		}
		out = append(out, s)
	}
	return out, nil
}
