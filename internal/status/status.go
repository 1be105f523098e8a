// Package status gathers where a service stands, in one record: what serves with which
// share of the traffic, what runs, what the load balancer thinks of it, which deployment
// is under way, and what the service said last.
//
// It only reads. What may not be read (a missing permission) is left out and named.
package status

import (
	"context"
	"slices"
	"sort"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/subject"
)

// Status is where a service stands. --json prints it.
type Status struct {
	Time       time.Time       `json:"time"`
	Region     string          `json:"region"`
	Cluster    string          `json:"cluster"`
	Service    string          `json:"service"`
	State      string          `json:"status"`     // ACTIVE, DRAINING, INACTIVE
	Controller string          `json:"controller"` // CODE_DEPLOY, ECS, EXTERNAL
	Strategy   string          `json:"strategy,omitempty"`
	LaunchType string          `json:"launchType,omitempty"`
	Desired    int32           `json:"desired"`
	Running    int32           `json:"running"`
	Pending    int32           `json:"pending"`
	App        string          `json:"application,omitempty"`
	Group      string          `json:"deploymentGroup,omitempty"`
	Revision   string          `json:"taskDefinition"` // ARN of what is primary
	Routes     []subject.Route `json:"listeners"`
	Parts      []Part          `json:"parts"`
	Deployment *Deployment     `json:"deployment,omitempty"` // the active one, else the last
	Events     []Event         `json:"events"`               // newest first
	Missing    []string        `json:"missing,omitempty"`    // what could not be read, and why
}

// Part is a task set, or a deployment of a rolling service.
type Part struct {
	ID          string    `json:"id"`
	Role        string    `json:"role"` // PRIMARY, ACTIVE, DRAINING
	Revision    string    `json:"taskDefinition"`
	Images      []Image   `json:"images,omitempty"`
	Desired     int32     `json:"desired"`
	Running     int32     `json:"running"`
	Pending     int32     `json:"pending"`
	Failed      int32     `json:"failed,omitempty"` // tasks that did not start, of rolling deployments
	State       string    `json:"state,omitempty"`  // STEADY_STATE, STABILIZING; COMPLETED, IN_PROGRESS, FAILED
	Reason      string    `json:"reason,omitempty"`
	Weight      *float64  `json:"weight,omitempty"` // percent of production traffic, absent without a load balancer
	TargetGroup string    `json:"targetGroup,omitempty"`
	Targets     []Target  `json:"targets,omitempty"`
	Created     time.Time `json:"created"`
}

// Image is what a container of a revision runs.
type Image struct {
	Container string `json:"container"`
	Image     string `json:"image"`
}

// Event is one of the service's own messages.
type Event struct {
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
}

// Reader reads a service's status again and again. What cannot change (the images of a
// revision) is read once.
type Reader struct {
	Subject *subject.Subject
	Events  int // how many of the service's messages
	images  map[string][]Image
}

// Read gathers the status as it is now. The error is that the service cannot be read.
func (r *Reader) Read(ctx context.Context) (*Status, error) {
	s := r.Subject
	if err := s.Refresh(ctx); err != nil {
		return nil, err
	}
	st := &Status{
		Time: time.Now().UTC(), Region: s.AWS.Region, Cluster: subject.Last(s.Cluster), Service: aws.ToString(s.Info.ServiceName), State: aws.ToString(s.Info.Status),
		Controller: string(s.Controller()), LaunchType: launchType(s.Info), Desired: s.Info.DesiredCount, Running: s.Info.RunningCount, Pending: s.Info.PendingCount,
		Revision: s.TaskDefinition(), Routes: []subject.Route{}, Events: []Event{},
	}
	if c := s.Info.DeploymentConfiguration; c != nil && s.Rolling() {
		st.Strategy = string(c.Strategy)
	}
	if s.Group != nil {
		st.App, st.Group = aws.ToString(s.Group.ApplicationName), aws.ToString(s.Group.DeploymentGroupName)
	}
	st.Parts, st.Events = parts(s), events(s.Info, r.Events)
	st.try("the deployment group", func() error { return s.NoGroup })
	st.try("the listeners' weights", func() error { return r.routes(ctx, st) })
	st.try("the targets' health", func() error { return r.health(ctx, st) })
	st.try("the images", func() error { return r.readImages(ctx, st) })
	st.try("the deployment", func() error { return r.deployment(ctx, st) })
	return st, context.Cause(ctx)
}

// try notes what could not be read.
func (st *Status) try(what string, f func() error) {
	if err := f(); err != nil {
		st.Missing = append(st.Missing, what+": "+err.Error())
	}
}

// launchType is where the service's tasks run, or their first capacity provider: as the
// primary task set has it, for a service with task sets.
func launchType(s ecstypes.Service) string {
	providers, launch := s.CapacityProviderStrategy, s.LaunchType
	for _, t := range s.TaskSets {
		if aws.ToString(t.Status) == "PRIMARY" {
			providers, launch = t.CapacityProviderStrategy, t.LaunchType
		}
	}
	if len(providers) > 0 {
		return aws.ToString(providers[0].CapacityProvider)
	}
	return string(launch)
}

// parts are the task sets or the deployments, the primary one first, then the newest.
func parts(s *subject.Subject) []Part {
	out := []Part{}
	for _, t := range s.Info.TaskSets {
		p := Part{
			ID: aws.ToString(t.Id), Role: aws.ToString(t.Status), Revision: aws.ToString(t.TaskDefinition), Desired: t.ComputedDesiredCount,
			Running: t.RunningCount, Pending: t.PendingCount, State: string(t.StabilityStatus), Created: aws.ToTime(t.CreatedAt),
		}
		if len(t.LoadBalancers) > 0 {
			p.TargetGroup = aws.ToString(t.LoadBalancers[0].TargetGroupArn)
		}
		out = append(out, p)
	}
	for _, d := range s.Info.Deployments {
		if !s.Rolling() {
			break
		}
		p := Part{
			ID: aws.ToString(d.Id), Role: aws.ToString(d.Status), Revision: aws.ToString(d.TaskDefinition), Desired: d.DesiredCount, Running: d.RunningCount,
			Pending: d.PendingCount, Failed: d.FailedTasks, State: string(d.RolloutState), Reason: aws.ToString(d.RolloutStateReason), Created: aws.ToTime(d.CreatedAt),
		}
		if len(s.Info.LoadBalancers) > 0 {
			p.TargetGroup = aws.ToString(s.Info.LoadBalancers[0].TargetGroupArn)
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b Part) int {
		if (a.Role == "PRIMARY") != (b.Role == "PRIMARY") {
			if a.Role == "PRIMARY" {
				return -1
			}
			return 1
		}
		return b.Created.Compare(a.Created)
	})
	return out
}

func events(s ecstypes.Service, n int) []Event {
	out := []Event{}
	for _, e := range s.Events {
		out = append(out, Event{aws.ToTime(e.CreatedAt), aws.ToString(e.Message)})
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Time.After(out[j].Time) })
	return out[:min(n, len(out))]
}
