package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// renderOptions are the options of `turnout render`.
type renderOptions struct {
	*global
	taskdef, container, output string
	edits                      edits
	configured                 taskdef.Change // by turnout.yml
}

func newRender(g *global) *cobra.Command {
	o := &renderOptions{global: g}
	c := &cobra.Command{
		Use:   "render",
		Short: "Put images and more into a task definition, and print it",
		Long: `Render changes what is named (images, environment, secrets, labels, logging, commands,
roles; and what turnout.yml names under render) and leaves every other byte of the task
definition as it is, whatever fields it has. Read-only fields, as describe-task-definition
prints them, are left out and named. JSON and YAML are accepted and kept.`,
		Example: `  turnout render --task-definition taskdef.json --container web --image repo/web:3f2a1c > new.json
  turnout render --image web=repo/web:2 --image proxy=envoy:v1.31
  turnout render --container web --env RELEASE=$GITHUB_SHA --env API_KEY \
    --container proxy --command 'envoy -c "/etc/e.yml"'`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return o.run() },
	}
	g.fileFlag(c)
	g.jsonFlag(c)
	f := c.Flags()
	f.StringVar(&o.taskdef, "task-definition", "", "`FILE` of the task definition (default: turnout.yml's)")
	f.StringVarP(&o.output, "output", "o", "", "`FILE` to write instead of stdout")
	o.edits.flags(f)
	return c
}

func (o *renderOptions) run() error {
	change, err := o.edits.change()
	if err != nil {
		return err
	}
	if err := o.defaults(change); err != nil {
		return err
	}
	if change = o.configured.And(change); change.Empty() {
		return fault.New(fault.Usage, "--image IMAGE, --env NAME=VALUE or another", "nothing is to be changed")
	}
	td, err := taskdef.Read(o.taskdef)
	if err != nil {
		return fault.New(fault.Usage, fault.Hint(err), "%w", err)
	}
	names := td.Containers()
	if o.container == "" && len(names) == 1 {
		o.container = names[0]
	}
	if o.container == "" && change.Anonymous() {
		return fault.New(fault.Usage, "one of "+strings.Join(names, ", "), "%s has %d containers: choose with --container", td.File(), len(names))
	}
	told, err := td.Apply(o.container, change)
	if err != nil {
		return err
	}
	gone, err := td.StripReadOnly()
	if err != nil {
		return err
	}
	if len(gone) > 0 {
		o.Warn("%s: left out what ECS sets itself: %s", td.File(), strings.Join(gone, ", "))
	}
	if o.output != "" {
		if err := o.write(td.Bytes()); err != nil {
			return err
		}
	}
	switch {
	case o.JSON:
		return o.result(td, told, gone)
	case o.output == "":
		return o.printDocument(td.Bytes())
	}
	return nil
}

// rendered is what --json prints.
type rendered struct {
	File           string          `json:"file"`             // that was read
	Changed        []string        `json:"changed"`          // what was, in words that name no values
	LeftOut        []string        `json:"leftOut"`          // read-only fields that ECS sets itself
	Output         string          `json:"output,omitempty"` // file that was written
	TaskDefinition json.RawMessage `json:"taskDefinition"`   // as RegisterTaskDefinition takes it
}

func (o *renderOptions) result(td *taskdef.TaskDefinition, told, gone []string) error {
	b, err := td.JSON()
	if err != nil {
		return err
	}
	return o.printJSON(rendered{td.File(), append([]string{}, told...), append([]string{}, gone...), o.output, b})
}

// defaults takes what was not given from turnout.yml, if there is one.
func (o *renderOptions) defaults(change taskdef.Change) error {
	given := o.taskdef != ""
	if given && !change.Anonymous() {
		return nil
	}
	c, err := config.Load(o.Config)
	if errors.Is(err, config.ErrNone) {
		if !given {
			return fault.New(fault.Usage, "name the file with --task-definition", "%w", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	o.container = c.Container
	if given {
		return nil // a file of its own: what turnout.yml says is for another one
	}
	o.taskdef, o.configured = c.Path(c.TaskDef), c.Render.Change()
	if o.container == "" {
		if spec, err := appspec.Read(c.Path(c.AppSpec)); err == nil {
			o.container = spec.Container()
		}
	}
	return nil
}

func (o *renderOptions) write(b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(o.output), ".render-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone after the rename
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), o.output)
}
