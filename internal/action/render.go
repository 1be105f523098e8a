package action

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/document"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/regex"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// Render puts an image and more into a task definition, as
// amazon-ecs-render-task-definition does, and writes it to a new file below RUNNER_TEMP,
// whose name is the output task-definition.
//
// The definition is a file, JSON or YAML (task-definition), or is described
// (task-definition-arn; task-definition-family, with task-definition-revision or the
// newest). What the inputs do not name stays as it is.
func Render(ctx context.Context, j *Job) error {
	c, err := j.change()
	if err != nil {
		return err
	}
	td, err := j.source(ctx)
	if err != nil {
		return err
	}
	if _, err := td.Apply("", c); err != nil {
		return err
	}
	if _, err := td.StripReadOnly(); err != nil {
		return err
	}
	b, err := td.JSON()
	if err != nil {
		return err
	}
	d, err := document.Parse(td.File(), b)
	if err != nil {
		return err
	}
	file, err := writeRendered(j.Env("RUNNER_TEMP"), toJSON(d.Root, "  "))
	if err != nil {
		return err
	}
	j.Info("rendered %s", file)
	return j.Output("task-definition", file)
}

var roleARN = regex.New(`^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/.+$`)

// change reads the inputs that change the definition.
func (j *Job) change() (taskdef.Change, error) {
	var k taskdef.ContainerChange
	var errs [8]error
	k.Command, errs[0] = taskdef.Words(j.Input("command"))
	k.EnvFiles = lines(j.Input("env-files"))
	k.Environment, errs[1] = j.pairs("environment-variables")
	k.Secrets, errs[2] = j.pairs("secrets")
	k.LogOptions, errs[3] = j.pairs("log-configuration-options")
	k.Labels, errs[4] = j.pairs("docker-labels")
	k.LogDriver, errs[5] = j.oneOf("log-configuration-log-driver", "", taskdef.LogDrivers...)
	c := taskdef.Change{TaskRole: j.Input("task-role-arn"), ExecutionRole: j.Input("execution-role-arn")}
	for i, role := range [][2]string{{"task-role-arn", c.TaskRole}, {"execution-role-arn", c.ExecutionRole}} {
		if role[1] != "" && !roleARN.MatchString(role[1]) {
			errs[6+i] = fault.New(fault.Usage, "arn:aws:iam::ACCOUNT:role/NAME", "the input %q is %q", role[0], role[1])
		}
	}
	for _, err := range errs {
		if err != nil {
			return c, err
		}
	}
	var err error
	c.Containers, err = j.containers(k)
	return c, err
}

// containers pairs containers with images: one image for all, or as many as containers.
// All else changes in each of them.
func (j *Job) containers(change taskdef.ContainerChange) ([]taskdef.ContainerChange, error) {
	given, err := j.required("container-name")
	if err != nil {
		return nil, err
	}
	image, err := j.required("image")
	if err != nil {
		return nil, err
	}
	names, images := list(given), list(strings.ReplaceAll(image, "\n", ","))
	switch {
	case len(names) == 0 || len(names) != strings.Count(given, ",")+1:
		return nil, fault.New(fault.Usage, "a name, or several with commas between them", "the input \"container-name\" is %q", given)
	case len(images) != 1 && len(images) != len(names):
		return nil, fault.New(fault.Usage, "give one image for all containers, or one each", "%d images for %d containers", len(images), len(names))
	}
	var out []taskdef.ContainerChange
	for i, name := range names {
		k := change
		k.Name, k.Image = name, images[i%len(images)]
		if strings.ContainsAny(k.Image, " \t") {
			return nil, fault.New(fault.Usage, "such as registry/name:tag", "the input \"image\" is %q", k.Image)
		}
		out = append(out, k)
	}
	return out, nil
}

// pairs reads NAME=value lines; all after the first "=" is the value. A line's text may
// be secret and stays out of the error.
func (j *Job) pairs(input string) ([]taskdef.Pair, error) {
	var out []taskdef.Pair
	for i, l := range lines(j.Input(input)) {
		name, value, ok := strings.Cut(l, "=")
		if !ok || name == "" {
			return nil, fault.New(fault.Usage, "write NAME=value, one a line", "the input %q: no \"=\" after a name in line %d", input, i+1)
		}
		out = append(out, taskdef.Pair{Name: name, Value: value})
	}
	return out, nil
}

// source reads or describes the task definition.
func (j *Job) source(ctx context.Context) (*taskdef.TaskDefinition, error) {
	file, arn := j.Input("task-definition"), j.Input("task-definition-arn")
	family, revision := j.Input("task-definition-family"), j.Input("task-definition-revision")
	name := arn
	switch {
	case file != "":
		td, err := taskdef.Read(j.path(file))
		if errors.Is(err, os.ErrNotExist) {
			err = fault.New(fault.Usage, "paths start at the workspace; is it checked out?", "no task definition file %s", file)
		}
		return td, err
	case arn != "":
	case family != "" && revision != "":
		name = family + ":" + revision
	case family != "":
		name = family
	case revision != "":
		return nil, fault.New(fault.Usage, "give task-definition-family too", "a revision alone names no task definition")
	default:
		return nil, fault.New(fault.Usage, "give task-definition, task-definition-arn or task-definition-family", "no task definition is given")
	}
	return j.described(ctx, name)
}

// described is a revision with its tags among its members.
func (j *Job) described(ctx context.Context, name string) (*taskdef.TaskDefinition, error) {
	c, err := j.Connect(ctx, "")
	if err != nil {
		return nil, err
	}
	_, b, err := awsclient.DescribeTaskDefinition(ctx, c.ECS(), name)
	if err != nil {
		return nil, fmt.Errorf("describe task definition %s: %w", name, err)
	}
	return taskdef.Parse(name, b)
}

// writeRendered writes the definition to a new file that only this user reads, since it
// may hold secrets.
func writeRendered(dir string, b []byte) (string, error) {
	f, err := os.CreateTemp(dir, "task-definition-*.json") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(b)
	return f.Name(), errors.Join(err, f.Close())
}
