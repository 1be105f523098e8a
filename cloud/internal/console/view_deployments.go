package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// deploymentRow is a deployment in short.
type deploymentRow struct {
	ID          string     `json:"id"`
	Status      string     `json:"status"`
	Application string     `json:"application"`
	Group       string     `json:"group"`
	Config      string     `json:"config"`
	Creator     string     `json:"creator"`
	Description string     `json:"description"`
	Created     *time.Time `json:"created"`
	Started     *time.Time `json:"started"`
	Completed   *time.Time `json:"completed"`
	Error       *complaint `json:"error"`
	RolledBack  string     `json:"rolledBack"` // the deployment that undid it
	Undoes      string     `json:"undoes"`     // the deployment that it undid
}

const manyDeployments = 200 // on the page of them all

// deploymentsView is the page of them all.
type deploymentsView struct {
	Deployments []deploymentRow `json:"deployments"`
}

func (c *Console) deployments(r *http.Request) (any, error) {
	rows, err := c.newest(r.Context(), manyDeployments)
	return deploymentsView{rows}, err
}

// newest reads the newest deployments.
func (c *Console) newest(ctx context.Context, limit int) ([]deploymentRow, error) {
	var ids []string
	for in := (&codedeploy.ListDeploymentsInput{}); ; {
		out, err := c.Deployments.ListDeployments(ctx, in)
		if err != nil {
			return nil, err
		}
		ids = append(ids, out.Deployments...)
		if in.NextToken = out.NextToken; len(ids) >= limit || aws.ToString(in.NextToken) == "" {
			break
		}
	}
	rows := []deploymentRow{}
	for some := range slices.Chunk(ids[:min(len(ids), limit)], 25) {
		out, err := c.Deployments.BatchGetDeployments(ctx, &codedeploy.BatchGetDeploymentsInput{DeploymentIds: some})
		if err != nil {
			return nil, err
		}
		for _, d := range out.DeploymentsInfo {
			rows = append(rows, shorten(&d))
		}
	}
	return rows, nil
}

func shorten(d *types.DeploymentInfo) deploymentRow {
	out := deploymentRow{
		ID: aws.ToString(d.DeploymentId), Status: string(d.Status), Application: aws.ToString(d.ApplicationName), Group: aws.ToString(d.DeploymentGroupName),
		Config: aws.ToString(d.DeploymentConfigName), Creator: string(d.Creator), Description: aws.ToString(d.Description),
		Created: d.CreateTime, Started: d.StartTime, Completed: d.CompleteTime,
	}
	if e := d.ErrorInformation; e != nil {
		out.Error = &complaint{string(e.Code), aws.ToString(e.Message)}
	}
	if b := d.RollbackInfo; b != nil {
		out.RolledBack, out.Undoes = aws.ToString(b.RollbackDeploymentId), aws.ToString(b.RollbackTriggeringDeploymentId)
	}
	return out
}

func (d *deploymentRow) over() bool { return over(types.DeploymentStatus(d.Status)) }

func over(s types.DeploymentStatus) bool {
	return s == types.DeploymentStatusSucceeded || s == types.DeploymentStatusFailed || s == types.DeploymentStatusStopped
}

// of are those that have changed one target, CLUSTER:SERVICE.
func (c *Console) of(ctx context.Context, rows []deploymentRow, target string) []deploymentRow {
	return slices.DeleteFunc(slices.Clone(rows), func(d deploymentRow) bool {
		out, err := c.Targets.ListDeploymentTargets(ctx, &codedeploy.ListDeploymentTargetsInput{DeploymentId: &d.ID})
		return err != nil || !slices.Contains(out.TargetIds, target) // it has none before it starts
	})
}

