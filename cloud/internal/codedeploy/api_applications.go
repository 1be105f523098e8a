package codedeploy

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func (s *Service) appOf(tx *store.Tx, name *string) (application, error) {
	n := aws.ToString(name)
	if n == "" {
		return application{}, &types.ApplicationNameRequiredException{Message: aws.String("Application name must be specified")}
	}
	a, ok := s.t.apps.Get(tx, n)
	if !ok {
		return application{}, &types.ApplicationDoesNotExistException{Message: aws.String("No application found for name: " + n)}
	}
	return a, nil
}

// CreateApplication makes an application.
func (s *Service) CreateApplication(_ context.Context, in *codedeploy.CreateApplicationInput, _ ...func(*codedeploy.Options)) (*codedeploy.CreateApplicationOutput, error) {
	name := aws.ToString(in.ApplicationName)
	if name == "" {
		return nil, &types.ApplicationNameRequiredException{Message: aws.String("Application name must be specified")}
	}
	a := application{ID: ids.UUID(), Name: name, Platform: in.ComputePlatform, Created: s.Clock.Now(), Tags: in.Tags}
	if a.Platform == "" {
		a.Platform = types.ComputePlatformServer
	}
	return &codedeploy.CreateApplicationOutput{ApplicationId: &a.ID}, s.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.t.apps.Get(tx, name); ok {
			return &types.ApplicationAlreadyExistsException{Message: aws.String("Application already exists: " + name)}
		}
		s.t.apps.Put(tx, name, a)
		return nil
	})
}

// GetApplication describes an application.
func (s *Service) GetApplication(_ context.Context, in *codedeploy.GetApplicationInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetApplicationOutput, error) {
	var a application
	var err error
	s.Store.View(func(tx *store.Tx) { a, err = s.appOf(tx, in.ApplicationName) })
	if err != nil {
		return nil, err
	}
	return &codedeploy.GetApplicationOutput{Application: &types.ApplicationInfo{
		ApplicationId: &a.ID, ApplicationName: &a.Name, CreateTime: &a.Created, ComputePlatform: a.Platform,
	}}, nil
}

// ListApplications lists names.
func (s *Service) ListApplications(context.Context, *codedeploy.ListApplicationsInput, ...func(*codedeploy.Options)) (*codedeploy.ListApplicationsOutput, error) {
	out := &codedeploy.ListApplicationsOutput{Applications: []string{}}
	s.Store.View(func(tx *store.Tx) {
		for n := range s.t.apps.All(tx, "") {
			out.Applications = append(out.Applications, n)
		}
	})
	return out, nil
}

// DeleteApplication removes an application with its groups.
func (s *Service) DeleteApplication(_ context.Context, in *codedeploy.DeleteApplicationInput, _ ...func(*codedeploy.Options)) (*codedeploy.DeleteApplicationOutput, error) {
	n := aws.ToString(in.ApplicationName)
	return &codedeploy.DeleteApplicationOutput{}, s.Store.Update(func(tx *store.Tx) error {
		s.t.apps.Delete(tx, n)
		for k := range s.t.groups.All(tx, n+"\x00") {
			s.t.groups.Delete(tx, k)
		}
		return nil
	})
}

// predefined are AWS's configurations for ECS.
func predefined() map[string]types.TrafficRoutingConfig {
	out := map[string]types.TrafficRoutingConfig{"CodeDeployDefault.ECSAllAtOnce": {Type: types.TrafficRoutingTypeAllAtOnce}}
	for _, m := range []int32{5, 15} {
		out[fmt.Sprintf("CodeDeployDefault.ECSCanary10Percent%dMinutes", m)] = types.TrafficRoutingConfig{
			Type: types.TrafficRoutingTypeTimeBasedCanary, TimeBasedCanary: &types.TimeBasedCanary{CanaryPercentage: 10, CanaryInterval: m},
		}
	}
	for _, m := range []int32{1, 3} {
		out[fmt.Sprintf("CodeDeployDefault.ECSLinear10PercentEvery%dMinutes", m)] = types.TrafficRoutingConfig{
			Type: types.TrafficRoutingTypeTimeBasedLinear, TimeBasedLinear: &types.TimeBasedLinear{LinearPercentage: 10, LinearInterval: m},
		}
	}
	return out
}

func (s *Service) configOf(tx *store.Tx, name string) (types.DeploymentConfigInfo, error) {
	if r, ok := predefined()[name]; ok {
		return types.DeploymentConfigInfo{DeploymentConfigName: &name, DeploymentConfigId: aws.String("00000000-0000-0000-0000-000000000000"), ComputePlatform: types.ComputePlatformEcs, TrafficRoutingConfig: &r}, nil
	}
	c, ok := s.t.configs.Get(tx, name)
	if !ok {
		return types.DeploymentConfigInfo{}, &types.DeploymentConfigDoesNotExistException{Message: aws.String("No deployment configuration found for name: " + name)}
	}
	return c.Info, nil
}

// GetDeploymentConfig describes a configuration.
func (s *Service) GetDeploymentConfig(_ context.Context, in *codedeploy.GetDeploymentConfigInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentConfigOutput, error) {
	var c types.DeploymentConfigInfo
	var err error
	s.Store.View(func(tx *store.Tx) { c, err = s.configOf(tx, aws.ToString(in.DeploymentConfigName)) })
	if err != nil {
		return nil, err
	}
	return &codedeploy.GetDeploymentConfigOutput{DeploymentConfigInfo: &c}, nil
}

// ListDeploymentConfigs lists names.
func (s *Service) ListDeploymentConfigs(context.Context, *codedeploy.ListDeploymentConfigsInput, ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentConfigsOutput, error) {
	out := &codedeploy.ListDeploymentConfigsOutput{}
	for n := range predefined() {
		out.DeploymentConfigsList = append(out.DeploymentConfigsList, n)
	}
	s.Store.View(func(tx *store.Tx) {
		for n := range s.t.configs.All(tx, "") {
			out.DeploymentConfigsList = append(out.DeploymentConfigsList, n)
		}
	})
	return out, nil
}

// CreateDeploymentConfig makes a custom configuration.
func (s *Service) CreateDeploymentConfig(_ context.Context, in *codedeploy.CreateDeploymentConfigInput, _ ...func(*codedeploy.Options)) (*codedeploy.CreateDeploymentConfigOutput, error) {
	name := aws.ToString(in.DeploymentConfigName)
	info := types.DeploymentConfigInfo{DeploymentConfigName: &name, DeploymentConfigId: aws.String(ids.UUID()), ComputePlatform: in.ComputePlatform, TrafficRoutingConfig: in.TrafficRoutingConfig, CreateTime: aws.Time(s.Clock.Now())}
	return &codedeploy.CreateDeploymentConfigOutput{DeploymentConfigId: info.DeploymentConfigId}, s.Store.Update(func(tx *store.Tx) error {
		if _, err := s.configOf(tx, name); err == nil {
			return &types.DeploymentConfigAlreadyExistsException{Message: aws.String("Deployment configuration already exists: " + name)}
		}
		s.t.configs.Put(tx, name, config{info})
		return nil
	})
}
