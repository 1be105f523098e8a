package codedeploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const predefinedPrefix = "CodeDeployDefault."

// defaultConfig is what a group of the ECS platform gets that names no configuration.
const defaultConfig = predefinedPrefix + "ECSAllAtOnce"

// predefined are AWS's seventeen configurations, by name.
var predefined = predefine()

func predefine() map[string]types.DeploymentConfigInfo {
	out := map[string]types.DeploymentConfigInfo{}
	add := func(name string, p types.ComputePlatform, r *types.TrafficRoutingConfig, h *types.MinimumHealthyHosts) {
		name = predefinedPrefix + name
		out[name] = types.DeploymentConfigInfo{
			DeploymentConfigName: &name, DeploymentConfigId: text("00000000-0000-0000-0000-%012d", len(out)+1), ComputePlatform: p, TrafficRoutingConfig: r, MinimumHealthyHosts: h,
		}
	}
	hosts := func(t types.MinimumHealthyHostsType, n int32) *types.MinimumHealthyHosts {
		return &types.MinimumHealthyHosts{Type: t, Value: n}
	}
	add("OneAtATime", types.ComputePlatformServer, nil, hosts(types.MinimumHealthyHostsTypeHostCount, 1))
	add("HalfAtATime", types.ComputePlatformServer, nil, hosts(types.MinimumHealthyHostsTypeFleetPercent, 50))
	add("AllAtOnce", types.ComputePlatformServer, nil, hosts(types.MinimumHealthyHostsTypeHostCount, 0))
	for _, p := range []struct {
		platform       types.ComputePlatform
		prefix         string
		canary, linear []int32
	}{
		{types.ComputePlatformEcs, "ECS", []int32{5, 15}, []int32{1, 3}},
		{types.ComputePlatformLambda, "Lambda", []int32{5, 10, 15, 30}, []int32{1, 2, 3, 10}},
	} {
		add(p.prefix+"AllAtOnce", p.platform, &types.TrafficRoutingConfig{Type: types.TrafficRoutingTypeAllAtOnce}, nil)
		for _, m := range p.canary {
			add(fmt.Sprintf("%sCanary10Percent%dMinutes", p.prefix, m), p.platform, &types.TrafficRoutingConfig{
				Type: types.TrafficRoutingTypeTimeBasedCanary, TimeBasedCanary: &types.TimeBasedCanary{CanaryPercentage: 10, CanaryInterval: m},
			}, nil)
		}
		for _, m := range p.linear {
			unit := "Minutes"
			if m == 1 && p.platform == types.ComputePlatformLambda { // only Lambda's is in the singular
				unit = "Minute"
			}
			add(fmt.Sprintf("%sLinear10PercentEvery%d%s", p.prefix, m, unit), p.platform, &types.TrafficRoutingConfig{
				Type: types.TrafficRoutingTypeTimeBasedLinear, TimeBasedLinear: &types.TimeBasedLinear{LinearPercentage: 10, LinearInterval: m},
			}, nil)
		}
	}
	return out
}

func (s *Service) configOf(tx *store.Tx, name string) (types.DeploymentConfigInfo, error) {
	if c, ok := predefined[name]; ok {
		return c, nil
	}
	c, ok := s.t.configs.Get(tx, name)
	if !ok {
		return types.DeploymentConfigInfo{}, noConfig(name)
	}
	return c.Info, nil
}

// configFor is a configuration that groups of a platform may use.
func (s *Service) configFor(tx *store.Tx, name *string, p types.ComputePlatform) (types.DeploymentConfigInfo, error) {
	if err := checkConfigName(name); err != nil {
		return types.DeploymentConfigInfo{}, err
	}
	c, err := s.configOf(tx, *name)
	if err == nil && c.ComputePlatform != p {
		return c, &types.InvalidDeploymentConfigNameException{Message: text("The deployment configuration %s is for the compute platform %s, the application for %s", *name, c.ComputePlatform, p)}
	}
	return c, err
}

