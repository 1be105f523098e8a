package taskdef

import (
	"fmt"
	"slices"
	"strings"

	"github.com/turnoutdev/turnout/internal/document"
)

// Change is what a deployment changes in a definition. What it does not name stays byte
// for byte as its author wrote it.
type Change struct {
	TaskRole, ExecutionRole string // ARNs, "" to leave them
	Containers              []ContainerChange
}

// ContainerChange is what changes in one container. Named values are changed where they
// stand, or added; a command and environment files replace those that stand.
type ContainerChange struct {
	Name        string // "" for the container that the load balancer reaches
	Image       string
	Command     []string
	EnvFiles    []string // ARNs of files in S3
	Environment []Pair
	Secrets     []Pair // names and where their values are: ARNs of parameters and secrets
	Labels      []Pair
	LogDriver   string
	LogOptions  []Pair
}

// Pair is a name and its value.
type Pair struct{ Name, Value string }

// LogDrivers are the drivers that ECS knows.
var LogDrivers = []string{"json-file", "syslog", "journald", "logentries", "gelf", "fluentd", "awslogs", "splunk", "awsfirelens"}

// S3ARN tells whether a text is the ARN of an object in S3, in any partition.
func S3ARN(s string) bool {
	parts := strings.SplitN(s, ":", 6)
	bucket, key, ok := strings.Cut(parts[len(parts)-1], "/")
	return len(parts) == 6 && parts[0] == "arn" && strings.HasPrefix(parts[1], "aws") && parts[2] == "s3" && ok && bucket != "" && key != ""
}

// Empty tells whether nothing changes.
func (c Change) Empty() bool {
	return c.TaskRole == "" && c.ExecutionRole == "" && len(c.Containers) == 0
}

// Anonymous tells whether something changes in a container that is not named.
func (c Change) Anonymous() bool {
	return slices.ContainsFunc(c.Containers, func(k ContainerChange) bool { return k.Name == "" })
}

// Empty tells whether nothing changes in the container.
func (k ContainerChange) Empty() bool { return k.words() == "" }

// And is a change followed by another one, which has the last word.
func (c Change) And(next Change) Change {
	out := Change{TaskRole: c.TaskRole, ExecutionRole: c.ExecutionRole, Containers: slices.Concat(c.Containers, next.Containers)}
	if next.TaskRole != "" {
		out.TaskRole = next.TaskRole
	}
	if next.ExecutionRole != "" {
		out.ExecutionRole = next.ExecutionRole
	}
	return out
}

// OfImage is a change of one container's image.
func OfImage(container, ref string) Change {
	return Change{Containers: []ContainerChange{{Name: container, Image: ref}}}
}

// Apply makes a change; main is the container of what names none. It tells what was
// changed in words that name no values, which may be secret.
func (t *TaskDefinition) Apply(main string, c Change) ([]string, error) {
	var told []string
	for _, k := range c.Containers {
		if k.Name == "" {
			k.Name = main
		}
		if err := t.change(k); err != nil {
			return nil, err
		}
		if what := k.words() + " of container " + k.Name; !slices.Contains(told, what) {
			told = append(told, what)
		}
	}
	for _, r := range [][2]string{{"taskRoleArn", c.TaskRole}, {"executionRoleArn", c.ExecutionRole}} {
		if r[1] == "" {
			continue
		}
		if err := t.put(nil, r[0], document.Text(r[1])); err != nil {
			return nil, err
		}
		told = append(told, r[0])
	}
	return told, nil
}

// words says what changes in a container.
func (k ContainerChange) words() string {
	var parts []string
	add := func(n int, one, more string) {
		switch {
		case n == 1:
			parts = append(parts, one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, more))
		}
	}
	add(min(1, len(k.Image)), "image", "")
	add(min(1, len(k.Command)), "command", "")
	add(len(k.Environment), "environment "+names(k.Environment), "variables")
	add(len(k.Secrets), "secret "+names(k.Secrets), "secrets")
	add(len(k.EnvFiles), "environment file", "environment files")
	add(len(k.Labels), "label "+names(k.Labels), "labels")
	add(min(1, len(k.LogDriver)), "log driver", "")
	add(len(k.LogOptions), "log option "+names(k.LogOptions), "log options")
	return strings.Join(parts, ", ")
}

