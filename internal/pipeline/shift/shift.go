// Package shift is the stage that creates the CodeDeploy deployment and follows it until
// traffic has moved. When the deployment fails it follows the rollback too, and says why.
package shift

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/autopsy"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/watch"
)

// Stage shifts traffic.
type Stage struct{}

func (Stage) String() string { return "shift" }

// maxDescription is what CodeDeploy takes.
const maxDescription = 256

// Check makes sure that the deployment group stands, before anything is built or
// registered for it.
func (s Stage) Check(ctx context.Context, r *run.Run) error {
	_, err := s.group(ctx, r)
	return err
}

// Run creates the deployment (or goes on with the one that the facts name) and follows it.
func (s Stage) Run(ctx context.Context, r *run.Run) (string, error) {
	group, err := s.group(ctx, r)
	if err != nil {
		return "", err
	}
	if r.Facts.DeploymentID == "" {
		if err := s.create(ctx, r); err != nil {
			return "", err
		}
		// The id is on disk before the wait, so that no crash deploys twice.
		if err := r.Journal.Write(run.Entry{Event: "created", Stage: s.String(), Facts: &r.Facts}); err != nil {
			return "", err
		}
	}
	r.Report.Note("deployment %s", r.Facts.DeploymentID)
	began := time.Now()
	out, err := follow(ctx, r, r.Facts.DeploymentID, deadline(r, group))
	if err != nil {
		return "", interrupted(r, err)
	}
	r.Facts.Status = string(out.Deployment.Status)
	if out.Succeeded(r.Options.WaitUntil) {
		return fmt.Sprintf("%s %s after %s", r.Facts.DeploymentID, words(out), time.Since(began).Round(10*time.Millisecond)), nil
	}
	return "", s.failed(ctx, r, out)
}

func words(o watch.Outcome) string {
	if o.Deployment.Status == types.DeploymentStatusSucceeded {
		return "succeeded"
	}
	return "shifted all traffic"
}

func (Stage) group(ctx context.Context, r *run.Run) (*types.DeploymentGroupInfo, error) {
	cd := r.Config.CodeDeploy
	out, err := r.AWS.CodeDeploy().GetDeploymentGroup(ctx, &codedeploy.GetDeploymentGroupInput{
		ApplicationName: &cd.Application, DeploymentGroupName: &cd.Group,
	})
	var noApp *types.ApplicationDoesNotExistException
	var noGroup *types.DeploymentGroupDoesNotExistException
	if errors.As(err, &noApp) || errors.As(err, &noGroup) {
		return nil, fault.New(fault.Usage, "set codedeploy.application and codedeploy.group, or make them with `turnout provision`", "%w", err)
	}
	if err != nil {
		return nil, err
	}
	r.Facts.Application, r.Facts.Group = cd.Application, cd.Group
	return out.DeploymentGroupInfo, nil
}

func (Stage) create(ctx context.Context, r *run.Run) error {
	spec, err := appspec.Read(r.Config.Path(r.Config.AppSpec))
	if err != nil {
		return err
	}
	if err := spec.SetTaskDefinition(r.Facts.TaskDefinition); err != nil {
		return err
	}
	content := string(spec.Bytes())
	sum := sha256.Sum256([]byte(content))
	in := &codedeploy.CreateDeploymentInput{
		ApplicationName:     &r.Config.CodeDeploy.Application,
		DeploymentGroupName: &r.Config.CodeDeploy.Group,
		Description:         aws.String(description(r)),
		Revision: &types.RevisionLocation{
			RevisionType:   types.RevisionLocationTypeAppSpecContent,
			AppSpecContent: &types.AppSpecContent{Content: &content, Sha256: aws.String(hex.EncodeToString(sum[:]))},
		},
	}
	if c := first(r.Options.DeploymentConfig, r.Config.CodeDeploy.Config); c != "" {
		in.DeploymentConfigName = &c
	}
	out, err := r.AWS.CodeDeploy().CreateDeployment(ctx, in)
	var active *types.DeploymentLimitExceededException
	if errors.As(err, &active) {
		return fault.New(fault.Failed, "wait for it (`turnout watch`), or end it (`turnout stop`); "+r.Facts.TaskDefinition+" stays registered and unused", "%w", err)
	}
	if err != nil {
		return fmt.Errorf("%w (%s stays registered and unused)", err, r.Facts.TaskDefinition)
	}
	r.Facts.DeploymentID = aws.ToString(out.DeploymentId)
	return nil
}

