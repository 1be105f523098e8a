package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/internal/document"
	"github.com/turnoutdev/turnout/internal/regex"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

var (
	serviceName    = name{regex.New(`^[A-Za-z0-9_-]+$`), 255}
	repositoryName = name{regex.New(`^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$`), 256}
	groupName      = name{regex.New(`^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$`), 32}
	deployName     = name{regex.New(`^[A-Za-z0-9._+=,@-]+$`), 100}
	builders       = []string{"auto", "docker", "podman", "buildah", "builtin"}
	rollbackEvents = []string{"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"}
)

// name is what AWS takes as a thing's name: its characters, and how many at most. (Counted
// in the expression they would make it hundreds of states large.)
type name struct {
	form *regex.Lazy
	most int
}

// checker collects faults with the places of their keys.
type checker struct {
	d    *document.Document
	errs []error
}

// check tells everything that is wrong at once.
func check(c *Config, d *document.Document) error {
	k := &checker{d: d}
	k.must(c.Version == 1, "version", "1 is the only form so far", "version %d is unknown", c.Version)
	k.must(c.Service != "", "service", "add a line \"service: NAME\"", "no service is named")
	if c.Service != "" {
		k.match(serviceName, c.Service, "service", "up to 255 letters, digits, - and _")
		k.match(repositoryName, c.Image.Repository, "image.repository", "up to 256 lower-case letters, digits and . _ - /; set image.repository")
	}
	k.match(serviceName, c.Cluster, "cluster", "up to 255 letters, digits, - and _")
	k.match(deployName, c.CodeDeploy.Application, "codedeploy.application", "up to 100 letters, digits and . _ + = , @ -")
	k.match(deployName, c.CodeDeploy.Group, "codedeploy.group", "up to 100 letters, digits and . _ + = , @ -")
	k.must(slices.Contains(builders, c.Image.Builder), "image.builder", "one of "+strings.Join(builders, ", "), "builder %q is unknown", c.Image.Builder)
	for i, g := range c.Gates {
		k.must((len(g.Run) > 0) != (g.Path != ""), "gates", "give it run: [COMMAND, ARGUMENT…] or path: /PATH", "gate %d needs a command or a path, and not both", i+1)
		k.must(g.Path == "" || strings.HasPrefix(g.Path, "/"), "gates", "such as /healthz", "gate %d: path %q does not begin with a slash", i+1, g.Path)
		k.must(g.Timeout > 0, "gates", "such as 2m", "gate %d: timeout %v", i+1, g.Timeout)
	}
	for i, r := range c.Render.Containers {
		k.must(!strings.ContainsAny(r.Image, " \t\n"), "render.containers", "such as registry/name:tag", "container %d: image %q", i+1, r.Image)
		k.must(r.LogDriver == "" || slices.Contains(taskdef.LogDrivers, r.LogDriver), "render.containers", "one of "+strings.Join(taskdef.LogDrivers, ", "), "container %d: log driver %q is unknown", i+1, r.LogDriver)
		for _, f := range r.EnvFiles {
			k.must(taskdef.S3ARN(f), "render.containers", "such as arn:aws:s3:::bucket/file.env: ECS reads it from S3 when a task starts", "container %d: environment file %q", i+1, f)
		}
	}
	k.must(c.Rehearse.Rate >= 1 && c.Rehearse.Rate <= 100000, "rehearse.rate", "requests a second, from 1 to 100000", "rate %d is out of range", c.Rehearse.Rate)
	k.must(c.Rehearse.TimeScale >= 1, "rehearse.time_scale", "1 is real time", "time_scale %v is below 1", c.Rehearse.TimeScale)
	k.infrastructure(&c.Infrastructure)
	return errors.Join(k.errs...)
}

