package action

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/document"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// edit is what Render does to containers and to the definition.
type edit struct {
	images                       map[string]string // by container
	order                        []string          // of containers
	command                      []string
	envFiles                     []string
	environment, secrets         []pair
	labels, options              []pair
	driver, taskRole, executRole string
}

// pair is one line NAME=value.
type pair struct{ name, value string }

// Render puts an image and more into a task definition, as
// amazon-ecs-render-task-definition does, and writes it to a new file below RUNNER_TEMP,
// whose name is the output task-definition.
//
// The definition is a file, JSON or YAML (task-definition), or is described
// (task-definition-arn; task-definition-family, with task-definition-revision or the
// newest). What the inputs do not name stays as it is.
func Render(ctx context.Context, j *Job) error {
	e, err := j.edit()
	if err != nil {
		return err
	}
	root, err := j.definition(ctx, e.order)
	if err != nil {
		return err
	}
	for _, c := range root.Get("containerDefinitions").Items {
		if image, ok := e.images[c.Get("name").String()]; ok {
			e.container(c, image)
		}
	}
	if e.taskRole != "" {
		set(root, "taskRoleArn", text(e.taskRole))
	}
	if e.executRole != "" {
		set(root, "executionRoleArn", text(e.executRole))
	}
	without(root, func(m document.Member) bool { return slices.Contains(taskdef.ReadOnly, m.Key) })
	file, err := writeRendered(j.Env("RUNNER_TEMP"), toJSON(root, "  "))
	if err != nil {
		return err
	}
	j.Info("rendered %s", file)
	return j.Output("task-definition", file)
}

var roleARN = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/.+$`)

// logDrivers are the drivers that ECS knows.
var logDrivers = []string{"json-file", "syslog", "journald", "logentries", "gelf", "fluentd", "awslogs", "splunk", "awsfirelens"}

// edit reads the inputs that change the definition.
func (j *Job) edit() (edit, error) {
	var e edit
	var errs [7]error
	errs[0] = e.setImages(j)
	e.command, errs[1] = words(j.Input("command"))
	e.envFiles = lines(j.Input("env-files"))
	e.environment, errs[2] = j.pairs("environment-variables")
	e.secrets, errs[3] = j.pairs("secrets")
	e.options, errs[4] = j.pairs("log-configuration-options")
	e.labels, errs[5] = j.pairs("docker-labels")
	e.driver, errs[6] = j.oneOf("log-configuration-log-driver", "", logDrivers...)
	e.taskRole, e.executRole = j.Input("task-role-arn"), j.Input("execution-role-arn")
	for _, err := range errs {
		if err != nil {
			return e, err
		}
	}
	for name, arn := range map[string]string{"task-role-arn": e.taskRole, "execution-role-arn": e.executRole} {
		if arn != "" && !roleARN.MatchString(arn) {
			return e, fault.New(fault.Usage, "arn:aws:iam::ACCOUNT:role/NAME", "the input %q is %q", name, arn)
		}
	}
	return e, nil
}

// setImages pairs containers with images: one image for all, or as many as containers.
func (e *edit) setImages(j *Job) error {
	names, err := j.required("container-name")
	if err != nil {
		return err
	}
	given, err := j.required("image")
	if err != nil {
		return err
	}
	e.order = list(names)
	images := list(strings.ReplaceAll(given, "\n", ","))
	switch {
	case len(e.order) == 0 || len(e.order) != strings.Count(names, ",")+1:
		return fault.New(fault.Usage, "a name, or several with commas between them", "the input \"container-name\" is %q", names)
	case len(images) != 1 && len(images) != len(e.order):
		return fault.New(fault.Usage, "give one image for all containers, or one each", "%d images for %d containers", len(images), len(e.order))
	}
	e.images = map[string]string{}
	for i, name := range e.order {
		image := images[i%len(images)]
		if strings.ContainsAny(image, " \t") {
			return fault.New(fault.Usage, "such as registry/name:tag", "the input \"image\" is %q", image)
		}
		e.images[name] = image
	}
	return nil
}

// pairs reads NAME=value lines; all after the first "=" is the value. A line's text may
// be secret and stays out of the error.
func (j *Job) pairs(input string) ([]pair, error) {
	var out []pair
	for i, l := range lines(j.Input(input)) {
		name, value, ok := strings.Cut(l, "=")
		if !ok || name == "" {
			return nil, fault.New(fault.Usage, "write NAME=value, one a line", "the input %q: no \"=\" after a name in line %d", input, i+1)
		}
		out = append(out, pair{name, value})
	}
	return out, nil
}

// container edits one container.
func (e *edit) container(c *document.Node, image string) {
	set(c, "image", text(image))
	if len(e.command) > 0 {
		list := array()
		for _, w := range e.command {
			list.Items = append(list.Items, text(w))
		}
		set(c, "command", list)
	}
	if len(e.envFiles) > 0 {
		files := array()
		for _, f := range e.envFiles {
			files.Items = append(files.Items, object(member("value", text(f)), member("type", text("s3"))))
		}
		set(c, "environmentFiles", files)
	}
	upsert(c, "environment", "value", e.environment)
	upsert(c, "secrets", "valueFrom", e.secrets)
	if e.driver != "" {
		set(child(c, "logConfiguration", document.Object), "logDriver", text(e.driver))
	}
	for _, o := range e.options {
		set(child(child(c, "logConfiguration", document.Object), "options", document.Object), o.name, text(o.value))
	}
	for _, l := range e.labels {
		set(child(c, "dockerLabels", document.Object), l.name, text(l.value))
	}
}

// upsert changes or adds entries of a list of {name, value}.
func upsert(c *document.Node, key, value string, pairs []pair) {
	if len(pairs) == 0 {
		return
	}
	entries := child(c, key, document.Array)
	for _, p := range pairs {
		i := slices.IndexFunc(entries.Items, func(n *document.Node) bool { return n.Get("name").String() == p.name })
		if i < 0 {
			entries.Items = append(entries.Items, object(member("name", text(p.name)), member(value, text(p.value))))
			continue
		}
		set(entries.Items[i], value, text(p.value))
	}
}

// definition reads or describes the task definition, and makes sure that it has the
// containers.
func (j *Job) definition(ctx context.Context, containers []string) (*document.Node, error) {
	td, err := j.source(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range containers {
		if _, err := td.Image(name); err != nil {
			return nil, err
		}
	}
	b, err := td.JSON()
	if err != nil {
		return nil, err
	}
	d, err := document.Parse(td.File(), b)
	if err != nil {
		return nil, err
	}
	return d.Root, nil
}

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
