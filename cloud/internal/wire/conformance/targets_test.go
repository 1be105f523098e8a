package conformance

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	network "github.com/turnoutdev/turnout/cloud/internal/ec2"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// target is one service: the client that judges, and the descriptor that is judged.
type target struct {
	name     string // botocore's
	module   string // of the SDK, below service/
	client   func(aws.Config) any
	service  func([]wire.Op) *wire.Service
	minimum  int      // operations that the pinned SDK has, or more
	botocore []string // protocols to try with botocore, newest first
	only     []string // operations; nil for all that the client has
}

// operations lists the client's operations that are judged.
func (t target) operations(c aws.Config) []operation {
	all := operations(t.client(c))
	if t.only == nil {
		return all
	}
	return slices.DeleteFunc(all, func(o operation) bool { return !slices.Contains(t.only, o.name) })
}

// networks are the operations of EC2 that the cloud serves.
func networks() []string {
	var names []string
	for _, op := range (&network.Service{}).Ops() {
		names = append(names, op.Name)
	}
	return names
}

var targets = []target{
	{"ecs", "ecs", func(c aws.Config) any { return ecs.NewFromConfig(c) }, wire.ECS, 84, []string{"json"}, nil},
	{"codedeploy", "codedeploy", func(c aws.Config) any { return codedeploy.NewFromConfig(c) }, wire.CodeDeploy, 47, []string{"json"}, nil},
	{"ecr", "ecr", func(c aws.Config) any { return ecr.NewFromConfig(c) }, wire.ECR, 58, []string{"json"}, nil},
	{"elbv2", "elasticloadbalancingv2", func(c aws.Config) any { return elbv2.NewFromConfig(c) }, wire.ELBv2, 51, []string{"query"}, nil},
	{"iam", "iam", func(c aws.Config) any { return iam.NewFromConfig(c) }, wire.IAM, 176, []string{"query"}, nil},
	{"sts", "sts", func(c aws.Config) any { return sts.NewFromConfig(c) }, wire.STS, 11, []string{"query"}, nil},
	{"cloudwatch", "cloudwatch", func(c aws.Config) any { return cloudwatch.NewFromConfig(c) }, wire.CloudWatch, 46, []string{"smithy-rpc-v2-cbor", "json", "query"}, nil},
	{"logs", "cloudwatchlogs", func(c aws.Config) any { return cloudwatchlogs.NewFromConfig(c) }, wire.Logs, 110, []string{"json"}, nil},
	{"lambda", "lambda", func(c aws.Config) any { return lambda.NewFromConfig(c) }, wire.Lambda, 80, []string{"rest-json"}, nil},
	{"ec2", "ec2", func(c aws.Config) any { return ec2.NewFromConfig(c) }, wire.EC2, 46, []string{"ec2"}, networks()},
}

// beyond lists operations of Lambda that cannot be judged here, and why. restJson needs a
// model, and the pinned SDK is newer than the one behind wire's tables.
var beyond = map[string]string{
	"DeleteResourcePolicy": "newer than the model",
	"GetResourcePolicy":    "newer than the model",
	"PutResourcePolicy":    "newer than the model",
	"GetDurableExecution":  "a member of its query is newer than the model",
	"DeleteFunction":       "its output is newer than the model",
	"InvokeAsync":          "its input is a stream, which is gone when it could be compared",
}

// operation is a method of a client: func(ctx, *In, ...func(*Options)) (*Out, error).
type operation struct {
	name    string
	method  reflect.Value
	in, out reflect.Type
}

// operations lists a client's operations, without those that answer with event streams.
func operations(client any) []operation {
	v := reflect.ValueOf(client)
	var ops []operation
	for i := range v.NumMethod() {
		m := v.Method(i)
		t := m.Type()
		if t.NumIn() != 3 || t.NumOut() != 2 || !strings.HasSuffix(t.In(1).String(), "Input") {
			continue
		}
		if _, stream := t.Out(0).MethodByName("GetStream"); stream {
			continue
		}
		ops = append(ops, operation{v.Type().Method(i).Name, m, t.In(1).Elem(), t.Out(0).Elem()})
	}
	return ops
}

func (o operation) call(ctx context.Context, in any) (any, error) {
	r := o.method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(in)})
	err, _ := r[1].Interface().(error)
	return r[0].Interface(), err
}

// echo is a service whose operations keep their input and answer what they are told.
type echo struct {
	in  any
	out any
	err error
}

// serve returns a server on which all operations of the targets lead to e. Constraints are
// not checked: what is sent here is filled for its form.
func (e *echo) serve(ts ...target) *wire.Server {
	var services []*wire.Service
	for _, t := range ts {
		var ops []wire.Op
		for _, o := range t.operations(aws.Config{}) {
			ops = append(ops, wire.Dynamic(o.in, o.out, func(_ context.Context, in any) (any, error) {
				e.in = in
				return e.out, e.err
			}))
		}
		svc := t.service(ops)
		svc.Wording = wire.OwnWords
		services = append(services, svc)
	}
	return wire.NewServer(wire.Options{Services: services})
}

func config(rt http.RoundTripper) aws.Config {
	return aws.Config{
		Region:       "eu-west-1",
		BaseEndpoint: aws.String("http://cloud.test"),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		HTTPClient:   &http.Client{Transport: rt},
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}
