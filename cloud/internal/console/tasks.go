package console

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// task is one task with its containers.
type task struct {
	ID         string      `json:"id"`
	Set        string      `json:"set"` // what started it: a task set or a deployment of the service
	Revision   string      `json:"revision"`
	Status     string      `json:"status"`
	Desired    string      `json:"desired"`
	Health     string      `json:"health"`
	Address    string      `json:"address"`
	Started    *time.Time  `json:"started"`
	Stopped    *time.Time  `json:"stopped"`
	Reason     string      `json:"reason"` // why it stopped
	Asked      bool        `json:"asked"`  // it stopped because it was told to
	Containers []container `json:"containers"`
	Target     *target     `json:"target"` // as its target group sees it
}

type container struct {
	Name   string   `json:"name"`
	Image  string   `json:"image"`
	Status string   `json:"status"`
	Health string   `json:"health"`
	Exit   *int32   `json:"exit"`
	Reason string   `json:"reason"`
	Logs   *logs    `json:"logs"`
	Lines  []string `json:"lines"` // the last ones, of what is not well
}

// logs is where a container's lines are kept.
type logs struct {
	Group  string `json:"group"`
	Stream string `json:"stream"`
}

const (
	fewTasks = 50 // of a service, on one page
	fewLines = 10 // of a container, on one page
)

// inspect reads a service's tasks, the running ones first, newest first.
func (c *Console) inspect(ctx context.Context, cluster, service string, n *network) ([]task, error) {
	var arns []string
	for _, status := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		out, err := c.Tasks.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &cluster, ServiceName: &service, DesiredStatus: status, MaxResults: aws.Int32(fewTasks)})
		if err != nil {
			return nil, err
		}
		arns = append(arns, out.TaskArns...)
	}
	if len(arns) == 0 {
		return []task{}, nil
	}
	out, err := c.Tasks.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: arns[:min(len(arns), 2*fewTasks)]})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out.Tasks, func(a, b types.Task) int {
		return cmp.Or(cmp.Compare(ended(a), ended(b)), aws.ToTime(b.CreatedAt).Compare(aws.ToTime(a.CreatedAt)))
	})
	defs := definitions{}
	all := []task{}
	for _, t := range out.Tasks[:min(len(out.Tasks), fewTasks)] {
		one := taskOf(t)
		if one.Stopped == nil { // else its address may be another's by now
			one.Target = n.target(one.Address)
		}
		for i := range one.Containers {
			c.follow(ctx, defs, aws.ToString(t.TaskDefinitionArn), &one, &one.Containers[i])
		}
		all = append(all, one)
	}
	return all, nil
}

func ended(t types.Task) int {
	if aws.ToString(t.LastStatus) == "STOPPED" {
		return 1
	}
	return 0
}

func taskOf(t types.Task) task {
	out := task{
		ID: tail(aws.ToString(t.TaskArn)), Set: aws.ToString(t.StartedBy), Revision: tail(aws.ToString(t.TaskDefinitionArn)),
		Status: aws.ToString(t.LastStatus), Desired: aws.ToString(t.DesiredStatus), Health: string(t.HealthStatus),
		Started: t.StartedAt, Stopped: t.StoppedAt, Reason: aws.ToString(t.StoppedReason), Containers: []container{},
	}
	switch t.StopCode {
	case types.TaskStopCodeServiceSchedulerInitiated, types.TaskStopCodeUserInitiated, types.TaskStopCodeTerminationNotice:
		out.Asked = !strings.Contains(out.Reason, "failed") // a health check
	}
	for _, a := range t.Attachments {
		for _, d := range a.Details {
			if aws.ToString(d.Name) == "privateIPv4Address" {
				out.Address = aws.ToString(d.Value)
			}
		}
	}
	for _, k := range t.Containers {
		out.Containers = append(out.Containers, container{
			Name: aws.ToString(k.Name), Image: aws.ToString(k.Image), Status: aws.ToString(k.LastStatus), Health: string(k.HealthStatus),
			Exit: k.ExitCode, Reason: aws.ToString(k.Reason), Lines: []string{},
		})
	}
	return out
}

// target is how the groups see an address, nil if none has it.
func (n *network) target(address string) *target {
	for _, g := range n.Groups {
		for _, t := range g.Targets {
			if address != "" && t.ID == address {
				return &t
			}
		}
	}
	return nil
}

// well tells whether a task does, or has done, what it should.
func (t *task) well() bool {
	return t.Asked || t.Status == "RUNNING" && t.Health != string(types.HealthStatusUnhealthy) && (t.Target == nil || t.Target.State == "healthy" || t.Target.State == "initial")
}

// follow says where a container's lines are, and reads the last ones if something is wrong.
func (c *Console) follow(ctx context.Context, defs definitions, arn string, t *task, k *container) {
	d, err := c.define(ctx, defs, arn)
	if err != nil {
		return // deregistered and gone: the task is shown without
	}
	for _, con := range d.ContainerDefinitions {
		if aws.ToString(con.Name) != k.Name || con.LogConfiguration == nil || con.LogConfiguration.LogDriver != types.LogDriverAwslogs {
			continue
		}
		o := con.LogConfiguration.Options
		stream := k.Name + "/" + t.ID
		if p := o["awslogs-stream-prefix"]; p != "" {
			stream = p + "/" + stream
		}
		k.Logs = &logs{o["awslogs-group"], stream}
	}
	if k.Logs == nil || t.well() {
		return
	}
	if events, err := c.lastLines(ctx, *k.Logs, fewLines); err == nil { // it may not have written any
		for _, e := range events {
			k.Lines = append(k.Lines, e.Text)
		}
	}
}

// definitions are the task definitions that one view has read.
type definitions map[string]*types.TaskDefinition

func (c *Console) define(ctx context.Context, known definitions, arn string) (*types.TaskDefinition, error) {
	if d := known[arn]; d != nil {
		return d, nil
	}
	out, err := c.Tasks.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &arn})
	if err != nil {
		return nil, err
	}
	known[arn] = out.TaskDefinition
	return out.TaskDefinition, nil
}

// line is an event of a log.
type line struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// lastLines are the newest lines of a stream, oldest first.
func (c *Console) lastLines(ctx context.Context, l logs, n int32) ([]line, error) {
	out, err := c.Lines.GetLogEvents(ctx, &cwl.GetLogEventsInput{LogGroupName: &l.Group, LogStreamName: &l.Stream, Limit: &n, StartFromHead: aws.Bool(false)})
	if err != nil {
		return nil, err
	}
	lines := []line{}
	for _, e := range out.Events {
		lines = append(lines, line{time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC(), aws.ToString(e.Message)})
	}
	return lines, nil
}
