package action

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/autopsy"
	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline/shift"
	"github.com/turnoutdev/turnout/internal/watch"
)

// locateGroup finds the deployment group, reads the AppSpec, and refuses a group that
// deploys already.
func (d *deploy) locateGroup(ctx context.Context) error {
	file := orElse(d.Input("codedeploy-appspec"), "appspec.yaml")
	spec, err := appspec.Read(d.path(file))
	if errors.Is(err, os.ErrNotExist) {
		return fault.New(fault.Usage, "name it in the input \"codedeploy-appspec\"", "service %s is deployed by CodeDeploy, and there is no AppSpec file %s", d.service, file)
	}
	if err != nil {
		return err
	}
	d.spec = spec
	application := orElse(d.Input("codedeploy-application"), "AppECS-"+d.cluster+"-"+d.service)
	name := orElse(d.Input("codedeploy-deployment-group"), "DgpECS-"+d.cluster+"-"+d.service)
	out, err := d.codedeploy.GetDeploymentGroup(ctx, &codedeploy.GetDeploymentGroupInput{ApplicationName: &application, DeploymentGroupName: &name})
	var noApp *cdtypes.ApplicationDoesNotExistException
	var noGroup *cdtypes.DeploymentGroupDoesNotExistException
	if errors.As(err, &noApp) || errors.As(err, &noGroup) {
		return fault.New(fault.Usage, "check the inputs \"codedeploy-application\" and \"codedeploy-deployment-group\"", "%w", err)
	}
	if err != nil {
		return err
	}
	d.group = out.DeploymentGroupInfo
	if last := d.group.LastAttemptedDeployment; last != nil && !ended(last.Status) {
		id := aws.ToString(last.DeploymentId)
		return fault.New(fault.Failed, "wait for it (`turnout watch "+id+"`) or stop it; nothing was registered", "deployment %s of this group is %s", id, last.Status)
	}
	return nil
}

func ended(s cdtypes.DeploymentStatus) bool {
	return s == "" || s == cdtypes.DeploymentStatusSucceeded || s == cdtypes.DeploymentStatusFailed || s == cdtypes.DeploymentStatusStopped
}

// blueGreen creates the CodeDeploy deployment and, if asked, waits for its end.
func (d *deploy) blueGreen(ctx context.Context) error {
	in, err := d.creation()
	if err != nil {
		return err
	}
	id, err := d.create(ctx, in)
	if err != nil {
		return fmt.Errorf("%w (%s stays registered and unused)", err, d.arn)
	}
	if err := d.Output("codedeploy-deployment-id", id); err != nil {
		return err
	}
	d.Info("deployment %s started%s", id, d.console("codesuite/codedeploy/deployments/"+id))
	if !d.wait {
		return nil
	}
	result, err := d.follow(ctx, id, d.until, d.limit())
	if errors.Is(err, context.Canceled) && d.onCancel != "leave" {
		return d.cancelled(ctx, id)
	}
	if err != nil {
		return d.unfinished(id, err)
	}
	if result.Succeeded(d.until) {
		d.Info("deployment %s: %s", id, d.until)
		return nil
	}
	return d.failed(ctx, id, result)
}

// create creates the deployment, once: when an answer is lost, the deployment is known by
// its AppSpec, which names a revision of its own.
func (d *deploy) create(ctx context.Context, in *codedeploy.CreateDeploymentInput) (string, error) {
	client := codedeploy.NewFromConfig(d.config(), func(o *codedeploy.Options) { o.Retryer = aws.NopRetryer{} })
	began := time.Now().Add(-time.Minute) // clocks differ
	return awsclient.Once(ctx, d.tries(), d.Info, func(ctx context.Context) (string, error) {
		out, err := client.CreateDeployment(ctx, in)
		if err != nil {
			return "", err
		}
		return aws.ToString(out.DeploymentId), nil
	}, func() (string, bool, error) {
		id, err := d.created(ctx, aws.ToString(in.Revision.AppSpecContent.Sha256), began)
		return id, id != "", err
	})
}

