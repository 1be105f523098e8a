package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/autopsy"
	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/term"
	"github.com/turnoutdev/turnout/internal/watch"
)

// watchOptions are the options of `turnout watch`.
type watchOptions struct {
	*global
	id, until        string
	cluster, service string
	deadline         time.Duration
}

func newWatch(g *global) *cobra.Command {
	o := &watchOptions{global: g}
	c := &cobra.Command{
		Use:     "watch DEPLOYMENT",
		Short:   "Follow a deployment to its end, and explain a failure",
		Example: "  turnout watch d-A7YW3F91L\n  turnout watch d-A7YW3F91L --json    # one event a line",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.id = args[0]
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&o.until, "wait-until", "done", "shifted, stable or done")
	f.StringVar(&o.cluster, "cluster", "", "cluster (default: turnout.yml's)")
	f.StringVar(&o.service, "service", "", "service (default: turnout.yml's)")
	f.DurationVar(&o.deadline, "deadline", 0, "longest wait (default: none)")
	return c
}

func (o *watchOptions) run(ctx context.Context) error {
	if err := oneOf("--wait-until", watch.Until(o.until), watch.Shifted, watch.Stable, watch.Done); err != nil {
		return err
	}
	c, _ := config.Load(o.Config) // optional here: names may be given as flags
	if c != nil {
		o.cluster, o.service = first(o.cluster, c.Cluster), first(o.service, c.Service)
	}
	a, err := o.clients(ctx, c)
	if err != nil {
		return err
	}
	emit := term.NewReporter(o.Streams).Watched
	if o.JSON {
		enc := json.NewEncoder(o.Out)
		emit = func(e watch.Event) { _ = enc.Encode(e) } // a closed pipe ends us by SIGPIPE
	}
	out, err := watch.Follow(ctx, watch.Options{
		CodeDeploy: a.CodeDeploy(), ECS: a.ECS(), ELB: a.ELB(), ID: o.id, Cluster: o.cluster, Service: o.service,
		Until: watch.Until(o.until), Deadline: o.deadline, Emit: emit, Pace: paceOf(a), Budget: a.Reads,
	})
	if err != nil {
		return err
	}
	if out.Succeeded(watch.Until(o.until)) {
		return nil
	}
	o.Talk("")
	o.Talk("%s", autopsy.Perform(ctx, a, autopsy.Subject{DeploymentID: o.id, Cluster: o.cluster, Service: o.service}))
	code := fault.Deployment
	if out.Deployment.Status == types.DeploymentStatusStopped {
		code = fault.Stopped
	}
	return &fault.Error{Code: code, Err: fmt.Errorf("deployment %s %s", o.id, out.Deployment.Status)}
}

// paceOf is how often AWS is asked: a cloud on this machine more often.
func paceOf(a *awsclient.Clients) watch.Pace {
	if a.Local {
		return watch.Local()
	}
	return watch.Pace{}
}

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}
