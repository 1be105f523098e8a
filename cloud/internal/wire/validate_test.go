package wire_test

import (
	"context"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// op is an operation that accepts what the model accepts.
func op[In, Out any]() wire.Op {
	return wire.Dynamic(reflect.TypeFor[In](), reflect.TypeFor[Out](), func(context.Context, any) (any, error) {
		return new(Out), nil
	})
}

func validating() *wire.Server {
	return wire.NewServer(wire.Options{Services: []*wire.Service{
		wire.ECS([]wire.Op{
			op[ecs.RegisterTaskDefinitionInput, ecs.RegisterTaskDefinitionOutput](),
			op[ecs.RunTaskInput, ecs.RunTaskOutput](),
			op[ecs.DescribeServicesInput, ecs.DescribeServicesOutput](),
		}),
		wire.CodeDeploy([]wire.Op{op[codedeploy.CreateApplicationInput, codedeploy.CreateApplicationOutput]()}),
		wire.ECR([]wire.Op{op[ecr.CreateRepositoryInput, ecr.CreateRepositoryOutput]()}),
		wire.ELBv2([]wire.Op{
			op[elbv2.CreateTargetGroupInput, elbv2.CreateTargetGroupOutput](),
			op[elbv2.SetRulePrioritiesInput, elbv2.SetRulePrioritiesOutput](),
			op[elbv2.AddTagsInput, elbv2.AddTagsOutput](),
		}),
		wire.IAM([]wire.Op{op[iam.GetRoleInput, iam.GetRoleOutput](), op[iam.DeleteRoleInput, iam.DeleteRoleOutput]()}),
		wire.STS([]wire.Op{op[sts.AssumeRoleInput, sts.AssumeRoleOutput](), op[sts.GetFederationTokenInput, sts.GetFederationTokenOutput]()}),
	}})
}

const (
	codedeployTarget = "CodeDeploy_20141006."
	ecrTarget        = "AmazonEC2ContainerRegistry_V20150921."
	arnPattern       = `[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+`
)

func TestBrokenConstraintsInEachServicesWords(t *testing.T) {
	s := validating()
	for _, tc := range []struct{ name, target, body, code, message string }{
		{"ecs: required text", ecsTarget + "RegisterTaskDefinition", `{"containerDefinitions":[]}`,
			"ClientException", "Family can not be blank."},
		{"ecs: required list is the service's own", ecsTarget + "DescribeServices", `{}`, "", ""},
		{"ecs: enum", ecsTarget + "RunTask", `{"taskDefinition":"web","launchType":"LAMBDA"}`, "InvalidParameterException",
			"1 validation error detected: Value 'LAMBDA' at 'launchType' failed to satisfy constraint: Member must satisfy enum value set: [EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES]"},
		{"ecs: number in a list", ecsTarget + "RunTask", `{"taskDefinition":"web","capacityProviderStrategy":[{"capacityProvider":"a"},{"capacityProvider":"a","weight":1001}]}`,
			"InvalidParameterException", "1 validation error detected: Value '1001' at 'capacityProviderStrategy.2.member.weight' failed to satisfy constraint: Member must have value less than or equal to 1000"},
		{"codedeploy: its own exceptions", codedeployTarget + "CreateApplication", `{}`, "", ""},
		{"ecr: pattern", ecrTarget + "CreateRepository", `{"repositoryName":"Web"}`, "InvalidParameterException",
			"Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*''"},
		{"ecr: length", ecrTarget + "CreateRepository", `{"repositoryName":"a"}`, "InvalidParameterException",
			"Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must have length greater than or equal to 2'"},
		{"ecr: required", ecrTarget + "CreateRepository", `{}`, "InvalidParameterException",
			"Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must not be null'"},
		{"elb: range, as seen by users of the load balancer controller", "", "Action=CreateTargetGroup&Version=2015-12-01&Name=web&Port=0",
			"ValidationError", "1 validation error detected: Value '0' at 'port' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"elb: omitted is not zero", "", "Action=CreateTargetGroup&Version=2015-12-01&Name=web", "", ""},
		{"elb: nested", "", "Action=AddTags&Version=2015-12-01&ResourceArns.member.1=a&Tags.member.1.Key=",
			"ValidationError", "1 validation error detected: Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"iam: required", "", "Action=GetRole&Version=2010-05-08",
			"ValidationError", "1 validation error detected: Value null at 'roleName' failed to satisfy constraint: Member must not be null"},
		{"sts: two at once, as seen on AWS", "", "Action=AssumeRole&Version=2011-06-15&RoleSessionName=me&RoleArn=",
			"ValidationError", "2 validation errors detected: Value '' at 'roleArn' failed to satisfy constraint: Member must satisfy regular expression pattern: " + arnPattern +
				"; Value '' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20"},
		{"sts: pattern, as seen on AWS", "", "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/x&RoleSessionName=a:b",
			"ValidationError", `1 validation error detected: Value 'a:b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		{"sts: good", "", "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/x&RoleSessionName=me", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			header := []string{"X-Amz-Target", tc.target}
			if tc.target == "" {
				header = []string{"Content-Type", "application/x-www-form-urlencoded"}
			}
			resp, body := post(t, s, tc.body, header...)
			if tc.code == "" {
				if resp.StatusCode != 200 {
					t.Errorf("refused: %s", body)
				}
				return
			}
			if resp.StatusCode != 400 || !strings.Contains(body, tc.code) || !strings.Contains(unescape(body), tc.message) {
				t.Errorf("got %d %s\nwant %s %s", resp.StatusCode, body, tc.code, tc.message)
			}
		})
	}
}

func unescape(body string) string {
	return strings.NewReplacer(`\\`, `\`, "&quot;", `"`, "&amp;", "&", "&lt;", "<", "&gt;", ">").Replace(body)
}

// IAM's operations without output have no Result element.
func TestAnOperationWithoutOutputHasNoResult(t *testing.T) {
	_, body := post(t, validating(), url.Values{"Action": {"DeleteRole"}, "Version": {"2010-05-08"}, "RoleName": {"a"}}.Encode(),
		"Content-Type", "application/x-www-form-urlencoded")
	if !strings.HasPrefix(body, `<DeleteRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata><RequestId>`) {
		t.Error(body)
	}
}
