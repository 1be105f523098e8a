package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/autopsy"
	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline/shift"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/term"
	"github.com/turnoutdev/turnout/internal/watch"
)

// watchOptions are the options of `turnout watch`, and of `turnout wait deployment`.
type watchOptions struct {
	named
	id, until string
	deadline  time.Duration
	emit      func(watch.Event)  // nil to show all events
	shared    *watch.Shared      // with other watchers, nil for none
	aws       *awsclient.Clients // that others use too, nil for clients of its own
}

func newWatch(g *global) *cobra.Command {
	o := &watchOptions{named: named{global: g}}
	c := &cobra.Command{
		Use:   "watch [DEPLOYMENT...]",
		Short: "Follow a deployment to its end, and explain a failure",
		Long: `Watch attaches to a deployment, whoever began it: lifecycle events, weights as they move,
tasks, target health, the service's messages. Without an id it is the one that is under
way for the service, by CodeDeploy or by ECS itself. How it ends is the exit code, and a
failure is explained. Several deployments are watched together, in as few calls as AWS
takes; the first that fails is the exit code.`,
		Example: `  turnout watch
  turnout watch d-A7YW3F91L
  turnout watch d-A7YW3F91L d-B2CX8K04M
  turnout watch --wait-until shifted
  turnout watch d-A7YW3F91L --json    # one event a line`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return o.together(c.Context(), args)
			}
			o.id = first(args...)
			return o.run(c.Context())
		},
	}
	o.flags(c)
	o.flagsOfWait(c)
	return c
}

func (o *watchOptions) flagsOfWait(c *cobra.Command) {
	f := c.Flags()
	choice(c, &o.until, "wait-until", "done", "`STAGE` to wait for: shifted, stable or done", stages...)
	f.DurationVar(&o.deadline, "deadline", 0, "longest `TIME` to wait (default: no end)")
}

// show is how events reach the user: as JSON, one a line, or as a timeline.
func (o *watchOptions) show() func(watch.Event) {
	switch {
	case o.emit != nil:
		return o.emit
	case o.JSON:
		return func(e watch.Event) { _ = o.printLine(e) } // a closed pipe ends us by SIGPIPE
	}
	return term.NewReporter(o.Streams).Watched
}

func (o *watchOptions) check() error {
	if err := oneOf("--wait-until", watch.Until(o.until), watch.Shifted, watch.Stable, watch.Done); err != nil {
		return err
	}
	if o.deadline < 0 {
		return fault.New(fault.Usage, "such as 30m; 0 for none", "--deadline %s is negative", o.deadline)
	}
	return nil
}

func (o *watchOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	if strings.HasPrefix(o.id, "d-") {
		return o.codeDeploy(ctx, nil)
	}
	s, err := o.find(ctx)
	if err != nil {
		return err
	}
	if o.id == "" {
		if o.id, err = s.Active(ctx); err != nil {
			return err
		}
	}
	switch {
	case o.id == "":
		return fault.New(fault.Usage, "`turnout history` lists those that have ended; `turnout watch ID` tells how one did", "no deployment of service %s is under way", s.Service)
	case s.Rolling():
		return o.rolling(ctx, s)
	}
	return o.codeDeploy(ctx, s)
}

// codeDeploy follows a deployment of CodeDeploy. An id alone is enough; the service, where
// it is known, tells its messages too.
func (o *watchOptions) codeDeploy(ctx context.Context, s *subject.Subject) error {
	a, err := o.connected(ctx, s)
	if err != nil {
		return err
	}
	f := watch.Options{
		CodeDeploy: a.CodeDeploy(), ECS: a.ECS(), Tasks: a.ECS(), ELB: a.ELB(), ID: o.id, Cluster: o.cluster, Service: o.service,
		Until: watch.Until(o.until), Deadline: o.deadline, Emit: o.show(), Told: &watch.Memory{}, Pace: paceOf(a), Budget: a.Reads,
	}
	if o.shared != nil {
		f.CodeDeploy, f.ECS = o.shared, o.shared
	}
	out, err := watch.Follow(ctx, f)
	if err != nil {
		return o.early(err)
	}
	if out.Target != nil { // the deployment knows best what it deploys
		o.cluster, o.service, _ = strings.Cut(*out.Target.TargetId, ":")
	}
	if out.Succeeded(f.Until) {
		return nil
	}
	d := out.Deployment
	rep := autopsy.Perform(ctx, a, autopsy.Subject{DeploymentID: o.id, Cluster: o.cluster, Service: o.service, Seen: autopsy.Targets(out.SickIn, out.Sick)})
	id, status, err := watch.FollowRollback(ctx, f, d, false)
	if err != nil {
		return o.early(err)
	}
	rep.RollbackID = id
	return shift.Verdict(rep, out, status)
}

// connected makes the clients, and completes the names as far as they are known.
func (o *watchOptions) connected(ctx context.Context, s *subject.Subject) (*awsclient.Clients, error) {
	if s != nil {
		o.cluster, o.service = s.Cluster, s.Service
		return s.AWS, nil
	}
	if o.aws != nil {
		return o.aws, nil
	}
	c, err := o.conf()
	if err != nil && !errors.Is(err, config.ErrNone) {
		return nil, err
	}
	if c != nil {
		o.cluster, o.service = c.Cluster, c.Service
	}
	return o.clients(ctx, c)
}

// rolling follows a deployment of a service with the ECS controller.
func (o *watchOptions) rolling(ctx context.Context, s *subject.Subject) error {
	out, err := watch.FollowRolling(ctx, watch.RollingOptions{
		ECS: s.AWS.ECS(), Cluster: s.Cluster, Service: s.Service, ID: o.id, Until: watch.Until(o.until), Deadline: o.deadline, Emit: o.show(), Pace: paceOf(s.AWS),
	})
	switch {
	case err != nil:
		return o.early(err)
	case out.Succeeded(watch.Until(o.until)):
		return nil
	case out.Deployment.Id == nil:
		return fault.New(fault.Usage, "`turnout history` tells how it ended", "deployment %s is none of service %s (any more)", o.id, s.Service)
	}
	o.explain(ctx, s.AWS, autopsy.Subject{Cluster: s.Cluster, Service: s.Service, TaskDefinition: *out.Deployment.TaskDefinition})
	if out.RolledBack() {
		return fault.New(fault.RolledBack, "", "deployment %s was rolled back or replaced by %s, which is %s", o.id, *out.Primary.Id, out.Primary.RolloutState)
	}
	return fault.New(fault.Deployment, "`turnout rollback` brings the previous revision back", "deployment %s %s", o.id, out.Deployment.RolloutState)
}

// explain tells why a deployment failed, before the error itself is told.
func (o *watchOptions) explain(ctx context.Context, a *awsclient.Clients, s autopsy.Subject) {
	o.Talk("")
	o.Talk("%s", autopsy.Perform(ctx, a, s))
}

// early tells how to go on after a wait that ended before the deployment did.
func (o *watchOptions) early(err error) error {
	var none *types.DeploymentDoesNotExistException
	var malformed *types.InvalidDeploymentIdException
	switch {
	case errors.Is(err, watch.ErrDeadline):
		return fault.New(fault.TimedOut, "it goes on: `turnout watch "+o.id+"`", "%w", err)
	case errors.As(err, &none) || errors.As(err, &malformed):
		return fault.New(fault.Usage, "`turnout history` lists them; --region and --profile choose where to look", "%w", err)
	}
	return err
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
