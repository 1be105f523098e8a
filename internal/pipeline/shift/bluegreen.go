package shift

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/autopsy"
	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/watch"
)

// maxDescription is what CodeDeploy takes.
const maxDescription = 256

// blueGreen has CodeDeploy move the traffic.
func blueGreen(ctx context.Context, r *run.Run) (string, error) {
	if err := adopt(ctx, r); err != nil {
		return "", err
	}
	if r.Facts.DeploymentID == "" {
		if err := ahead(ctx, r); err != nil {
			return "", err
		}
		if err := create(ctx, r); err != nil {
			return "", err
		}
	}
	if r.Until() == watch.Created {
		return r.Facts.DeploymentID + " was created", nil
	}
	began := time.Now()
	if err := gates(ctx, r); err != nil {
		return "", err
	}
	out, err := follow(ctx, r, watch.Options{ID: r.Facts.DeploymentID, Until: r.Until(), Deadline: deadline(r), Brief: true})
	if err != nil {
		return "", interrupted(ctx, r, out, err)
	}
	r.Facts.Status = string(out.Deployment.Status)
	if out.Succeeded(r.Until()) {
		return fmt.Sprintf("%s %s after %s", r.Facts.DeploymentID, words(out), since(began)), nil
	}
	return "", failed(ctx, r, out)
}

func words(o watch.Outcome) string {
	if o.Deployment.Status == types.DeploymentStatusSucceeded {
		return "succeeded"
	}
	return "shifted all traffic"
}

// create creates the run's deployment.
func create(ctx context.Context, r *run.Run) error {
	in, err := input(r)
	if err != nil {
		return err
	}
	id, err := Create(ctx, r.AWS, r.Report.Note, in, mark(r))
	var active *types.DeploymentLimitExceededException
	switch {
	case errors.As(err, &active):
		return fault.New(fault.Failed, "wait for it (`turnout watch`), or end it (`turnout stop`); "+r.Facts.TaskDefinition+" stays registered and unused", "%w", err)
	case err != nil:
		return fmt.Errorf("%w (%s stays registered and unused)", err, r.Facts.TaskDefinition)
	}
	r.Facts.DeploymentID = id
	return created(r)
}

// Create creates a deployment, once: an answer that was lost on the way does not make a
// second one. It is found again by mark, with which its description ends.
func Create(ctx context.Context, a *awsclient.Clients, note func(string, ...any), in *codedeploy.CreateDeploymentInput, mark string) (string, error) {
	client := codedeploy.NewFromConfig(a.Config(), func(o *codedeploy.Options) { o.Retryer = aws.NopRetryer{} })
	return awsclient.Once(ctx, awsclient.Tries, note, func(ctx context.Context) (string, error) {
		out, err := client.CreateDeployment(ctx, in)
		if err != nil {
			return "", err
		}
		return aws.ToString(out.DeploymentId), nil
	}, func() (string, bool, error) {
		id, err := marked(ctx, a, in.ApplicationName, in.DeploymentGroupName, mark)
		return id, id != "", err
	})
}

// input is the deployment to create.
func input(r *run.Run) (*codedeploy.CreateDeploymentInput, error) {
	spec, err := appspec.Read(r.Config.Path(r.Config.AppSpec))
	if err != nil {
		return nil, err
	}
	if err := spec.SetTaskDefinition(r.Facts.TaskDefinition); err != nil {
		return nil, err
	}
	content := string(spec.Bytes())
	sum := sha256.Sum256([]byte(content))
	in := &codedeploy.CreateDeploymentInput{
		ApplicationName:     &r.Facts.Application,
		DeploymentGroupName: &r.Facts.Group,
		Description:         aws.String(description(r)),
		Revision: &types.RevisionLocation{
			RevisionType:   types.RevisionLocationTypeAppSpecContent,
			AppSpecContent: &types.AppSpecContent{Content: &content, Sha256: aws.String(hex.EncodeToString(sum[:]))},
		},
	}
	if c := first(r.Options.DeploymentConfig, r.Config.CodeDeploy.Config); c != "" {
		in.DeploymentConfigName = &c
	}
	return in, nil
}

// description ends with the run's id, by which the run finds its deployment again when
// CodeDeploy's answer was lost.
func description(r *run.Run) string {
	return Describe(first(r.Options.Description, r.Config.CodeDeploy.Description, "turnout "+first(r.Facts.Tag, r.Facts.TaskDefinition)), mark(r))
}

// Describe is a description that ends with mark, of as much of text as CodeDeploy takes.
func Describe(text, mark string) string {
	if room := maxDescription - len(mark); len(text) > room {
		text = strings.ToValidUTF8(text[:room-3], "") + "..."
	}
	return text + mark
}

func mark(r *run.Run) string { return " (run " + r.ID + ")" }

// deadline is the group's own waits and what the user allows beyond them.
func deadline(r *run.Run) time.Duration {
	d := r.Options.Deadline
	if d == 0 {
		d = 30 * time.Minute
	}
	if c := r.Group.BlueGreenDeploymentConfiguration; c != nil {
		if c.DeploymentReadyOption != nil {
			d += time.Duration(c.DeploymentReadyOption.WaitTimeInMinutes) * time.Minute
		}
		if c.TerminateBlueInstancesOnDeploymentSuccess != nil {
			d += time.Duration(c.TerminateBlueInstancesOnDeploymentSuccess.TerminationWaitTimeInMinutes) * time.Minute
		}
	}
	return d
}

// follow follows the deployment that o names.
func follow(ctx context.Context, r *run.Run, o watch.Options) (watch.Outcome, error) {
	return watch.Follow(ctx, following(r, o))
}

// following completes what is to be followed with the run's clients and names.
func following(r *run.Run, o watch.Options) watch.Options {
	if r.Told == nil {
		r.Told = &watch.Memory{}
	}
	client := r.AWS.ECS()
	o.CodeDeploy, o.ECS, o.Tasks, o.ELB = r.AWS.CodeDeploy(), client, client, r.AWS.ELB()
	o.Cluster, o.Service = r.Config.Cluster, r.Config.Service
	o.Emit, o.Told, o.Pace, o.Budget = r.Report.Watched, r.Told, r.Pace(), r.AWS.Reads
	return o
}

// failed performs the autopsy and follows the rollback, if there is one.
func failed(ctx context.Context, r *run.Run, o watch.Outcome) error {
	d := o.Deployment
	rep := autopsy.Perform(ctx, r.AWS, autopsy.Subject{
		DeploymentID: r.Facts.DeploymentID, Cluster: r.Config.Cluster, Service: r.Config.Service, TaskDefinition: r.Facts.TaskDefinition,
		Seen: autopsy.Targets(o.SickIn, o.Sick),
	})
	rolled, err := rollback(ctx, r, d, false)
	if err != nil { // the autopsy is told all the same
		r.Report.Warn("%v", err)
	}
	if rep.RollbackID == "" {
		rep.RollbackID = r.Facts.RollbackID
	}
	return Verdict(rep, o, rolled)
}

// rollback waits for the rollback, which may have been asked for, to appear and to end.
func rollback(ctx context.Context, r *run.Run, d *types.DeploymentInfo, asked bool) (types.DeploymentStatus, error) {
	id, status, err := watch.FollowRollback(ctx, following(r, watch.Options{Deadline: 30 * time.Minute}), d, asked)
	if r.Facts.RollbackID = id; id != "" && err != nil {
		return "is not known to have ended", err
	}
	return status, err
}
