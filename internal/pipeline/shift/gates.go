package shift

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/internal/endpoint"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/gate"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/watch"
)

// checkGates makes sure that the deployment will wait for the gates, and that those which
// ask the new tasks can reach them.
func checkGates(r *run.Run) error {
	if len(r.Config.Gates) == 0 || r.Group == nil {
		return nil
	}
	c := r.Group.BlueGreenDeploymentConfiguration
	if c == nil || c.DeploymentReadyOption == nil || c.DeploymentReadyOption.ActionOnTimeout != types.DeploymentReadyActionStopDeployment {
		return fault.New(fault.Usage, "set the group's deploymentReadyOption to STOP_DEPLOYMENT with a wait (infrastructure.ready_wait), or remove gates",
			"deployment group %s does not wait before traffic moves, so that gates would decide nothing", r.Facts.Group)
	}
	for _, g := range r.Config.Gates {
		if g.Path != "" && endpoint.Test(r.Group) == "" {
			return fault.New(fault.Usage, "give the group a test listener (infrastructure.load_balancer.test_port), or use a command",
				"gate %s asks the test listener, and deployment group %s has none", g.Name, r.Facts.Group)
		}
	}
	return nil
}

// gates waits until the deployment is ready, passes the gates and lets traffic through.
// When a gate stays closed the deployment is stopped and rolled back.
func gates(ctx context.Context, r *run.Run) error {
	if len(r.Config.Gates) == 0 {
		return nil
	}
	id := r.Facts.DeploymentID
	out, err := follow(ctx, r, watch.Options{ID: id, Until: watch.Ready, Deadline: deadline(r)})
	if err != nil {
		return interrupted(ctx, r, out, err)
	}
	if out.Deployment.Status != types.DeploymentStatusReady {
		return nil // it has ended, or somebody let it through; what follows tells
	}
	scene := gate.Scene{DeploymentID: id, TaskDefinition: r.Facts.TaskDefinition, Image: r.Facts.Image, Cluster: r.Config.Cluster, Service: r.Config.Service}
	if l := endpoint.Test(r.Group); l != "" {
		if scene.URL, err = endpoint.URL(ctx, r.AWS.ELB(), l); err != nil {
			return err
		}
	}
	for _, g := range r.Config.Gates {
		began := time.Now()
		err := gate.Gate{
			Name: g.Name, Run: g.Run, Dir: r.Config.Dir, Path: g.Path, Status: g.Status, Contains: g.Contains, Timeout: g.Timeout,
		}.Pass(ctx, scene, func(line string) { r.Report.Note("%s", line) })
		if err != nil {
			r.Report.Note("gate %s stays closed (%s)", g.Name, since(began))
			return closed(ctx, r, out, err)
		}
		r.Report.Note("gate %s is open (%s)", g.Name, since(began))
	}
	_, err = r.AWS.CodeDeploy().ContinueDeployment(ctx, &codedeploy.ContinueDeploymentInput{DeploymentId: &id, DeploymentWaitType: types.DeploymentWaitTypeReadyWait})
	if err != nil && !completed(err) {
		return fmt.Errorf("let traffic of deployment %s through: %w", id, err)
	}
	return nil
}

// closed ends a deployment whose gate stayed closed, or whose run was cancelled meanwhile.
func closed(ctx context.Context, r *run.Run, o watch.Outcome, err error) error {
	if errors.Is(err, context.Canceled) {
		return interrupted(ctx, r, o, err)
	}
	stopped := stop(context.WithoutCancel(ctx), r, true)
	var f *fault.Error
	if errors.As(stopped, &f) && f.Code == fault.RolledBack {
		return fault.New(fault.RolledBack, "", "deployment %s was stopped and rolled back before traffic moved: %w", r.Facts.DeploymentID, err)
	}
	return errors.Join(err, stopped)
}
