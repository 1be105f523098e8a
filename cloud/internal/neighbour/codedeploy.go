package neighbour

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/turnoutdev/turnout/cloud/internal/codedeploy"
)

// CodeDeploy guards all whom CodeDeploy calls.
func (g Guard) CodeDeploy(o codedeploy.Options) codedeploy.Options {
	o.ECS, o.ELB = guardedECS{g, o.ECS}, guardedELB{g, o.ELB}
	if next := o.Alarms; next != nil {
		o.Alarms = func(ctx context.Context, names []string) (map[string]bool, error) {
			if err := g.Authorize(ctx, "cloudwatch", "DescribeAlarms", &cloudwatch.DescribeAlarmsInput{AlarmNames: names}); err != nil {
				return nil, denied("cloudwatch", err)
			}
			return next(ctx, names)
		}
	}
	if next := o.Invoke; next != nil {
		o.Invoke = func(ctx context.Context, function string, payload []byte) error {
			if err := g.Authorize(ctx, "lambda", "InvokeFunction", &lambdaInvoke{FunctionName: function}); err != nil {
				return denied("lambda", err)
			}
			return next(ctx, function, payload)
		}
	}
	if o.Objects != nil {
		o.Objects = guardedObjects{g, o.Objects, o.Place.Partition}
	}
	return o
}

// guardedObjects asks for s3:GetObject, or s3:GetObjectVersion where a version is named.
type guardedObjects struct {
	Guard
	next      codedeploy.Objects
	partition string
}

func (g guardedObjects) Object(ctx context.Context, bucket, key, version string, limit int64) ([]byte, string, error) {
	action := "s3:GetObject"
	if version != "" {
		action = "s3:GetObjectVersion"
	}
	if err := g.Check(ctx, action, "arn:"+g.partition+":s3:::"+bucket+"/"+key, nil); err != nil {
		return nil, "", denied("s3", err)
	}
	return g.next.Object(ctx, bucket, key, version, limit)
}

// lambdaInvoke is what authorization reads of Lambda's Invoke.
type lambdaInvoke struct{ FunctionName string }

type guardedECS struct {
	Guard
	next codedeploy.ECS
}

func (g guardedECS) DescribeServices(ctx context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	return ask(ctx, g.Guard, "ecs", "DescribeServices", in, g.next.DescribeServices)
}

func (g guardedECS) CreateTaskSet(ctx context.Context, in *ecs.CreateTaskSetInput, _ ...func(*ecs.Options)) (*ecs.CreateTaskSetOutput, error) {
	return ask(ctx, g.Guard, "ecs", "CreateTaskSet", in, g.next.CreateTaskSet)
}

func (g guardedECS) UpdateServicePrimaryTaskSet(ctx context.Context, in *ecs.UpdateServicePrimaryTaskSetInput, _ ...func(*ecs.Options)) (*ecs.UpdateServicePrimaryTaskSetOutput, error) {
	return ask(ctx, g.Guard, "ecs", "UpdateServicePrimaryTaskSet", in, g.next.UpdateServicePrimaryTaskSet)
}

func (g guardedECS) DeleteTaskSet(ctx context.Context, in *ecs.DeleteTaskSetInput, _ ...func(*ecs.Options)) (*ecs.DeleteTaskSetOutput, error) {
	return ask(ctx, g.Guard, "ecs", "DeleteTaskSet", in, g.next.DeleteTaskSet)
}

type guardedELB struct {
	Guard
	next codedeploy.ELB
}

func (g guardedELB) DescribeTargetGroups(ctx context.Context, in *elb.DescribeTargetGroupsInput, _ ...func(*elb.Options)) (*elb.DescribeTargetGroupsOutput, error) {
	return ask(ctx, g.Guard, "elasticloadbalancing", "DescribeTargetGroups", in, g.next.DescribeTargetGroups)
}

func (g guardedELB) DescribeListeners(ctx context.Context, in *elb.DescribeListenersInput, _ ...func(*elb.Options)) (*elb.DescribeListenersOutput, error) {
	return ask(ctx, g.Guard, "elasticloadbalancing", "DescribeListeners", in, g.next.DescribeListeners)
}

func (g guardedELB) ModifyListener(ctx context.Context, in *elb.ModifyListenerInput, _ ...func(*elb.Options)) (*elb.ModifyListenerOutput, error) {
	return ask(ctx, g.Guard, "elasticloadbalancing", "ModifyListener", in, g.next.ModifyListener)
}

func (g guardedELB) DescribeRules(ctx context.Context, in *elb.DescribeRulesInput, _ ...func(*elb.Options)) (*elb.DescribeRulesOutput, error) {
	return ask(ctx, g.Guard, "elasticloadbalancing", "DescribeRules", in, g.next.DescribeRules)
}

func (g guardedELB) ModifyRule(ctx context.Context, in *elb.ModifyRuleInput, _ ...func(*elb.Options)) (*elb.ModifyRuleOutput, error) {
	return ask(ctx, g.Guard, "elasticloadbalancing", "ModifyRule", in, g.next.ModifyRule)
}
