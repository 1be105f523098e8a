package iam

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/policy"
)

// TaskDefinitions tells which roles a task definition passes on.
type TaskDefinitions interface {
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
}

// Deployments tells which deployment group a deployment is of.
type Deployments interface {
	GetDeployment(context.Context, *codedeploy.GetDeploymentInput, ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error)
}

// Authorizer refuses the calls that their callers' policies do not allow. Which resources
// a call is about is told by the tables in resources.go; of condition keys it knows those
// that every request has, the tags in the request, ecs:cluster, and what iam:PassRole and
// IAM's own operations are asked with. Tags of resources it does not know.
type Authorizer struct {
	IAM             *Service
	TaskDefinitions TaskDefinitions // nil: no PassRole for a task definition's roles
	Deployments     Deployments     // nil: calls about a deployment are about all

	// Resources gives the policies of resources by their ARNs, "" for none; by the service
	// in the ARN ("ecr"). What one allows needs no other permission.
	Resources map[string]func(arn string) string

	// Observe is told of every question before it is decided; nil tells nobody.
	Observe func(Asked)
}

// Asked is one question: may the caller do this?
type Asked struct {
	Caller, Service   string // ARN; Service acts for itself if it is not ""
	Action, Resource  string
	PassedTo, Cluster string // iam:PassedToService and ecs:cluster, "" where the request has none
}

// Authorize decides one call: service is the prefix of its IAM actions, op the operation,
// in a pointer to its input. Calls without a caller are those that need none. The error is
// AWS's AccessDenied.
func (a *Authorizer) Authorize(ctx context.Context, service, op string, in any) error {
	c := identity.From(ctx)
	if c.Own {
		if err := ownKeys(c, service, op); err != nil {
			return err
		}
	}
	if c.Kind == identity.Nobody || free[service+":"+op] {
		return nil
	}
	q := question{a: a, ctx: ctx, caller: c, service: service, op: op, in: in}
	action := service + ":" + op
	if other := renamed[action]; other != "" {
		action = other
	}
	for _, resource := range q.resources() {
		if err := q.ask(action, resource, nil); err != nil {
			return err
		}
	}
	for _, more := range also[service+":"+op] {
		action, template, _ := strings.Cut(more, " ")
		for _, resource := range q.expand(service, template) {
			if err := q.ask(action, resource, nil); err != nil {
				return err
			}
		}
	}
	return q.passRoles()
}

