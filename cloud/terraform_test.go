package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
)

// terraform plays the calls that Terraform's AWS provider makes for the modules that
// `turnout init` writes. What a resource is given is what reading it must give back: any
// difference would be a change that every plan wants to make again.
type terraform struct {
	*account
	ecr  *ecr.Client
	logs *cloudwatchlogs.Client

	repository, cluster, service, balancer, listener, rule, provider, role, policy, definition, secret string

	groups [2]string
	net    networkIDs
}

// life is what the provider does with one resource.
type life struct {
	resource string
	create   func(context.Context, *terraform) error
	read     func(context.Context, *terraform) error // after creation, and in each plan
	tag      func(context.Context, *terraform) error // an update of its tags
	destroy  func(context.Context, *terraform) error
	gone     func(context.Context, *terraform) error // reading it once more
	missing  string                                  // the error's code that the provider takes for its absence
}

const (
	trustDeploy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["ecs-tasks.amazonaws.com","codedeploy.amazonaws.com","lambda.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`
	passPolicy  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}]}`
	keepPolicy  = `{"rules":[{"action":{"type":"expire"},"description":"Keep","rulePriority":1,"selection":{"countNumber":100,"countType":"imageCountMoreThan","tagStatus":"any"}}]}`
	managed     = "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECSLimited"
)

// The resources in the order in which they are created.
var lives = []life{repositoryLife, lifecycleLife, pullLife, providerLife, roleLife, attachmentLife, inlineLife, policyLife, logGroupLife, clusterLife,
	definitionLife, groupLife(0), groupLife(1), balancerLife, listenerLife, forwardLife, serviceLife, rollingLife, alarmLife, configLife, applicationLife, deploymentGroupLife,
	bucketLife, bucketVersioningLife, bucketBlockLife, bucketEncryptionLife, bucketOwnershipLife, bucketPolicyLife, objectLife, parameterLife, secretLife, functionLife, aliasLife, permissionLife,
	vpcLife, subnetLife, securityLife, ruleLife, gatewayLife, tableLife, associationLife}

func TestWhatTerraformCalls(t *testing.T) {
	a := newAccount(t)
	tf := &terraform{account: a, ecr: ecr.NewFromConfig(a.cfg), logs: cloudwatchlogs.NewFromConfig(a.cfg)}
	each := func(phase string, backwards bool, do func(life) error) {
		order := slices.Clone(lives)
		if backwards {
			slices.Reverse(order)
		}
		for _, l := range order {
			if err := do(l); err != nil {
				t.Fatalf("%s %s: %v", phase, l.resource, err)
			}
		}
	}
	ctx := t.Context()
	each("create", false, func(l life) error { return errors.Join(l.create(ctx, tf), l.read(ctx, tf)) })
	each("plan", false, func(l life) error { return l.read(ctx, tf) })
	each("tag", false, func(l life) error {
		if l.tag == nil {
			return nil
		}
		return errors.Join(l.tag(ctx, tf), l.read(ctx, tf))
	})
	each("destroy", true, func(l life) error { return l.destroy(ctx, tf) })
	each("plan after", false, func(l life) error {
		err := l.gone(ctx, tf)
		var api smithy.APIError
		if l.missing == "" && err == nil || errors.As(err, &api) && api.ErrorCode() == l.missing {
			return nil
		}
		return fmt.Errorf("want the error %s, got %w", l.missing, err)
	})
}

// same tells how what was read differs from what was written.
func same(what string, got, want any) error {
	if reflect.DeepEqual(got, want) {
		return nil
	}
	return fmt.Errorf("%s: read %v, wrote %v", what, got, want)
}

// only drops an answer.
func only[T any](_ T, err error) error { return err }

var repositoryLife = life{
	resource: "aws_ecr_repository",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ecr.CreateRepository(ctx, &ecr.CreateRepositoryInput{
			RepositoryName: aws.String("web"), ImageTagMutability: ecrtypes.ImageTagMutabilityImmutable,
			ImageScanningConfiguration: &ecrtypes.ImageScanningConfiguration{ScanOnPush: true},
			EncryptionConfiguration:    &ecrtypes.EncryptionConfiguration{EncryptionType: ecrtypes.EncryptionTypeAes256},
			Tags:                       []ecrtypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
		})
		if err == nil {
			tf.repository = *out.Repository.RepositoryArn
		}
		return err
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ecr.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"web"}})
		if err != nil {
			return err
		}
		r := out.Repositories[0]
		tags, err := tf.ecr.ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: &tf.repository})
		if err != nil {
			return err
		}
		return errors.Join(same("mutability", r.ImageTagMutability, ecrtypes.ImageTagMutabilityImmutable), same("scan", r.ImageScanningConfiguration.ScanOnPush, true),
			same("encryption", r.EncryptionConfiguration.EncryptionType, ecrtypes.EncryptionTypeAes256), same("tag", *tags.Tags[0].Key, "team"))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		return only(tf.ecr.TagResource(ctx, &ecr.TagResourceInput{ResourceArn: &tf.repository, Tags: []ecrtypes.Tag{{Key: aws.String("team"), Value: aws.String("till")}}}))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.ecr.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: aws.String("web"), RegistryId: aws.String(strings.Split(tf.repository, ":")[4])}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.ecr.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"web"}}))
	},
	missing: "RepositoryNotFoundException",
}

var lifecycleLife = life{
	resource: "aws_ecr_lifecycle_policy",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.ecr.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{RepositoryName: aws.String("web"), LifecyclePolicyText: aws.String(keepPolicy)}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ecr.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: aws.String("web")})
		if err != nil {
			return err
		}
		return same("policy", *out.LifecyclePolicyText, keepPolicy)
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		in := &ecr.GetLifecyclePolicyInput{RepositoryName: aws.String("web")}
		if _, err := tf.ecr.DeleteLifecyclePolicy(ctx, &ecr.DeleteLifecyclePolicyInput{RepositoryName: in.RepositoryName}); err != nil {
			return err
		}
		var none *ecrtypes.LifecyclePolicyNotFoundException
		if _, err := tf.ecr.GetLifecyclePolicy(ctx, in); !errors.As(err, &none) {
			return fmt.Errorf("after deletion: %w", err)
		}
		return nil
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.ecr.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: aws.String("web")}))
	},
	missing: "RepositoryNotFoundException",
}

var providerLife = life{
	resource: "aws_iam_openid_connect_provider",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
			Url: aws.String("https://token.actions.githubusercontent.com"), ClientIDList: []string{"sts.amazonaws.com"},
			Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
		})
		if err == nil {
			tf.provider = *out.OpenIDConnectProviderArn
		}
		return err
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &tf.provider})
		if err != nil {
			return err
		}
		return errors.Join(same("url", *out.Url, "token.actions.githubusercontent.com"), same("clients", out.ClientIDList, []string{"sts.amazonaws.com"}), same("tags", len(out.Tags), 1))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		return only(tf.iam.TagOpenIDConnectProvider(ctx, &iam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: &tf.provider, Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("till")}}}))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.iam.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &tf.provider}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &tf.provider}))
	},
	missing: "NoSuchEntity",
}

var roleLife = life{
	resource: "aws_iam_role",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.iam.CreateRole(ctx, &iam.CreateRoleInput{
			RoleName: aws.String("deployer"), Path: aws.String("/"), AssumeRolePolicyDocument: aws.String(trustDeploy), MaxSessionDuration: aws.Int32(3600),
			Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
		})
		if err == nil {
			tf.role = *out.Role.Arn
		}
		return err
	},
	read: func(ctx context.Context, tf *terraform) error {
		name := aws.String("deployer")
		out, err := tf.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
		if err != nil {
			return err
		}
		trust, err := url.QueryUnescape(*out.Role.AssumeRolePolicyDocument)
		_, inline := tf.iam.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: name})
		_, attached := tf.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: name})
		return errors.Join(err, inline, attached, same("trust", trust, trustDeploy), same("path", *out.Role.Path, "/"),
			same("session", *out.Role.MaxSessionDuration, int32(3600)), same("tags", len(out.Role.Tags), 1))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		return only(tf.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: aws.String("deployer"), Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("till")}}}))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		name := aws.String("deployer")
		if _, err := tf.iam.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: name}); err != nil {
			return err
		}
		return only(tf.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("deployer")}))
	},
	missing: "NoSuchEntity",
}

var attachmentLife = life{
	resource: "aws_iam_role_policy_attachment",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("deployer"), PolicyArn: aws.String(managed)}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String("deployer")})
		if err != nil {
			return err
		}
		if len(out.AttachedPolicies) != 1 {
			return fmt.Errorf("%d policies are attached", len(out.AttachedPolicies))
		}
		return same("policy", *out.AttachedPolicies[0].PolicyArn, managed)
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String("deployer"), PolicyArn: aws.String(managed)}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String("deployer")}))
	},
	missing: "NoSuchEntity",
}

var inlineLife = life{
	resource: "aws_iam_role_policy",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("deployer"), PolicyName: aws.String("pass"), PolicyDocument: aws.String(passPolicy)}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String("deployer"), PolicyName: aws.String("pass")})
		if err != nil {
			return err
		}
		doc, err := url.QueryUnescape(*out.PolicyDocument)
		return errors.Join(err, same("policy", doc, passPolicy))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String("deployer"), PolicyName: aws.String("pass")}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String("deployer"), PolicyName: aws.String("pass")}))
	},
	missing: "NoSuchEntity",
}

var logGroupLife = life{
	resource: "aws_cloudwatch_log_group",
	create: func(ctx context.Context, tf *terraform) error {
		_, err := tf.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/ecs/web"), Tags: map[string]string{"team": "shop"}})
		return errors.Join(err, only(tf.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("/ecs/web"), RetentionInDays: aws.Int32(30)})))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/ecs/web")})
		if err != nil {
			return err
		}
		g := out.LogGroups[0]
		tags, err := tf.logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String(strings.TrimSuffix(*g.Arn, ":*"))})
		if err != nil {
			return err
		}
		return errors.Join(same("retention", *g.RetentionInDays, int32(30)), same("class", string(g.LogGroupClass), "STANDARD"), same("tags", len(tags.Tags), 1))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/ecs/web")}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		out, err := tf.logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/ecs/web")})
		if err == nil && len(out.LogGroups) == 0 {
			err = &smithy.GenericAPIError{Code: "none"}
		}
		return err
	},
	missing: "none",
}

var clusterLife = life{
	resource: "aws_ecs_cluster",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ecs.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("prod"), Tags: []ecstypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}}})
		if err == nil {
			tf.cluster = *out.Cluster.ClusterArn
		}
		return err
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ecs.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{tf.cluster}, Include: []ecstypes.ClusterField{
			ecstypes.ClusterFieldTags, ecstypes.ClusterFieldConfigurations, ecstypes.ClusterFieldSettings,
		}})
		if err != nil {
			return err
		}
		c := out.Clusters[0]
		return errors.Join(same("name", *c.ClusterName, "prod"), same("status", *c.Status, "ACTIVE"), same("tags", len(c.Tags), 1),
			same("setting", fmt.Sprint(c.Settings[0].Name, *c.Settings[0].Value), "containerInsightsdisabled"))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		return only(tf.ecs.TagResource(ctx, &ecs.TagResourceInput{ResourceArn: &tf.cluster, Tags: []ecstypes.Tag{{Key: aws.String("team"), Value: aws.String("till")}}}))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.ecs.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: &tf.cluster}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ecs.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{tf.cluster}})
		if err == nil && (len(out.Clusters) == 0 || *out.Clusters[0].Status == "INACTIVE") {
			err = &smithy.GenericAPIError{Code: "none"}
		}
		return err
	},
	missing: "none",
}

var definitionLife = life{
	resource: "aws_ecs_task_definition",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ecs.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
			Family: aws.String("web"), NetworkMode: ecstypes.NetworkModeAwsvpc, RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
			Cpu: aws.String("256"), Memory: aws.String("512"), ExecutionRoleArn: &tf.role,
			ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("web:first"), Essential: aws.Bool(true), PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(80)}}}},
		})
		if err == nil {
			tf.definition = *out.TaskDefinition.TaskDefinitionArn
		}
		return err
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &tf.definition, Include: []ecstypes.TaskDefinitionField{ecstypes.TaskDefinitionFieldTags}})
		if err != nil {
			return err
		}
		return errors.Join(same("status", out.TaskDefinition.Status, ecstypes.TaskDefinitionStatusActive), same("cpu", *out.TaskDefinition.Cpu, "256"))
	},
	destroy: func(context.Context, *terraform) error { return nil }, // skip_destroy
	gone:    func(context.Context, *terraform) error { return nil },
}

// groupLife is the life of one of the two target groups.
func groupLife(i int) life {
	name := []string{"web-blue", "web-green"}[i]
	return life{
		resource: "aws_lb_target_group " + name,
		create: func(ctx context.Context, tf *terraform) error {
			out, err := tf.elb.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{
				Name: &name, Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80), TargetType: elbtypes.TargetTypeEnumIp, VpcId: aws.String("vpc-0123456789abcdef0"),
				HealthCheckEnabled: aws.Bool(true), HealthCheckIntervalSeconds: aws.Int32(15), HealthyThresholdCount: aws.Int32(2), UnhealthyThresholdCount: aws.Int32(3),
				HealthCheckTimeoutSeconds: aws.Int32(4), HealthCheckPath: aws.String("/up"), HealthCheckPort: aws.String("traffic-port"),
				HealthCheckProtocol: elbtypes.ProtocolEnumHttp, Matcher: &elbtypes.Matcher{HttpCode: aws.String("200-299")}, ProtocolVersion: aws.String("HTTP1"),
				Tags: []elbtypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
			})
			if err != nil {
				return err
			}
			tf.groups[i] = *out.TargetGroups[0].TargetGroupArn
			return only(tf.elb.ModifyTargetGroupAttributes(ctx, &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: &tf.groups[i], Attributes: []elbtypes.TargetGroupAttribute{
				{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("30")},
				{Key: aws.String("load_balancing.algorithm.type"), Value: aws.String("round_robin")},
				{Key: aws.String("load_balancing.algorithm.anomaly_mitigation"), Value: aws.String("off")},
				{Key: aws.String("load_balancing.cross_zone.enabled"), Value: aws.String("use_load_balancer_configuration")},
			}}))
		},
		read: func(ctx context.Context, tf *terraform) error {
			out, err := tf.elb.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{tf.groups[i]}})
			if err != nil {
				return err
			}
			g := out.TargetGroups[0]
			return errors.Join(same("name", *g.TargetGroupName, name), same("path", *g.HealthCheckPath, "/up"), same("interval", *g.HealthCheckIntervalSeconds, int32(15)),
				same("port", *g.HealthCheckPort, "traffic-port"), same("matcher", *g.Matcher.HttpCode, "200-299"), same("version", *g.ProtocolVersion, "HTTP1"),
				same("address type", string(g.IpAddressType), "ipv4"), tf.groupAttributes(ctx, i), tf.tagged(ctx, tf.groups[i]))
		},
		tag: func(ctx context.Context, tf *terraform) error { return tf.retag(ctx, tf.groups[i]) },
		destroy: func(ctx context.Context, tf *terraform) error {
			return only(tf.elb.DeleteTargetGroup(ctx, &elb.DeleteTargetGroupInput{TargetGroupArn: &tf.groups[i]}))
		},
		gone: func(ctx context.Context, tf *terraform) error {
			return only(tf.elb.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{tf.groups[i]}}))
		},
		missing: "TargetGroupNotFound",
	}
}

// groupAttributes reads the attributes that the provider has arguments for.
func (tf *terraform) groupAttributes(ctx context.Context, i int) error {
	out, err := tf.elb.DescribeTargetGroupAttributes(ctx, &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: &tf.groups[i]})
	if err != nil {
		return err
	}
	got := map[string]string{}
	for _, a := range out.Attributes {
		got[*a.Key] = *a.Value
	}
	var errs []error
	for key, want := range map[string]string{
		"deregistration_delay.timeout_seconds": "30", "slow_start.duration_seconds": "0", "stickiness.enabled": "false", "stickiness.type": "lb_cookie",
		"stickiness.lb_cookie.duration_seconds": "86400", "load_balancing.algorithm.type": "round_robin",
		"load_balancing.algorithm.anomaly_mitigation": "off", "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
		"target_group_health.dns_failover.minimum_healthy_targets.count": "1", "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
	} {
		errs = append(errs, same(key, got[key], want))
	}
	return errors.Join(errs...)
}

// tagged reads the tags of something of the load balancer's.
func (tf *terraform) tagged(ctx context.Context, arn string) error {
	out, err := tf.elb.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: []string{arn}})
	if err != nil {
		return err
	}
	tags := slices.DeleteFunc(out.TagDescriptions[0].Tags, func(t elbtypes.Tag) bool { return strings.HasPrefix(*t.Key, "aws:") }) // as the provider does
	return same("tags", len(tags), 1)
}

func (tf *terraform) retag(ctx context.Context, arn string) error {
	_, added := tf.elb.AddTags(ctx, &elb.AddTagsInput{ResourceArns: []string{arn}, Tags: []elbtypes.Tag{{Key: aws.String("owner"), Value: aws.String("till")}}})
	_, removed := tf.elb.RemoveTags(ctx, &elb.RemoveTagsInput{ResourceArns: []string{arn}, TagKeys: []string{"team"}})
	return errors.Join(added, removed)
}

var balancerLife = life{
	resource: "aws_lb",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.elb.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{
			Name: aws.String("web"), Type: elbtypes.LoadBalancerTypeEnumApplication, Subnets: []string{"subnet-0123456789abcdef0", "subnet-0123456789abcdef1"},
			SecurityGroups: []string{"sg-0123456789abcdef0"}, Tags: []elbtypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
		})
		if err != nil {
			return err
		}
		tf.balancer = *out.LoadBalancers[0].LoadBalancerArn
		if err := elb.NewLoadBalancerAvailableWaiter(tf.elb, quick).Wait(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{tf.balancer}}, time.Minute); err != nil {
			return err
		}
		var attributes []elbtypes.LoadBalancerAttribute
		for key, value := range balancerAttributes {
			attributes = append(attributes, elbtypes.LoadBalancerAttribute{Key: aws.String(key), Value: aws.String(value)})
		}
		return only(tf.elb.ModifyLoadBalancerAttributes(ctx, &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &tf.balancer, Attributes: attributes}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.elb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{tf.balancer}})
		if err != nil {
			return err
		}
		lb := out.LoadBalancers[0]
		var subnets []string
		for _, z := range lb.AvailabilityZones {
			subnets = append(subnets, *z.SubnetId)
		}
		slices.Sort(subnets)
		attributes, err := tf.elb.DescribeLoadBalancerAttributes(ctx, &elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: &tf.balancer})
		if err != nil {
			return err
		}
		_, capacity := tf.elb.DescribeCapacityReservation(ctx, &elb.DescribeCapacityReservationInput{LoadBalancerArn: &tf.balancer})
		errs := []error{capacity, tf.tagged(ctx, tf.balancer), same("subnets", subnets, []string{"subnet-0123456789abcdef0", "subnet-0123456789abcdef1"}),
			same("security groups", lb.SecurityGroups, []string{"sg-0123456789abcdef0"}), same("address type", string(lb.IpAddressType), "ipv4"), same("scheme", string(lb.Scheme), "internet-facing")}
		got := map[string]string{}
		for _, a := range attributes.Attributes {
			got[*a.Key] = *a.Value
		}
		for key, want := range balancerAttributes {
			errs = append(errs, same(key, got[key], want))
		}
		return errors.Join(errs...)
	},
	tag: func(ctx context.Context, tf *terraform) error { return tf.retag(ctx, tf.balancer) },
	destroy: func(ctx context.Context, tf *terraform) error {
		_, name, _ := strings.Cut(tf.balancer, ":loadbalancer/")
		return errors.Join(only(tf.elb.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerArn: &tf.balancer})),
			tf.lingering(ctx, "attachment.instance-owner-id", "amazon-elb", "description", "ELB "+name))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.elb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{tf.balancer}}))
	},
	missing: "LoadBalancerNotFound",
}

func quick(o *elb.LoadBalancerAvailableWaiterOptions) {
	o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
}

// balancerAttributes are those that the provider sets for an application load balancer.
var balancerAttributes = map[string]string{
	"access_logs.s3.enabled": "false", "connection_logs.s3.enabled": "false", "client_keep_alive.seconds": "3600", "idle_timeout.timeout_seconds": "60",
	"deletion_protection.enabled": "false", "routing.http.desync_mitigation_mode": "defensive", "routing.http.drop_invalid_header_fields.enabled": "true",
	"routing.http2.enabled": "true", "routing.http.preserve_host_header.enabled": "false", "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
	"routing.http.xff_client_port.enabled": "false", "routing.http.xff_header_processing.mode": "append", "waf.fail_open.enabled": "false", "zonal_shift.config.enabled": "false",
}

var listenerLife = life{
	resource: "aws_lb_listener",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.elb.CreateListener(ctx, &elb.CreateListenerInput{
			LoadBalancerArn: &tf.balancer, Port: aws.Int32(80), Protocol: elbtypes.ProtocolEnumHttp, Tags: []elbtypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
			DefaultActions: []elbtypes.Action{{Order: aws.Int32(1), Type: elbtypes.ActionTypeEnumForward, ForwardConfig: &elbtypes.ForwardActionConfig{TargetGroups: []elbtypes.TargetGroupTuple{
				{TargetGroupArn: &tf.groups[0], Weight: aws.Int32(100)}, {TargetGroupArn: &tf.groups[1], Weight: aws.Int32(0)},
			}}}},
		})
		if err == nil {
			tf.listener = *out.Listeners[0].ListenerArn
		}
		return err
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.elb.DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: []string{tf.listener}})
		if err != nil {
			return err
		}
		l := out.Listeners[0]
		_, attributes := tf.elb.DescribeListenerAttributes(ctx, &elb.DescribeListenerAttributesInput{ListenerArn: &tf.listener})
		return errors.Join(attributes, tf.tagged(ctx, tf.listener), same("port", *l.Port, int32(80)), same("balancer", *l.LoadBalancerArn, tf.balancer),
			same("groups", len(l.DefaultActions[0].ForwardConfig.TargetGroups), 2), same("order", aws.ToInt32(l.DefaultActions[0].Order), int32(1)))
	},
	tag: func(ctx context.Context, tf *terraform) error { return tf.retag(ctx, tf.listener) },
	destroy: func(ctx context.Context, tf *terraform) error {
		// A group in use is refused with the words for which the provider tries again.
		_, err := tf.elb.DeleteTargetGroup(ctx, &elb.DeleteTargetGroupInput{TargetGroupArn: &tf.groups[0]})
		var used *elbtypes.ResourceInUseException
		if !errors.As(err, &used) || !strings.Contains(used.ErrorMessage(), "is currently in use by a listener or a rule") {
			return fmt.Errorf("a target group in use: %w", err)
		}
		return only(tf.elb.DeleteListener(ctx, &elb.DeleteListenerInput{ListenerArn: &tf.listener}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.elb.DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: []string{tf.listener}}))
	},
	missing: "ListenerNotFound",
}

var serviceLife = life{
	resource: "aws_ecs_service",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ecs.CreateService(ctx, &ecs.CreateServiceInput{
			Cluster: &tf.cluster, ServiceName: aws.String("web"), ClientToken: aws.String("terraform-20261124000000000000000001"), TaskDefinition: &tf.definition,
			DesiredCount: aws.Int32(1), LaunchType: ecstypes.LaunchTypeFargate, SchedulingStrategy: ecstypes.SchedulingStrategyReplica, HealthCheckGracePeriodSeconds: aws.Int32(0),
			DeploymentController: &ecstypes.DeploymentController{Type: ecstypes.DeploymentControllerTypeCodeDeploy}, EnableECSManagedTags: false, EnableExecuteCommand: false,
			LoadBalancers:        []ecstypes.LoadBalancer{{TargetGroupArn: &tf.groups[0], ContainerName: aws.String("web"), ContainerPort: aws.Int32(80)}},
			NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{Subnets: []string{"subnet-0123456789abcdef0"}, SecurityGroups: []string{"sg-0123456789abcdef0"}, AssignPublicIp: ecstypes.AssignPublicIpDisabled}},
			Tags:                 []ecstypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
		})
		if err == nil {
			tf.service = *out.Service.ServiceArn
		}
		return err
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &tf.cluster, Services: []string{tf.service}, Include: []ecstypes.ServiceField{ecstypes.ServiceFieldTags}})
		if err != nil {
			return err
		}
		s := out.Services[0]
		return errors.Join(same("status", *s.Status, "ACTIVE"), same("cluster", *s.ClusterArn, tf.cluster), same("count", s.DesiredCount, int32(1)), same("tags", len(s.Tags), 1),
			same("controller", s.DeploymentController.Type, ecstypes.DeploymentControllerTypeCodeDeploy), same("strategy", s.SchedulingStrategy, ecstypes.SchedulingStrategyReplica),
			same("launch type", s.LaunchType, ecstypes.LaunchTypeFargate), same("groups", s.NetworkConfiguration.AwsvpcConfiguration.SecurityGroups, []string{"sg-0123456789abcdef0"}))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		return only(tf.ecs.TagResource(ctx, &ecs.TagResourceInput{ResourceArn: &tf.service, Tags: []ecstypes.Tag{{Key: aws.String("team"), Value: aws.String("till")}}}))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		if _, err := tf.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &tf.cluster, Service: &tf.service, DesiredCount: aws.Int32(0)}); err != nil {
			return err
		}
		if _, err := tf.ecs.DeleteService(ctx, &ecs.DeleteServiceInput{Cluster: &tf.cluster, Service: &tf.service}); err != nil {
			return err
		}
		return ecs.NewServicesInactiveWaiter(tf.ecs, func(o *ecs.ServicesInactiveWaiterOptions) {
			o.MinDelay, o.MaxDelay = 10*time.Millisecond, 50*time.Millisecond
		}).
			Wait(ctx, &ecs.DescribeServicesInput{Cluster: &tf.cluster, Services: []string{tf.service}}, 20*time.Second)
	},
	gone: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &tf.cluster, Services: []string{tf.service}})
		if err == nil && (len(out.Services) == 0 || *out.Services[0].Status == "INACTIVE") {
			err = &smithy.GenericAPIError{Code: "none"}
		}
		var cluster *ecstypes.ClusterNotFoundException
		if errors.As(err, &cluster) { // the provider takes either
			err = &smithy.GenericAPIError{Code: "none"}
		}
		return err
	},
	missing: "none",
}

var applicationLife = life{
	resource: "aws_codedeploy_app",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.cd.CreateApplication(ctx, &codedeploy.CreateApplicationInput{ApplicationName: aws.String("shop"), ComputePlatform: cdtypes.ComputePlatformEcs, Tags: []cdtypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}}}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.cd.GetApplication(ctx, &codedeploy.GetApplicationInput{ApplicationName: aws.String("shop")})
		if err != nil {
			return err
		}
		return errors.Join(same("platform", out.Application.ComputePlatform, cdtypes.ComputePlatformEcs), same("linked", out.Application.LinkedToGitHub, false), tf.deployTags(ctx, "application:shop"))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		return only(tf.cd.TagResource(ctx, &codedeploy.TagResourceInput{ResourceArn: tf.deployARN("application:shop"), Tags: []cdtypes.Tag{{Key: aws.String("team"), Value: aws.String("till")}}}))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.cd.DeleteApplication(ctx, &codedeploy.DeleteApplicationInput{ApplicationName: aws.String("shop")}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.cd.GetApplication(ctx, &codedeploy.GetApplicationInput{ApplicationName: aws.String("shop")}))
	},
	missing: "ApplicationDoesNotExistException",
}

// deployARN is the ARN of something of CodeDeploy's: the provider puts it together itself.
func (tf *terraform) deployARN(what string) *string {
	parts := strings.Split(tf.cluster, ":")
	return aws.String(strings.Join([]string{"arn:aws:codedeploy", parts[3], parts[4], what}, ":"))
}

func (tf *terraform) deployTags(ctx context.Context, what string) error {
	out, err := tf.cd.ListTagsForResource(ctx, &codedeploy.ListTagsForResourceInput{ResourceArn: tf.deployARN(what)})
	if err != nil {
		return err
	}
	return same("tags", len(out.Tags), 1)
}

var deploymentGroupLife = life{
	resource: "aws_codedeploy_deployment_group",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.cd.CreateDeploymentGroup(ctx, &codedeploy.CreateDeploymentGroupInput{
			ApplicationName: aws.String("shop"), DeploymentGroupName: aws.String("web"), ServiceRoleArn: &tf.role, DeploymentConfigName: aws.String("CodeDeployDefault.ECSAllAtOnce"),
			Tags:                      []cdtypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
			DeploymentStyle:           &cdtypes.DeploymentStyle{DeploymentOption: cdtypes.DeploymentOptionWithTrafficControl, DeploymentType: cdtypes.DeploymentTypeBlueGreen},
			EcsServices:               []cdtypes.ECSService{{ClusterName: aws.String("prod"), ServiceName: aws.String("web")}},
			AutoRollbackConfiguration: &cdtypes.AutoRollbackConfiguration{Enabled: true, Events: []cdtypes.AutoRollbackEvent{cdtypes.AutoRollbackEventDeploymentFailure}},
			LoadBalancerInfo: &cdtypes.LoadBalancerInfo{TargetGroupPairInfoList: []cdtypes.TargetGroupPairInfo{{
				ProdTrafficRoute: &cdtypes.TrafficRoute{ListenerArns: []string{tf.listener}},
				TargetGroups:     []cdtypes.TargetGroupInfo{{Name: aws.String("web-blue")}, {Name: aws.String("web-green")}},
			}}},
			BlueGreenDeploymentConfiguration: &cdtypes.BlueGreenDeploymentConfiguration{
				DeploymentReadyOption:                     &cdtypes.DeploymentReadyOption{ActionOnTimeout: cdtypes.DeploymentReadyActionContinueDeployment},
				TerminateBlueInstancesOnDeploymentSuccess: &cdtypes.BlueInstanceTerminationOption{Action: cdtypes.InstanceActionTerminate, TerminationWaitTimeInMinutes: 5},
			},
			OutdatedInstancesStrategy: cdtypes.OutdatedInstancesStrategyUpdate,
		}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.cd.GetDeploymentGroup(ctx, &codedeploy.GetDeploymentGroupInput{ApplicationName: aws.String("shop"), DeploymentGroupName: aws.String("web")})
		if err != nil {
			return err
		}
		g := out.DeploymentGroupInfo
		bg, pair := g.BlueGreenDeploymentConfiguration, g.LoadBalancerInfo.TargetGroupPairInfoList[0]
		return errors.Join(same("platform", g.ComputePlatform, cdtypes.ComputePlatformEcs), same("role", *g.ServiceRoleArn, tf.role), same("service", *g.EcsServices[0].ServiceName, "web"),
			same("wait", bg.TerminateBlueInstancesOnDeploymentSuccess.TerminationWaitTimeInMinutes, int32(5)), same("ready", bg.DeploymentReadyOption.ActionOnTimeout, cdtypes.DeploymentReadyActionContinueDeployment),
			same("green fleet", bg.GreenFleetProvisioningOption == nil, true), same("test route", pair.TestTrafficRoute == nil, true), same("groups", *pair.TargetGroups[1].Name, "web-green"),
			same("outdated", g.OutdatedInstancesStrategy, cdtypes.OutdatedInstancesStrategyUpdate), tf.deployTags(ctx, "deploymentgroup:shop/web"))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		_, err := tf.cd.UpdateDeploymentGroup(ctx, &codedeploy.UpdateDeploymentGroupInput{
			ApplicationName: aws.String("shop"), CurrentDeploymentGroupName: aws.String("web"), ServiceRoleArn: &tf.role,
			AutoRollbackConfiguration: &cdtypes.AutoRollbackConfiguration{Enabled: false, Events: []cdtypes.AutoRollbackEvent{}},
		})
		return err
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.cd.DeleteDeploymentGroup(ctx, &codedeploy.DeleteDeploymentGroupInput{ApplicationName: aws.String("shop"), DeploymentGroupName: aws.String("web")}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.cd.GetDeploymentGroup(ctx, &codedeploy.GetDeploymentGroupInput{ApplicationName: aws.String("shop"), DeploymentGroupName: aws.String("web")}))
	},
	missing: "ApplicationDoesNotExistException",
}
