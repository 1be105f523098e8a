package cloud

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"path/filepath"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/balancer"
	"github.com/turnoutdev/turnout/cloud/internal/chaos"
	"github.com/turnoutdev/turnout/cloud/internal/cloudwatch"
	"github.com/turnoutdev/turnout/cloud/internal/codedeploy"
	"github.com/turnoutdev/turnout/cloud/internal/console"
	"github.com/turnoutdev/turnout/cloud/internal/ec2"
	"github.com/turnoutdev/turnout/cloud/internal/ecr"
	"github.com/turnoutdev/turnout/cloud/internal/ecs"
	"github.com/turnoutdev/turnout/cloud/internal/elbv2"
	"github.com/turnoutdev/turnout/cloud/internal/iam"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/lambda"
	"github.com/turnoutdev/turnout/cloud/internal/logs"
	"github.com/turnoutdev/turnout/cloud/internal/neighbour"
	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/s3"
	"github.com/turnoutdev/turnout/cloud/internal/seal"
	"github.com/turnoutdev/turnout/cloud/internal/secretsmanager"
	"github.com/turnoutdev/turnout/cloud/internal/session"
	"github.com/turnoutdev/turnout/cloud/internal/ssm"
	"github.com/turnoutdev/turnout/cloud/internal/sts"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// parts are what a cloud is made of.
type parts struct {
	driver   runtime.Driver
	agent    *agent.Agent
	balancer *balancer.Balancer
	networks *ec2.Service
	elb      *elbv2.Service

	iam     *iam.Service
	issuer  *sts.Issuer
	tokens  *sts.Service
	permits *iam.Authorizer
	guard   neighbour.Guard // holds calls between services against the caller's role

	registry *ecr.Service
	logs     *logs.Service
	objects  *s3.Service
	seal     *seal.Box
	params   *ssm.Service
	vault    *secretsmanager.Service
	metrics  *cloudwatch.Service

	inside    *inside
	sessions  *session.Manager
	tasks     *ecs.Service
	functions *lambda.Service
	deploy    *codedeploy.Service

	api     *wire.Server
	engines []engine
}

// maxBody is the largest request that AWS takes outside of S3 and registries: that of a
// function's 50 MB.
const maxBody = 70167211

// engine is a part that does things over time.
type engine struct {
	name string
	run  func(context.Context) error
}

// assemble makes all parts and introduces neighbours to each other. Nothing runs yet.
func (c *Cloud) assemble(ctx context.Context) (*parts, error) {
	p := &parts{}
	for _, step := range []func(context.Context, *parts) error{
		c.traffic,  // what runs containers and brings requests to them
		c.access,   // who may do what
		c.stores,   // what is kept: images, logs, objects, parameters, secrets, metrics
		c.movement, // what happens over time: tasks, functions, deployments
		c.front,    // what clients see of it
	} {
		if err := step(ctx, p); err != nil {
			return nil, errors.Join(err, p.close(ctx))
		}
	}
	return p, nil
}

func (c *Cloud) traffic(ctx context.Context, p *parts) (err error) {
	if p.driver, err = c.openDriver(ctx); err != nil {
		return err
	}
	p.agent = agent.New(agent.Options{Driver: p.driver, Clock: c.clock, Dir: filepath.Join(c.dir, "tasks"), Log: c.opts.Log})
	p.balancer = balancer.New(balancer.Options{
		Dial: c.dialTarget(p.agent), Scale: c.clock.Scale, Log: c.opts.Log, GroupHeader: c.opts.GroupHeader,
		OnHealth: func(group string) { p.elb.HealthChanged(group) },
		Invoke: func(ctx context.Context, function string, payload []byte) ([]byte, error) {
			return p.elb.InvokeFunction(ctx, function, payload)
		},
		OnRequest:    func(e balancer.Entry) { p.elb.LogRequest(e) },
		OnConnection: func(c balancer.Connection) { p.elb.LogConnection(c) },
	})
	if p.networks, err = ec2.New(ec2.Options{Store: c.store, Place: c.place}); err != nil {
		return err
	}
	p.elb, err = elbv2.New(elbv2.Options{Store: c.store, Network: p.networks, Clock: c.clock, Place: c.place, Balancer: p.balancer, Log: c.opts.Log})
	return err
}

