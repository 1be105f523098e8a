package iam

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const logStream = "log-group:{LogGroupName:}:log-stream:{LogStreamName}"

// templates tell which resources a call is about. A member of the input stands in braces,
// with its default behind a bar; a list gives one resource for each element; a value that
// is an ARN is the resource itself if its member stands last, else its name is taken. What
// has no template is about "*", as AWS's list operations are.
var templates = map[string]map[string]string{
	"ecs": {
		"DescribeClusters": "cluster/{Clusters|default}", "DeleteCluster": "cluster/{Cluster|default}",
		"UpdateCluster": "cluster/{Cluster|default}", "UpdateClusterSettings": "cluster/{Cluster|default}",
		"PutClusterCapacityProviders": "cluster/{Cluster|default}",
		"RegisterTaskDefinition":      "task-definition/{Family}:*",
		"CreateService":               "service/{Cluster|default}/{ServiceName}", "UpdateService": "service/{Cluster|default}/{Service}",
		"DeleteService": "service/{Cluster|default}/{Service}", "DescribeServices": "service/{Cluster|default}/{Services}",
		"CreateTaskSet":               "task-set/{Cluster|default}/{Service:}/*",
		"UpdateTaskSet":               "task-set/{Cluster|default}/{Service:}/{TaskSet}",
		"DeleteTaskSet":               "task-set/{Cluster|default}/{Service:}/{TaskSet}",
		"DescribeTaskSets":            "task-set/{Cluster|default}/{Service:}/{TaskSets}",
		"UpdateServicePrimaryTaskSet": "service/{Cluster|default}/{Service}",
		"RunTask":                     "task-definition/{TaskDefinition}", "StartTask": "task-definition/{TaskDefinition}",
		"StopTask": "task/{Cluster|default}/{Task}", "DescribeTasks": "task/{Cluster|default}/{Tasks}",
		"ExecuteCommand": "task/{Cluster|default}/{Task}",
		"TagResource":    "{ResourceArn}", "UntagResource": "{ResourceArn}", "ListTagsForResource": "{ResourceArn}",
	},
	"ecr": {
		"":                      "repository/{RepositoryName}", // all that are not named
		"GetAuthorizationToken": "*", "GetRegistryPolicy": "*", "PutRegistryPolicy": "*", "DescribeRegistry": "*",
		"DescribeRepositories": "repository/{RepositoryNames}",
		"TagResource":          "{ResourceArn}", "UntagResource": "{ResourceArn}", "ListTagsForResource": "{ResourceArn}",
	},
	"codedeploy": {
		"CreateApplication": "application:{ApplicationName}", "GetApplication": "application:{ApplicationName}",
		"UpdateApplication": "application:{ApplicationName}", "DeleteApplication": "application:{ApplicationName}",
		"BatchGetApplications": "application:{ApplicationNames}", "RegisterApplicationRevision": "application:{ApplicationName}",
		"GetApplicationRevision": "application:{ApplicationName}", "ListApplicationRevisions": "application:{ApplicationName}",
		"BatchGetApplicationRevisions": "application:{ApplicationName}", "ListDeploymentGroups": "application:{ApplicationName}",
		"CreateDeploymentGroup":    "deploymentgroup:{ApplicationName:}/{DeploymentGroupName}",
		"GetDeploymentGroup":       "deploymentgroup:{ApplicationName:}/{DeploymentGroupName}",
		"DeleteDeploymentGroup":    "deploymentgroup:{ApplicationName:}/{DeploymentGroupName}",
		"BatchGetDeploymentGroups": "deploymentgroup:{ApplicationName:}/{DeploymentGroupNames}",
		"UpdateDeploymentGroup":    "deploymentgroup:{ApplicationName:}/{CurrentDeploymentGroupName}",
		"CreateDeployment":         "deploymentgroup:{ApplicationName:}/{DeploymentGroupName}",
		"ListDeployments":          "deploymentgroup:{ApplicationName:}/{DeploymentGroupName}",
		"CreateDeploymentConfig":   "deploymentconfig:{DeploymentConfigName}", "GetDeploymentConfig": "deploymentconfig:{DeploymentConfigName}",
		"DeleteDeploymentConfig": "deploymentconfig:{DeploymentConfigName}",
		"TagResource":            "{ResourceArn}", "UntagResource": "{ResourceArn}", "ListTagsForResource": "{ResourceArn}",
	},
	"elasticloadbalancing": {
		"CreateLoadBalancer": "loadbalancer/app/{Name:}/*", "DeleteLoadBalancer": "{LoadBalancerArn}",
		"ModifyLoadBalancerAttributes": "{LoadBalancerArn}", "SetSubnets": "{LoadBalancerArn}", "SetSecurityGroups": "{LoadBalancerArn}",
		"SetIpAddressType": "{LoadBalancerArn}", "ModifyIpPools": "{LoadBalancerArn}", "ModifyCapacityReservation": "{LoadBalancerArn}", "CreateListener": "{LoadBalancerArn}",
		"ModifyListener": "{ListenerArn}", "ModifyListenerAttributes": "{ListenerArn}", "DeleteListener": "{ListenerArn}",
		"AddListenerCertificates": "{ListenerArn}", "RemoveListenerCertificates": "{ListenerArn}", "CreateRule": "{ListenerArn}",
		"ModifyRule": "{RuleArn}", "DeleteRule": "{RuleArn}", "SetRulePriorities": "{RulePriorities.RuleArn}",
		"CreateTargetGroup": "targetgroup/{Name:}/*", "ModifyTargetGroup": "{TargetGroupArn}", "DeleteTargetGroup": "{TargetGroupArn}",
		"ModifyTargetGroupAttributes": "{TargetGroupArn}", "RegisterTargets": "{TargetGroupArn}", "DeregisterTargets": "{TargetGroupArn}",
		"AddTags": "{ResourceArns}", "RemoveTags": "{ResourceArns}",
		"CreateTrustStore": "truststore/{Name:}/*", "ModifyTrustStore": "{TrustStoreArn}", "DeleteTrustStore": "{TrustStoreArn}",
		"AddTrustStoreRevocations": "{TrustStoreArn}", "RemoveTrustStoreRevocations": "{TrustStoreArn}",
		"GetTrustStoreCaCertificatesBundle": "{TrustStoreArn}", "GetTrustStoreRevocationContent": "{TrustStoreArn}",
		"DeleteSharedTrustStoreAssociation": "{TrustStoreArn}", "GetResourcePolicy": "{ResourceArn}",
	},
	"logs": { // AWS asks about groups with the tail of a stream: policies need "log-group:NAME:*"
		"": "log-group:{LogGroupName:}:log-stream:", "DescribeLogGroups": "log-group::log-stream:",
		"CreateLogStream": logStream, "DeleteLogStream": logStream, "PutLogEvents": logStream, "GetLogEvents": logStream,
		"TagResource": "{ResourceArn}", "UntagResource": "{ResourceArn}", "ListTagsForResource": "{ResourceArn}",
	},
	"cloudwatch": {
		"PutMetricAlarm": "alarm:{AlarmName}", "PutCompositeAlarm": "alarm:{AlarmName}", "SetAlarmState": "alarm:{AlarmName}", "DeleteAlarms": "alarm:{AlarmNames}",
		"DescribeAlarms": "alarm:{AlarmNames}", "EnableAlarmActions": "alarm:{AlarmNames}", "DisableAlarmActions": "alarm:{AlarmNames}",
	},
	"lambda": {
		"": "function:{FunctionName}", "ListFunctions": "*", "GetAccountSettings": "*",
		"ListTags": "{Resource}", "TagResource": "{Resource}", "UntagResource": "{Resource}",
	},
}

