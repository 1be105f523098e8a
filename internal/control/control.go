// Package control stops, continues and takes back deployments. Each of its acts waits for
// what it brought about, then asks the load balancer and ECS where traffic stands, and is
// a success only if it stands where it was to go.
package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/watch"
)

// Control acts on one service.
type Control struct {
	Subject  *subject.Subject
	Report   run.Reporter
	Pace     watch.Pace
	Deadline time.Duration // longest wait of each act, 0 for none

	told *watch.Memory // what was shown
}

// Outcome is where an act ended. --json prints it.
type Outcome struct {
	Action         string          `json:"action"` // stop, continue, rollback
	Service        string          `json:"service"`
	Cluster        string          `json:"cluster"`
	DeploymentID   string          `json:"deploymentId,omitempty"` // what was acted on, or made
	Status         string          `json:"status,omitempty"`       // of that deployment, at the end
	RollbackID     string          `json:"rollbackId,omitempty"`   // the deployment that went back
	RollbackStatus string          `json:"rollbackStatus,omitempty"`
	Previous       string          `json:"previous,omitempty"` // what served before
	Revision       string          `json:"taskDefinition"`     // what serves now
	Routes         []subject.Route `json:"listeners"`          // where traffic stands now

	rolling bool // ECS itself deploys the service, and moves no weights
}

func (c *Control) outcome(action, id string) *Outcome {
	return &Outcome{
		Action: action, Service: c.Subject.Service, Cluster: subject.Last(c.Subject.Cluster), DeploymentID: id,
		Previous: c.Subject.TaskDefinition(), Routes: []subject.Route{}, rolling: c.Subject.Rolling(),
	}
}

// which is the deployment to act on: the one that was named, else the active one.
func (c *Control) which(ctx context.Context, id string) (string, error) {
	if id != "" {
		return id, nil
	}
	id, err := c.Subject.Active(ctx)
	if err == nil && id == "" {
		err = fault.New(fault.Usage, "`turnout status` shows where it stands, `turnout history` what was deployed", "no deployment of service %s is under way", c.Subject.Service)
	}
	return id, err
}

// get reads a deployment of CodeDeploy and makes sure that it is one of this service's
// group: a deployment of another service is not to be stopped by mistake.
func (c *Control) get(ctx context.Context, id string) (*cdtypes.DeploymentInfo, error) {
	out, err := c.Subject.AWS.CodeDeploy().GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: &id})
	var none *cdtypes.DeploymentDoesNotExistException
	var malformed *cdtypes.InvalidDeploymentIdException
	if errors.As(err, &none) || errors.As(err, &malformed) {
		return nil, fault.New(fault.Usage, "`turnout history` lists them", "there is no deployment %s (region %s): %w", id, c.Subject.AWS.Region, err)
	}
	if err != nil {
		return nil, err
	}
	d, g := out.DeploymentInfo, c.Subject.Group
	if g != nil && (aws.ToString(d.ApplicationName) != aws.ToString(g.ApplicationName) || aws.ToString(d.DeploymentGroupName) != aws.ToString(g.DeploymentGroupName)) {
		return nil, fault.New(fault.Usage, "name its service with --service and --cluster", "deployment %s is of %s/%s, which does not deploy service %s",
			id, aws.ToString(d.ApplicationName), aws.ToString(d.DeploymentGroupName), c.Subject.Service)
	}
	return d, nil
}

// follow waits for a deployment of CodeDeploy.
func (c *Control) follow(ctx context.Context, id string, until watch.Until) (watch.Outcome, error) {
	out, err := watch.Follow(ctx, c.following(id, until))
	return out, c.early(err, id)
}

func (c *Control) following(id string, until watch.Until) watch.Options {
	if c.told == nil {
		c.told = &watch.Memory{}
	}
	a := c.Subject.AWS
	return watch.Options{
		CodeDeploy: a.CodeDeploy(), ECS: a.ECS(), Tasks: a.ECS(), ELB: a.ELB(), ID: id, Cluster: c.Subject.Cluster, Service: c.Subject.Service,
		Until: until, Deadline: c.Deadline, Emit: c.Report.Watched, Told: c.told, Pace: c.Pace, Budget: a.Reads,
	}
}

// early makes of a wait that ended early what the user is told.
func (c *Control) early(err error, id string) error {
	switch {
	case errors.Is(err, watch.ErrDeadline):
		return fault.New(fault.TimedOut, "what was asked for goes on: `turnout watch`, `turnout status`", "deployment %s: %w", id, err)
	case errors.Is(err, context.Canceled):
		return fault.New(fault.Interrupted, "what was asked for goes on: `turnout watch`, `turnout status`", "deployment %s: %w", id, err)
	}
	return err
}