func (c *Cloud) access(_ context.Context, p *parts) (err error) {
	if p.iam, err = iam.New(iam.Options{Store: c.store, Clock: c.clock, Place: c.place, RootAccessKeyID: c.rootID, RootSecret: c.rootSecret, RootPolicy: c.opts.RootPolicy}); err != nil {
		return err
	}
	if p.issuer, err = sts.NewIssuer(sts.IssuerOptions{Store: c.store, Clock: c.clock, Base: c.Endpoint() + oidc, Claims: job, Secret: c.idToken, Log: c.opts.Log}); err != nil {
		return err
	}
	p.tokens = sts.New(sts.Options{Clock: c.clock, Place: c.place, Directory: p.iam, Keys: p.iam, SecondFactors: p.iam, Issuer: p.issuer, Log: c.opts.Log})
	p.permits = &iam.Authorizer{IAM: p.iam, Observe: func(a iam.Asked) {
		c.observed.note(Call{a.Caller, a.Service, a.Action, a.Resource, a.PassedTo, a.Cluster})
	}}
	p.guard = neighbour.Guard{Authorize: p.permits.Authorize, Check: p.permits.Check}
	return nil
}

func (c *Cloud) stores(_ context.Context, p *parts) (err error) {
	host := c.listener.Addr().String()
	if p.registry, err = ecr.New(ecr.Options{
		Store: c.store, Clock: c.clock, Place: c.place, Dir: filepath.Join(c.dir, "registry"), Endpoint: func() string { return host }, Log: c.opts.Log,
		Authorize: func(ctx context.Context, action, arn string) error { return p.permits.Check(ctx, action, arn, nil) },
	}); err != nil {
		return err
	}
	if p.logs, err = logs.New(logs.Options{Store: c.store, Clock: c.clock, Place: c.place, Dir: filepath.Join(c.dir, "logs")}); err != nil {
		return err
	}
	if p.objects, err = s3.New(s3.Options{
		Store: c.store, Clock: c.clock, Place: c.place, Dir: filepath.Join(c.dir, "objects"), Log: c.opts.Log, Authorize: p.permits.Check,
	}); err != nil {
		return err
	}
	if p.seal, err = seal.Open(c.store); err != nil {
		return err
	}
	if p.params, err = ssm.New(ssm.Options{Store: c.store, Clock: c.clock, Place: c.place, Seal: p.seal}); err != nil {
		return err
	}
	if p.vault, err = secretsmanager.New(secretsmanager.Options{Store: c.store, Clock: c.clock, Place: c.place, Seal: p.seal}); err != nil {
		return err
	}
	p.metrics, err = cloudwatch.New(cloudwatch.Options{Store: c.store, Clock: c.clock, Place: c.place})
	return err
}

func (c *Cloud) movement(_ context.Context, p *parts) (err error) {
	endpoint, _ := netip.ParseAddrPort(c.listener.Addr().String()) // of a loopback listener
	p.inside = newInside(endpoint, http.HandlerFunc(c.serveContained), p.agent, p.seal, p.tokens, p.iam)
	p.sessions = &session.Manager{Base: c.Endpoint}
	if p.tasks, err = ecs.New(p.guard.ECS(ecs.Options{
		Store: c.store, Clock: c.clock, Place: c.place, Runner: p.agent, Targets: p.elb, HealthChanged: p.elb, Log: c.opts.Log,
		RegistryAuth: c.registryAuth(p.guard, p.registry), RewriteImage: c.localImage, Secrets: secrets(p.params, p.vault), Files: environmentFiles(p.objects),
		Endpoints: p.inside.endpoints, Alarms: p.metrics, Sessions: p.sessions,
		Assume: assume(p.tokens, c.place, "ecs-tasks.amazonaws.com"),
	}, p.logs)); err != nil {
		return err
	}
	if p.functions, err = c.makeFunctions(p); err != nil {
		return err
	}
	p.elb.Functions, p.elb.Objects, p.elb.Admit, p.elb.Endpoint = p.functions, p.objects, p.permits.Admit, c.Endpoint
	if p.deploy, err = codedeploy.New(p.guard.CodeDeploy(codedeploy.Options{
		Store: c.store, Clock: c.clock, Place: c.place, ECS: p.tasks, Changed: p.tasks, ELB: p.elb, Objects: p.objects, Alarms: alarming(p.metrics), Invoke: hooks(p.functions), Log: c.opts.Log,
		Assume: assumeOnce(p.tokens, c.place, "codedeploy.amazonaws.com", "CodeDeploy"),
	})); err != nil {
		return err
	}
	p.permits.TaskDefinitions, p.permits.Deployments = p.tasks, p.deploy
	p.permits.Resources = map[string]func(string) string{"ecr": p.registry.ResourcePolicy, "s3": p.objects.Policy}
	p.engines = []engine{
		{"store", c.store.Run},
		{"task agent", p.agent.Run},
		{"ecr", p.registry.Run},
		{"ecs", p.tasks.Run},
		{"cloudwatch", p.metrics.Run},
		{"load balancer metrics", func(ctx context.Context) error { return p.elb.Measure(ctx, p.balancer, p.metrics) }},
		{"service metrics", func(ctx context.Context) error { return p.tasks.Measure(ctx, p.metrics) }},
		{"load balancer logs", p.elb.DeliverLogs},
		{"lambda", p.functions.Run},
		{"codedeploy", p.deploy.Run},
	}
	return nil
}