// also are the actions that an operation needs besides its own, with their resources.
var also = map[string][]string{
	"codedeploy:CreateDeployment": {
		"codedeploy:GetDeploymentConfig deploymentconfig:{DeploymentConfigName?}",
		"codedeploy:RegisterApplicationRevision application:{ApplicationName}",
	},
}

// resources are the ARNs that the call is about, or "*".
func (q *question) resources() []string {
	if q.service == "iam" {
		return q.a.IAM.ownResources(q.in)
	}
	if q.service == "codedeploy" && (hasMember(q.in, "DeploymentId") || hasMember(q.in, "DeploymentIds")) {
		return q.deployments()
	}
	t, ok := templates[q.service][q.op]
	if q.op == "CreateLoadBalancer" && first(texts(q.in, "Type"), "") == "network" {
		t = strings.Replace(t, "/app/", "/net/", 1)
	}
	if !ok {
		t = templates[q.service][""]
	}
	if t == "" || t == "*" {
		return []string{"*"}
	}
	return q.expand(q.service, t)
}

// deployments are the groups of the deployments that the call names.
func (q *question) deployments() []string {
	var out []string
	for _, id := range append(texts(q.in, "DeploymentId"), texts(q.in, "DeploymentIds")...) {
		group := "*"
		if q.a.Deployments != nil {
			d, err := q.a.Deployments.GetDeployment(q.ctx, &codedeploy.GetDeploymentInput{DeploymentId: &id})
			if err == nil {
				group = aws.ToString(d.DeploymentInfo.ApplicationName) + "/" + aws.ToString(d.DeploymentInfo.DeploymentGroupName)
			}
		}
		out = append(out, q.a.IAM.Place.Of("codedeploy", "deploymentgroup:"+group))
	}
	return out
}

