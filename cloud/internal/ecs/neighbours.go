package ecs

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Targets is what ECS asks of Elastic Load Balancing.
type Targets interface {
	DescribeTargetGroups(context.Context, *elb.DescribeTargetGroupsInput, ...func(*elb.Options)) (*elb.DescribeTargetGroupsOutput, error)
	RegisterTargets(context.Context, *elb.RegisterTargetsInput, ...func(*elb.Options)) (*elb.RegisterTargetsOutput, error)
	DeregisterTargets(context.Context, *elb.DeregisterTargetsInput, ...func(*elb.Options)) (*elb.DeregisterTargetsOutput, error)
	DescribeTargetHealth(context.Context, *elb.DescribeTargetHealthInput, ...func(*elb.Options)) (*elb.DescribeTargetHealthOutput, error)
}

// Alarms tells the states of alarms, and over how long they look.
type Alarms interface {
	DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error)
}

// Sessions offers a session, which runs a program when its client has come: its id, the
// URL of its channel and the token that opens it.
type Sessions interface {
	Offer(run func(ctx context.Context, spec runtime.ExecSpec) (int, error)) (id, url, token string)
}

// Feed signals that the health of targets may have changed. Signals are coalesced.
type Feed interface {
	Subscribe() (<-chan struct{}, func())
}

// Logs opens a log stream for a container, with its group if createGroup says so. ctx has
// the caller, which is the task's execution role.
type Logs interface {
	Sink(ctx context.Context, group, stream string, createGroup bool) (func(at time.Time, line []byte) error, error)
}

// Endpoints are services of the cloud that a task reaches from inside, and the variables
// that tell its containers where: the task role's credentials, metadata.
type Endpoints struct {
	Env      []types.KeyValuePair
	Services map[netip.AddrPort]func(net.Conn)
}

// Sample is how many tasks a service has at one moment.
type Sample struct {
	At                        time.Time
	Cluster, Service          string
	Desired, Running, Pending int32
	Deployments               int // task sets, or deployments of the ECS controller
}
