package scaffold

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/regex"
)

// workflow is a GitHub workflow, as far as deployments stand in it.
type workflow struct {
	On   any            `yaml:"on"`
	Env  map[string]any `yaml:"env"`
	Jobs map[string]job `yaml:"jobs"`
}

type job struct {
	Env   map[string]any `yaml:"env"`
	Steps []step         `yaml:"steps"`
}

type step struct {
	Uses string         `yaml:"uses"`
	Run  string         `yaml:"run"`
	Env  map[string]any `yaml:"env"`
	With map[string]any `yaml:"with"`
}

// reader collects what a workflow's steps say.
type reader struct {
	p       *Project
	service string // that was asked for, "" for the only one
	env     map[string]any
	with    map[string]any
	found   map[string]bool // services that it deploys
	taskdef string          // that the deploy step names, for workflows that render nothing
	notes   []string
}

// FromWorkflow makes a project of a workflow that uses the official actions: its inputs
// become turnout.yml, and the documents that they name are used as they are. The names
// of files are relative to dir, the repository. The notes tell what could not be taken
// over. service chooses where a workflow deploys several; "" takes the only one.
func FromWorkflow(dir, file, service string) (*Project, []string, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	var w workflow
	if err := yaml.Unmarshal(src, &w); err != nil {
		return nil, nil, fault.New(fault.Usage, "a workflow has jobs with steps", "%s is no workflow: %s", file, strings.SplitN(err.Error(), "\n", 2)[0])
	}
	p := New(dir)
	p.Workflow = ".github/workflows/turnout.yml"
	if b := branch(w.On); b != "" {
		p.Branch = b
	}
	r := &reader{p: p, service: service, found: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(w.Jobs)) {
		j := w.Jobs[name]
		for _, s := range j.Steps {
			r.env = merged(w.Env, j.Env, s.Env)
			r.with = s.With
			r.step(s)
		}
	}
	if err := r.one(file); err != nil {
		return nil, nil, err
	}
	return p, r.notes, r.documents()
}

// one expects that the service which is meant is among those found.
func (r *reader) one(file string) error {
	names := slices.Sorted(maps.Keys(r.found))
	switch {
	case len(names) == 0:
		return fault.New(fault.Usage, "a step that uses aws-actions/amazon-ecs-deploy-task-definition with the input service is looked for", "%s deploys no service", file)
	case r.service != "" && !r.found[r.service]:
		return fault.New(fault.Usage, "one of "+strings.Join(names, ", "), "%s does not deploy %s", file, r.service)
	case r.service == "" && len(names) > 1:
		return fault.New(fault.Usage, "choose one with --service", "%s deploys %d services: %s", file, len(names), strings.Join(names, ", "))
	}
	return nil
}

// documents reads the files that the workflow names.
func (r *reader) documents() error {
	p, c := r.p, r.p.Config
	orSet(&c.TaskDef, r.taskdef)
	for _, d := range []struct {
		name *string
		data *[]byte
	}{{&c.TaskDef, &p.TaskDef}, {&c.AppSpec, &p.AppSpec}} {
		if *d.name == "" {
			continue
		}
		b, err := os.ReadFile(c.Path(*d.name))
		if os.IsNotExist(err) {
			r.note("%s is not there: one is made", *d.name)
			continue
		}
		if err != nil {
			return err
		}
		*d.data = b
	}
	if p.AppSpec == nil {
		return nil
	}
	spec, err := appspec.Parse(c.AppSpec, p.AppSpec)
	if err != nil {
		return err
	}
	orSet(&p.Container, spec.Container())
	p.Port = spec.Port()
	return nil
}

// branch is the first branch whose pushes start the workflow.
func branch(on any) string {
	m, _ := on.(map[string]any)
	push, _ := m["push"].(map[string]any)
	if list, _ := push["branches"].([]any); len(list) > 0 {
		if b := fmt.Sprint(list[0]); !strings.ContainsAny(b, "*?![]+") {
			return b
		}
	}
	return ""
}

func merged(scopes ...map[string]any) map[string]any {
	out := map[string]any{}
	for _, s := range scopes {
		maps.Copy(out, s)
	}
	return out
}

func (r *reader) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// readers know the actions.
var readers = map[string]func(*reader){
	"aws-actions/configure-aws-credentials":         (*reader).credentials,
	"aws-actions/amazon-ecs-render-task-definition": (*reader).render,
	"aws-actions/amazon-ecs-deploy-task-definition": (*reader).deploy,
	"docker/build-push-action":                      (*reader).buildPush,
}

func (r *reader) step(s step) {
	name, _, _ := strings.Cut(s.Uses, "@")
	if read := readers[strings.ToLower(name)]; read != nil {
		read(r)
	}
	for _, line := range commands(s.Run) {
		r.docker(line)
	}
}