func names(pairs []Pair) string {
	var out []string
	for _, p := range pairs {
		out = append(out, p.Name)
	}
	return strings.Join(out, ", ")
}

// change changes one container, value by value.
func (t *TaskDefinition) change(k ContainerChange) error {
	at := []string{k.Name}
	if _, err := t.container(k.Name); err != nil {
		return err
	}
	if k.Image != "" {
		if err := t.SetImage(k.Name, k.Image); err != nil {
			return err
		}
	}
	if len(k.Command) > 0 {
		if err := t.put(at, "command", list(k.Command, document.Text)); err != nil {
			return err
		}
	}
	if len(k.EnvFiles) > 0 {
		if err := t.put(at, "environmentFiles", list(k.EnvFiles, envFile)); err != nil {
			return err
		}
	}
	for _, u := range []struct {
		key, value string
		pairs      []Pair
	}{{"environment", "value", k.Environment}, {"secrets", "valueFrom", k.Secrets}} {
		if err := t.upsert(k.Name, u.key, u.value, u.pairs); err != nil {
			return err
		}
	}
	if k.LogDriver != "" {
		if err := t.put([]string{k.Name, "logConfiguration"}, "logDriver", document.Text(k.LogDriver)); err != nil {
			return err
		}
	}
	if err := t.members([]string{k.Name, "logConfiguration", "options"}, k.LogOptions); err != nil {
		return err
	}
	return t.members([]string{k.Name, "dockerLabels"}, k.Labels)
}

func list(all []string, node func(string) *document.Node) *document.Node {
	l := document.List()
	for _, s := range all {
		l.Items = append(l.Items, node(s))
	}
	return l
}

func envFile(arn string) *document.Node {
	return document.Map(document.Member{Key: "value", Value: document.Text(arn)}, document.Member{Key: "type", Value: document.Text("s3")})
}

// members sets string members of the object at a path.
func (t *TaskDefinition) members(at []string, pairs []Pair) error {
	for _, p := range pairs {
		if err := t.put(at, p.Name, document.Text(p.Value)); err != nil {
			return err
		}
	}
	return nil
}

// put sets a member of the object at a path: nil for the definition itself, else a
// container's name and keys below it. Objects on the way that are missing (or null) are
// made with it.
func (t *TaskDefinition) put(at []string, key string, v *document.Node) error {
	n := t.root
	for i, k := range at {
		var next *document.Node
		if i == 0 {
			var err error
			if next, err = t.container(k); err != nil {
				return err
			}
		} else if next = n.Get(k); next == nil || next.Kind == document.Null {
			for j := len(at) - 1; j >= i; j-- { // from the inside out
				v, key = document.Map(document.Member{Key: key, Value: v}), at[j]
			}
			break
		}
		if next.Kind != document.Object {
			return t.doc.At(next, "", "%s: expected an object, found %s", k, next.Kind)
		}
		n = next
	}
	return t.edited(t.doc.Put(n, key, v))
}

// upsert changes entries {name, value} of a container's list where they stand, and adds
// the others at its end.
func (t *TaskDefinition) upsert(container, key, value string, pairs []Pair) error {
	for _, p := range pairs {
		c, err := t.container(container)
		if err != nil {
			return err
		}
		entry := document.Map(document.Member{Key: "name", Value: document.Text(p.Name)}, document.Member{Key: value, Value: document.Text(p.Value)})
		entries := c.Get(key)
		switch {
		case entries == nil || entries.Kind == document.Null:
			err = t.put([]string{container}, key, document.List(entry))
		case entries.Kind != document.Array:
			return t.doc.At(entries, "", "%s: expected a list, found %s", key, entries.Kind)
		default:
			i := slices.IndexFunc(entries.Items, func(n *document.Node) bool { return n.Get("name").String() == p.Name })
			if i < 0 {
				err = t.edited(t.doc.Append(entries, entry))
			} else {
				err = t.edited(t.doc.Put(entries.Items[i], value, document.Text(p.Value)))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// edited goes on with a changed document.
func (t *TaskDefinition) edited(d *document.Document, err error) error {
	if err != nil {
		return err
	}
	t.doc, t.root = d, d.Root
	return nil
}
