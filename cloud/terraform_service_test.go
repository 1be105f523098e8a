package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"
)

// emptyAnswer is the error for a question whose answer is empty.
func emptyAnswer(n int) error {
	if n == 0 {
		return &smithy.GenericAPIError{Code: "none"}
	}
	return fmt.Errorf("%d found", n)
}

var rollingLife = life{
	resource: "aws_ecs_service, rolling", missing: "none",
	create: func(ctx context.Context, tf *terraform) error {
		began := time.Now().Add(-10 * time.Millisecond) // times have milliseconds
		_, err := tf.ecs.CreateService(ctx, &ecs.CreateServiceInput{
			Cluster: &tf.cluster, ServiceName: aws.String("rolling"), ClientToken: aws.String("terraform-20261124000000000000000002"), TaskDefinition: &tf.definition,
			DesiredCount: aws.Int32(1), LaunchType: types.LaunchTypeFargate, SchedulingStrategy: types.SchedulingStrategyReplica,
			DeploymentConfiguration: &types.DeploymentConfiguration{MaximumPercent: aws.Int32(200), MinimumHealthyPercent: aws.Int32(100)},
			NetworkConfiguration:    &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-0123456789abcdef0"}, AssignPublicIp: types.AssignPublicIpDisabled}},
		})
		if err != nil {
			return err
		}
		return tf.steady(ctx, began)
	},
	read: func(ctx context.Context, tf *terraform) error {
		s, err := tf.rolling(ctx)
		if err != nil {
			return err
		}
		return errors.Join(same("status", *s.Status, "ACTIVE"), same("definition", *s.TaskDefinition, tf.definition), same("platform", *s.PlatformVersion, "LATEST"),
			same("percent", fmt.Sprint(*s.DeploymentConfiguration.MinimumHealthyPercent, *s.DeploymentConfiguration.MaximumPercent), "100 200"),
			same("breaker", s.DeploymentConfiguration.DeploymentCircuitBreaker.Enable, false), same("tags from", s.PropagateTags, types.PropagateTagsNone))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		began := time.Now().Add(-10 * time.Millisecond) // times have milliseconds
		_, err := tf.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &tf.cluster, Service: aws.String("rolling"), ForceNewDeployment: true})
		return errors.Join(err, tf.steady(ctx, began))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		_, err := tf.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &tf.cluster, Service: aws.String("rolling"), DesiredCount: aws.Int32(0)})
		return errors.Join(err, only(tf.ecs.DeleteService(ctx, &ecs.DeleteServiceInput{Cluster: &tf.cluster, Service: aws.String("rolling"), Force: aws.Bool(false)})),
			ecs.NewServicesInactiveWaiter(tf.ecs, func(o *ecs.ServicesInactiveWaiterOptions) {
				o.MinDelay, o.MaxDelay = 10*time.Millisecond, 50*time.Millisecond
			}).
				Wait(ctx, &ecs.DescribeServicesInput{Cluster: &tf.cluster, Services: []string{"rolling"}}, 20*time.Second))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &tf.cluster, Services: []string{"rolling"}})
		var cluster *types.ClusterNotFoundException
		if errors.As(err, &cluster) || err == nil && *out.Services[0].Status == "INACTIVE" {
			return emptyAnswer(0)
		}
		return err
	},
}

func (tf *terraform) rolling(ctx context.Context) (types.Service, error) {
	out, err := tf.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &tf.cluster, Services: []string{"rolling"}, Include: []types.ServiceField{types.ServiceFieldTags}})
	if err != nil {
		return types.Service{}, err
	}
	return out.Services[0], nil
}

// steady is wait_for_steady_state: among the service deployments since a moment, the one
// whose target revision has the digits of the primary deployment's id must succeed.
func (tf *terraform) steady(ctx context.Context, since time.Time) error {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		s, err := tf.rolling(ctx)
		if err != nil {
			return err
		}
		list, err := tf.ecs.ListServiceDeployments(ctx, &ecs.ListServiceDeploymentsInput{Cluster: &tf.cluster, Service: aws.String("rolling"), CreatedAt: &types.CreatedAt{After: &since}})
		if err != nil {
			return err
		}
		for _, d := range list.ServiceDeployments {
			_, digits, _ := strings.Cut(*s.Deployments[0].Id, "/")
			if !strings.Contains(*d.TargetServiceRevisionArn, digits) || !s.Deployments[0].CreatedAt.After(since) {
				continue
			}
			out, err := tf.ecs.DescribeServiceDeployments(ctx, &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{*d.ServiceDeploymentArn}})
			if err != nil {
				return err
			}
			if out.ServiceDeployments[0].Status == types.ServiceDeploymentStatusSuccessful {
				return nil
			}
		}
	}
	return errors.New("the service never became steady")
}

