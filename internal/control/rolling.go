package control

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/autopsy"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline/shift"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/watch"
)

// The states of a service deployment that are an end.
var over = []ecstypes.ServiceDeploymentStatus{
	ecstypes.ServiceDeploymentStatusSuccessful, ecstypes.ServiceDeploymentStatusStopped,
	ecstypes.ServiceDeploymentStatusRollbackSuccessful, ecstypes.ServiceDeploymentStatusRollbackFailed,
}

// stopNamed stops the rolling deployment that is under way, which is named by nothing, by
// the id of the service's deployment, or by that of the service deployment (a name or an
// ARN). Another one is not to be stopped by mistake.
func (c *Control) stopNamed(ctx context.Context, id string, back bool) (*Outcome, error) {
	active, err := c.which(ctx, "")
	if err != nil {
		return nil, err
	}
	if !back {
		return nil, fault.New(fault.Usage, "`turnout stop --rollback`, or `turnout rollback --to` another revision", "a rolling deployment cannot stand still: ECS stops it only by going back")
	}
	arn, err := c.current(ctx)
	if err != nil {
		return nil, err
	}
	if id != "" && id != active && subject.Last(id) != subject.Last(arn) {
		return nil, fault.New(fault.Usage, "`turnout status` shows which one is", "deployment %s of service %s is not under way", id, c.Subject.Service)
	}
	o := c.outcome("stop", active)
	return o, c.stopRolling(ctx, o, arn)
}

// stopRolling has ECS go back to the revision before, and waits until it has.
func (c *Control) stopRolling(ctx context.Context, o *Outcome, arn string) error {
	client := c.Subject.AWS.ECS()
	c.Report.Note("stopping deployment %s, back to the revision before", subject.Last(arn))
	if _, err := client.StopServiceDeployment(ctx, &ecs.StopServiceDeploymentInput{ServiceDeploymentArn: &arn, StopType: ecstypes.StopServiceDeploymentStopTypeRollback}); err != nil {
		return fmt.Errorf("stop deployment %s: %w", subject.Last(arn), err)
	}
	o.RollbackID = subject.Last(arn)
	var last ecstypes.ServiceDeployment
	err := c.Pace.Every(ctx, c.Deadline, c.trouble, func(ctx context.Context) (bool, bool, error) {
		out, err := client.DescribeServiceDeployments(ctx, &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{arn}})
		if err != nil {
			return false, false, err
		}
		if len(out.ServiceDeployments) == 0 {
			return false, false, fmt.Errorf("service deployment %s is gone", arn)
		}
		before := last.Status
		last = out.ServiceDeployments[0]
		if last.Status != before {
			c.Report.Watched(watch.Event{Time: time.Now(), Kind: watch.Status, DeploymentID: o.DeploymentID, Status: string(last.Status), Message: aws.ToString(last.StatusReason)})
		}
		return slices.Contains(over, last.Status), last.Status != before, nil
	})
	if err != nil {
		return c.early(err, o.DeploymentID)
	}
	o.Status = string(last.Status)
	if last.Status != ecstypes.ServiceDeploymentStatusRollbackSuccessful {
		return c.stands(ctx, o, fault.New(fault.Deployment, "`turnout status` shows where it stands; `turnout rollback --to` brings a revision back", "deployment %s ended %s: %s", o.DeploymentID, last.Status, aws.ToString(last.StatusReason)))
	}
	return c.confirm(ctx, o, c.back(o))
}

// back checks that a rolling service has left the revision that it went to, and has its
// tasks.
func (c *Control) back(o *Outcome) func() string {
	return func() string {
		if p := c.Subject.Primary(); p != nil && aws.ToString(p.Id) == o.DeploymentID {
			return fmt.Sprintf("%s, which was to be taken back, is still primary", subject.Last(aws.ToString(p.TaskDefinition)))
		}
		return ""
	}
}

func (c *Control) trouble(err error, wait time.Duration) {
	c.Report.Watched(watch.Event{Time: time.Now(), Kind: watch.Trouble, Message: fmt.Sprintf("%v; asking again in %s", err, wait.Round(100*time.Millisecond))})
}

