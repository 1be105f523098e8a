// Package autopsy finds out why a deployment failed and says it in one block: the
// failing lifecycle event, CodeDeploy's error, why tasks stopped, exit codes, the last
// log lines, target health, and the likely fix.
//
// It only reads. What it may not read (missing permissions) is left out and named: an
// autopsy never fails.
package autopsy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/awsclient"
)

// Report is what was found. It is printed by String and by --json.
type Report struct {
	DeploymentID string   `json:"deploymentId"`
	Status       string   `json:"status"`
	Event        string   `json:"event,omitempty"` // the lifecycle event that failed
	Diagnostics  string   `json:"diagnostics,omitempty"`
	ErrorCode    string   `json:"errorCode,omitempty"`
	ErrorMessage string   `json:"errorMessage,omitempty"`
	RollbackID   string   `json:"rollbackId,omitempty"`
	Hook         *Hook    `json:"hook,omitempty"` // the function of the event that failed
	Tasks        []Task   `json:"tasks,omitempty"`
	Targets      []Target `json:"targets,omitempty"`
	Service      []string `json:"serviceEvents,omitempty"` // newest last
	Fixes        []string `json:"fixes,omitempty"`
	Missing      []string `json:"missing,omitempty"` // what could not be read, and why

	path string // that green's health check asks
}

// Task is a task of the failed task set that stopped or is not well.
type Task struct {
	ID         string      `json:"id"`
	Status     string      `json:"status"`
	Health     string      `json:"health,omitempty"`
	StopCode   string      `json:"stopCode,omitempty"`
	Reason     string      `json:"reason,omitempty"`
	Containers []Container `json:"containers,omitempty"`
}