func (r *reader) credentials() {
	orSet(&r.p.Config.Region, r.input("aws-region"))
	if role := r.raw("role-to-assume"); role != "" {
		r.p.Role = tidy(role)
	} else if r.raw("aws-access-key-id") != "" {
		r.note("the workflow has access keys; the new one assumes a role by OIDC: put its ARN into the secret IAMROLE_GITHUB")
	}
}

func (r *reader) deploy() {
	c, service := r.p.Config, r.input("service")
	if service == "" {
		if r.raw("service") != "" {
			r.note("the service %s is known to the workflow only: name it with --service", r.raw("service"))
		}
		return
	}
	r.found[service] = true
	if r.service != "" && service != r.service {
		return
	}
	orSet(&c.Service, service)
	orSet(&c.Cluster, r.input("cluster"))
	orSet(&c.CodeDeploy.Application, r.input("codedeploy-application"))
	orSet(&c.CodeDeploy.Group, r.input("codedeploy-deployment-group"))
	orSet(&c.CodeDeploy.Config, r.input("codedeploy-deployment-config"))
	orSet(&c.CodeDeploy.Description, r.input("codedeploy-deployment-description"))
	orSet(&c.AppSpec, r.file("codedeploy-appspec"))
	orSet(&r.taskdef, r.file("task-definition"))
	for _, in := range []string{"run-task", "desired-count", "propagate-tags", "service-managed-ebs-volume", "keep-null-value-keys"} {
		if v := r.raw(in); v != "" && v != "false" {
			r.note("deploy's input %s is not taken over: keep `turnout action deploy` for it", in)
		}
	}
}

func (r *reader) buildPush() {
	im := &r.p.Config.Image
	orSet(&im.Context, r.file("context"))
	orSet(&im.Dockerfile, r.file("file"))
	orSet(&im.Target, r.input("target"))
	orSet(&im.Platform, r.input("platforms"))
	for _, tag := range strings.FieldsFunc(r.raw("tags"), func(c rune) bool { return c == '\n' || c == ',' }) {
		orSet(&im.Repository, r.repository(strings.TrimSpace(tag)))
	}
	for _, a := range strings.Split(r.raw("build-args"), "\n") {
		r.argument(strings.TrimSpace(a))
	}
}

// raw is an input as it was written.
func (r *reader) raw(name string) string {
	if v, ok := r.with[name]; ok && v != nil {
		return strings.TrimSpace(fmt.Sprint(v))
	}
	return ""
}

// input is an input's value, "" if the workflow alone knows it.
func (r *reader) input(name string) string {
	if v := r.resolve(r.raw(name)); !strings.Contains(v, unknown) {
		return v
	}
	return ""
}

// file is an input that names a file of the repository.
func (r *reader) file(name string) string {
	v := r.input(name)
	v = strings.TrimPrefix(v, "./")
	if v == "" || !filepath.IsLocal(filepath.FromSlash(v)) {
		return ""
	}
	return path.Clean(v)
}

const unknown = "\x00" // stands for what the workflow alone knows

var (
	expression = regex.New(`\$\{\{\s*(.*?)\s*\}\}`)
	variable   = regex.New(`\$(?:\{(\w+)\}|(\w+))`)
)

// resolve puts values of the environment in.
func (r *reader) resolve(s string) string {
	return expression.ReplaceAllStringFunc(s, func(m string) string {
		name, ok := strings.CutPrefix(expression.FindStringSubmatch(m)[1], "env.")
		return r.value(name, ok)
	})
}

func (r *reader) value(name string, ok bool) string {
	v, has := r.env[name]
	if !ok || !has {
		return unknown
	}
	s := fmt.Sprint(v)
	if expression.MatchString(s) {
		return unknown
	}
	return s
}

// expand is resolve for what a shell reads.
func (r *reader) expand(s string) string {
	return variable.ReplaceAllStringFunc(r.resolve(s), func(m string) string {
		sub := variable.FindStringSubmatch(m)
		return r.value(sub[1]+sub[2], true)
	})
}

// repository is the repository's name in REGISTRY/NAME:TAG.
func (r *reader) repository(ref string) string {
	_, name, ok := strings.Cut(r.expand(ref), "/")
	if at := strings.LastIndexByte(name, ':'); at >= 0 {
		name = name[:at]
	}
	if !ok || strings.Contains(name, unknown) {
		return ""
	}
	return name
}

// tidy brings an expression into the one form with a space on each side.
func tidy(s string) string {
	return expression.ReplaceAllString(s, "$${{ $1 }}")
}