// created is the id of a deployment with this AppSpec that was created since began, "" for
// none.
func (d *deploy) created(ctx context.Context, sum string, began time.Time) (string, error) {
	list, err := d.codedeploy.ListDeployments(ctx, &codedeploy.ListDeploymentsInput{
		ApplicationName: d.group.ApplicationName, DeploymentGroupName: d.group.DeploymentGroupName, CreateTimeRange: &cdtypes.TimeRange{Start: &began},
	})
	if err != nil || len(list.Deployments) == 0 {
		return "", err
	}
	infos, err := d.codedeploy.BatchGetDeployments(ctx, &codedeploy.BatchGetDeploymentsInput{DeploymentIds: list.Deployments[:min(len(list.Deployments), 25)]})
	if err != nil {
		return "", err
	}
	for _, x := range infos.DeploymentsInfo {
		if x.Revision != nil && x.Revision.AppSpecContent != nil && aws.ToString(x.Revision.AppSpecContent.Sha256) == sum {
			return aws.ToString(x.DeploymentId), nil
		}
	}
	return "", nil
}

// creation is the deployment to create.
func (d *deploy) creation() (*codedeploy.CreateDeploymentInput, error) {
	if err := d.spec.SetTaskDefinition(d.arn); err != nil {
		return nil, err
	}
	content := string(d.spec.Bytes())
	sum := sha256.Sum256([]byte(content))
	in := &codedeploy.CreateDeploymentInput{
		ApplicationName: d.group.ApplicationName, DeploymentGroupName: d.group.DeploymentGroupName,
		Revision: &cdtypes.RevisionLocation{
			RevisionType:   cdtypes.RevisionLocationTypeAppSpecContent,
			AppSpecContent: &cdtypes.AppSpecContent{Content: &content, Sha256: aws.String(hex.EncodeToString(sum[:]))},
		},
	}
	if s := d.Input("codedeploy-deployment-description"); s != "" {
		if long := []rune(s); len(long) > 512 {
			s = string(long[:511]) + "…"
		}
		in.Description = &s
	}
	if s := d.Input("codedeploy-deployment-config"); s != "" {
		in.DeploymentConfigName = &s
	}
	return in, nil
}

func (d *deploy) follow(ctx context.Context, id string, until watch.Until, limit time.Duration) (watch.Outcome, error) {
	return watch.Follow(ctx, d.following(id, until, limit))
}

func (d *deploy) following(id string, until watch.Until, limit time.Duration) watch.Options {
	return watch.Options{
		CodeDeploy: d.codedeploy, ECS: d.ecs, Tasks: d.ecs, ELB: d.aws.ELB(), ID: id, Cluster: d.cluster, Service: d.service,
		Until: until, Deadline: limit, Emit: d.Watched, Told: d.told, Pace: d.pace(), Budget: d.aws.Reads,
	}
}

// unfinished is the error of a wait that ended before the deployment did.
func (d *deploy) unfinished(id string, err error) error {
	switch {
	case errors.Is(err, watch.ErrDeadline):
		return fault.New(fault.TimedOut, "it goes on; raise the input \"wait-for-minutes\"", "deployment %s has not ended within %s", id, d.limit())
	case errors.Is(err, context.Canceled):
		return fault.New(fault.Interrupted, "it goes on: `turnout watch "+id+"` follows it", "deployment %s is still running: %w", id, err)
	}
	return fmt.Errorf("deployment %s goes on, but cannot be followed: %w", id, err)
}

// cancelled stops the deployment of a cancelled job. The runner gives a job only seconds
// to end, so the call comes first and the wait for its outcome after it.
func (d *deploy) cancelled(ctx context.Context, id string) error {
	ctx = context.WithoutCancel(ctx)
	back := d.onCancel == "rollback"
	_, err := d.codedeploy.StopDeployment(ctx, &codedeploy.StopDeploymentInput{DeploymentId: &id, AutoRollbackEnabled: &back})
	var over *cdtypes.DeploymentAlreadyCompletedException
	if err != nil && !errors.As(err, &over) {
		return fault.New(fault.Interrupted, "it goes on: `turnout watch "+id+"` follows it", "the job is cancelled, and deployment %s cannot be stopped: %w", id, err)
	}
	out, err := d.follow(ctx, id, watch.Done, d.limit())
	if err != nil {
		return d.unfinished(id, err)
	}
	to, err := d.rolledBack(ctx, back, out.Deployment)
	if err != nil {
		return err
	}
	return fault.New(fault.Interrupted, "", "the job was cancelled: deployment %s %s%s", id, out.Deployment.Status, to)
}

