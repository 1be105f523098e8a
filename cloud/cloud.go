// Package cloud is a local cloud on one loopback port: ECR, ECS, CodeDeploy, Elastic Load
// Balancing, STS, IAM, and around them Lambda, S3, CloudWatch and its Logs, Parameter Store,
// Secrets Manager and EC2's networks, speaking AWS's wire protocols to unchanged AWS clients.
// It really runs containers, really checks health, really balances HTTP and really shifts it.
//
// In a Go test:
//
//	c, err := cloud.Start(ctx, cloud.Options{Addr: "127.0.0.1:0"})
//	defer c.Stop(ctx)
//	cfg, err := config.LoadDefaultConfig(ctx, config.WithBaseEndpoint(c.Endpoint()), …)
//
// One cloud is one account in one region. What its API acknowledged survives kill -9 when
// Options.State names a folder.
package cloud

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/ca"
	"github.com/turnoutdev/turnout/cloud/internal/chaos"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/console"
	"github.com/turnoutdev/turnout/cloud/internal/loopback"
	"github.com/turnoutdev/turnout/cloud/internal/policy"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/internal/regex"
)

// Options say what cloud to start. The zero value is an ephemeral one on a free port.
type Options struct {
	State     string       // folder; "" keeps nothing
	Addr      string       // of the API, on loopback; "" for a free port
	Region    string       // "" for us-east-1
	Account   string       // 12 digits, "" for 123456789012
	Driver    string       // auto, docker, native, fake; "" for auto
	TimeScale float64      // divides the cloud's own waits; 0 for 1
	Log       *slog.Logger // nil for slog.Default

	// TLSAddr is an address on loopback where AWS's own host names are served under TLS
	// too, for clients that know no other endpoint; "" for none.
	TLSAddr string
	CA      string // folder of the certificate authority, "" for one in State

	// Throttle enforces the request rates that AWS documents.
	Throttle bool

	// RootPolicy is an IAM policy document (JSON) that the root user, whose access key
	// Credentials returns, is held to; "" lets it do everything, as AWS does. With a
	// deployer's policy in it, whatever that lacks fails here first.
	RootPolicy string

	// GroupHeader names a response header in which load balancers tell the target group
	// that served a request; "" for none. AWS has no such header.
	GroupHeader string
}

// Cloud is a running local cloud.
type Cloud struct {
	opts       Options
	place      arn.Place
	clock      *clock.Clock
	dir        string   // state, or a temporary folder
	lock       *os.File // held while an ephemeral cloud lives
	rootID     string   // the root user's key, which outlives resets
	rootSecret string
	idURL      string // where identity tokens are asked for, and with what; they outlive resets, too
	idToken    string
	token      string // with which the console's pages change something; it outlives resets, too
	driver     string
	listener   net.Listener
	server     *http.Server
	controls   map[string]http.HandlerFunc // by method and path
	chaos      chaos.Chaos
	observed   observed // outlives generations

	authority    *ca.Authority // nil without TLS
	secure       net.Listener
	secureServer *http.Server
	tunnels      *tunnels

	change sync.Mutex // held while the generation is replaced
	store  *store.Store

	mu    sync.Mutex
	parts *parts      // nil while there are none
	gen   *generation // nil while no call is let in
	err   error

	fail   context.CancelCauseFunc // ends the cloud
	done   chan struct{}
	stop   sync.Once
	closed error
}

// ErrOptions is matched by Start's errors about its options and about what this machine
// lacks.
var ErrOptions = errors.New("cannot start the local cloud")

// StateError is Start's error about a state file that cannot be used: one that is damaged,
// made by a newer program, not writable, or in use. The file is left as it is.
type StateError = store.FileError

var errEnded = errors.New("the local cloud has ended")

var accountID = regex.New(`^[0-9]{12}$`)

// Start starts a cloud and returns when it answers. ctx bounds the start only.
func Start(ctx context.Context, o Options) (_ *Cloud, err error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	c := &Cloud{
		opts: o, place: arn.Place{Partition: partition(o.Region), Account: o.Account, Region: o.Region},
		clock: clock.New(o.TimeScale), token: rand.Text(), done: make(chan struct{}),
	}
	c.controls = c.makeControls()
	run, cancel := context.WithCancelCause(context.Background())
	c.fail = cancel
	defer func() {
		if err != nil {
			cancel(nil)
			err = errors.Join(err, c.release(ctx))
		}
	}()
	if err := c.open(); err != nil {
		return nil, err
	}
	if err := c.openTLS(); err != nil {
		return nil, err
	}
	if err := c.begin(ctx, "", cancel); err != nil {
		return nil, err
	}
	c.rootID, c.rootSecret = c.parts.root()
	c.idURL, c.idToken = c.parts.issuer.RequestURL(), c.parts.issuer.RequestToken
	c.driver = c.parts.driver.Name()
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: 30 * time.Second, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug)}
	go c.run(run)
	return c, nil
}