func description(r *run.Run) string {
	d := first(r.Options.Description, r.Config.CodeDeploy.Description, "turnout "+first(r.Facts.Tag, r.Facts.TaskDefinition))
	if len(d) > maxDescription {
		d = d[:maxDescription-3] + "..."
	}
	return d
}

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// deadline is the group's own waits and what the user allows beyond them.
func deadline(r *run.Run, g *types.DeploymentGroupInfo) time.Duration {
	d := r.Options.Deadline
	if d == 0 {
		d = 30 * time.Minute
	}
	if c := g.BlueGreenDeploymentConfiguration; c != nil {
		if c.DeploymentReadyOption != nil {
			d += time.Duration(c.DeploymentReadyOption.WaitTimeInMinutes) * time.Minute
		}
		if c.TerminateBlueInstancesOnDeploymentSuccess != nil {
			d += time.Duration(c.TerminateBlueInstancesOnDeploymentSuccess.TerminationWaitTimeInMinutes) * time.Minute
		}
	}
	return d
}

func follow(ctx context.Context, r *run.Run, id string, deadline time.Duration) (watch.Outcome, error) {
	return watch.Follow(ctx, watch.Options{
		CodeDeploy: r.AWS.CodeDeploy(), ECS: r.AWS.ECS(), ELB: r.AWS.ELB(),
		ID: id, Cluster: r.Config.Cluster, Service: r.Config.Service,
		Until: r.Options.WaitUntil, Deadline: deadline, Emit: r.Report.Watched,
	})
}

func interrupted(r *run.Run, err error) error {
	id := r.Facts.DeploymentID
	switch {
	case errors.Is(err, watch.ErrDeadline):
		return fault.New(fault.TimedOut, "it goes on: `turnout watch "+id+"`", "deployment %s: %w", id, err)
	case errors.Is(err, context.Canceled):
		return fault.New(fault.Interrupted, "it goes on: `turnout watch "+id+"` follows it, `turnout stop "+id+"` stops it", "deployment %s is still running: %w", id, err)
	}
	return err
}

// failed follows the rollback, if there is one, and performs the autopsy.
func (Stage) failed(ctx context.Context, r *run.Run, out watch.Outcome) error {
	rep := autopsy.Perform(ctx, r.AWS, autopsy.Subject{
		DeploymentID: r.Facts.DeploymentID, Cluster: r.Config.Cluster, Service: r.Config.Service, TaskDefinition: r.Facts.TaskDefinition,
	})
	code := fault.Deployment
	if out.Deployment.Status == types.DeploymentStatusStopped {
		code = fault.Stopped
	}
	rolled, err := rollback(ctx, r, out.Deployment)
	if err != nil {
		return err
	}
	if rolled == types.DeploymentStatusSucceeded {
		code = fault.RolledBack
	}
	return &fault.Error{Code: code, Err: &Failure{Report: rep, Rollback: string(rolled)}}
}

// Failure is a deployment that did not succeed, with its autopsy.
type Failure struct {
	Report   *autopsy.Report
	Rollback string // status of the rollback deployment, "" for none
}

func (f *Failure) Error() string {
	s := fmt.Sprintf("deployment %s %s", f.Report.DeploymentID, f.Report.Status)
	switch f.Rollback {
	case "":
		return s + ", not rolled back"
	case string(types.DeploymentStatusSucceeded):
		return s + ", rolled back by " + f.Report.RollbackID
	}
	return s + ", and the rollback " + f.Report.RollbackID + " " + f.Rollback
}

// rollback waits for the automatic rollback to appear and to end.
func rollback(ctx context.Context, r *run.Run, d *types.DeploymentInfo) (types.DeploymentStatus, error) {
	if c := d.AutoRollbackConfiguration; c == nil || !c.Enabled {
		return "", nil
	}
	id, err := rollbackID(ctx, r, d)
	if err != nil || id == "" {
		return "", err
	}
	r.Facts.RollbackID = id
	r.Report.Watched(watch.Event{Time: time.Now(), Kind: watch.Following, DeploymentID: id, Message: "rolled back by deployment " + id})
	out, err := follow(ctx, r, id, 30*time.Minute)
	if err != nil {
		return "", err
	}
	return out.Deployment.Status, nil
}

// rollbackID waits a moment for CodeDeploy to name the deployment that rolls back.
func rollbackID(ctx context.Context, r *run.Run, d *types.DeploymentInfo) (string, error) {
	for try := 0; ; try++ {
		if d.RollbackInfo != nil && d.RollbackInfo.RollbackDeploymentId != nil {
			return *d.RollbackInfo.RollbackDeploymentId, nil
		}
		if try == rollbackTries {
			return "", nil
		}
		select {
		case <-time.After(time.Duration(try+1) * 100 * time.Millisecond):
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
		out, err := r.AWS.CodeDeploy().GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: d.DeploymentId})
		if err != nil {
			return "", err
		}
		d = out.DeploymentInfo
	}
}

// rollbackTries bounds the wait for a rollback to appear to about 8 seconds.
const rollbackTries = 12
