package scaffold

import (
	"strings"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// render reads the step that renders: what it puts into the task definition beside the
// image goes into turnout.yml, as far as the workflow says it in plain text.
func (r *reader) render() {
	orSet(&r.p.Config.TaskDef, r.file("task-definition"))
	if name := r.input("container-name"); !strings.Contains(name, ",") {
		orSet(&r.p.Container, name)
	}
	c := config.Container{
		Environment: r.pairs("environment-variables", "--env"), Secrets: r.pairs("secrets", "--secret"),
		Labels: r.pairs("docker-labels", "--label"), LogOptions: r.pairs("log-configuration-options", "--log-option"),
		LogDriver: r.input("log-configuration-log-driver"),
	}
	for _, f := range r.lines("env-files") {
		if strings.Contains(f, unknown) || !taskdef.S3ARN(f) {
			r.note("an environment file is known to the workflow only: give it to `turnout ship --env-file`")
			continue
		}
		c.EnvFiles = append(c.EnvFiles, f)
	}
	switch words, err := taskdef.Words(r.input("command")); {
	case err != nil, len(words) == 0 && r.raw("command") != "":
		r.note("the command is known to the workflow only: give it to `turnout ship --command`")
	default:
		c.Command = words
	}
	out := &r.p.Config.Render
	orSet(&out.TaskRole, r.input("task-role-arn"))
	orSet(&out.ExecutionRole, r.input("execution-role-arn"))
	if !c.Change().Empty() {
		for name := range strings.SplitSeq(r.input("container-name"), ",") {
			each := c
			each.Name = strings.TrimSpace(name)
			out.Containers = append(out.Containers, each)
		}
	}
}

// lines are the lines of an input; what the workflow alone knows is in them as unknown.
func (r *reader) lines(input string) []string {
	var out []string
	for line := range strings.Lines(r.resolve(r.raw(input))) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// pairs are the lines NAME=value of an input. Values that the workflow alone knows are
// told, with the flag that takes them.
func (r *reader) pairs(input, flag string) map[string]string {
	out := map[string]string{}
	for _, line := range r.lines(input) {
		name, value, ok := strings.Cut(line, "=")
		switch {
		case strings.Contains(name, unknown) || !ok:
			r.note("a line of render's input %s is known to the workflow only: give it to `turnout ship %s`", input, flag)
		case strings.Contains(value, unknown):
			r.note("the value of %s is known to the workflow only: give it to `turnout ship %s %s=…`", name, flag, name)
		default:
			out[name] = value
		}
	}
	return out
}