func (c *Cloud) front(_ context.Context, p *parts) error {
	p.api = wire.NewServer(wire.Options{
		Log: c.opts.Log, MaxBody: maxBody,
		Services: []*wire.Service{
			wire.ECS(p.tasks.Ops()), wire.CodeDeploy(p.deploy.Ops()), wire.ECR(p.registry.Ops()), wire.ELBv2(p.elb.Ops()),
			wire.STS(p.tokens.Ops()), wire.IAM(p.iam.Ops()), wire.Logs(p.logs.Ops()), wire.CloudWatch(p.metrics.Ops()),
			wire.Lambda(p.functions.Ops()), wire.EC2(p.networks.Ops()), wire.SSM(p.params.Ops()), wire.SecretsManager(p.vault.Ops()), p.objects.Wire(),
		},
		Authenticate: (&wire.Verifier{Credentials: p.iam, Region: c.place.Region}).Authenticate,
		Authorize:    p.permits.Authorize,
		Middleware:   c.middleware,
	})
	p.api.Handle("/v2/", p.registry.Registry())
	p.api.Handle(session.Path, p.sessions)
	p.api.Handle(console.Path, console.New(console.Options{
		Region: c.place.Region, Account: c.place.Account, Driver: p.driver.Name(), Scale: c.clock.Scale, Token: c.token,
		Services: p.tasks, Tasks: p.tasks, Deployments: p.deploy, Targets: p.deploy, Settings: p.deploy, Steering: p.guard.Console(p.operator, p.deploy),
		Routes: p.elb, Health: p.elb, Images: p.registry, Measures: p.metrics, Lines: p.logs,
	}))
	p.api.Handle(elbv2.Files, p.elb)
	p.api.Handle(oidc+"/", http.StripPrefix(oidc, p.issuer))
	return nil
}

// middleware stands before every operation: faults that were asked for, then AWS's rates.
func (c *Cloud) middleware(service, op string, next wire.Call) wire.Call {
	if c.opts.Throttle {
		next = chaos.Limiter(service, op, next)
	}
	return c.chaos.Middleware(service, op, next)
}

// close frees what the parts hold, when their engines have ended.
func (p *parts) close(ctx context.Context) error {
	var errs []error
	if p.inside != nil {
		errs = append(errs, p.inside.close())
	}
	if p.balancer != nil {
		errs = append(errs, p.balancer.Close(ctx))
	}
	if p.driver != nil {
		errs = append(errs, p.driver.Close(ctx))
	}
	return errors.Join(errs...)
}

// operator is who presses the console's buttons: the root user, held to the policy that it is
// held to elsewhere.
func (p *parts) operator(ctx context.Context) identity.Caller {
	id, _ := p.root()
	cred, _ := p.iam.Lookup(ctx, id) // the root user's key is never deleted
	return cred.Caller
}

// root is the root user's access key.
func (p *parts) root() (id, secret string) { return p.iam.RootKey() }
