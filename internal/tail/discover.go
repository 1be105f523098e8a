package tail

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/fault"
)

// describable is how many tasks one call describes.
const describable = 100

// Discover finds the streams of tasks that have not been looked at before, and tells
// whether all tasks have stopped (where there is none, all have).
func (t *Tail) Discover(ctx context.Context) (stopped bool, err error) {
	names := t.Tasks
	if len(names) == 0 {
		if names, err = t.list(ctx); err != nil {
			return false, err
		}
	}
	stopped = true
	for part := range slices.Chunk(names, describable) {
		out, err := t.AWS.ECS().DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &t.Cluster, Tasks: part})
		if err != nil {
			return false, err
		}
		for i := range out.Tasks {
			stopped = stopped && aws.ToString(out.Tasks[i].LastStatus) == "STOPPED"
			if err := t.add(ctx, &out.Tasks[i]); err != nil {
				return false, err
			}
		}
		for _, f := range out.Failures {
			if err := t.forgotten(ctx, aws.ToString(f.Arn)); err != nil {
				return false, err
			}
		}
	}
	return stopped, t.named()
}

// named makes sure that one of the tasks' definitions has the container that is wanted.
// Not all of them need have it: it may be new, or have had another name.
func (t *Tail) named() error {
	var names, revisions []string
	for _, arn := range slices.Sorted(maps.Keys(t.configs)) {
		revisions = append(revisions, Last(arn))
		for _, d := range t.configs[arn] {
			if name := aws.ToString(d.Name); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if t.Container == "" || len(names) == 0 || slices.Contains(names, t.Container) {
		return nil
	}
	return fault.New(fault.Usage, "one of "+strings.Join(names, ", "), "no container is named %s in %s", t.Container, strings.Join(revisions, ", "))
}

// list are the service's tasks, running and stopped.
func (t *Tail) list(ctx context.Context) ([]string, error) {
	var out []string
	for _, status := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		pages := ecs.NewListTasksPaginator(t.AWS.ECS(), &ecs.ListTasksInput{Cluster: &t.Cluster, ServiceName: &t.Service, DesiredStatus: status})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			out = append(out, page.TaskArns...)
		}
	}
	return out, nil
}

// add finds the streams of a task, once.
func (t *Tail) add(ctx context.Context, task *types.Task) error {
	id := Last(aws.ToString(task.TaskArn))
	if aws.ToString(task.LastStatus) == "STOPPED" {
		defer t.rest(id)
	}
	if t.known[id] {
		return nil
	}
	defs, err := t.definitions(ctx, aws.ToString(task.TaskDefinitionArn))
	if err != nil {
		return err
	}
	whole := true
	for _, d := range defs {
		runtime := ""
		for _, c := range task.Containers {
			if aws.ToString(c.Name) == aws.ToString(d.Name) {
				runtime = aws.ToString(c.RuntimeId)
			}
		}
		whole = t.container(id, d, runtime) && whole
	}
	t.known[id] = whole || aws.ToString(task.LastStatus) == "STOPPED"
	return nil
}

// rest notes that a task has stopped: its streams end soon.
func (t *Tail) rest(id string) {
	for _, s := range t.streams {
		s.stopped = s.stopped || s.task == id
	}
}

// forgotten reads a task that ECS has forgotten by the definition that serves now. Its
// lines are there still.
func (t *Tail) forgotten(ctx context.Context, name string) error {
	id := Last(name)
	if t.known[id] {
		return nil
	}
	if t.Fallback == "" {
		return fault.New(fault.Usage, "`turnout logs` without --task shows all of the service's", "there is no task %s in cluster %s", id, t.Cluster)
	}
	defs, err := t.definitions(ctx, t.Fallback)
	if err != nil {
		return err
	}
	for _, d := range defs {
		t.container(id, d, "")
	}
	t.known[id] = true
	return nil
}

func (t *Tail) definitions(ctx context.Context, arn string) ([]types.ContainerDefinition, error) {
	if d, ok := t.configs[arn]; ok {
		return d, nil
	}
	out, err := t.AWS.ECS().DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &arn})
	if err != nil {
		return nil, err
	}
	t.configs[arn] = out.TaskDefinition.ContainerDefinitions
	return t.configs[arn], nil
}

// container adds a container's stream; false when its name cannot be known yet.
func (t *Tail) container(task string, d types.ContainerDefinition, runtime string) bool {
	name := aws.ToString(d.Name)
	if t.Container != "" && name != t.Container {
		return true
	}
	conf := d.LogConfiguration
	if conf == nil || conf.LogDriver != types.LogDriverAwslogs {
		t.once("container %s logs to %s, not to CloudWatch Logs: it cannot be shown", name, driver(conf))
		return true
	}
	group, region := conf.Options["awslogs-group"], conf.Options["awslogs-region"]
	s := &stream{group: group, task: task, container: name, fresh: t.rounds > 0}
	switch prefix := conf.Options["awslogs-stream-prefix"]; {
	case prefix != "":
		s.name = prefix + "/" + name + "/" + task
	case runtime != "": // without a prefix the stream is the container's own id
		s.name = runtime
	default:
		return false
	}
	s.logs = cloudwatchlogs.NewFromConfig(t.AWS.Config(), func(o *cloudwatchlogs.Options) {
		if region != "" && !t.AWS.Local {
			o.Region = region
		}
	})
	key := region + " " + group + " " + s.name
	if t.streams[key] == nil {
		t.streams[key] = s
	}
	return true
}

func driver(conf *types.LogConfiguration) string {
	if conf == nil {
		return "no driver"
	}
	return string(conf.LogDriver)
}

// once notes something once.
func (t *Tail) once(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text := fmt.Sprintf(format, args...); !t.noted[text] {
		t.noted[text] = true
		t.Note("%s", text)
	}
}

// Streams is how many streams are read.
func (t *Tail) Streams() int { return len(t.streams) }

// Last is the name at the end of an ARN, or the name itself.
func Last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
