// Package awsclient makes the AWS clients of a run. All that users rely on in their AWS
// environment (profiles, SSO, web identity, container credentials, proxies, retry modes)
// works because aws-sdk-go-v2's own configuration reads it; a local cloud is nothing but
// another endpoint with its credentials.
package awsclient

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"golang.org/x/time/rate"
)

// Options choose where and as whom to call. Zero values follow the environment.
type Options struct {
	Region   string
	Profile  string
	Endpoint string // URL of a local cloud, or "" for AWS (and AWS_ENDPOINT_URL)
	// AccessKeyID, SecretAccessKey and SessionToken are given for a local cloud only.
	AccessKeyID, SecretAccessKey, SessionToken string

	Role Role // to act as; none by default
}

// Clients are the clients of one run. They share credentials and connections.
type Clients struct {
	Region string
	Local  bool          // the endpoint is on this machine
	Reads  *rate.Limiter // what all watchers may ask of ECS and the load balancers beside their deployments
	cfg    aws.Config
}

// New reads the AWS configuration; no call is made.
func New(ctx context.Context, o Options) (*Clients, error) {
	opts := []func(*config.LoadOptions) error{
		config.WithAppID("turnout"),
		config.WithLogger(logging.Nop{}), // what went wrong is told by errors
	}
	if o.Region != "" {
		opts = append(opts, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(o.Profile))
	}
	if o.AccessKeyID != "" {
		opts = append(opts, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(o.AccessKeyID, o.SecretAccessKey, o.SessionToken)))
	}
	if o.Endpoint != "" {
		opts = append(opts, config.WithBaseEndpoint(o.Endpoint))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("read AWS configuration: %w", err)
	}
	if cfg.RetryMode == "" && cfg.RetryMaxAttempts == 0 { // neither the environment nor a profile says how
		cfg.Retryer = patiently
	}
	if o.Role.ARN != "" {
		o.Role.assume(&cfg)
	}
	return From(cfg), nil
}

// From makes the clients of a configuration of the SDK.
func From(cfg aws.Config) *Clients {
	c := &Clients{Region: cfg.Region, cfg: cfg, Reads: rate.NewLimiter(readsASecond, readsAtOnce)}
	if cfg.BaseEndpoint != nil {
		if c.Local = loopback(*cfg.BaseEndpoint); c.Local {
			c.Reads = nil // a cloud of one's own is asked as often as one likes
		}
	}
	return c
}

// patiently makes more attempts than the SDK does by itself, since a deployment is worth
// some seconds.
func patiently() aws.Retryer {
	return retry.NewStandard(func(so *retry.StandardOptions) { so.MaxAttempts, so.MaxBackoff = 6, 5*time.Second })
}

// The rates of Reads. ECS's own are a burst of 20 and one a second for the account, which
// other jobs share.
const (
	readsASecond = 0.5
	readsAtOnce  = 10
)

func loopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
}

// Config is the SDK's configuration, for further clients.
func (c *Clients) Config() aws.Config { return c.cfg.Copy() }

// ECS returns a client of Amazon ECS.
func (c *Clients) ECS() *ecs.Client { return ecs.NewFromConfig(c.cfg) }

// ECR returns a client of Amazon ECR.
func (c *Clients) ECR() *ecr.Client { return ecr.NewFromConfig(c.cfg) }

// CodeDeploy returns a client of AWS CodeDeploy.
func (c *Clients) CodeDeploy() *codedeploy.Client { return codedeploy.NewFromConfig(c.cfg) }

// ELB returns a client of Elastic Load Balancing.
func (c *Clients) ELB() *elasticloadbalancingv2.Client {
	return elasticloadbalancingv2.NewFromConfig(c.cfg)
}

// STS returns a client of AWS STS.
func (c *Clients) STS() *sts.Client { return sts.NewFromConfig(c.cfg) }

// IAM returns a client of AWS IAM.
func (c *Clients) IAM() *iam.Client { return iam.NewFromConfig(c.cfg) }

// Logs returns a client of CloudWatch Logs.
func (c *Clients) Logs() *cloudwatchlogs.Client { return cloudwatchlogs.NewFromConfig(c.cfg) }
