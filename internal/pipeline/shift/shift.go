// Package shift is the stage that moves traffic to the new revision: by a deployment of
// CodeDeploy (bluegreen.go) or by a rolling update of ECS (rolling.go). It follows the
// deployment as far as asked. When it fails it follows the rollback too, and says why.
package shift

import (
	"context"
	"fmt"
	"slices"
	"time"

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

// Check reads what the shift will need, before anything is built or registered for it.
func (Stage) Check(_ context.Context, r *run.Run) error {
	if !slices.Contains(watch.Untils, r.Until()) {
		return fault.New(fault.Usage, fmt.Sprintf("one of %v", watch.Untils), "wait until %q is unknown", r.Until())
	}
	if len(r.Config.Gates) > 0 && r.Facts.Controller == run.Rolling {
		return fault.New(fault.Usage, "remove gates from turnout.yml, or deploy by CodeDeploy", "a rolling deployment never waits for gates")
	}
	if r.Facts.Controller == run.Rolling || r.Until() == watch.Registered {
		return nil
	}
	if _, err := appspec.Read(r.Config.Path(r.Config.AppSpec)); err != nil {
		return err
	}
	return checkGates(r)
}

// Skip tells that no more than a revision is wanted.
func (Stage) Skip(r *run.Run) string {
	if r.Until() == watch.Registered {
		return "waited until registered, as asked"
	}
	return ""
}

// Run creates the deployment (or goes on with the one that the facts name) and follows it.
func (s Stage) Run(ctx context.Context, r *run.Run) (string, error) {
	if r.Facts.Controller == run.Rolling {
		return roll(ctx, r)
	}
	return blueGreen(ctx, r)
}

// created notes the deployment's id on disk before the wait, so that no crash deploys twice.
func created(r *run.Run) error {
	r.Report.Note("deployment %s", r.Facts.DeploymentID)
	return r.Journal.Write(run.Entry{Event: "created", Stage: Stage{}.String(), Facts: &r.Facts})
}

func since(began time.Time) time.Duration { return time.Since(began).Round(10 * time.Millisecond) }

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// rolledBack is the status of a rollback that succeeded.
const rolledBack = string(types.DeploymentStatusSucceeded)

// Failure is a deployment that did not succeed, with its autopsy.
type Failure struct {
	Report   *autopsy.Report
	Rollback string // status of the rollback deployment, "" for none
	Traffic  string // where it stands without a rollback, "" for not known
}

// Verdict is the error of a deployment that did not succeed, and whose rollback, if there
// is one, ended like this.
func Verdict(rep *autopsy.Report, o watch.Outcome, rollback types.DeploymentStatus) error {
	f := &Failure{Report: rep, Rollback: string(rollback)}
	e := &fault.Error{Code: fault.Deployment, Err: f}
	switch {
	case rollback == types.DeploymentStatusSucceeded:
		e.Code = fault.RolledBack
	case o.Deployment.Status == types.DeploymentStatusStopped:
		e.Code = fault.Stopped
	}
	if rollback == "" {
		f.Traffic, e.Hint = weights(o.Target), "`turnout rollback` brings the previous revision back"
	}
	return e
}

func (f *Failure) Error() string {
	s := fmt.Sprintf("deployment %s %s", f.Report.DeploymentID, f.Report.Status)
	switch f.Rollback {
	case "":
		s += ", not rolled back"
		if f.Traffic != "" {
			s += "; " + f.Traffic
		}
		return s
	case rolledBack:
		return s + ", rolled back by " + f.Report.RollbackID
	}
	return s + ", and the rollback " + f.Report.RollbackID + " " + f.Rollback
}
