package cli

import (
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// edits are the flags that change the task definition. They are gathered in the order in
// which they stand: with several --container, each is for those after it.
type edits struct {
	containers []string
	all        []editing
	named      []taskdef.ContainerChange // images with their container's name
	roles      taskdef.Change
	err        error // the first; pflag's own message would quote the value, which may be secret
}

// editing is one flag: which container it is for (its place in containers, -1 for before
// the first) and what it changes.
type editing struct {
	at     int
	flag   string
	change func(*taskdef.ContainerChange)
}

// editFlag is a flag whose every occurrence is told to set.
type editFlag struct {
	kind string
	set  func(string) error
	err  *error
}

func (f editFlag) String() string { return "" }
func (f editFlag) Type() string   { return f.kind }

// Set notes a fault for later.
func (f editFlag) Set(s string) error {
	if err := f.set(s); err != nil && *f.err == nil {
		*f.err = err
	}
	return nil
}

func (e *edits) flags(f *pflag.FlagSet) {
	add := func(name, kind, usage string, set func(string) error) {
		f.Var(editFlag{kind, set, &e.err}, name, usage)
	}
	if f.Lookup("container") == nil {
		add("container", "NAME", "NAME of the container that these flags change (default: the one behind the load balancer); given several times, each is for the flags after it", func(s string) error {
			e.containers = append(e.containers, s)
			return nil
		})
	}
	add("image", "[CONTAINER=]IMAGE", "IMAGE for the container behind the load balancer, or the one that is named; may be repeated", func(s string) error {
		container, ref, ok := strings.Cut(s, "=")
		if !ok {
			container, ref = "", s
		}
		if ref == "" {
			return fault.New(fault.Usage, "--image IMAGE or --image CONTAINER=IMAGE", "--image %q names no image", s)
		}
		if strings.ContainsAny(ref, " \t\n") {
			return fault.New(fault.Usage, "such as registry/name:tag", "--image %q is no image reference", s)
		}
		if ok {
			e.named = append(e.named, taskdef.ContainerChange{Name: container, Image: ref})
		} else {
			e.add("image", func(k *taskdef.ContainerChange) { k.Image = ref })
		}
		return nil
	})
	pairs := func(name, usage string, list func(*taskdef.ContainerChange) *[]taskdef.Pair) {
		add(name, "NAME=VALUE", usage, func(s string) error {
			p, err := pairOf(name, s)
			e.add(name, func(k *taskdef.ContainerChange) { l := list(k); *l = append(*l, p) })
			return err
		})
	}
	pairs("env", "environment variable; NAME alone takes the value from the environment; may be repeated", func(k *taskdef.ContainerChange) *[]taskdef.Pair { return &k.Environment })
	pairs("secret", "`NAME=ARN` of an environment variable that is a parameter or secret; may be repeated", func(k *taskdef.ContainerChange) *[]taskdef.Pair { return &k.Secrets })
	pairs("label", "Docker label; may be repeated", func(k *taskdef.ContainerChange) *[]taskdef.Pair { return &k.Labels })
	pairs("log-option", "option of the log driver; may be repeated", func(k *taskdef.ContainerChange) *[]taskdef.Pair { return &k.LogOptions })
	add("env-file", "ARN", "file of environment variables in S3; may be repeated, and replaces those that stand", func(s string) error {
		if !taskdef.S3ARN(s) {
			return fault.New(fault.Usage, "such as arn:aws:s3:::bucket/file.env: ECS reads it when a task starts", "--env-file %q is no ARN of an object in S3", s)
		}
		e.add("env-file", func(k *taskdef.ContainerChange) { k.EnvFiles = append(k.EnvFiles, s) })
		return nil
	})
	add("log-driver", "NAME", "NAME of the log driver", func(s string) error {
		e.add("log-driver", func(k *taskdef.ContainerChange) { k.LogDriver = s })
		return oneOf("--log-driver", s, taskdef.LogDrivers...)
	})
	add("command", "WORDS", "WORDS of the command, as in a shell or as a JSON list", func(s string) error {
		words, err := taskdef.Words(s)
		e.add("command", func(k *taskdef.ContainerChange) { k.Command = words })
		return err
	})
	f.StringVar(&e.roles.TaskRole, "task-role", "", "`ARN` of the task role")
	f.StringVar(&e.roles.ExecutionRole, "execution-role", "", "`ARN` of the task execution role")
	under(inDefinition, f, "container", "env", "secret", "label", "log-option", "env-file", "log-driver", "command", "task-role", "execution-role")
}

func (e *edits) add(flag string, change func(*taskdef.ContainerChange)) {
	e.all = append(e.all, editing{len(e.containers) - 1, flag, change})
}

// pairOf reads NAME=VALUE, all after the first "=" being the value. A variable without
// one has its value in the environment, so that it need not stand in a command line.
func pairOf(flag, s string) (taskdef.Pair, error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok && flag == "env" {
		value, ok = os.LookupEnv(name)
		if !ok {
			return taskdef.Pair{}, fault.New(fault.Usage, "--env NAME=VALUE, or export it", "--env %q: the environment has no such variable", name)
		}
	}
	if !ok || name == "" {
		return taskdef.Pair{}, fault.New(fault.Usage, "--"+flag+" NAME=VALUE", "--%s: no \"=\" after a name", flag) // the rest may be secret
	}
	return taskdef.Pair{Name: name, Value: value}, nil
}

// change is what the flags say together.
func (e *edits) change() (taskdef.Change, error) {
	c := e.roles
	if e.err != nil {
		return c, e.err
	}
	index := map[string]int{}
	for _, x := range e.all {
		name := ""
		switch {
		case len(e.containers) == 1:
			name = e.containers[0]
		case x.at >= 0:
			name = e.containers[x.at]
		case len(e.containers) > 1:
			return c, fault.New(fault.Usage, "put --container NAME before what it is for", "--%s stands before the first of several --container", x.flag)
		}
		i, ok := index[name]
		if !ok {
			i = len(c.Containers)
			index[name] = i
			c.Containers = append(c.Containers, taskdef.ContainerChange{Name: name})
		}
		x.change(&c.Containers[i])
	}
	for _, name := range e.containers {
		if _, ok := index[name]; !ok && len(e.containers) > 1 {
			return c, fault.New(fault.Usage, "let --image, --env or another follow it", "nothing is said about --container %q", name)
		}
	}
	c.Containers = append(c.Containers, e.named...)
	return c, nil
}

// split is the change in two: images, which may be journaled, and the rest, whose values
// may be secret.
func split(c taskdef.Change) (images []run.Image, rest taskdef.Change) {
	rest = taskdef.Change{TaskRole: c.TaskRole, ExecutionRole: c.ExecutionRole}
	for _, k := range c.Containers {
		if k.Image != "" {
			images = append(images, run.Image{Container: k.Name, Ref: k.Image})
			k.Image = ""
		}
		if !k.Empty() {
			rest.Containers = append(rest.Containers, k)
		}
	}
	return images, rest
}