// GetDeploymentConfig describes a configuration.
func (s *Service) GetDeploymentConfig(_ context.Context, in *codedeploy.GetDeploymentConfigInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentConfigOutput, error) {
	if err := checkConfigName(in.DeploymentConfigName); err != nil {
		return nil, err
	}
	var c types.DeploymentConfigInfo
	var err error
	s.Store.View(func(tx *store.Tx) { c, err = s.configOf(tx, *in.DeploymentConfigName) })
	if err != nil {
		return nil, err
	}
	return &codedeploy.GetDeploymentConfigOutput{DeploymentConfigInfo: &c}, nil
}

// ListDeploymentConfigs lists names, the predefined ones with them.
func (s *Service) ListDeploymentConfigs(_ context.Context, in *codedeploy.ListDeploymentConfigsInput, _ ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentConfigsOutput, error) {
	var names []string
	for n := range predefined {
		names = append(names, n)
	}
	s.Store.View(func(tx *store.Tx) {
		for n := range s.t.configs.All(tx, "") {
			names = append(names, n)
		}
	})
	slices.Sort(names)
	part, next, err := cut(names, itself, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &codedeploy.ListDeploymentConfigsOutput{DeploymentConfigsList: part, NextToken: next}, nil
}

// configLimit is how many custom configurations an account has at most.
const configLimit = 200

// CreateDeploymentConfig makes a custom configuration.
func (s *Service) CreateDeploymentConfig(_ context.Context, in *codedeploy.CreateDeploymentConfigInput, _ ...func(*codedeploy.Options)) (*codedeploy.CreateDeploymentConfigOutput, error) {
	info, err := newConfig(in)
	if err != nil {
		return nil, err
	}
	info.CreateTime = aws.Time(s.Clock.Now())
	err = s.Store.Update(func(tx *store.Tx) error {
		if _, err := s.configOf(tx, *info.DeploymentConfigName); err == nil {
			return &types.DeploymentConfigAlreadyExistsException{Message: text("Deployment Configuration already exists: %s", *info.DeploymentConfigName)}
		}
		n := 0
		for range s.t.configs.All(tx, "") {
			n++
		}
		if n >= configLimit {
			return &types.DeploymentConfigLimitExceededException{Message: text("The deployment configurations limit was exceeded: an account has at most %d", configLimit)}
		}
		s.t.configs.Put(tx, *info.DeploymentConfigName, config{info})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &codedeploy.CreateDeploymentConfigOutput{DeploymentConfigId: info.DeploymentConfigId}, nil
}

func newConfig(in *codedeploy.CreateDeploymentConfigInput) (types.DeploymentConfigInfo, error) {
	info := types.DeploymentConfigInfo{
		DeploymentConfigName: in.DeploymentConfigName, DeploymentConfigId: aws.String(ids.UUID()), ComputePlatform: in.ComputePlatform,
		TrafficRoutingConfig: in.TrafficRoutingConfig, MinimumHealthyHosts: in.MinimumHealthyHosts, ZonalConfig: in.ZonalConfig,
	}
	if info.ComputePlatform == "" {
		info.ComputePlatform = types.ComputePlatformServer
	}
	if err := checkConfigName(in.DeploymentConfigName); err != nil {
		return info, err
	}
	if strings.HasPrefix(*in.DeploymentConfigName, predefinedPrefix) {
		return info, &types.InvalidDeploymentConfigNameException{Message: text("Deployment Configuration name %s is invalid: the prefix %s is reserved", *in.DeploymentConfigName, predefinedPrefix)}
	}
	switch info.ComputePlatform {
	case types.ComputePlatformServer:
		return info, checkHosts(in)
	case types.ComputePlatformEcs, types.ComputePlatformLambda:
		if in.MinimumHealthyHosts != nil {
			return info, &types.InvalidMinimumHealthyHostValueException{Message: text("For %s deployment configurations, minimumHealthyHosts can not be specified", info.ComputePlatform)}
		}
		if in.ZonalConfig != nil {
			return info, &types.InvalidZonalDeploymentConfigurationException{Message: text("For %s deployment configurations, zonalConfig can not be specified", info.ComputePlatform)}
		}
		return info, checkRouting(in.TrafficRoutingConfig)
	}
	return info, invalidPlatform()
}

func checkHosts(in *codedeploy.CreateDeploymentConfigInput) error {
	h := in.MinimumHealthyHosts
	if in.TrafficRoutingConfig != nil {
		return badRouting("For Server deployment configurations, trafficRoutingConfig can not be specified")
	}
	if h == nil || !oneOf(h.Type, h.Type.Values()) || h.Value < 0 || (h.Type == types.MinimumHealthyHostsTypeFleetPercent && h.Value > 100) {
		return &types.InvalidMinimumHealthyHostValueException{Message: text("The minimum healthy instance value is invalid: give the type HOST_COUNT or FLEET_PERCENT and a value in its range")}
	}
	return nil
}

func badRouting(format string, args ...any) error {
	return &types.InvalidTrafficRoutingConfigurationException{Message: text(format, args...)}
}

// longestShift is how long all traffic has to have moved in, in minutes.
const longestShift = 2880

// checkRouting checks how a configuration shifts traffic: exactly the body of its type, a
// share of 1 to 99 percent, steps of a minute or more, and two days in all.
func checkRouting(r *types.TrafficRoutingConfig) error {
	if r == nil {
		return badRouting("trafficRoutingConfig must be specified")
	}
	var kind string
	var percentage, interval, steps int32
	switch {
	case r.Type == types.TrafficRoutingTypeAllAtOnce:
		if r.TimeBasedCanary != nil || r.TimeBasedLinear != nil {
			return badRouting("For the type AllAtOnce, neither timeBasedCanary nor timeBasedLinear can be specified")
		}
		return nil
	case r.Type == types.TrafficRoutingTypeTimeBasedCanary && r.TimeBasedCanary != nil && r.TimeBasedLinear == nil:
		kind, percentage, interval, steps = "canary", r.TimeBasedCanary.CanaryPercentage, r.TimeBasedCanary.CanaryInterval, 1
	case r.Type == types.TrafficRoutingTypeTimeBasedLinear && r.TimeBasedLinear != nil && r.TimeBasedCanary == nil:
		kind, percentage, interval = "linear", r.TimeBasedLinear.LinearPercentage, r.TimeBasedLinear.LinearInterval
		steps = (100+max(percentage, 1)-1)/max(percentage, 1) - 1
	case !oneOf(r.Type, r.Type.Values()):
		return badRouting("The type of trafficRoutingConfig must be AllAtOnce, TimeBasedCanary or TimeBasedLinear")
	default:
		return badRouting("For the type %s, exactly the configuration of that type must be specified", r.Type)
	}
	switch {
	case percentage < 1 || percentage > 99:
		return badRouting("The %s percentage must be between 1 and 99: %d", kind, percentage)
	case interval < 1:
		return badRouting("The %s interval must be at least 1 minute: %d", kind, interval)
	case int64(interval)*int64(steps) > longestShift:
		return badRouting("The %s deployment would take %d minutes; at most %d are allowed", kind, int64(interval)*int64(steps), longestShift)
	}
	return nil
}

// DeleteDeploymentConfig removes a custom configuration that no group and no running
// deployment uses. One that is not there is none's concern.
func (s *Service) DeleteDeploymentConfig(_ context.Context, in *codedeploy.DeleteDeploymentConfigInput, _ ...func(*codedeploy.Options)) (*codedeploy.DeleteDeploymentConfigOutput, error) {
	if err := checkConfigName(in.DeploymentConfigName); err != nil {
		return nil, err
	}
	name := *in.DeploymentConfigName
	if strings.HasPrefix(name, predefinedPrefix) {
		return nil, &types.InvalidOperationException{Message: text("The predefined deployment configuration %s can not be deleted", name)}
	}
	return &codedeploy.DeleteDeploymentConfigOutput{}, s.Store.Update(func(tx *store.Tx) error {
		inUse := &types.DeploymentConfigInUseException{Message: text("The deployment configuration %s is still in use", name)}
		for _, g := range s.t.groups.All(tx, "") {
			if aws.ToString(g.Info.DeploymentConfigName) == name {
				return inUse
			}
		}
		for _, d := range s.t.deployments.All(tx, "") {
			if d.Config == name && !d.over() {
				return inUse
			}
		}
		s.t.configs.Delete(tx, name)
		return nil
	})
}
