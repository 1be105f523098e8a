// Package survey reads what a running service stands on, its task definition, load
// balancer and CodeDeploy group, and describes it as a turnout.yml does. It changes
// nothing.
//
// What a turnout.yml has no words for is noted, never passed over: NLBs, further
// listeners of the group, target groups that differ from each other.
package survey

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/pipeline/locate"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// Survey is what was found.
type Survey struct {
	Config         *config.Config
	Account        string // the service's
	TaskDefinition []byte // as registering wants it, JSON, with <IMAGE> for the container's image
	Container      string // behind the load balancer, "" without one
	Port           int    // that it listens on
	Certificate    string // ARN of the production listener's, "" for HTTP
	Protocol       string // of the production listener, "" without one
	PublicIP       bool
	LoadBalancer   []string // its subnets
	Notes          []string // what a turnout.yml cannot say

	pair []string // ARN of the target group, of a service that CodeDeploy does not deploy
}

// Read surveys the service that c names; what it finds is put into c.
func Read(ctx context.Context, clients *awsclient.Clients, c *config.Config, report run.Reporter) (*Survey, error) {
	if c.CodeDeploy.Application == "" {
		c.CodeDeploy.Application = "AppECS-" + c.Cluster + "-" + c.Service
	}
	if c.CodeDeploy.Group == "" {
		c.CodeDeploy.Group = "DgpECS-" + c.Cluster + "-" + c.Service
	}
	named := c.CodeDeploy.Named
	c.CodeDeploy.Named = false // the service itself is wanted too
	r := &run.Run{Config: c, AWS: clients, Report: report, Options: run.Options{IfActive: run.Wait}}
	err := locate.Stage{}.Check(ctx, r)
	c.CodeDeploy.Named = named
	if err != nil {
		return nil, err
	}
	s := &Survey{Config: c}
	c.Region = clients.Region
	s.service(r.Service)
	if err := s.taskDefinition(ctx, clients, r.Service); err != nil {
		return nil, fmt.Errorf("read task definition: %w", err)
	}
	if r.Group != nil {
		s.group(r.Group)
	} else {
		s.note("the service is rolling (controller ECS): blue/green by CodeDeploy needs a new service, since the controller cannot be changed")
	}
	if err := s.balancer(ctx, clients, r); err != nil {
		return nil, fmt.Errorf("read load balancer: %w", err)
	}
	return s, nil
}

func (s *Survey) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// service takes over what ECS knows of the service.
func (s *Survey) service(svc *types.Service) {
	in := &s.Config.Infrastructure
	if parts := strings.Split(aws.ToString(svc.ServiceArn), ":"); len(parts) > 4 {
		s.Account = parts[4]
	}
	in.DesiredCount = max(1, int(svc.DesiredCount))
	if svc.DesiredCount == 0 {
		s.note("the service is scaled to no tasks: desired_count is written as 1")
	}
	in.HealthGrace = time.Duration(aws.ToInt32(svc.HealthCheckGracePeriodSeconds)) * time.Second
	launch, network, lbs := svc.LaunchType, svc.NetworkConfiguration, svc.LoadBalancers
	strategy := svc.CapacityProviderStrategy
	for _, set := range svc.TaskSets {
		if aws.ToString(set.Status) != "PRIMARY" {
			continue
		}
		if launch == "" {
			launch = set.LaunchType
		}
		if network == nil {
			network = set.NetworkConfiguration
		}
		if len(set.LoadBalancers) > 0 {
			lbs = set.LoadBalancers
		}
		strategy = append(strategy, set.CapacityProviderStrategy...)
	}
	if len(strategy) > 0 {
		s.note("capacity provider %s: the local cloud starts tasks as with FARGATE", aws.ToString(strategy[0].CapacityProvider))
	} else {
		in.LaunchType = string(launch)
	}
	if network != nil && network.AwsvpcConfiguration != nil {
		in.Subnets, in.SecurityGroups = network.AwsvpcConfiguration.Subnets, network.AwsvpcConfiguration.SecurityGroups
		s.PublicIP = network.AwsvpcConfiguration.AssignPublicIp == types.AssignPublicIpEnabled
	}
	if len(lbs) > 0 {
		s.Container, s.Port = aws.ToString(lbs[0].ContainerName), int(aws.ToInt32(lbs[0].ContainerPort))
		s.pair = []string{aws.ToString(lbs[0].TargetGroupArn)}
	}
	if len(lbs) > 1 {
		s.note("the service stands behind %d target groups: the one of %s:%d is described", len(lbs), s.Container, s.Port)
	}
}