var configLife = life{
	resource: "aws_codedeploy_deployment_config", missing: "DeploymentConfigDoesNotExistException",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.cd.CreateDeploymentConfig(ctx, &codedeploy.CreateDeploymentConfigInput{
			DeploymentConfigName: aws.String("tenth"), ComputePlatform: cdtypes.ComputePlatformEcs,
			TrafficRoutingConfig: &cdtypes.TrafficRoutingConfig{Type: cdtypes.TrafficRoutingTypeTimeBasedCanary, TimeBasedCanary: &cdtypes.TimeBasedCanary{CanaryInterval: 5, CanaryPercentage: 10}},
		}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.cd.GetDeploymentConfig(ctx, &codedeploy.GetDeploymentConfigInput{DeploymentConfigName: aws.String("tenth")})
		if err != nil {
			return err
		}
		c := out.DeploymentConfigInfo
		return errors.Join(same("platform", c.ComputePlatform, cdtypes.ComputePlatformEcs), same("type", c.TrafficRoutingConfig.Type, cdtypes.TrafficRoutingTypeTimeBasedCanary),
			same("percentage", c.TrafficRoutingConfig.TimeBasedCanary.CanaryPercentage, int32(10)), same("hosts", c.MinimumHealthyHosts == nil, true))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.cd.DeleteDeploymentConfig(ctx, &codedeploy.DeleteDeploymentConfigInput{DeploymentConfigName: aws.String("tenth")}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.cd.GetDeploymentConfig(ctx, &codedeploy.GetDeploymentConfigInput{DeploymentConfigName: aws.String("tenth")}))
	},
}

var forwardLife = life{
	resource: "aws_lb_listener_rule", missing: "RuleNotFound",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.elb.CreateRule(ctx, &elb.CreateRuleInput{
			ListenerArn: &tf.listener, Priority: aws.Int32(10), Tags: []elbtypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
			Conditions: []elbtypes.RuleCondition{{Field: aws.String("path-pattern"), PathPatternConfig: &elbtypes.PathPatternConditionConfig{Values: []string{"/old/*"}}}},
			Actions: []elbtypes.Action{{Order: aws.Int32(1), Type: elbtypes.ActionTypeEnumFixedResponse, FixedResponseConfig: &elbtypes.FixedResponseActionConfig{
				StatusCode: aws.String("410"), ContentType: aws.String("text/plain"), MessageBody: aws.String("gone"),
			}}},
		})
		if err == nil {
			tf.rule = *out.Rules[0].RuleArn
		}
		return err
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.elb.DescribeRules(ctx, &elb.DescribeRulesInput{RuleArns: []string{tf.rule}})
		if err != nil {
			return err
		}
		r := out.Rules[0]
		return errors.Join(tf.tagged(ctx, tf.rule), same("default", *r.IsDefault, false), same("paths", r.Conditions[0].PathPatternConfig.Values, []string{"/old/*"}),
			same("order", *r.Actions[0].Order, int32(1)), same("status", *r.Actions[0].FixedResponseConfig.StatusCode, "410"))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		_, err := tf.elb.SetRulePriorities(ctx, &elb.SetRulePrioritiesInput{RulePriorities: []elbtypes.RulePriorityPair{{RuleArn: &tf.rule, Priority: aws.Int32(20)}}})
		return errors.Join(err, tf.retag(ctx, tf.rule))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.elb.DeleteRule(ctx, &elb.DeleteRuleInput{RuleArn: &tf.rule}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.elb.DescribeRules(ctx, &elb.DescribeRulesInput{RuleArns: []string{tf.rule}}))
	},
}

var alarmLife = life{
	resource: "aws_cloudwatch_metric_alarm", missing: "none",
	create: func(ctx context.Context, tf *terraform) error {
		return only(cloudwatch.NewFromConfig(tf.cfg).PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
			AlarmName: aws.String("errors"), ActionsEnabled: aws.Bool(true), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, EvaluationPeriods: aws.Int32(1),
			MetricName: aws.String("HTTPCode_Target_5XX_Count"), Namespace: aws.String("AWS/ApplicationELB"), Period: aws.Int32(60), Statistic: cwtypes.StatisticSum, Threshold: aws.Float64(1),
			TreatMissingData: aws.String("notBreaching"), Tags: []cwtypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
		}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		a, err := tf.alarms(ctx)
		if err != nil {
			return err
		}
		tags, err := cloudwatch.NewFromConfig(tf.cfg).ListTagsForResource(ctx, &cloudwatch.ListTagsForResourceInput{ResourceARN: a[0].AlarmArn})
		if err != nil {
			return err
		}
		return errors.Join(same("threshold", *a[0].Threshold, 1.0), same("missing data", *a[0].TreatMissingData, "notBreaching"), same("enabled", *a[0].ActionsEnabled, true), same("tags", len(tags.Tags), 1))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(cloudwatch.NewFromConfig(tf.cfg).DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"errors"}}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		a, err := tf.alarms(ctx)
		return errors.Join(err, emptyAnswer(len(a)))
	},
}

func (tf *terraform) alarms(ctx context.Context) ([]cwtypes.MetricAlarm, error) {
	out, err := cloudwatch.NewFromConfig(tf.cfg).DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"errors"}, AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm}})
	if err != nil {
		return nil, err
	}
	return out.MetricAlarms, nil
}