// ownKeys refuses what keys of GetSessionToken are not for.
func ownKeys(c identity.Caller, service, op string) error {
	switch {
	case service == "iam" && c.MFA.IsZero():
		return &smithy.GenericAPIError{Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid", Fault: smithy.FaultClient}
	case service == "sts" && op != "AssumeRole" && op != "GetCallerIdentity":
		return &smithy.GenericAPIError{Code: "AccessDenied", Message: "Cannot call " + op + " with session credentials", Fault: smithy.FaultClient}
	}
	return nil
}

// Check decides one action on one resource for those who know both: the registry, and
// services that act for somebody (identity.With). Keys are condition keys in lower case.
func (a *Authorizer) Check(ctx context.Context, action, resource string, keys map[string]string) error {
	c := identity.From(ctx)
	if c.Kind == identity.Nobody {
		return nil
	}
	q := question{a: a, ctx: ctx, caller: c}
	return q.ask(action, resource, keys)
}

// Admit decides by a resource's policy alone whether a service of AWS's may do something.
// Where policies name the account from which it acts instead, that is account, else "".
func (a *Authorizer) Admit(service, account, action, resource string, keys map[string]string) error {
	r := policy.Request{Action: action, Resource: resource, Service: service, Account: account, Context: map[string][]string{
		"aws:principalisawsservice": {"true"}, "aws:principalservicename": {service}, "aws:securetransport": {"true"},
		"aws:currenttime": {a.IAM.Clock.Now().UTC().Format(time.RFC3339)}, "aws:requestedregion": {a.IAM.Place.Region},
	}}
	if account != "" {
		r.Principals = []string{"arn:" + a.IAM.Place.Partition + ":iam::" + account + ":root"}
	}
	for k, v := range keys {
		r.Context[k] = []string{v}
	}
	d := policy.Evaluate(&r, policy.Policies{Identity: []policy.Source{everything}, Resource: a.policyOf(resource), TrustOnly: true})
	if d.Allowed() {
		return nil
	}
	return &smithy.GenericAPIError{Code: "AccessDenied", Message: d.Refusal(service, &r), Fault: smithy.FaultClient}
}

// free are the actions that nobody can be denied, and those whose permission is decided
// where the role's trust policy is at hand.
var free = map[string]bool{
	"sts:GetCallerIdentity": true, "sts:GetSessionToken": true, "sts:AssumeRole": true, "sts:AssumeRoleWithWebIdentity": true,
}

// renamed are the actions that have another name than their operations.
var renamed = map[string]string{"lambda:Invoke": "lambda:InvokeFunction"}

// question is one call that is being decided.
type question struct {
	a           *Authorizer
	ctx         context.Context
	caller      identity.Caller
	service, op string
	in          any
}

func (q *question) ask(action, resource string, keys map[string]string) error {
	r := policy.Request{Action: action, Resource: resource, Context: q.context()}
	for k, v := range keys {
		r.Context[k] = []string{v}
	}
	if q.a.Observe != nil {
		q.a.Observe(Asked{
			Caller: q.caller.ARN, Service: q.caller.Service, Action: action, Resource: resource,
			PassedTo: strings.Join(r.Context["iam:passedtoservice"], ","), Cluster: strings.Join(r.Context["ecs:cluster"], ","),
		})
	}
	d := q.a.IAM.Decide(q.caller, r, q.a.policyOf(resource), false)
	if d.Allowed() {
		return nil
	}
	return &smithy.GenericAPIError{Code: "AccessDenied", Message: d.Refusal(q.caller.ARN, &r), Fault: smithy.FaultClient}
}

// policyOf is the policy of a resource, nil if it has none.
func (a *Authorizer) policyOf(resource string) *policy.Source {
	of, ok := arn.Parse(resource)
	if !ok || a.Resources[of.Service] == nil {
		return nil
	}
	text := a.Resources[of.Service](resource)
	if text == "" {
		return nil
	}
	return &policy.Source{ID: resource, Type: string(types.PolicySourceTypeResource), Document: a.IAM.document(text)}
}

// context has the condition keys that stand in the request.
func (q *question) context() map[string][]string {
	c := map[string][]string{}
	for key, value := range tagsOf(q.in) {
		c["aws:requesttag/"+strings.ToLower(key)] = []string{value}
		c["aws:tagkeys"] = append(c["aws:tagkeys"], key)
	}
	switch q.service {
	case "ecs":
		if hasMember(q.in, "Cluster") {
			c["ecs:cluster"] = []string{q.a.IAM.Place.Of("ecs", "cluster/"+arn.Name(first(texts(q.in, "Cluster"), "default")))}
		}
	case "iam":
		for key, member := range map[string]string{
			"iam:policyarn": "PolicyArn", "iam:permissionsboundary": "PermissionsBoundary", "iam:awsservicename": "AWSServiceName",
		} {
			if v := texts(q.in, member); len(v) > 0 {
				c[key] = v
			}
		}
	}
	return c
}

func first(values []string, or string) string {
	if len(values) == 0 {
		return or
	}
	return values[0]
}

// passRoles asks for iam:PassRole on every role that the call hands to a service.
func (q *question) passRoles() error {
	for _, p := range passes[q.service+":"+q.op] {
		for _, role := range p.roles(q) {
			if role == "" {
				continue
			}
			if !strings.HasPrefix(role, "arn:") {
				role = q.a.IAM.ownResources(&struct{ RoleName string }{role})[0]
			}
			if err := q.ask("iam:PassRole", role, map[string]string{"iam:passedtoservice": p.to}); err != nil {
				return err
			}
		}
	}
	return nil
}

// pass is a way in which an operation hands roles to a service.
type pass struct {
	to    string
	roles func(*question) []string
}

// passes are all of them, by action.
var passes = map[string][]pass{
	"ecs:RegisterTaskDefinition":       {{ecsTasks, member("TaskRoleArn")}, {ecsTasks, member("ExecutionRoleArn")}},
	"ecs:RunTask":                      {{ecsTasks, ofTaskDefinition}, {ecsTasks, ofOverrides}},
	"ecs:StartTask":                    {{ecsTasks, ofTaskDefinition}, {ecsTasks, ofOverrides}},
	"ecs:CreateService":                {{ecsTasks, ofTaskDefinition}, {"ecs.amazonaws.com", member("Role")}},
	"ecs:UpdateService":                {{ecsTasks, ofTaskDefinition}},
	"ecs:CreateTaskSet":                {{ecsTasks, ofTaskDefinition}},
	"codedeploy:CreateDeploymentGroup": {{"codedeploy.amazonaws.com", member("ServiceRoleArn")}},
	"codedeploy:UpdateDeploymentGroup": {{"codedeploy.amazonaws.com", member("ServiceRoleArn")}},
	"iam:AddRoleToInstanceProfile":     {{"ec2.amazonaws.com", member("RoleName")}},
	"lambda:CreateFunction":            {{"lambda.amazonaws.com", member("Role")}},
}

const ecsTasks = "ecs-tasks.amazonaws.com"

func member(name string) func(*question) []string {
	return func(q *question) []string { return texts(q.in, name) }
}

// ofTaskDefinition are the roles of the task definition that the call names. One that is
// not found is the operation's to refuse.
func ofTaskDefinition(q *question) []string {
	named := texts(q.in, "TaskDefinition")
	if len(named) == 0 || q.a.TaskDefinitions == nil {
		return nil
	}
	out, err := q.a.TaskDefinitions.DescribeTaskDefinition(q.ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &named[0]})
	if err != nil {
		return nil
	}
	return []string{aws.ToString(out.TaskDefinition.TaskRoleArn), aws.ToString(out.TaskDefinition.ExecutionRoleArn)}
}

func ofOverrides(q *question) []string {
	o := inner(q.in, "Overrides")
	return append(texts(o, "TaskRoleArn"), texts(o, "ExecutionRoleArn")...)
}