// backBy waits for the deployment that takes another one back: for a moment until
// CodeDeploy has named it, then to its end.
func (c *Control) backBy(ctx context.Context, o *Outcome, d *cdtypes.DeploymentInfo) error {
	id, status, err := watch.FollowRollback(ctx, c.following("", watch.Done), d, true)
	switch {
	case err != nil:
		return c.early(err, cmp.Or(id, o.DeploymentID))
	case id == "":
		return fault.New(fault.Deployment, "`turnout status` shows where traffic stands, `turnout rollback` tries again", "deployment %s %s, but CodeDeploy made no deployment that rolls it back", o.DeploymentID, d.Status)
	}
	o.RollbackID, o.RollbackStatus = id, string(status)
	if status != cdtypes.DeploymentStatusSucceeded {
		return c.stands(ctx, o, fault.New(fault.Deployment, "`turnout watch "+id+"` explains why", "the rollback %s %s", id, status))
	}
	return nil
}

// stands adds to an error where traffic stands; that it cannot be read is said too.
func (c *Control) stands(ctx context.Context, o *Outcome, f *fault.Error) error {
	if err := c.look(ctx, o); err != nil {
		f.Err = fmt.Errorf("%w; where traffic stands is not known: %w", f.Err, err)
		return f
	}
	f.Err = fmt.Errorf("%w; %s", f.Err, o.Traffic())
	return f
}

// look reads what serves and where traffic stands.
func (c *Control) look(ctx context.Context, o *Outcome) error {
	if err := c.Subject.Refresh(ctx); err != nil {
		return err
	}
	o.Revision = c.Subject.TaskDefinition()
	routes, err := c.Subject.Routes(ctx)
	if err == nil {
		o.Routes = append([]subject.Route{}, routes...)
	}
	return err
}

// Traffic says where the outcome left the traffic.
func (o *Outcome) Traffic() string {
	for _, r := range o.Routes {
		if !r.Test {
			return "traffic: " + r.String()
		}
	}
	return "no listener forwards to the service"
}

// Split tells whether production traffic is shared between revisions. Behind a rolling
// service's target groups stands the same everywhere, whatever the listeners' weights.
func (o *Outcome) Split() bool {
	if o.rolling {
		return false
	}
	for _, r := range o.Routes {
		for _, w := range r.Weights {
			if !r.Test && w.Percent > 0 && w.Percent < 100 {
				return true
			}
		}
	}
	return false
}

// confirm makes sure that what is primary serves with all of the traffic, and that also
// says nothing against it. What the API shows may lag a little, so it looks more than
// once.
func (c *Control) confirm(ctx context.Context, o *Outcome, also func() string) error {
	for try := 1; ; try++ {
		if err := c.look(ctx, o); err != nil {
			return fmt.Errorf("deployment %s has ended, but where traffic stands cannot be read: %w", o.DeploymentID, err)
		}
		wrong := c.divided(o)
		if wrong == "" && also != nil {
			wrong = also()
		}
		if wrong == "" {
			return nil
		}
		if try == confirmTries {
			return fault.New(fault.Deployment, "`turnout status` shows it; `turnout rollback --to` brings a revision back", "%s; %s", wrong, o.Traffic())
		}
		if err := pause(ctx, time.Second/2); err != nil {
			return c.early(err, o.DeploymentID)
		}
	}
}

const confirmTries = 6

// divided says which part of the traffic goes elsewhere than to what is primary. A rolling
// service may stand behind several target groups, and its listeners may send traffic to
// others: those weights are nobody's to judge here.
func (c *Control) divided(o *Outcome) string {
	group := c.Subject.Live()
	for _, r := range o.Routes {
		if !r.Test && group != "" && !o.rolling && r.Of(group) < 100 {
			return fmt.Sprintf("%s, which %s serves from, has %.0f %% of the traffic", subject.GroupName(group), subject.Last(o.Revision), r.Of(group))
		}
	}
	return ""
}

// serves checks that a revision is the one that serves.
func (c *Control) serves(revision string) func() string {
	return func() string {
		if now := c.Subject.TaskDefinition(); now != revision {
			return fmt.Sprintf("%s serves, not %s", subject.Last(now), subject.Last(revision))
		}
		return ""
	}
}

// away checks that what serves is not what a deployment brought: it stands behind another
// target group. (The revision may be the same one.)
func (c *Control) away(t *cdtypes.ECSTarget) func() string {
	return func() string {
		if t == nil {
			return ""
		}
		for _, s := range t.TaskSetsInfo {
			if live := subject.GroupName(c.Subject.Live()); s.TaskSetLabel == cdtypes.TargetLabelGreen && s.TargetGroup != nil && aws.ToString(s.TargetGroup.Name) == live {
				return "what was to be taken back still serves, from " + live
			}
		}
		return ""
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
