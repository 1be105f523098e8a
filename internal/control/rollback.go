package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/history"
	"github.com/turnoutdev/turnout/internal/pipeline/shift"
	"github.com/turnoutdev/turnout/internal/regex"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/watch"
)

// AllAtOnce is the deployment configuration of rollbacks, as of CodeDeploy's own: what is
// broken is not taken back in steps.
const AllAtOnce = "CodeDeployDefault.ECSAllAtOnce"

// Rollback brings a revision back into service. to names it (ARN, FAMILY:REVISION or
// REVISION); "" is the one before. A deployment under way is stopped and taken back first,
// which is all there is to do when it brings the wanted revision. config is the deployment
// configuration, "" for AllAtOnce.
func (c *Control) Rollback(ctx context.Context, to, config string) (*Outcome, error) {
	wanted, err := c.resolve(ctx, to)
	if err != nil {
		return nil, err
	}
	if c.Subject.Rolling() {
		return c.rollbackRolling(ctx, wanted)
	}
	active, err := c.Subject.Active(ctx)
	if err != nil {
		return nil, err
	}
	o := c.outcome("rollback", active)
	if active != "" {
		if err := c.stop(ctx, o, true); err != nil || wanted == "" || wanted == o.Revision {
			return o, err
		}
	}
	spec, wanted, err := c.plan(ctx, wanted)
	if err != nil {
		return o, err
	}
	if wanted == c.Subject.TaskDefinition() && to != "" {
		if err := c.confirm(ctx, o, c.serves(wanted)); err == nil {
			c.Report.Note("%s serves already", subject.Last(wanted))
			return o, nil
		}
	}
	if err := c.usable(ctx, wanted); err != nil {
		return o, err
	}
	return o, c.redeploy(ctx, o, spec, wanted, config)
}

// resolve makes the ARN of what --to names, and makes sure that it exists.
func (c *Control) resolve(ctx context.Context, to string) (string, error) {
	if to == "" {
		return "", nil
	}
	name := to
	if number.MatchString(to) {
		family, _, _ := strings.Cut(subject.Last(c.Subject.TaskDefinition()), ":")
		name = family + ":" + to
	}
	if !strings.Contains(subject.Last(name), ":") {
		return "", fault.New(fault.Usage, "such as 7, web:7, or an ARN; `turnout history` lists them", "--to %s names no revision", to)
	}
	d, err := c.Subject.AWS.ECS().DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &name})
	var none *ecstypes.ClientException
	if errors.As(err, &none) {
		return "", fault.New(fault.Usage, "`turnout history` lists the revisions that were deployed", "there is no revision %s", name)
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(d.TaskDefinition.TaskDefinitionArn), nil
}

var number = regex.New(`^[0-9]+$`)

// usable refuses a revision that was deregistered before anything is changed.
func (c *Control) usable(ctx context.Context, arn string) error {
	d, err := c.Subject.AWS.ECS().DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &arn})
	if err != nil {
		return err
	}
	if s := d.TaskDefinition.Status; s != ecstypes.TaskDefinitionStatusActive {
		return fault.New(fault.Usage, "name another one with --to; `turnout history` lists them", "revision %s was deregistered (%s), so that no task can be started from it", subject.Last(arn), s)
	}
	return nil
}

// plan finds what to deploy: the document and the revision. Without a wish, that is the
// revision of the last successful deployment before the one that serves; where the last
// deployment was cut short and left traffic divided, it is the one that still is primary.
func (c *Control) plan(ctx context.Context, wanted string) (*appspec.AppSpec, string, error) {
	cd, g, serves := c.Subject.AWS.CodeDeploy(), c.Subject.Group, c.Subject.TaskDefinition()
	var newest *appspec.AppSpec
	cut, err := c.cutShort(ctx)
	if err != nil {
		return nil, "", err
	}
	if wanted == "" && cut {
		wanted = serves
	}
	pages := codedeploy.NewListDeploymentsPaginator(cd, &codedeploy.ListDeploymentsInput{
		ApplicationName: g.ApplicationName, DeploymentGroupName: g.DeploymentGroupName, IncludeOnlyStatuses: []cdtypes.DeploymentStatus{cdtypes.DeploymentStatusSucceeded},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, "", err
		}
		for _, id := range page.Deployments {
			d, err := cd.GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: &id})
			if err != nil {
				return nil, "", err
			}
			spec, err := history.AppSpec(ctx, cd, d.DeploymentInfo)
			if err != nil {
				return nil, "", err
			}
			if spec == nil {
				continue // not kept: an older one may be
			}
			if newest == nil {
				newest = spec
			}
			if wanted != "" {
				return newest, wanted, nil
			}
			if arn := spec.TaskDefinition(); arn != serves {
				return spec, arn, nil
			}
		}
	}
	if wanted == "" {
		wanted = c.first(serves)
	}
	if wanted == "" {
		return nil, "", fault.New(fault.Usage, "name a revision with --to", "no successful deployment brought another revision than %s, which serves", subject.Last(serves))
	}
	spec, err := c.compose()
	if newest != nil {
		spec, err = newest, nil
	}
	return spec, wanted, err
}