// taskDefinition takes over the revision that serves, whatever fields it has.
func (s *Survey) taskDefinition(ctx context.Context, clients *awsclient.Clients, svc *types.Service) error {
	arn := aws.ToString(svc.TaskDefinition)
	for _, set := range svc.TaskSets {
		if aws.ToString(set.Status) == "PRIMARY" {
			arn = aws.ToString(set.TaskDefinition)
		}
	}
	_, doc, err := awsclient.DescribeTaskDefinition(ctx, clients.ECS(), arn)
	if err != nil {
		return err
	}
	td, err := taskdef.Parse(arn, doc)
	if err != nil {
		return err
	}
	if s.Container == "" && len(td.Containers()) > 0 {
		s.Container = td.Containers()[0]
	}
	image, err := td.Image(s.Container)
	if err != nil {
		return err
	}
	if repository, ok := repositoryOf(image); ok {
		s.Config.Image.Repository = repository
	} else {
		s.note("the image %s is not of ECR: image.repository stays the service's name", image)
	}
	if err := td.SetImage(s.Container, "<IMAGE>"); err != nil {
		return err
	}
	if _, err := td.StripReadOnly(); err != nil {
		return err
	}
	return s.write(td)
}

// write keeps the definition without the empty lists that ECS adds.
func (s *Survey) write(td *taskdef.TaskDefinition) error {
	doc, err := td.JSON()
	if err != nil {
		return err
	}
	var fields map[string]any
	in := json.NewDecoder(bytes.NewReader(doc))
	in.UseNumber()
	if err := in.Decode(&fields); err != nil {
		return err
	}
	unlist(fields)
	if containers, ok := fields["containerDefinitions"].([]any); ok {
		for _, c := range containers {
			if m, ok := c.(map[string]any); ok {
				unlist(m)
			}
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err = enc.Encode(fields)
	s.TaskDefinition = out.Bytes()
	return err
}

// unlist leaves empty lists out.
func unlist(m map[string]any) {
	for name, v := range m {
		if l, ok := v.([]any); ok && len(l) == 0 {
			delete(m, name)
		}
	}
}

// repositoryOf is the repository's name in ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG.
func repositoryOf(image string) (string, bool) {
	host, name, ok := strings.Cut(image, "/")
	if !ok || !strings.Contains(host, ".dkr.ecr") && !strings.Contains(host, ".dkr-ecr") {
		return "", false
	}
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ":")
	return name, true
}

// group takes over what CodeDeploy knows of the service.
func (s *Survey) group(g *cdtypes.DeploymentGroupInfo) {
	in, cd := &s.Config.Infrastructure, &s.Config.CodeDeploy
	cd.Application, cd.Group = aws.ToString(g.ApplicationName), aws.ToString(g.DeploymentGroupName)
	in.DeploymentConfig = aws.ToString(g.DeploymentConfigName)
	if !strings.HasPrefix(in.DeploymentConfig, "CodeDeployDefault.") {
		s.note("the deployment configuration %s is your own: make it in the local cloud with `aws deploy create-deployment-config`", in.DeploymentConfig)
	}
	in.Rollback = []string{}
	if a := g.AutoRollbackConfiguration; a != nil && a.Enabled {
		for _, e := range a.Events {
			in.Rollback = append(in.Rollback, string(e))
		}
	}
	if bg := g.BlueGreenDeploymentConfiguration; bg != nil {
		in.TerminationWait, in.ReadyWait = 0, 0
		if t := bg.TerminateBlueInstancesOnDeploymentSuccess; t != nil {
			in.TerminationWait = time.Duration(t.TerminationWaitTimeInMinutes) * time.Minute
		}
		if o := bg.DeploymentReadyOption; o != nil && o.ActionOnTimeout == cdtypes.DeploymentReadyActionStopDeployment {
			in.ReadyWait = time.Duration(o.WaitTimeInMinutes) * time.Minute
		}
	}
	if _, name, ok := strings.Cut(aws.ToString(g.ServiceRoleArn), ":role/"); ok {
		in.Roles.CodeDeploy = name
	}
	if a := g.AlarmConfiguration; a != nil && a.Enabled && len(a.Alarms) > 0 {
		s.note("%d alarms stop this group's deployments: they are not in turnout.yml", len(a.Alarms))
	}
	if len(g.TriggerConfigurations) > 0 {
		s.note("%d notification triggers of the group are not in turnout.yml", len(g.TriggerConfigurations))
	}
}
