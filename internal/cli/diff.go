package cli

import (
	"context"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/diff"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// diffOptions are the options of `turnout diff`.
type diffOptions struct {
	named
	edits          edits
	taskdef, tool  string
	revision, from string
	exitCode       bool
}

func newDiff(g *global) *cobra.Command {
	o := &diffOptions{named: named{global: g}}
	c := &cobra.Command{
		Use:   "diff",
		Short: "Show what a deployment would change in the task definition",
		Long: `Diff compares the task definition that serves with the one that the project's file would
register, or with another revision. What ECS adds by itself (defaults, empty lists, orders
that mean nothing) is no difference. Values whose names look secret, and what looks like a
secret inside of others, are compared but never shown; there is no option for it.

An image that is a placeholder in the file stands for the image that is deployed, unless
--image names the next one.`,
		Example: `  turnout diff
  turnout diff --image $IMAGE --exit-code
  turnout diff --revision 41                   # what a rollback to 41 would change
  turnout diff --from 40 --revision 41
  turnout diff --tool 'diff -u'                # or TURNOUT_DIFF=delta`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	o.serviceFlags(c)
	f := c.Flags()
	o.edits.flags(f)
	f.StringVar(&o.taskdef, "task-definition", "", "`FILE` of the task definition (default: turnout.yml's)")
	f.StringVar(&o.revision, "revision", "", "compare with this `REVISION` instead of the file: ARN, FAMILY:REVISION or REVISION")
	f.StringVar(&o.from, "from", "", "compare from this `REVISION` instead of the one that serves")
	f.StringVar(&o.tool, "tool", "", "`COMMAND` that shows two files' difference (default: $TURNOUT_DIFF, else its own form)")
	f.BoolVar(&o.exitCode, "exit-code", false, "end with code 1 when there are differences")
	return c
}

// difference is what --json prints.
type difference struct {
	Service string        `json:"service"`
	From    string        `json:"from"` // ARN
	To      string        `json:"to"`   // ARN or file
	Same    bool          `json:"same"`
	Changes []diff.Change `json:"changes"`
}

func (o *diffOptions) run(ctx context.Context) error {
	change, err := o.edits.change()
	if err != nil {
		return err
	}
	if o.revision != "" && (o.taskdef != "" || !change.Empty()) {
		return fault.New(fault.Usage, "leave one out", "--revision is compared instead of a file: --task-definition and what changes it have no place beside it")
	}
	s, err := o.find(ctx)
	if err != nil {
		return err
	}
	d := difference{Service: s.Service, From: s.TaskDefinition()}
	if o.from != "" {
		d.From = revisionName(s, o.from)
	}
	arn, before, err := describe(ctx, s, d.From)
	if err != nil {
		return err
	}
	d.From = arn
	var after []byte
	if o.revision != "" {
		d.To, after, err = describe(ctx, s, revisionName(s, o.revision))
	} else {
		d.To, after, err = o.rendered(s, before, change)
	}
	if err != nil {
		return err
	}
	if d.Changes, err = diff.Documents(before, after); err != nil {
		return err
	}
	d.Same = len(d.Changes) == 0
	return o.show(ctx, d, before, after)
}

func (o *diffOptions) show(ctx context.Context, d difference, before, after []byte) error {
	var err error
	tool := first(o.tool, os.Getenv("TURNOUT_DIFF"))
	switch {
	case o.JSON:
		err = o.printJSON(d)
	case tool != "":
		names := [2]string{"from-" + fileName(d.From), "to-" + fileName(d.To)}
		err = diff.Tool(ctx, tool, names, before, after, o.Out, o.Err)
	case d.Same:
		o.Talk("%s: %s and %s are the same to ECS", d.Service, subject.Last(d.From), subject.Last(d.To))
	default:
		o.Talk("%s: from %s to %s", d.Service, o.Bold(subject.Last(d.From)), o.Bold(subject.Last(d.To)))
		diff.Print(o.OnOut(), d.Changes)
	}
	if err == nil && o.exitCode && !d.Same {
		return &silent{fault.New(fault.Failed, "", "%d differences", len(d.Changes))}
	}
	return err
}

func fileName(ref string) string {
	return strings.NewReplacer(":", "-", ".", "-").Replace(subject.Last(ref))
}

// revisionName completes a bare number with the family that serves.
func revisionName(s *subject.Subject, ref string) string {
	if strings.Trim(ref, "0123456789") != "" {
		return ref
	}
	family, _, _ := strings.Cut(subject.Last(s.TaskDefinition()), ":")
	return family + ":" + ref
}

func describe(ctx context.Context, s *subject.Subject, name string) (arn string, document []byte, err error) {
	arn, document, err = awsclient.DescribeTaskDefinition(ctx, s.AWS.ECS(), name)
	if err != nil {
		return "", nil, fault.New(fault.Failed, "`turnout history` lists the revisions that were deployed", "revision %s: %w", subject.Last(name), err)
	}
	return arn, document, nil
}

// rendered is the project's file with the images that were named, or that are deployed.
func (o *diffOptions) rendered(s *subject.Subject, deployed []byte, change taskdef.Change) (string, []byte, error) {
	file := o.taskdef
	if file == "" {
		file = s.Config.Path(s.Config.TaskDef)
	}
	td, err := taskdef.Read(file)
	if err != nil {
		return "", nil, fault.New(fault.Usage, first(fault.Hint(err), "name the file with --task-definition, or a revision with --revision"), "%w", err)
	}
	if _, err := td.Apply(o.container(s, td), s.Config.Render.Change().And(change)); err != nil {
		return "", nil, err
	}
	if td, err = o.fill(td, deployed); err != nil {
		return "", nil, err
	}
	if _, err := td.StripReadOnly(); err != nil {
		return "", nil, err
	}
	b, err := td.JSON()
	return file, b, err
}

// container is the one that an image without a name is for.
func (o *diffOptions) container(s *subject.Subject, td *taskdef.TaskDefinition) string {
	if s.Config.Container != "" {
		return s.Config.Container
	}
	if spec, err := appspec.Read(s.Config.Path(s.Config.AppSpec)); err == nil { // else what ECS says will do
		return spec.Container()
	}
	if name := aws.ToString(s.Behind().ContainerName); name != "" {
		return name
	}
	return td.Containers()[0]
}

// fill puts the deployed images where the file has placeholders.
func (o *diffOptions) fill(td *taskdef.TaskDefinition, deployed []byte) (*taskdef.TaskDefinition, error) {
	td, err := taskdef.Parse(td.File(), td.Bytes())
	if err != nil {
		return nil, err
	}
	old, err := taskdef.Parse("the deployed revision", deployed)
	if err != nil {
		return nil, err
	}
	for _, name := range td.Containers() {
		ref, err := td.Image(name)
		if err != nil {
			return nil, err
		}
		if ref != "" && !strings.ContainsAny(ref, "<>{}$") {
			continue
		}
		now, err := old.Image(name)
		if err != nil {
			continue // a new container
		}
		o.Talk("%s", o.Dim("container "+name+": "+first(ref, "no image")+" is read as the image that is deployed; --image names the next one"))
		if err := td.SetImage(name, now); err != nil {
			return nil, err
		}
	}
	return td, nil
}