// rolledBack waits for the rollback of a stopped deployment and says how it ended.
func (d *deploy) rolledBack(ctx context.Context, asked bool, last *cdtypes.DeploymentInfo) (string, error) {
	if !asked || last.Status != cdtypes.DeploymentStatusStopped {
		return "", nil
	}
	id, status, err := watch.FollowRollback(ctx, d.following("", watch.Done, d.limit()), last, true)
	if err != nil {
		return "", d.unfinished(id, err)
	}
	if id == "" {
		return "", nil
	}
	return fmt.Sprintf(", its rollback %s %s", id, status), nil
}

// failed explains a deployment that did not succeed, and follows its rollback.
func (d *deploy) failed(ctx context.Context, id string, o watch.Outcome) error {
	last := o.Deployment
	rep := autopsy.Perform(ctx, d.aws, autopsy.Subject{DeploymentID: id, Cluster: d.cluster, Service: d.service, TaskDefinition: d.arn, Seen: autopsy.Targets(o.SickIn, o.Sick)})
	back, status, err := watch.FollowRollback(ctx, d.following("", watch.Done, d.limit()), last, false)
	if rep.RollbackID = back; err != nil {
		return fmt.Errorf("%w (%w)", &shift.Failure{Report: rep}, err)
	}
	return shift.Verdict(rep, o, status)
}

// rolling updates the service and, if asked, waits until the new deployment has completed.
func (d *deploy) rolling(ctx context.Context) error {
	out, err := d.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{
		Cluster: &d.cluster, Service: &d.service, TaskDefinition: &d.arn, ForceNewDeployment: d.force, DesiredCount: d.desired,
		EnableECSManagedTags: d.managedTags, PropagateTags: d.propagate, VolumeConfigurations: d.volumes,
	})
	if err != nil {
		return fmt.Errorf("%w (%s stays registered and unused)", err, d.arn)
	}
	id := ""
	for _, x := range out.Service.Deployments {
		if aws.ToString(x.Status) == "PRIMARY" {
			id = aws.ToString(x.Id)
		}
	}
	d.Info("deployment %s started%s", id, d.console("ecs/v2/clusters/"+d.cluster+"/services/"+d.service+"/deployments"))
	if !d.wait {
		return nil
	}
	result, err := watch.FollowRolling(ctx, watch.RollingOptions{
		ECS: d.ecs, Cluster: d.cluster, Service: d.service, ID: id, Until: d.until, Deadline: d.limit(), Emit: d.Watched, Pace: d.pace(),
	})
	if err != nil {
		return d.unfinished(id, err)
	}
	if result.Succeeded(d.until) {
		d.Info("deployment %s: %s", id, d.until)
		return nil
	}
	return d.failedRolling(ctx, id, result)
}

func (d *deploy) failedRolling(ctx context.Context, id string, o watch.RollingOutcome) error {
	rep := autopsy.Perform(ctx, d.aws, autopsy.Subject{Cluster: d.cluster, Service: d.service, TaskDefinition: d.arn})
	rep.DeploymentID, rep.Status = id, string(o.Deployment.RolloutState)
	rep.ErrorMessage = aws.ToString(o.Deployment.RolloutStateReason)
	f, code := &shift.Failure{Report: rep}, fault.Deployment
	if o.RolledBack() {
		rep.RollbackID, f.Rollback = aws.ToString(o.Primary.Id), string(o.Primary.RolloutState)
		if o.Primary.RolloutState == types.DeploymentRolloutStateCompleted {
			code, f.Rollback = fault.RolledBack, string(cdtypes.DeploymentStatusSucceeded)
		}
	}
	return &fault.Error{Code: code, Err: f}
}