// deploymentView is the page of one deployment.
type deploymentView struct {
	deploymentRow
	Over     bool          `json:"over"`
	Cluster  string        `json:"cluster"`
	Service  string        `json:"service"`
	Routing  string        `json:"routing"` // how the configuration moves traffic
	Steps    []step        `json:"steps"`
	Sides    []side        `json:"sides"` // original, replacement
	Fronts   []front       `json:"fronts"`
	Events   []lifecycle   `json:"events"`
	Messages []event       `json:"messages"` // the service's, since the beginning
	Revision revisionText  `json:"revision"`
	Alarms   []alarm       `json:"alarms"` // that can stop it
	Actions  []action      `json:"actions"`
	Rollback *rollbackText `json:"rollback"`
}

// side is one colour: a task set, its target group and its share of the traffic.
type side struct {
	Label   string  `json:"label"` // Original, Replacement
	Set     *setRow `json:"set"`   // nil before it is made and after it is gone
	Group   *group  `json:"group"`
	Name    string  `json:"name"` // the group's
	Percent float64 `json:"percent"`
	Tasks   []task  `json:"tasks"`
}

type lifecycle struct {
	Name        string     `json:"name"`
	Status      string     `json:"status"`
	Began       *time.Time `json:"began"`
	Ended       *time.Time `json:"ended"`
	Hook        string     `json:"hook"` // the function that runs in it
	Diagnostics string     `json:"diagnostics"`
}

type revisionText struct {
	Type    string `json:"type"`
	Where   string `json:"where"` // in S3
	Content string `json:"content"`
}

type rollbackText struct {
	Automatic []string `json:"automatic"` // what triggers it
	Message   string   `json:"message"`
}

func (c *Console) deployment(r *http.Request) (any, error) {
	ctx, id := r.Context(), named(r, "id")
	got, err := c.Deployments.GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: &id})
	if err != nil {
		return nil, err
	}
	info := got.DeploymentInfo
	out := &deploymentView{deploymentRow: shorten(info), Over: over(info.Status), Events: []lifecycle{}, Messages: []event{}, Fronts: []front{}, Alarms: []alarm{}}
	target, err := c.ecsTarget(ctx, id)
	if err != nil {
		return nil, err
	}
	n, err := c.survey(ctx)
	if err != nil {
		return nil, err
	}
	out.Sides = sides(info, target)
	if target != nil {
		out.Cluster, out.Service, _ = strings.Cut(aws.ToString(target.TargetId), ":")
		if err := c.serviceOf(ctx, out, info, n); err != nil {
			return nil, err
		}
	}
	out.Revision = c.revisionOf(ctx, info)
	out.Events = lifecycles(target, out.Revision.Content)
	routing := c.routing(ctx, info)
	out.Routing = describe(routing)
	out.Steps = plan{info: info, target: target, routing: routing, sides: out.Sides, scale: c.Scale, now: time.Now()}.steps()
	out.Actions = actions(info)
	if a := info.AutoRollbackConfiguration; a != nil && a.Enabled {
		out.Rollback = &rollbackText{Automatic: []string{}}
		for _, e := range a.Events {
			out.Rollback.Automatic = append(out.Rollback.Automatic, string(e))
		}
	}
	if info.RollbackInfo != nil {
		if out.Rollback == nil {
			out.Rollback = &rollbackText{Automatic: []string{}}
		}
		out.Rollback.Message = aws.ToString(info.RollbackInfo.RollbackMessage)
	}
	return out, nil
}

// ecsTarget is what a deployment changes, nil before it has started.
func (c *Console) ecsTarget(ctx context.Context, id string) (*types.ECSTarget, error) {
	list, err := c.Targets.ListDeploymentTargets(ctx, &codedeploy.ListDeploymentTargetsInput{DeploymentId: &id})
	if err != nil || len(list.TargetIds) == 0 {
		return nil, nil // AWS's answer before the start
	}
	out, err := c.Targets.BatchGetDeploymentTargets(ctx, &codedeploy.BatchGetDeploymentTargetsInput{DeploymentId: &id, TargetIds: list.TargetIds[:1]})
	if err != nil || len(out.DeploymentTargets) == 0 {
		return nil, err
	}
	return out.DeploymentTargets[0].EcsTarget, nil
}
