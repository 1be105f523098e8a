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
	elb      *elbv2.Service
	iam      *iam.Service
	issuer   *sts.Issuer
	inside   *inside
	api      *wire.Server
	engines  []engine
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
func (c *Cloud) assemble(ctx context.Context) (_ *parts, err error) {
	p := &parts{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close(ctx))
		}
	}()
	if p.driver, err = c.openDriver(ctx); err != nil {
		return nil, err
	}
	p.agent = agent.New(agent.Options{Driver: p.driver, Clock: c.clock, Dir: filepath.Join(c.dir, "tasks"), Log: c.opts.Log})
	p.balancer = balancer.New(balancer.Options{
		Dial: p.agent.Dial, Scale: c.clock.Scale, Log: c.opts.Log, GroupHeader: c.opts.GroupHeader,
		OnHealth: func(group string) { p.elb.HealthChanged(group) },
		Invoke: func(ctx context.Context, function string, payload []byte) ([]byte, error) {
			return p.elb.InvokeFunction(ctx, function, payload)
		},
		OnRequest:    func(e balancer.Entry) { p.elb.LogRequest(e) },
		OnConnection: func(c balancer.Connection) { p.elb.LogConnection(c) },
	})
	networks, err := ec2.New(ec2.Options{Store: c.store, Place: c.place})
	if err != nil {
		return nil, err
	}
	if p.elb, err = elbv2.New(elbv2.Options{Store: c.store, Network: networks, Clock: c.clock, Place: c.place, Balancer: p.balancer, Log: c.opts.Log}); err != nil {
		return nil, err
	}
	if p.iam, err = iam.New(iam.Options{Store: c.store, Clock: c.clock, Place: c.place, RootAccessKeyID: c.rootID, RootSecret: c.rootSecret, RootPolicy: c.opts.RootPolicy}); err != nil {
		return nil, err
	}
	if p.issuer, err = sts.NewIssuer(sts.IssuerOptions{Store: c.store, Clock: c.clock, Base: c.Endpoint() + oidc, Claims: job, Secret: c.idToken, Log: c.opts.Log}); err != nil {
		return nil, err
	}
	tokens := sts.New(sts.Options{Clock: c.clock, Place: c.place, Directory: p.iam, Keys: p.iam, SecondFactors: p.iam, Issuer: p.issuer, Log: c.opts.Log})
	permits := &iam.Authorizer{IAM: p.iam, Observe: func(a iam.Asked) {
		c.observed.note(Call{a.Caller, a.Service, a.Action, a.Resource, a.PassedTo, a.Cluster})
	}}
	guard := neighbour.Guard{Authorize: permits.Authorize, Check: permits.Check}
	host := c.listener.Addr().String()
	registry, err := ecr.New(ecr.Options{
		Store: c.store, Clock: c.clock, Place: c.place, Dir: filepath.Join(c.dir, "registry"), Endpoint: func() string { return host }, Log: c.opts.Log,
		Authorize: func(ctx context.Context, action, arn string) error { return permits.Check(ctx, action, arn, nil) },
	})
	if err != nil {
		return nil, err
	}
	watch, err := logs.New(logs.Options{Store: c.store, Clock: c.clock, Place: c.place, Dir: filepath.Join(c.dir, "logs")})
	if err != nil {
		return nil, err
	}
	objects, err := s3.New(s3.Options{
		Store: c.store, Clock: c.clock, Place: c.place, Dir: filepath.Join(c.dir, "objects"), Log: c.opts.Log,
		Authorize: permits.Check,
	})
	if err != nil {
		return nil, err
	}
	box, err := seal.Open(c.store)
	if err != nil {
		return nil, err
	}
	params, err := ssm.New(ssm.Options{Store: c.store, Clock: c.clock, Place: c.place, Seal: box})
	if err != nil {
		return nil, err
	}
	vault, err := secretsmanager.New(secretsmanager.Options{Store: c.store, Clock: c.clock, Place: c.place, Seal: box})
	if err != nil {
		return nil, err
	}
	metrics, err := cloudwatch.New(cloudwatch.Options{Store: c.store, Clock: c.clock, Place: c.place})
	if err != nil {
		return nil, err
	}
	endpoint, _ := netip.ParseAddrPort(host) // of a loopback listener
	p.inside = newInside(endpoint, p.agent, box, tokens, p.iam)
	sessions := &session.Manager{Base: c.Endpoint}
	tasks, err := ecs.New(guard.ECS(ecs.Options{
		Store: c.store, Clock: c.clock, Place: c.place, Runner: p.agent, Targets: p.elb, HealthChanged: p.elb, Log: c.opts.Log,
		RegistryAuth: c.registryAuth(guard, registry), RewriteImage: c.localImage, Secrets: secrets(params, vault), Files: environmentFiles(objects),
		Endpoints: p.inside.endpoints, Alarms: metrics, Sessions: sessions,
		Assume: assume(tokens, c.place, "ecs-tasks.amazonaws.com"),
	}, watch))
	if err != nil {
		return nil, err
	}
	functions, err := c.functions(p, tokens, guard, registry, watch)
	if err != nil {
		return nil, err
	}
	p.elb.Functions, p.elb.Objects, p.elb.Endpoint = functions, objects, c.Endpoint
	deploy, err := codedeploy.New(guard.CodeDeploy(codedeploy.Options{
		Store: c.store, Clock: c.clock, Place: c.place, ECS: tasks, ELB: p.elb, Objects: objects, Alarms: alarming(metrics), Invoke: hooks(functions), Log: c.opts.Log,
		Assume: assumeOnce(tokens, c.place, "codedeploy.amazonaws.com", "CodeDeploy"),
	}))
	if err != nil {
		return nil, err
	}
	permits.TaskDefinitions, permits.Deployments = tasks, deploy
	permits.Resources = map[string]func(string) string{"ecr": registry.ResourcePolicy, "s3": objects.Policy}
	p.api = wire.NewServer(wire.Options{
		Log: c.opts.Log, MaxBody: maxBody,
		Services: []*wire.Service{
			wire.ECS(tasks.Ops()), wire.CodeDeploy(deploy.Ops()), wire.ECR(registry.Ops()), wire.ELBv2(p.elb.Ops()),
			wire.STS(tokens.Ops()), wire.IAM(p.iam.Ops()), wire.Logs(watch.Ops()), wire.CloudWatch(metrics.Ops()),
			wire.Lambda(functions.Ops()), wire.EC2(networks.Ops()), wire.SSM(params.Ops()), wire.SecretsManager(vault.Ops()), objects.Wire(),
		},
		Authenticate: (&wire.Verifier{Credentials: p.iam, Region: c.place.Region}).Authenticate,
		Authorize:    permits.Authorize,
		Middleware:   c.middleware,
	})
	p.api.Handle("/v2/", registry.Registry())
	p.api.Handle(session.Path, sessions)
	p.api.Handle(console.Path, console.New(console.Options{
		Region: c.place.Region, Account: c.place.Account, Driver: p.driver.Name(), Scale: c.clock.Scale, Token: c.token,
		Services: tasks, Tasks: tasks, Deployments: deploy, Targets: deploy, Settings: deploy, Steering: deploy,
		Routes: p.elb, Health: p.elb, Images: registry, Measures: metrics, Lines: watch,
	}))
	p.api.Handle(elbv2.Files, p.elb)
	p.api.Handle(oidc+"/", http.StripPrefix(oidc, p.issuer))
	p.engines = []engine{
		{"task agent", p.agent.Run},
		{"ecr", registry.Run},
		{"ecs", tasks.Run},
		{"cloudwatch", metrics.Run},
		{"load balancer metrics", func(ctx context.Context) error { return p.elb.Measure(ctx, p.balancer, metrics) }},
		{"service metrics", func(ctx context.Context) error { return tasks.Measure(ctx, metrics) }},
		{"load balancer logs", p.elb.DeliverLogs},
		{"lambda", functions.Run},
		{"codedeploy", deploy.Run},
	}
	return p, nil
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

// root is the root user's access key.
func (p *parts) root() (id, secret string) { return p.iam.RootKey() }
