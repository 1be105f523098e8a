package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/term"
)

// named are the options of verbs that act on a service: which one. turnout.yml names it
// where there is one; without, the flags are enough.
type named struct {
	*global
	cluster, service   string
	application, group string
}

// flags are for verbs that are about deployments, too.
func (n *named) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&n.application, "application", "", "`NAME` of the CodeDeploy application (default: turnout.yml's, else found by itself)")
	f.StringVar(&n.group, "deployment-group", "", "`NAME` of its deployment group (default: turnout.yml's, else found by itself)")
	under(whichService, f, "application", "deployment-group")
	n.serviceFlags(c)
}

// serviceFlags are for verbs that are about the service and its tasks alone.
func (n *named) serviceFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&n.cluster, "cluster", "", "`NAME` of the cluster (default: turnout.yml's)")
	f.StringVar(&n.service, "service", "", "`NAME` of the service (default: turnout.yml's)")
	under(whichService, f, "cluster", "service")
	n.fileFlag(c)
	n.cloudFlags(c)
	n.jsonFlag(c)
}

// conf is the configuration with the flags in it.
func (n *named) conf() (*config.Config, error) {
	if (n.application == "") != (n.group == "") {
		return nil, fault.New(fault.Usage, "give both, or neither to have them found", "--application and --deployment-group belong together")
	}
	c, err := config.Load(n.Config)
	switch {
	case errors.Is(err, config.ErrNone) && n.service != "":
		c = config.Of(n.cluster, n.service)
	case errors.Is(err, config.ErrNone):
		return nil, fault.New(fault.Usage, "name the service with --service and --cluster, or a turnout.yml with --file", "%w", err)
	case err != nil:
		return nil, err
	case n.service != "" && n.service != c.Service || n.cluster != "" && n.cluster != c.Cluster:
		region, local := c.Region, c.Local
		c = config.Of(first(n.cluster, c.Cluster), first(n.service, c.Service))
		c.Region, c.Local = region, local
	}
	if n.application != "" {
		c.CodeDeploy.Application, c.CodeDeploy.Group, c.CodeDeploy.Named = n.application, n.group, true
	}
	return c, nil
}

// find connects and finds the service.
func (n *named) find(ctx context.Context) (*subject.Subject, error) {
	c, err := n.conf()
	if err != nil {
		return nil, err
	}
	a, err := n.clients(ctx, c)
	if err != nil {
		return nil, err
	}
	return subject.Find(ctx, a, c, term.NewReporter(n.Streams))
}