func (o *Options) defaults() error {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Account == "" {
		o.Account = "123456789012"
	}
	if o.Driver == "" {
		o.Driver = "auto"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if !accountID.MatchString(o.Account) {
		return fmt.Errorf("%w: account %q is not 12 digits", ErrOptions, o.Account)
	}
	if o.RootPolicy != "" {
		if _, err := policy.Parse(policy.Identity, o.RootPolicy); err != nil {
			return fmt.Errorf("%w: the root user's policy: %w", ErrOptions, err)
		}
	}
	if o.TLSAddr != "" {
		if err := onLoopback(o.TLSAddr); err != nil {
			return err
		}
	}
	return onLoopback(o.Addr)
}

// onLoopback refuses an address that others than this machine could reach.
func onLoopback(addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("%w: address %q: %w", ErrOptions, addr, err)
	}
	if !loopback.Host(addr) {
		return fmt.Errorf("%w: address %q is not on loopback; the cloud serves this machine only", ErrOptions, addr)
	}
	return nil
}

// partition is the AWS partition of a region.
func partition(region string) string {
	switch {
	case len(region) > 3 && region[:3] == "cn-":
		return "aws-cn"
	case len(region) > 7 && region[:7] == "us-gov-":
		return "aws-us-gov"
	}
	return "aws"
}

// open takes the state folder and the port.
func (c *Cloud) open() error {
	var err error
	if c.opts.State != "" {
		c.dir, err = c.opts.State, os.MkdirAll(c.opts.State, 0o700)
	} else {
		c.dir, c.lock, err = temporary()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOptions, err)
	}
	c.listener, err = net.Listen("tcp", c.opts.Addr)
	if err != nil {
		return fmt.Errorf("%w: %w; is another cloud running? choose a port with --listen", ErrOptions, err)
	}
	return nil
}

// run serves until ctx ends, which a part that fails brings about too, and then ends all
// parts.
func (c *Cloud) run(ctx context.Context) {
	defer close(c.done)
	served := make(chan struct{})
	c.serveTLS()
	go func() {
		defer close(served)
		if err := c.server.Serve(c.listener); !errors.Is(err, http.ErrServerClosed) {
			c.fail(fmt.Errorf("serve the API: %w", err))
		}
	}()
	<-ctx.Done()
	c.interrupt()
	end, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	if c.server.Shutdown(end) != nil {
		_ = c.server.Close() // what hung is cut
	}
	c.closeTLS(end)
	<-served
	c.change.Lock()
	defer c.change.Unlock()
	err := c.end(context.Background())
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
}

// Stop ends the cloud and everything that runs in it. It returns when nothing is left, or
// when ctx ends.
func (c *Cloud) Stop(ctx context.Context) error {
	c.stop.Do(func() {
		c.fail(nil)
		select {
		case <-c.done:
			c.closed = errors.Join(c.Err(), c.release(ctx))
		case <-ctx.Done():
			c.closed = fmt.Errorf("stop the local cloud: %w", context.Cause(ctx))
		}
	})
	return c.closed
}

// release frees what open and assemble took.
func (c *Cloud) release(ctx context.Context) error {
	errs := []error{c.free(ctx)}
	if c.secure != nil {
		if err := c.secure.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if c.listener != nil {
		if err := c.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if c.opts.State == "" && c.dir != "" {
		errs = append(errs, os.RemoveAll(c.dir))
		if c.lock != nil {
			errs = append(errs, c.lock.Close())
		}
	}
	return errors.Join(errs...)
}

// Done is closed when the cloud has ended, by Stop or by a failure that Err tells.
func (c *Cloud) Done() <-chan struct{} { return c.done }

// Err is why the cloud ended by itself, nil otherwise.
func (c *Cloud) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Endpoint is the URL of the API, for AWS_ENDPOINT_URL.
func (c *Cloud) Endpoint() string { return "http://" + c.listener.Addr().String() }

// Console is the URL of the web page that shows what runs and what is deployed, for this
// machine's browsers.
func (c *Cloud) Console() string { return c.Endpoint() + console.Path }

// Region is the region that the cloud answers for.
func (c *Cloud) Region() string { return c.place.Region }

// Account is the account that the cloud answers for.
func (c *Cloud) Account() string { return c.place.Account }

// Driver is the name of what runs containers.
func (c *Cloud) Driver() string { return c.driver }

// Credentials are the root user's access key.
func (c *Cloud) Credentials() (accessKeyID, secretAccessKey string) {
	return c.rootID, c.rootSecret
}

// IDToken is where a workflow's job gets identity tokens, as GitHub tells its jobs in
// ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN. The tokens bear GitHub's
// name: a provider for https://token.actions.githubusercontent.com in IAM and the trust
// policies made for it hold for them. A query parameter sets a claim: "&repository=o/r",
// "&ref=refs/heads/main", "&environment=prod".
func (c *Cloud) IDToken() (requestURL, requestToken string) {
	return c.idURL, c.idToken
}

// ListenerURL is where a load balancer's listener is really reached, by the load
// balancer's name and the port as declared.
func (c *Cloud) ListenerURL(loadBalancer string, port int) (string, error) {
	p := c.current()
	if p == nil {
		return "", errEnded
	}
	return p.listenerURL(loadBalancer, port)
}

// Logs reads what a container of a task wrote, by task id; with follow, what it will
// write too.
func (c *Cloud) Logs(ctx context.Context, task, container string, follow bool) (io.ReadCloser, error) {
	p := c.current()
	if p == nil {
		return nil, errEnded
	}
	return p.agent.Logs(ctx, task, container, follow)
}
