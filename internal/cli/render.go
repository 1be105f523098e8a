package cli

import (
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
	taskdef, container, image, output string
}

func newRender(g *global) *cobra.Command {
	o := &renderOptions{global: g}
	c := &cobra.Command{
		Use:   "render",
		Short: "Put an image into a task definition and print it; nothing else changes",
		Long: `Render changes the image of a container and leaves every other byte of the task
definition as it is, whatever fields it has. Read-only fields, as describe-task-definition
prints them, are left out and named. JSON and YAML are accepted and kept.`,
		Example: "  turnout render --task-definition taskdef.json --container web --image repo/web:3f2a1c > new.json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return o.run() },
	}
	f := c.Flags()
	f.StringVar(&o.taskdef, "task-definition", "", "task definition file (default: turnout.yml's)")
	f.StringVar(&o.container, "container", "", "container's name (default: turnout.yml's, the appspec's, or the only one)")
	f.StringVar(&o.image, "image", "", "image reference")
	f.StringVarP(&o.output, "output", "o", "", "file to write instead of stdout")
	_ = c.MarkFlagRequired("image") // the flag exists
	return c
}

func (o *renderOptions) run() error {
	if o.image == "" || strings.ContainsAny(o.image, " \t\n") {
		return fault.New(fault.Usage, "such as registry/name:tag", "--image %q is no image reference", o.image)
	}
	if err := o.defaults(); err != nil {
		return err
	}
	td, err := taskdef.Read(o.taskdef)
	if err != nil {
		return fault.New(fault.Usage, fault.Hint(err), "%w", err)
	}
	if o.container == "" {
		if names := td.Containers(); len(names) == 1 {
			o.container = names[0]
		} else {
			return fault.New(fault.Usage, "one of "+strings.Join(names, ", "), "%s has %d containers: choose with --container", td.File(), len(names))
		}
	}
	if err := td.SetImage(o.container, o.image); err != nil {
		return err
	}
	gone, err := td.StripReadOnly()
	if err != nil {
		return err
	}
	if len(gone) > 0 {
		o.Warn("%s: left out what ECS sets itself: %s", td.File(), strings.Join(gone, ", "))
	}
	return o.write(td.Bytes())
}

// defaults takes what was not given from turnout.yml, if there is one.
func (o *renderOptions) defaults() error {
	if o.taskdef != "" && o.container != "" {
		return nil
	}
	c, err := config.Load(o.Config)
	if errors.Is(err, config.ErrNone) {
		if o.taskdef == "" {
			return fault.New(fault.Usage, "name the file with --task-definition", "%w", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	given := o.taskdef != ""
	if !given {
		o.taskdef = c.Path(c.TaskDef)
	}
	if o.container == "" {
		o.container = c.Container
	}
	if o.container == "" && !given {
		if spec, err := appspec.Read(c.Path(c.AppSpec)); err == nil {
			o.container = spec.Container()
		}
	}
	return nil
}

func (o *renderOptions) write(b []byte) error {
	if o.output == "" {
		_, err := o.Out.Write(b)
		return err
	}
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
