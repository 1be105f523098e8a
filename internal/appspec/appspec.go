// Package appspec reads and edits the AppSpec of an ECS deployment: JSON or YAML, keys
// in any casing, changed in one place and otherwise byte for byte as written.
package appspec

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/turnoutdev/turnout/internal/document"
)

// AppSpec is an AppSpec in a document.
type AppSpec struct {
	doc        *document.Document
	resource   string // the resource's name, normally TargetService
	properties *document.Node
	hooks      []Hook
}

// Hook is one validation function of a lifecycle event.
type Hook struct{ Event, Function string }

// hookEvents are the events at which a hook may run, in their order.
var hookEvents = []string{"BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"}

// Read parses the AppSpec in the file at path.
func Read(path string) (*AppSpec, error) {
	src, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read appspec: %w", err)
	}
	return Parse(path, src)
}

// readFile reads no more of a file than it takes to see that it is too large.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	src, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	return src, errors.Join(err, f.Close())
}

// Parse parses an AppSpec; file is its name in messages.
func Parse(file string, src []byte) (*AppSpec, error) {
	if err := bounded(file, src); err != nil {
		return nil, err
	}
	d, err := document.Parse(file, src)
	if err != nil {
		return nil, err
	}
	return of(d)
}

func of(d *document.Document) (*AppSpec, error) {
	a := &AppSpec{doc: d}
	if d.Root.Kind != document.Object {
		return nil, d.At(d.Root, "an AppSpec has \"version\" and \"Resources\"", "expected an object, found %s", d.Root.Kind)
	}
	if err := a.findService(); err != nil {
		return nil, err
	}
	return a, errors.Join(a.checkLoadBalancer(), a.readHooks())
}

// findService finds the one ECS service among the resources.
func (a *AppSpec) findService() error {
	res := a.doc.Root.Fold("Resources")
	if res == nil {
		return a.doc.At(a.doc.Root, "see https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html", "no \"Resources\" in this AppSpec")
	}
	if res.Kind != document.Array {
		return a.doc.At(res, "write Resources as a list with one entry", "Resources: expected a list, found %s", res.Kind)
	}
	for _, item := range res.Items {
		for _, m := range item.Members {
			kind := m.Value.Fold("Type")
			if !strings.EqualFold(kind.String(), "AWS::ECS::Service") {
				return a.doc.At(m.Value, "Turnout deploys resources of type AWS::ECS::Service", "resource %q has type %q", m.Key, kind.String())
			}
			if a.properties != nil {
				return a.doc.At(m.Value, "CodeDeploy takes one ECS service to a deployment", "a second resource, %q", m.Key)
			}
			a.resource, a.properties = m.Key, m.Value.Fold("Properties")
			if a.properties == nil || a.properties.Kind != document.Object {
				return a.doc.At(m.Value, "add Properties with TaskDefinition and LoadBalancerInfo", "resource %q has no Properties", m.Key)
			}
		}
	}
	if a.properties == nil {
		return a.doc.At(res, "add one resource of type AWS::ECS::Service", "Resources is empty")
	}
	return nil
}

func (a *AppSpec) checkLoadBalancer() error {
	lb := a.properties.Fold("LoadBalancerInfo")
	if lb == nil {
		return a.doc.At(a.properties, "add LoadBalancerInfo with ContainerName and ContainerPort", "resource %q has no LoadBalancerInfo", a.resource)
	}
	if lb.Kind != document.Object {
		return a.doc.At(lb, "CodeDeploy takes an object here", "LoadBalancerInfo: expected an object, found %s", lb.Kind)
	}
	if lb.Fold("ContainerName").String() == "" {
		return a.doc.At(lb, "name the container that listens on the port", "LoadBalancerInfo has no ContainerName")
	}
	port := lb.Fold("ContainerPort")
	if port == nil || port.Kind != document.Number {
		return a.doc.At(orElse(port, lb), "write a bare number, such as 9000", "LoadBalancerInfo: ContainerPort must be a number, without quotes")
	}
	if n, err := strconv.Atoi(port.Text); err != nil || n < 1 || n > 65535 {
		return a.doc.At(port, "a TCP port from 1 to 65535", "LoadBalancerInfo: ContainerPort %s is no port", port.Text)
	}
	return nil
}

func orElse(n, other *document.Node) *document.Node {
	if n == nil {
		return other
	}
	return n
}

func (a *AppSpec) readHooks() error {
	hooks := a.doc.Root.Fold("Hooks")
	if hooks == nil || hooks.Kind == document.Null {
		return nil
	}
	if hooks.Kind != document.Array {
		return a.doc.At(hooks, "write Hooks as a list of single-key maps", "Hooks: expected a list, found %s", hooks.Kind)
	}
	for _, item := range hooks.Items {
		for _, m := range item.Members {
			event := ""
			for _, e := range hookEvents {
				if strings.EqualFold(e, m.Key) {
					event = e
				}
			}
			if event == "" {
				return a.doc.At(item, "events: "+strings.Join(hookEvents, ", "), "Hooks: %q is no lifecycle event of an ECS deployment", m.Key)
			}
			a.hooks = append(a.hooks, Hook{event, m.Value.String()})
		}
	}
	return nil
}

// File is the name that messages give to the AppSpec.
func (a *AppSpec) File() string { return a.doc.File }

// Container is the container that receives traffic.
func (a *AppSpec) Container() string {
	return a.properties.Fold("LoadBalancerInfo").Fold("ContainerName").String()
}

// Port is the container port that receives traffic.
func (a *AppSpec) Port() int {
	n, _ := strconv.Atoi(a.properties.Fold("LoadBalancerInfo").Fold("ContainerPort").Text) // checked by Parse
	return n
}

// Hooks are the validation functions, in file order.
func (a *AppSpec) Hooks() []Hook { return a.hooks }

// TaskDefinition is the task definition that the file names, often a placeholder.
func (a *AppSpec) TaskDefinition() string { return a.properties.Fold("TaskDefinition").String() }

// SetTaskDefinition notes that the resource's TaskDefinition becomes arn.
func (a *AppSpec) SetTaskDefinition(arn string) error {
	td := a.properties.Fold("TaskDefinition")
	switch {
	case td == nil && a.doc.Format == document.YAML:
		return a.doc.At(a.properties, "add a line \"TaskDefinition: <TASK_DEFINITION>\", it will be replaced", "resource %q has no TaskDefinition", a.resource)
	case td == nil:
		first := a.properties.Members[0] // there is one: LoadBalancerInfo
		a.doc.Replace(first.Start, first.Start, fmt.Sprintf("\"TaskDefinition\": %q, ", arn))
		return nil
	}
	return a.doc.SetString(td, arn)
}

// Bytes is the AppSpec with all edits, in its own format.
func (a *AppSpec) Bytes() []byte { return a.doc.Bytes() }

// AtContainer and AtPort make errors at the places that other documents contradict.
func (a *AppSpec) AtContainer(hint, format string, args ...any) error {
	return a.doc.At(a.properties.Fold("LoadBalancerInfo").Fold("ContainerName"), hint, format, args...)
}

// AtPort makes an error at the container port.
func (a *AppSpec) AtPort(hint, format string, args ...any) error {
	return a.doc.At(a.properties.Fold("LoadBalancerInfo").Fold("ContainerPort"), hint, format, args...)
}
