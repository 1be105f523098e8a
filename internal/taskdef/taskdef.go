// Package taskdef reads and edits ECS task definitions without loss: fields that this
// program does not know stay as they are written, in a file and on the way to AWS.
//
// A definition may be JSON or YAML, and may be the output of
// `aws ecs describe-task-definition`, which wraps it and adds read-only fields.
package taskdef

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/document"
)

// ReadOnly are the fields that ECS adds when it describes a definition and refuses when
// it registers one.
var ReadOnly = []string{
	"compatibilities", "taskDefinitionArn", "requiresAttributes", "revision", "status",
	"registeredAt", "deregisteredAt", "registeredBy",
}

// TaskDefinition is a definition in a document.
type TaskDefinition struct {
	doc  *document.Document
	root *document.Node
}

// Read parses the definition in the file at path.
func Read(path string) (*TaskDefinition, error) {
	d, err := document.Read(path)
	if err != nil {
		return nil, fmt.Errorf("read task definition: %w", err)
	}
	return of(d)
}

// Parse parses a definition; file is its name in messages.
func Parse(file string, src []byte) (*TaskDefinition, error) {
	d, err := document.Parse(file, src)
	if err != nil {
		return nil, err
	}
	return of(d)
}

func of(d *document.Document) (*TaskDefinition, error) {
	root := d.Root
	if root.Kind != document.Object {
		return nil, d.At(root, "a task definition has \"family\" and \"containerDefinitions\"", "expected an object, found %s", root.Kind)
	}
	if root.Get("containerDefinitions") == nil {
		if inner := root.Get("taskDefinition"); inner != nil && inner.Kind == document.Object {
			return unwrap(d, inner)
		}
		return nil, d.At(root, "name the file that holds the task definition", "no \"containerDefinitions\" in this document")
	}
	t := &TaskDefinition{doc: d, root: root}
	return t, t.check()
}

// unwrap takes the definition out of describe-task-definition's {"taskDefinition": …}.
func unwrap(d *document.Document, inner *document.Node) (*TaskDefinition, error) {
	if d.Format == document.YAML {
		return nil, d.At(d.Root, "keep only what stands under taskDefinition, one level out", "the definition is wrapped in \"taskDefinition\"")
	}
	d, err := document.Parse(d.File, d.Source[inner.Start:inner.End])
	if err != nil {
		return nil, err
	}
	return of(d)
}

// check holds what every later step relies on.
func (t *TaskDefinition) check() error {
	list := t.root.Get("containerDefinitions")
	if list.Kind != document.Array {
		return t.doc.At(list, "", "containerDefinitions: expected a list, found %s", list.Kind)
	}
	if len(list.Items) == 0 {
		return t.doc.At(list, "describe at least one container", "containerDefinitions is empty")
	}
	for i, c := range list.Items {
		if c.Kind != document.Object {
			return t.doc.At(c, "", "containerDefinitions[%d]: expected an object, found %s", i, c.Kind)
		}
		if n := c.Get("name"); n.String() == "" {
			return t.doc.At(c, "every container needs a \"name\"", "containerDefinitions[%d] has no name", i)
		}
	}
	return nil
}

// File is the name that messages give to the definition.
func (t *TaskDefinition) File() string { return t.doc.File }

// Family is the definition's family, "" when it names none.
func (t *TaskDefinition) Family() string { return t.root.Get("family").String() }

// Containers are the names of the containers, in order.
func (t *TaskDefinition) Containers() []string {
	var out []string
	for _, c := range t.root.Get("containerDefinitions").Items {
		out = append(out, c.Get("name").String())
	}
	return out
}

// container finds a container; the error lists those there are.
func (t *TaskDefinition) container(name string) (*document.Node, error) {
	list := t.root.Get("containerDefinitions")
	for _, c := range list.Items {
		if c.Get("name").String() == name {
			return c, nil
		}
	}
	return nil, t.doc.At(list, "containers here: "+strings.Join(t.Containers(), ", "), "no container is named %q", name)
}

// Image is the image of a container.
func (t *TaskDefinition) Image(container string) (string, error) {
	c, err := t.container(container)
	if err != nil {
		return "", err
	}
	return c.Get("image").String(), nil
}

// SetImage sets a container's image to ref; every other byte stays.
func (t *TaskDefinition) SetImage(container, ref string) error {
	return t.put([]string{container}, "image", document.Text(ref))
}

// StripReadOnly takes out the fields which ECS refuses as input, and names them.
func (t *TaskDefinition) StripReadOnly() ([]string, error) {
	gone, err := t.doc.Remove(t.root, func(key string) bool { return slices.Contains(ReadOnly, key) })
	if err != nil || len(gone) == 0 {
		return nil, err
	}
	return gone, t.edited(t.doc.Reparse())
}

// Bytes is the definition with all edits, in its own format.
func (t *TaskDefinition) Bytes() []byte { return t.doc.Bytes() }

// JSON is the definition with all edits as RegisterTaskDefinition takes it.
func (t *TaskDefinition) JSON() ([]byte, error) { return t.doc.AsJSON() }

// Definition decodes what the SDK knows of the definition, for checks. It is never
// written back.
func (t *TaskDefinition) Definition() (types.TaskDefinition, error) {
	var td types.TaskDefinition
	d, err := t.doc.Reparse()
	if err != nil {
		return td, err
	}
	return td, d.Decode(&td)
}

// At makes an error at a container's place.
func (t *TaskDefinition) At(container, hint, format string, args ...any) error {
	c, err := t.container(container)
	if err != nil {
		return err
	}
	return t.doc.At(c, hint, format, args...)
}