// first is the revision that the service was created with, which no deployment brought:
// ECS keeps it as the service's own.
func (c *Control) first(serves string) string {
	if own := aws.ToString(c.Subject.Info.TaskDefinition); own != serves {
		return own
	}
	return ""
}

// cutShort tells whether the last deployment left traffic away from what is primary.
func (c *Control) cutShort(ctx context.Context) (bool, error) {
	routes, err := c.Subject.Routes(ctx)
	if err != nil {
		return false, err
	}
	for _, r := range routes {
		if !r.Test && r.Of(c.Subject.Live()) < 100 {
			return true, nil
		}
	}
	return false, nil
}

// compose makes a document from what the service says of itself.
func (c *Control) compose() (*appspec.AppSpec, error) {
	behind := c.Subject.Behind()
	if behind.ContainerName == nil {
		return nil, fmt.Errorf("service %s has no load balancer", c.Subject.Service)
	}
	type object = map[string]any
	b, err := json.Marshal(object{"version": 0.0, "Resources": []object{{"TargetService": object{"Type": "AWS::ECS::Service", "Properties": object{
		"TaskDefinition":   "<TASK_DEFINITION>",
		"LoadBalancerInfo": object{"ContainerName": behind.ContainerName, "ContainerPort": behind.ContainerPort},
	}}}}})
	if err != nil {
		return nil, err
	}
	return appspec.Parse("appspec.json", b)
}

// redeploy has CodeDeploy bring revision and waits until it serves. It waits until traffic
// has moved: what runs until the old tasks are ended is the way forward again.
func (c *Control) redeploy(ctx context.Context, o *Outcome, spec *appspec.AppSpec, revision, config string) error {
	if err := spec.SetTaskDefinition(revision); err != nil {
		return err
	}
	if config == "" {
		config = AllAtOnce
	}
	content, g := string(spec.Bytes()), c.Subject.Group
	sum := sha256.Sum256([]byte(content))
	if now := c.Subject.TaskDefinition(); now == revision {
		c.Report.Note("bringing all traffic back to %s", subject.Last(revision))
	} else {
		c.Report.Note("bringing %s back, which replaces %s", subject.Last(revision), subject.Last(now))
	}
	mark := " (rollback " + run.NewID(time.Now()) + ")"
	id, err := shift.Create(ctx, c.Subject.AWS, c.Report.Note, &codedeploy.CreateDeploymentInput{
		ApplicationName: g.ApplicationName, DeploymentGroupName: g.DeploymentGroupName, DeploymentConfigName: &config,
		Description: aws.String(shift.Describe("turnout rollback to "+subject.Last(revision), mark)),
		Revision: &cdtypes.RevisionLocation{
			RevisionType:   cdtypes.RevisionLocationTypeAppSpecContent,
			AppSpecContent: &cdtypes.AppSpecContent{Content: &content, Sha256: aws.String(hex.EncodeToString(sum[:]))},
		},
	}, mark)
	if err != nil {
		return fmt.Errorf("roll back to %s: %w", subject.Last(revision), err)
	}
	o.DeploymentID, o.RollbackID, o.RollbackStatus = id, "", ""
	out, err := c.followOn(ctx, o.DeploymentID)
	if err != nil {
		return err
	}
	o.Status = string(out.Deployment.Status)
	if !out.Succeeded(watch.Shifted) {
		return c.failed(ctx, o, out.Deployment)
	}
	return c.confirm(ctx, o, c.serves(revision))
}

// followOn waits until traffic has moved, and ends the wait before it: who asks for a
// revision back has decided already.
func (c *Control) followOn(ctx context.Context, id string) (watch.Outcome, error) {
	k := *c
	k.Report = onward{c.Report, func(e watch.Event) {
		if e.Kind != watch.Status || e.Status != string(cdtypes.DeploymentStatusReady) {
			return
		}
		_, err := c.Subject.AWS.CodeDeploy().ContinueDeployment(ctx, &codedeploy.ContinueDeploymentInput{DeploymentId: &id, DeploymentWaitType: cdtypes.DeploymentWaitTypeReadyWait})
		if err != nil {
			c.Report.Warn("deployment %s waits before it moves traffic, and cannot be continued: %v; `turnout continue` tries again", id, err)
		}
	}}
	return k.follow(ctx, id, watch.Shifted)
}

// onward is a reporter that acts on what happens, too.
type onward struct {
	run.Reporter
	act func(watch.Event)
}

func (w onward) Watched(e watch.Event) {
	w.Reporter.Watched(e)
	w.act(e)
}
