package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/localcloud"
)

// upOptions are the options of `turnout up`.
type upOptions struct {
	*global
	addr, account, driver string
	timeScale             float64
	ephemeral, detach     bool
	throttle, tls         bool
	tlsAddr               string
	rootPolicy            string // file
	verbose               bool
}

func newUp(g *global) *cobra.Command {
	o := &upOptions{global: g}
	c := &cobra.Command{
		Use:   "up",
		Short: "Start the local cloud and keep it running",
		Long: `Up starts the local cloud on one loopback port. It speaks AWS's own protocols and serves
ECR, ECS, CodeDeploy, load balancing (ELBv2), IAM and STS with OIDC, Lambda, S3, CloudWatch
metrics, alarms and logs, Parameter Store, Secrets Manager, and EC2's networks as records.
Containers really run, health is really checked, traffic really moves; docs/parity.md has
every operation. It runs until Ctrl-C or ` + "`turnout down`" + `; its state is kept and found
again by the next up, unless --ephemeral is given.`,
		Example: `  turnout up
  turnout up --detach --time-scale 60             # a wait of an hour takes a minute
  turnout up --detach --json | jq -r .endpoint
  eval "$(turnout env --shell)" && aws ecs list-clusters`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	g.regionFlag(c)
	g.stateFlag(c)
	g.jsonFlag(c)
	f := c.Flags()
	f.StringVar(&o.addr, "listen", "127.0.0.1:4566", "`ADDRESS` of the API, on loopback")
	f.StringVar(&o.account, "account", "123456789012", "`ID` of the account, 12 digits")
	choice(c, &o.driver, "driver", "auto", "`DRIVER` that runs containers: auto, docker, native, or fake, which runs none", "auto", "docker", "native", "fake")
	f.Float64Var(&o.timeScale, "time-scale", 1, "divide the cloud's own waits by `N`")
	f.BoolVar(&o.ephemeral, "ephemeral", false, "keep no state")
	f.BoolVar(&o.tls, "tls", false, "serve AWS's own host names under TLS too, for clients that know no other endpoint (see \"turnout env --help\")")
	f.StringVar(&o.tlsAddr, "tls-listen", "127.0.0.1:4567", "`ADDRESS` of the API under TLS, on loopback")
	f.BoolVar(&o.throttle, "throttle", false, "enforce the request rates that AWS documents")
	f.StringVar(&o.rootPolicy, "root-policy", "", "`FILE` of an IAM policy that the root user, whose key \"turnout env\" prints, is held to (default: it may do everything)")
	f.BoolVarP(&o.detach, "detach", "d", false, "go on in the background; \"turnout down\" ends it")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log every call")
	return c
}

func (o *upOptions) run(ctx context.Context) error {
	dir, err := o.stateDir()
	if err != nil {
		return err
	}
	if h, err := localcloud.Read(dir); err == nil {
		return fault.New(fault.Usage, "`turnout env` shows it, `turnout down` ends it", "a local cloud is running already: %s (process %d)", h.Endpoint, h.PID)
	}
	if o.detach {
		return o.background(ctx, dir)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	began := time.Now()
	opts, err := o.options(dir)
	if err != nil {
		return err
	}
	collect(steady)
	c, err := cloud.Start(ctx, opts)
	var state *cloud.StateError
	if errors.As(err, &state) {
		return fault.New(fault.Usage, state.Next+"; --state names another folder", "%w", err)
	}
	if err != nil {
		return err
	}
	h := handleOf(c, o.timeScale)
	if err := publish(dir, h); err != nil {
		return errors.Join(err, c.Stop(context.WithoutCancel(ctx)))
	}
	o.Talk("%s %s  region %s, account %s, %s driver, ready in %s", o.Good("turnout up"), h.Endpoint, h.Region, h.Account, h.Driver, time.Since(began).Round(time.Millisecond))
	if h.TLS != "" {
		o.Talk("%s", o.Dim("AWS's own names under TLS: "+h.TLS+", trusted by "+h.CA))
	}
	o.Talk("%s", o.Dim("look at it:  "+h.Console))
	o.Talk("%s", o.Dim("point a shell at it:  eval \"$(turnout env --shell)\"     end it:  Ctrl-C"))
	if err := o.ready(&h, ""); err != nil {
		return errors.Join(err, c.Stop(context.WithoutCancel(ctx)), localcloud.Remove(dir))
	}
	select {
	case <-ctx.Done():
		o.Talk("stopping")
	case <-c.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return errors.Join(c.Stop(end), localcloud.Remove(dir))
}

// running is what --json prints of a local cloud, once it answers. The keys of its root user
// are for env to print.
type running struct {
	Endpoint  string  `json:"endpoint"`      // of the API, such as http://127.0.0.1:4566
	Console   string  `json:"console"`       // the cloud's page for people
	Region    string  `json:"region"`        // the one region
	Account   string  `json:"account"`       // the one account's id
	Driver    string  `json:"driver"`        // what runs containers: docker, native or fake
	TimeScale float64 `json:"timeScale"`     // divides the cloud's own waits
	TLS       string  `json:"tls,omitempty"` // where AWS's own names are served, with up --tls
	CA        string  `json:"ca,omitempty"`  // file of the certificate that vouches for them
	Process   int     `json:"process"`       // id of the cloud's process
	Log       string  `json:"log,omitempty"` // file of its log, with up --detach
}

// ready prints the cloud for --json, as soon as it can be used.
func (o *upOptions) ready(h *localcloud.Handle, log string) error {
	return o.answer(running{h.Endpoint, h.Console, h.Region, h.Account, h.Driver, h.TimeScale, h.TLS, h.CA, h.PID, log})
}

// gcPercent keeps a cloud that idles for days small, at the cost of a little more work when
// it is busy.
const gcPercent = 40

func (o *upOptions) options(dir string) (cloud.Options, error) {
	opts := cloud.Options{
		State: dir, Addr: o.addr, Region: o.Region, Account: o.account, Driver: o.driver, TimeScale: o.timeScale, Throttle: o.throttle, Log: o.logger(o.verbose),
	}
	if o.tls {
		// The authority outlives ephemeral clouds: it is to be trusted once.
		opts.TLSAddr, opts.CA = o.tlsAddr, filepath.Join(dir, "ca")
	}
	if o.ephemeral {
		opts.State = ""
	}
	if o.rootPolicy == "" {
		return opts, nil
	}
	doc, err := os.ReadFile(o.rootPolicy)
	if err != nil {
		return opts, fault.New(fault.Usage, "name a file with a policy document in JSON", "--root-policy: %w", err)
	}
	opts.RootPolicy = string(doc)
	return opts, nil
}

// logger writes the cloud's own log to stderr.
func (g *global) logger(verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	if g.Quiet {
		level = slog.LevelError
	}
	return slog.New(tint.NewTextHandler(g.Err, &tint.Options{Level: level, NoColor: !g.Color, TimeFormat: time.TimeOnly}))
}

func handleOf(c *cloud.Cloud, scale float64) localcloud.Handle {
	id, secret := c.Credentials()
	issuer, token := c.IDToken()
	return localcloud.Handle{
		IDTokenURL: issuer, IDToken: token,
		Endpoint: c.Endpoint(), Console: c.Console(), Region: c.Region(), Account: c.Account(), AccessKeyID: id, SecretAccessKey: secret,
		TLS: c.TLSEndpoint(), CA: c.CAFile(),
		PID: os.Getpid(), Started: time.Now().UTC(), Driver: c.Driver(), TimeScale: scale,
	}
}

// background starts this program again, in a session of its own, and waits until it
// answers.
func (o *upOptions) background(ctx context.Context, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	logPath := filepath.Join(dir, "cloud.log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child has its own
	before, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	args := []string{"up", "--state", dir, "--listen", o.addr, "--account", o.account, "--driver", o.driver, "--time-scale", fmt.Sprint(o.timeScale), "--no-color"}
	if o.Region != "" {
		args = append(args, "--region", o.Region)
	}
	if o.rootPolicy != "" {
		args = append(args, "--root-policy", o.rootPolicy)
	}
	args = append(args, "--tls-listen", o.tlsAddr)
	for name, on := range map[string]bool{"--ephemeral": o.ephemeral, "--verbose": o.verbose, "--throttle": o.throttle, "--tls": o.tls} {
		if on {
			args = append(args, name)
		}
	}
	cmd := exec.Command(self, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = localcloud.Detached()
	if err := cmd.Start(); err != nil {
		return err
	}
	died := make(chan struct{})
	go func() {
		defer close(died)
		_ = cmd.Wait() // its last words stand in the log
	}()
	for {
		if h, err := localcloud.Read(dir); err == nil {
			o.Talk("%s %s  in the background, process %d, log %s", o.Good("turnout up"), h.Endpoint, h.PID, logPath)
			o.Talk("%s", o.Dim("look at it:  "+h.Console))
			return o.ready(h, logPath)
		}
		select {
		case <-died:
			return lastWords(logPath, before, cmd.ProcessState.ExitCode())
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), cmd.Process.Signal(syscall.SIGTERM))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// lastWords is why a cloud in the background did not start, by what it wrote to its log
// beyond an offset.
func lastWords(path string, before int64, code int) error {
	why, hint := "the local cloud did not start", "its last words stand in "+path
	b, err := os.ReadFile(path)
	if err != nil || int64(len(b)) < before {
		return fault.New(fault.Failed, hint, "%s", why)
	}
	for line := range strings.Lines(string(b[before:])) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "error: "); ok {
			why = text
		}
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "hint: "); ok {
			hint = text
		}
	}
	return fault.New(max(code, fault.Failed), hint, "%s", why)
}