// current is the ARN of the service deployment that is under way.
func (c *Control) current(ctx context.Context) (string, error) {
	if arn := aws.ToString(c.Subject.Info.CurrentServiceDeployment); arn != "" {
		return arn, nil
	}
	out, err := c.Subject.AWS.ECS().ListServiceDeployments(ctx, &ecs.ListServiceDeploymentsInput{
		Cluster: &c.Subject.Cluster, Service: &c.Subject.Service, Status: []ecstypes.ServiceDeploymentStatus{ecstypes.ServiceDeploymentStatusInProgress, ecstypes.ServiceDeploymentStatusPending},
	})
	if err != nil {
		return "", err
	}
	if len(out.ServiceDeployments) == 0 {
		return "", fault.New(fault.Usage, "`turnout status` shows where it stands", "no deployment of service %s is under way", c.Subject.Service)
	}
	return aws.ToString(out.ServiceDeployments[0].ServiceDeploymentArn), nil
}

func (c *Control) rollbackRolling(ctx context.Context, wanted string) (*Outcome, error) {
	active, err := c.Subject.Active(ctx)
	if err != nil {
		return nil, err
	}
	o := c.outcome("rollback", active)
	if active != "" && wanted == "" {
		arn, err := c.current(ctx)
		if err != nil {
			return o, err
		}
		return o, c.stopRolling(ctx, o, arn)
	}
	if wanted == "" {
		if wanted, err = c.before(ctx); err != nil {
			return o, err
		}
	}
	if wanted == o.Previous && active == "" {
		c.Report.Note("%s serves already", subject.Last(wanted))
		return o, c.confirm(ctx, o, c.serves(wanted))
	}
	if err := c.usable(ctx, wanted); err != nil {
		return o, err
	}
	return o, c.roll(ctx, o, wanted)
}

// before is the revision of the last successful deployment that brought another one.
func (c *Control) before(ctx context.Context) (string, error) {
	client, serves := c.Subject.AWS.ECS(), c.Subject.TaskDefinition()
	in := &ecs.ListServiceDeploymentsInput{Cluster: &c.Subject.Cluster, Service: &c.Subject.Service, Status: []ecstypes.ServiceDeploymentStatus{ecstypes.ServiceDeploymentStatusSuccessful}}
	for {
		page, err := client.ListServiceDeployments(ctx, in)
		if err != nil {
			return "", fmt.Errorf("find the revision before %s (--to names one without looking): %w", subject.Last(serves), err)
		}
		for _, d := range page.ServiceDeployments {
			out, err := client.DescribeServiceRevisions(ctx, &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{aws.ToString(d.TargetServiceRevisionArn)}})
			if err != nil {
				return "", err
			}
			if len(out.ServiceRevisions) > 0 && aws.ToString(out.ServiceRevisions[0].TaskDefinition) != serves {
				return aws.ToString(out.ServiceRevisions[0].TaskDefinition), nil
			}
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			break
		}
	}
	return "", fault.New(fault.Usage, "name a revision with --to", "no successful deployment of service %s brought another revision than %s, which serves", c.Subject.Service, subject.Last(serves))
}

// roll has ECS bring a revision and waits until its tasks have replaced the others.
func (c *Control) roll(ctx context.Context, o *Outcome, revision string) error {
	client := c.Subject.AWS.ECS()
	c.Report.Note("bringing %s back, which replaces %s", subject.Last(revision), subject.Last(o.Previous))
	out, err := client.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &c.Subject.Cluster, Service: &c.Subject.Service, TaskDefinition: &revision})
	if err != nil {
		return fmt.Errorf("roll back to %s: %w", subject.Last(revision), err)
	}
	c.Subject.Info = *out.Service
	p := c.Subject.Primary()
	if p == nil {
		return fmt.Errorf("ECS answered without a primary deployment for service %s", c.Subject.Service)
	}
	o.DeploymentID = aws.ToString(p.Id)
	end, err := watch.FollowRolling(ctx, watch.RollingOptions{
		ECS: client, Cluster: c.Subject.Cluster, Service: c.Subject.Service, ID: o.DeploymentID, Until: watch.Done, Deadline: c.Deadline, Emit: c.Report.Watched, Pace: c.Pace,
	})
	if err != nil {
		return c.early(err, o.DeploymentID)
	}
	o.Status = string(end.Deployment.RolloutState)
	if !end.Succeeded(watch.Done) {
		rep := autopsy.Perform(ctx, c.Subject.AWS, autopsy.Subject{Cluster: c.Subject.Cluster, Service: c.Subject.Service, TaskDefinition: revision})
		rep.DeploymentID, rep.Status = o.DeploymentID, o.Status
		return c.stands(ctx, o, &fault.Error{Code: fault.Deployment, Err: &shift.Failure{Report: rep}})
	}
	return c.confirm(ctx, o, c.serves(revision))
}
