package cli

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/localcloud"
	"github.com/turnoutdev/turnout/internal/rehearse"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/term"
)

// rehearseOptions are the options of `turnout rehearse`.
type rehearseOptions struct {
	*global
	driver, baseline, deployConfig string
	rate, rounds, drills           int
	timeScale                      float64
	keep, verbose                  bool
	observe                        func([]cloud.Call) // the deployer's calls; nil for nobody
}

func newRehearse(g *global) *cobra.Command {
	o := &rehearseOptions{global: g}
	c := &cobra.Command{
		Use:   "rehearse [DIR]",
		Short: "Play the whole deployment through on this machine, under load",
		Long: `Rehearse starts a local cloud that keeps nothing, provisions it from turnout.yml, brings
up the baseline, then ships the work tree while requests flow through the load balancer
at a constant rate. Then it drills the rollback with a version that never turns healthy.
It passes only if no request failed and every step ended as it should.`,
		Example: "  turnout rehearse examples/hello\n  turnout rehearse --config CodeDeployDefault.ECSLinear10PercentEvery1Minutes --rate 1000\n  turnout rehearse --baseline main --keep",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				g.Config = args[0]
			}
			return o.run(c.Context())
		},
	}
	g.fileFlag(c)
	g.regionFlag(c)
	g.stateFlag(c)
	g.builderFlag(c)
	g.jsonFlag(c)
	f := c.Flags()
	choice(c, &o.driver, "driver", "auto", "`DRIVER` that runs containers: auto, docker or native", "auto", "docker", "native")
	f.StringVar(&o.baseline, "baseline", "", "git `REF` of the version that runs before (default: the same source)")
	choice(c, &o.deployConfig, "config", "", "`NAME` of the deployment configuration (default: turnout.yml's)", predefined...)
	f.IntVar(&o.rate, "rate", 0, "`N` requests a second (default: turnout.yml's, else 200)")
	f.IntVar(&o.rounds, "rounds", 1, "ship `N` times, one deployment after the other")
	f.IntVar(&o.drills, "drills", 1, "drill the rollback `N` times")
	f.Float64Var(&o.timeScale, "time-scale", 0, "divide the cloud's own waits by `N` (default: turnout.yml's, else 1200)")
	f.BoolVar(&o.keep, "keep", false, "leave the cloud running afterwards until Ctrl-C")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log the cloud's calls")
	return c
}

// defaults takes from the configuration what was not given.
func (o *rehearseOptions) defaults(c *config.Config) error {
	if o.rate == 0 {
		o.rate = c.Rehearse.Rate
	}
	if o.timeScale == 0 {
		o.timeScale = c.Rehearse.TimeScale
	}
	o.baseline = first(o.baseline, c.Rehearse.Baseline)
	switch {
	case o.rate < 1:
		return fault.New(fault.Usage, "requests a second, such as 200", "--rate %d is out of range", o.rate)
	case o.rounds < 1 || o.drills < 1:
		return fault.New(fault.Usage, "at least once each", "--rounds %d, --drills %d", o.rounds, o.drills)
	case o.timeScale < 1:
		return fault.New(fault.Usage, "1 is real time", "--time-scale %v is below 1", o.timeScale)
	}
	return nil
}