// expand fills a template. Members that end in a colon are never the resource itself; one
// with a question mark makes no resource when it is absent.
func (q *question) expand(service, template string) []string {
	out := []string{""}
	for rest := template; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		for i := range out {
			out[i] += before
		}
		if !found {
			break
		}
		var name string
		name, rest, _ = strings.Cut(after, "}")
		values, optional := q.values(name)
		if len(values) == 0 && optional {
			return nil
		}
		last := rest == "" && !strings.HasSuffix(name, ":")
		var grown []string
		for _, have := range out {
			for _, v := range values {
				grown = append(grown, join(have, v, last))
			}
		}
		out = grown
	}
	for i, resource := range out {
		if !strings.HasPrefix(resource, "arn:") {
			out[i] = q.a.IAM.Place.Of(service, resource)
		}
	}
	return out
}

// join puts a member's value behind what a resource has so far.
func join(have, value string, last bool) string {
	if !strings.HasPrefix(value, "arn:") {
		return have + value
	}
	if last {
		return value
	}
	return have + arn.Name(value)
}

// values are those of a member in a template: "Services", "Cluster|default", "List.Member".
func (q *question) values(name string) (values []string, optional bool) {
	name, fallback, hasDefault := strings.Cut(name, "|")
	name, optional = strings.CutSuffix(strings.TrimSuffix(name, ":"), "?")
	if list, member, nested := strings.Cut(name, "."); nested {
		values = eachText(q.in, list, member)
	} else {
		values = texts(q.in, name)
	}
	switch {
	case len(values) > 0, optional:
	case hasDefault:
		values = []string{fallback}
	default:
		values = []string{"*"}
	}
	return values, optional
}

// ownResources are the ARNs of IAM's own entities, with their paths.
func (s *Service) ownResources(in any) []string {
	var id string
	s.Store.View(func(tx *store.Tx) { id = s.entity(tx, in) })
	if id != "" {
		return []string{id}
	}
	if v := texts(in, "VirtualMFADeviceName"); len(v) > 0 {
		return []string{*s.arn("mfa", first(texts(in, "Path"), "/"), v[0])}
	}
	for _, member := range []string{"PolicyArn", "OpenIDConnectProviderArn", "PolicySourceArn", "SerialNumber"} {
		if v := texts(in, member); len(v) > 0 {
			return v
		}
	}
	if v := texts(in, "PolicyName"); len(v) > 0 {
		return []string{*s.arn("policy", first(texts(in, "Path"), "/"), v[0])}
	}
	return []string{"*"}
}

// entity is the role, user, group or profile that an input is about, whether it exists or
// is to be made; of two, the one that holds the other.
func (s *Service) entity(tx *store.Tx, in any) string {
	path := first(texts(in, "Path"), "/")
	if name := first(texts(in, "InstanceProfileName"), ""); name != "" {
		p, ok := s.tables.profiles.Get(tx, name)
		return s.known(p.Desc.Arn, ok, "instance-profile", path, name)
	}
	if name := first(texts(in, "GroupName"), ""); name != "" {
		g, ok := s.tables.groups.Get(tx, name)
		return s.known(g.Desc.Arn, ok, "group", path, name)
	}
	if name := first(texts(in, "RoleName"), ""); name != "" {
		r, ok := s.tables.roles.Get(tx, name)
		return s.known(r.Desc.Arn, ok, "role", path, name)
	}
	if name := first(texts(in, "UserName"), ""); name != "" {
		u, ok := s.tables.users.Get(tx, name)
		return s.known(u.Desc.Arn, ok, "user", path, name)
	}
	return ""
}

// known is an entity's ARN, or the one that it would have.
func (s *Service) known(id *string, exists bool, word, path, name string) string {
	if exists {
		return *id
	}
	return *s.arn(word, path, name)
}