func (k *checker) infrastructure(in *Infrastructure) {
	const at = "infrastructure."
	k.must(in.DesiredCount >= 1, at+"desired_count", "at least one task must run", "desired_count %d", in.DesiredCount)
	k.match(groupName, in.LoadBalancer.Name, at+"load_balancer.name", "up to 32 letters, digits and hyphens")
	k.must(len(in.TargetGroups) == 2 && in.TargetGroups[0] != in.TargetGroups[1], at+"target_groups", "blue/green needs a pair", "two different names are needed, found %d", len(in.TargetGroups))
	for _, g := range in.TargetGroups {
		k.match(groupName, g, at+"target_groups", "up to 32 letters, digits and hyphens")
	}
	k.port(in.LoadBalancer.Port, at+"load_balancer.port")
	if in.LoadBalancer.TestPort != 0 {
		k.port(in.LoadBalancer.TestPort, at+"load_balancer.test_port")
		k.must(in.LoadBalancer.TestPort != in.LoadBalancer.Port, at+"load_balancer.test_port", "give the test listener a port of its own", "both listeners want port %d", in.LoadBalancer.Port)
	}
	k.must(strings.HasPrefix(in.Health.Path, "/"), at+"health.path", "such as /healthz", "path %q does not begin with a slash", in.Health.Path)
	k.seconds(in.Health.Interval, at+"health.interval", 5, 300)
	k.seconds(in.Health.Timeout, at+"health.timeout", 2, 120)
	k.must(in.Health.Timeout < in.Health.Interval, at+"health.timeout", "AWS wants the time-out below the interval", "timeout %v, interval %v", in.Health.Timeout, in.Health.Interval)
	k.must(in.Health.Healthy >= 2 && in.Health.Healthy <= 10, at+"health.healthy", "from 2 to 10 checks", "healthy %d", in.Health.Healthy)
	k.must(in.Health.Unhealthy >= 2 && in.Health.Unhealthy <= 10, at+"health.unhealthy", "from 2 to 10 checks", "unhealthy %d", in.Health.Unhealthy)
	k.seconds(in.DeregistrationDelay, at+"deregistration_delay", 0, 3600)
	k.minutes(in.TerminationWait, at+"termination_wait", 2880)
	k.minutes(in.ReadyWait, at+"ready_wait", 7200)
	for _, e := range in.Rollback {
		k.must(slices.Contains(rollbackEvents, e), at+"rollback", "one of "+strings.Join(rollbackEvents, ", "), "event %q is unknown", e)
	}
}

func (k *checker) must(ok bool, path, hint, format string, args ...any) {
	if ok {
		return
	}
	n := k.d.Root
	for _, key := range strings.Split(path, ".") {
		if c := n.Get(key); c != nil {
			n = c
		}
	}
	e := k.d.At(n, hint, "%s: "+format, append([]any{path}, args...)...)
	k.errs = append(k.errs, e)
}

func (k *checker) match(n name, s, path, hint string) {
	k.must(len(s) <= n.most && n.form.MatchString(s), path, hint, "%q is not a valid name", s)
}

func (k *checker) port(p int, path string) {
	k.must(p >= 1 && p <= 65535, path, "a TCP port from 1 to 65535", "%s is no port", strconv.Itoa(p))
}

func (k *checker) seconds(d time.Duration, path string, low, high int) {
	ok := d%time.Second == 0 && d >= time.Duration(low)*time.Second && d <= time.Duration(high)*time.Second
	k.must(ok, path, fmt.Sprintf("whole seconds from %ds to %ds", low, high), "%v", d)
}

func (k *checker) minutes(d time.Duration, path string, high int) {
	ok := d%time.Minute == 0 && d >= 0 && d <= time.Duration(high)*time.Minute
	k.must(ok, path, fmt.Sprintf("whole minutes up to %dm, such as 5m", high), "%v", d)
}

// keys are all keys that may stand in the file, for guesses.
func keys() []string {
	var out []string
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
			if name == "-" {
				continue
			}
			out = append(out, name)
			if f := t.Field(i).Type; f.Kind() == reflect.Struct {
				walk(f)
			} else if f.Kind() == reflect.Slice && f.Elem().Kind() == reflect.Struct {
				walk(f.Elem())
			}
		}
	}
	walk(reflect.TypeFor[Config]())
	return out
}