func (o *rehearseOptions) run(ctx context.Context) error {
	conf, err := o.load()
	if err != nil {
		return err
	}
	if err := o.defaults(conf); err != nil {
		return err
	}
	account, err := accountOf(conf)
	if err != nil {
		return err
	}
	began := time.Now()
	collect(steady)
	c, err := cloud.Start(ctx, cloud.Options{
		Addr: "127.0.0.1:0", Region: first(o.Region, conf.Region), Account: account, Driver: o.driver, TimeScale: o.timeScale,
		Log: o.cloudLogger(), GroupHeader: rehearse.ColourHeader,
	})
	if err != nil {
		return err
	}
	o.Talk("%s %s  %s driver, time scale %v, ready in %s", o.Good("local cloud"), c.Endpoint(), c.Driver(), o.timeScale, time.Since(began).Round(time.Millisecond))
	err = o.play(ctx, conf, c, began)
	if o.keep && ctx.Err() == nil {
		err = errors.Join(err, o.hold(ctx, c))
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return errors.Join(err, c.Stop(end))
}

// play provisions the baseline, rehearses and prints the report.
func (o *rehearseOptions) play(ctx context.Context, conf *config.Config, c *cloud.Cloud, began time.Time) error {
	source, cleanup, err := baseline(ctx, conf, o.baseline)
	if err != nil {
		return err
	}
	defer cleanup()
	h := handleOf(c, o.timeScale)
	base, err := o.newRun(ctx, conf, &h, run.Options{Source: source})
	if err != nil {
		return err
	}
	if _, _, err := provisionRun(ctx, o.global, base); err != nil {
		return err
	}
	pushed := pushes(c.Calls())
	c.ForgetCalls() // of the provisioning
	lb := conf.Infrastructure.LoadBalancer
	url, err := c.ListenerURL(lb.Name, lb.Port)
	if err != nil {
		return err
	}
	o.Talk("  the service answers at %s", url)
	known := url
	if o.observe != nil {
		known = "" // a deployment by itself asks for it
	}
	r := &rehearse.Rehearsal{
		URL: url, Path: conf.Rehearse.Path, Stream: conf.Rehearse.Stream, Rate: o.rate, Rounds: o.rounds, Drills: o.drills, Tell: o.Talk,
		NewRun: func() (*run.Run, error) {
			return o.newRun(ctx, conf, &h, run.Options{DeploymentConfig: o.deployConfig, URL: known, ForceRegister: true, Preflight: true})
		},
	}
	rep, err := r.Run(ctx)
	if err != nil {
		return err
	}
	if o.observe != nil {
		o.observe(append(pushed, c.Calls()...))
	}
	rep.Print(o.Streams)
	o.Talk("%s", o.Dim("rehearsed in "+term.Short(time.Since(began))))
	if err := o.print(rep); err != nil {
		return err
	}
	if !rep.OK {
		return &silent{fault.New(fault.Dropped, "", "the rehearsal did not pass")}
	}
	return nil
}

// newRun makes a run against the rehearsal's own cloud. Its journal is not kept.
func (o *rehearseOptions) newRun(ctx context.Context, conf *config.Config, h *localcloud.Handle, opts run.Options) (*run.Run, error) {
	a, err := connect(ctx, h)
	if err != nil {
		return nil, err
	}
	return &run.Run{ID: run.NewID(time.Now()), Config: conf, AWS: a, Options: opts, Report: term.NewReporter(o.Streams), Start: &run.Start{Verb: "ship"}}, nil
}

func (o *rehearseOptions) print(rep *rehearse.Report) error {
	if !o.JSON {
		return nil
	}
	out := *rep
	out.Facts.Rendered = nil // long, and of no use to a report
	return o.printJSON(out)
}

// hold keeps the cloud for other clients until Ctrl-C.
func (o *rehearseOptions) hold(ctx context.Context, c *cloud.Cloud) error {
	dir, err := o.stateDir()
	if err != nil {
		return err
	}
	if err := publish(dir, handleOf(c, o.timeScale)); err != nil {
		return err
	}
	o.Talk("\nlook at it:  %s", c.Console())
	o.Talk("the cloud stays up: eval \"$(turnout env --shell)\"; Ctrl-C ends it")
	<-ctx.Done()
	return localcloud.Remove(dir)
}

// cloudLogger shows the cloud's own log only when asked: the timeline tells the story.
func (o *rehearseOptions) cloudLogger() *slog.Logger {
	if o.verbose {
		return o.logger(true)
	}
	return slog.New(slog.DiscardHandler)
}
