package policy

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/config"
)

// Place is where a service is deployed.
type Place struct{ Partition, Region, Account string }

func (p Place) arn(service, resource string) string {
	return strings.Join([]string{"arn", p.Partition, service, p.Region, p.Account, resource}, ":")
}

// The actions of a deployment, by what they are done to.
var (
	pushing = []string{"BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "DescribeImages", "DescribeRepositories",
		"GetDownloadUrlForLayer", "InitiateLayerUpload", "PutImage", "UploadLayerPart"}
	deploying = []string{"BatchGetDeploymentTargets", "BatchGetDeployments", "ContinueDeployment", "CreateDeployment", "GetDeployment",
		"GetDeploymentGroup", "GetDeploymentTarget", "ListDeploymentTargets", "ListDeployments", "StopDeployment"}
	revising = []string{"GetApplication", "GetApplicationRevision", "RegisterApplicationRevision"}
	looking  = []string{"DescribeListeners", "DescribeLoadBalancers", "DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth"}
)

// Static are the permissions that building and deploying the configured service needs. def is its task
// definition, whose roles are passed on.
func Static(c *config.Config, def types.TaskDefinition, at Place) []Permission {
	var out []Permission
	add := func(service, resource string, ops ...string) {
		for _, op := range ops {
			out = append(out, Permission{Action: service + ":" + op, Resource: resource})
		}
	}
	cluster := at.arn("ecs", "cluster/"+c.Cluster)
	add("ecr", "*", "GetAuthorizationToken")
	add("ecr", at.arn("ecr", "repository/"+c.Image.Repository), pushing...)
	add("ecs", "*", "DescribeTaskDefinition", "ListTaskDefinitions")
	add("ecs", at.arn("ecs", "task-definition/"+aws.ToString(def.Family)+":*"), "RegisterTaskDefinition", "TagResource")
	add("ecs", at.arn("ecs", "service/"+c.Cluster+"/"+c.Service), "DescribeServices")
	add("ecs", at.arn("ecs", "task/"+c.Cluster+"/*"), "DescribeTasks")
	out = append(out, Permission{Action: "ecs:ListTasks", Resource: "*", Cluster: cluster})
	for _, role := range passed(def) {
		out = append(out, Permission{Action: "iam:PassRole", Resource: at.role(role), PassedTo: "ecs-tasks.amazonaws.com"})
	}
	add("codedeploy", at.arn("codedeploy", "deploymentgroup:"+c.CodeDeploy.Application+"/"+c.CodeDeploy.Group), deploying...)
	add("codedeploy", at.arn("codedeploy", "application:"+c.CodeDeploy.Application), revising...)
	add("codedeploy", at.arn("codedeploy", "deploymentconfig:*"), "GetDeploymentConfig")
	add("elasticloadbalancing", "*", looking...)
	for _, group := range logGroups(def) {
		add("logs", at.arn("logs", "log-group:"+group+":log-stream:*"), "GetLogEvents")
	}
	return out
}

// role is a role's ARN, of an ARN or a name.
func (p Place) role(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return strings.Join([]string{"arn", p.Partition, "iam", "", p.Account, "role/" + name}, ":")
}

func passed(def types.TaskDefinition) []string {
	var out []string
	for _, r := range []*string{def.ExecutionRoleArn, def.TaskRoleArn} {
		if aws.ToString(r) != "" {
			out = append(out, *r)
		}
	}
	return out
}

func logGroups(def types.TaskDefinition) []string {
	var out []string
	for _, c := range def.ContainerDefinitions {
		if l := c.LogConfiguration; l != nil && l.LogDriver == types.LogDriverAwslogs && l.Options["awslogs-group"] != "" {
			out = append(out, l.Options["awslogs-group"])
		}
	}
	return out
}
