package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/scaffold"
	"github.com/turnoutdev/turnout/internal/survey"
	"github.com/turnoutdev/turnout/internal/term"
)

// mirrorOptions are the options of `turnout mirror`.
type mirrorOptions struct {
	*global
	from string
	dry  bool
}

func newMirror(g *global) *cobra.Command {
	o := &mirrorOptions{global: g}
	c := &cobra.Command{
		Use:   "mirror",
		Short: "Write the real service's shape into turnout.yml, for rehearsals",
		Long: `Mirror reads the service that turnout.yml names, its load balancer and its CodeDeploy group
through AWS's API, and changes nothing there. It writes what it finds into the section
infrastructure of turnout.yml: health checks, deregistration delay, wait times, counts,
ports, deployment configuration. Rehearsals and the local cloud are made from that.

Every other byte of the file stays. What a turnout.yml cannot say is named.`,
		Example: "  turnout mirror --profile readonly\n  turnout mirror --from prod/web --dry-run",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	g.fileFlag(c)
	g.cloudFlags(c)
	g.jsonFlag(c)
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "`CLUSTER/SERVICE` to read (default: turnout.yml's)")
	f.BoolVar(&o.dry, "dry-run", false, "print the file that would be written, and write nothing")
	return c
}

func (o *mirrorOptions) run(ctx context.Context) error {
	conf, err := o.load()
	if err != nil {
		return err
	}
	src, err := os.ReadFile(conf.File)
	if err != nil {
		return err
	}
	s, err := o.read(ctx, conf)
	if err != nil {
		return err
	}
	conf.Infrastructure = s.Config.Infrastructure
	sections := []string{"infrastructure"}
	if !conf.CodeDeploy.Named && o.from == "" {
		conf.CodeDeploy.Application, conf.CodeDeploy.Group = s.Config.CodeDeploy.Application, s.Config.CodeDeploy.Group
		sections = append(sections, "codedeploy")
	}
	out, commented, err := config.SetSections(src, conf, sections...)
	if err != nil {
		return err
	}
	for _, n := range s.Notes {
		o.Warn("%s", n)
	}
	return o.write(conf, src, out, commented, s.Notes)
}

// read surveys the service into a configuration that has nothing but its names.
func (o *mirrorOptions) read(ctx context.Context, conf *config.Config) (*survey.Survey, error) {
	c := config.Blank(conf.File)
	c.Cluster, c.Service, c.CodeDeploy = conf.Cluster, conf.Service, conf.CodeDeploy
	if o.from != "" {
		cluster, service, ok := strings.Cut(o.from, "/")
		if !ok || cluster == "" || service == "" {
			return nil, fault.New(fault.Usage, "such as --from prod/web", "--from %q is not CLUSTER/SERVICE", o.from)
		}
		c.Cluster, c.Service, c.CodeDeploy = cluster, service, config.CodeDeploy{}
	}
	a, err := o.clients(ctx, conf)
	if err != nil {
		return nil, err
	}
	return survey.Read(ctx, a, c, term.NewReporter(o.Streams))
}

// mirrored is what --json prints.
type mirrored struct {
	File    string   `json:"file"`    // the turnout.yml
	Changed bool     `json:"changed"` // it was unlike the service
	DryRun  bool     `json:"dryRun"`  // nothing was written
	Notes   []string `json:"notes"`   // what a turnout.yml cannot say
}

func (o *mirrorOptions) write(conf *config.Config, src, out []byte, commented, notes []string) error {
	same := bytes.Equal(src, out)
	if o.dry && !o.JSON {
		_, err := o.Out.Write(out)
		return err
	}
	if !same && !o.dry {
		if len(commented) > 0 {
			o.Warn("comments in %s were replaced", strings.Join(commented, " and "))
		}
		if _, err := scaffold.Write(conf.Dir, []scaffold.File{{Path: filepath.Base(conf.File), Data: out}}, true); err != nil {
			return err
		}
	}
	if o.JSON {
		return o.printJSON(mirrored{conf.File, !same, o.dry, append([]string{}, notes...)})
	}
	if same {
		o.Talk("%s is like the service already", conf.File)
	} else {
		o.Talk("%s %s is like %s/%s now; `turnout rehearse` plays on it", o.Good("mirrored"), conf.File, conf.Cluster, conf.Service)
	}
	return nil
}