// Container is a container of such a task.
type Container struct {
	Name     string   `json:"name"`
	ExitCode *int32   `json:"exitCode,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	Health   string   `json:"health,omitempty"`
	Log      []string `json:"log,omitempty"` // the last lines
	NoLog    string   `json:"noLog,omitempty"`

	logGroup string // where it logs to
}

// Target is a registered target that is not healthy.
type Target struct {
	Group       string `json:"group"`
	Address     string `json:"address"`
	State       string `json:"state"`
	Reason      string `json:"reason,omitempty"`
	Description string `json:"description,omitempty"`
}

// Subject says whose death it was.
type Subject struct {
	DeploymentID     string // "" for a service's first revision, which no deployment brought
	Cluster, Service string
	TaskDefinition   string   // ARN of the revision that was deployed, "" to go by its task set
	Seen             []Target // unhealthy targets that were seen while the deployment ran
}

// surgeon collects one report.
type surgeon struct {
	Subject
	aws   *awsclient.Clients
	rep   *Report
	since time.Time
	info  *cdtypes.DeploymentInfo // nil when it could not be read
	sets  []cdtypes.ECSTaskSet
	confs map[string]*ecstypes.TaskDefinition // by ARN, nil for what could not be read
}

// Perform reads all there is about a failed deployment.
func Perform(ctx context.Context, clients *awsclient.Clients, s Subject) *Report {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c := &surgeon{Subject: s, aws: clients, rep: &Report{DeploymentID: s.DeploymentID}, confs: map[string]*ecstypes.TaskDefinition{}}
	if s.DeploymentID != "" {
		c.deployment(ctx)
		c.targetInfo(ctx)
	}
	c.hook(ctx)
	c.tasks(ctx)
	c.health(ctx)
	c.serviceEvents(ctx)
	c.rep.Fixes = fixes(c.rep)
	return c.rep
}

func (c *surgeon) missing(what string, err error) {
	if err == nil {
		err = errors.New("it is gone")
	}
	c.rep.Missing = append(c.rep.Missing, fmt.Sprintf("%s: %v", what, err))
}

func (c *surgeon) deployment(ctx context.Context) {
	d, err := c.aws.CodeDeploy().GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: &c.DeploymentID})
	if err != nil {
		c.missing("deployment", err)
		return
	}
	info := d.DeploymentInfo
	c.info = info
	c.rep.Status, c.since = string(info.Status), aws.ToTime(info.CreateTime)
	if e := info.ErrorInformation; e != nil {
		c.rep.ErrorCode, c.rep.ErrorMessage = string(e.Code), aws.ToString(e.Message)
	}
	if r := info.RollbackInfo; r != nil {
		c.rep.RollbackID = aws.ToString(r.RollbackDeploymentId)
	}
}

func (c *surgeon) targetInfo(ctx context.Context) {
	id := c.Cluster + ":" + c.Service
	t, err := c.aws.CodeDeploy().GetDeploymentTarget(ctx, &codedeploy.GetDeploymentTargetInput{DeploymentId: &c.DeploymentID, TargetId: &id})
	if err != nil || t.DeploymentTarget == nil || t.DeploymentTarget.EcsTarget == nil {
		if err != nil {
			c.missing("lifecycle events", err)
		}
		return
	}
	c.sets = t.DeploymentTarget.EcsTarget.TaskSetsInfo
	for _, e := range t.DeploymentTarget.EcsTarget.LifecycleEvents {
		if e.Status == cdtypes.LifecycleEventStatusFailed {
			c.rep.Event = aws.ToString(e.LifecycleEventName)
			if e.Diagnostics != nil {
				c.rep.Diagnostics = aws.ToString(e.Diagnostics.Message)
			}
		}
	}
}

// tasks reads the tasks of the deployed revision: the stopped ones first, newest first.
// Those that ran well until their deployment ended are left out where others did not, and
// where it was stopped by hand.
func (c *surgeon) tasks(ctx context.Context) {
	var arns []string
	for _, status := range []ecstypes.DesiredStatus{ecstypes.DesiredStatusStopped, ecstypes.DesiredStatusRunning} {
		l, err := c.aws.ECS().ListTasks(ctx, &ecs.ListTasksInput{Cluster: &c.Cluster, ServiceName: &c.Service, DesiredStatus: status, MaxResults: aws.Int32(100)})
		if err != nil {
			c.missing("tasks", err)
			return
		}
		arns = append(arns, l.TaskArns...)
	}
	if len(arns) == 0 {
		return
	}
	d, err := c.aws.ECS().DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &c.Cluster, Tasks: arns[:min(len(arns), 100)]})
	if err != nil {
		c.missing("tasks", err)
		return
	}
	tasks := d.Tasks
	sort.SliceStable(tasks, func(i, j int) bool {
		if a, b := stopped(tasks[i]), stopped(tasks[j]); a != b {
			return a
		}
		return aws.ToTime(tasks[i].CreatedAt).After(aws.ToTime(tasks[j].CreatedAt))
	})
	tasks = slices.DeleteFunc(tasks, func(t ecstypes.Task) bool { return !c.deployed(&t) })
	if slices.ContainsFunc(tasks, unwell) || c.rep.ErrorCode == string(cdtypes.ErrorCodeManualStop) {
		tasks = slices.DeleteFunc(tasks, func(t ecstypes.Task) bool { return !unwell(t) })
	}
	for i := range tasks[:min(len(tasks), maxTasks)] {
		c.rep.Tasks = append(c.rep.Tasks, c.task(ctx, &tasks[i]))
	}
}

// scaledIn begins the reason of a task that was ended because it is not wanted any more.
const scaledIn = "Scaling activity initiated by"

// unwell tells whether a task ended by itself, or fails its health checks.
func unwell(t ecstypes.Task) bool {
	reason := aws.ToString(t.StoppedReason)
	return t.HealthStatus == ecstypes.HealthStatusUnhealthy || (reason != "" && !strings.HasPrefix(reason, scaledIn))
}

// deployed tells whether a task is of what was deployed: of green's task set, where
// CodeDeploy names one, else of the revision.
func (c *surgeon) deployed(t *ecstypes.Task) bool {
	for _, s := range c.sets {
		if s.TaskSetLabel == cdtypes.TargetLabelGreen && s.Identifer != nil {
			return aws.ToString(t.StartedBy) == *s.Identifer
		}
	}
	return aws.ToString(t.TaskDefinitionArn) == c.TaskDefinition
}

func stopped(t ecstypes.Task) bool { return aws.ToString(t.LastStatus) == "STOPPED" }

// maxTasks bounds a report: the newest few tasks tell as much as all of them.
const maxTasks = 3

func (c *surgeon) task(ctx context.Context, t *ecstypes.Task) Task {
	arn := aws.ToString(t.TaskArn)
	out := Task{
		ID: arn[strings.LastIndexByte(arn, '/')+1:], Status: aws.ToString(t.LastStatus), Health: string(t.HealthStatus),
		StopCode: string(t.StopCode), Reason: aws.ToString(t.StoppedReason),
	}
	for _, k := range t.Containers {
		name := aws.ToString(k.Name)
		con := Container{Name: name, ExitCode: k.ExitCode, Reason: aws.ToString(k.Reason), Health: string(k.HealthStatus)}
		if conf, err := c.logConfiguration(ctx, aws.ToString(t.TaskDefinitionArn), name); err == nil {
			con.logGroup = conf.Options["awslogs-group"]
		}
		con.Log, con.NoLog = c.log(ctx, aws.ToString(t.TaskDefinitionArn), out.ID, name)
		out.Containers = append(out.Containers, con)
	}
	return out
}

// health reads the targets of green that are not healthy.
func (c *surgeon) health(ctx context.Context) {
	for _, s := range c.sets {
		if s.TaskSetLabel != cdtypes.TargetLabelGreen || s.TargetGroup == nil {
			continue
		}
		c.group(ctx, &elb.DescribeTargetGroupsInput{Names: []string{aws.ToString(s.TargetGroup.Name)}})
	}
	if len(c.rep.Targets) == 0 { // a deployment that has failed takes its targets with it
		c.rep.Targets = c.Seen
	}
}

// group reads the health check of a target group, and which of its targets fail it.
func (c *surgeon) group(ctx context.Context, in *elb.DescribeTargetGroupsInput) {
	g, err := c.aws.ELB().DescribeTargetGroups(ctx, in)
	if err != nil || len(g.TargetGroups) == 0 {
		c.missing("target group "+strings.Join(append(in.Names, in.TargetGroupArns...), ", "), err)
		return
	}
	c.rep.path = aws.ToString(g.TargetGroups[0].HealthCheckPath)
	c.unhealthy(ctx, aws.ToString(g.TargetGroups[0].TargetGroupArn))
}

// unhealthy notes the targets of a group that are not healthy.
func (c *surgeon) unhealthy(ctx context.Context, group string) {
	h, err := c.aws.ELB().DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &group})
	if err != nil {
		c.missing("target health", err)
		return
	}
	name := group
	if f := strings.Split(group, "/"); len(f) == 3 { // …:targetgroup/NAME/ID
		name = f[1]
	}
	c.rep.Targets = append(c.rep.Targets, Targets(name, h.TargetHealthDescriptions)...)
}

// Targets are those of a group's targets that are not healthy.
func Targets(group string, all []elbtypes.TargetHealthDescription) []Target {
	var out []Target
	for _, t := range all {
		if t.TargetHealth.State != elbtypes.TargetHealthStateEnumHealthy && t.TargetHealth.State != elbtypes.TargetHealthStateEnumDraining {
			out = append(out, Target{
				Group: group, Address: fmt.Sprintf("%s:%d", aws.ToString(t.Target.Id), aws.ToInt32(t.Target.Port)),
				State: string(t.TargetHealth.State), Reason: string(t.TargetHealth.Reason), Description: aws.ToString(t.TargetHealth.Description),
			})
		}
	}
	return out
}

// serviceEvents reads the service's messages since the deployment began.
func (c *surgeon) serviceEvents(ctx context.Context) {
	d, err := c.aws.ECS().DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &c.Cluster, Services: []string{c.Service}})
	if err != nil || len(d.Services) == 0 {
		c.missing("service events", err)
		return
	}
	for _, b := range d.Services[0].LoadBalancers {
		if c.DeploymentID == "" {
			c.group(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{aws.ToString(b.TargetGroupArn)}})
		}
	}
	for _, e := range d.Services[0].Events {
		m := aws.ToString(e.Message)
		if !aws.ToTime(e.CreatedAt).Before(c.since.Truncate(time.Second)) && telling(m) && !c.ofBlue(m) && len(c.rep.Service) < 5 {
			c.rep.Service = append([]string{m}, c.rep.Service...)
		}
	}
}

// ofBlue tells whether a message of the service is about the old tasks.
func (c *surgeon) ofBlue(m string) bool {
	for _, s := range c.sets {
		if s.TaskSetLabel == cdtypes.TargetLabelBlue && s.Identifer != nil && strings.Contains(m, "taskSet "+*s.Identifer+")") {
			return true
		}
	}
	return false
}

// telling leaves out the messages of ordinary scheduling.
func telling(m string) bool {
	return strings.Contains(m, "unhealthy") || strings.Contains(m, "unable") || strings.Contains(m, "failed")
}
