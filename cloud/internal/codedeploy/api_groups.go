package codedeploy

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func (s *Service) groupOf(tx *store.Tx, app, name *string) (deploymentGroup, error) {
	if _, err := s.appOf(tx, app); err != nil {
		return deploymentGroup{}, err
	}
	if err := checkGroupName(name); err != nil {
		return deploymentGroup{}, err
	}
	g, ok := s.t.groups.Get(tx, groupKey(*app, *name))
	if !ok {
		return deploymentGroup{}, noGroup(*name)
	}
	return g, nil
}

// groupLimit is how many groups an application has at most.
const groupLimit = 1000

// newGroup checks the names of a group that shall be, and gives its application.
func (s *Service) newGroup(tx *store.Tx, app, name *string) (application, error) {
	a, err := s.appOf(tx, app)
	if err != nil {
		return a, err
	}
	if err := checkGroupName(name); err != nil {
		return a, err
	}
	if _, ok := s.t.groups.Get(tx, groupKey(a.Name, *name)); ok {
		return a, &types.DeploymentGroupAlreadyExistsException{Message: text("Deployment Group already exists: %s", *name)}
	}
	return a, nil
}

// CreateDeploymentGroup makes a group, checked in AWS's order.
func (s *Service) CreateDeploymentGroup(ctx context.Context, in *codedeploy.CreateDeploymentGroupInput, _ ...func(*codedeploy.Options)) (*codedeploy.CreateDeploymentGroupOutput, error) {
	info := types.DeploymentGroupInfo{
		ApplicationName: in.ApplicationName, DeploymentGroupName: in.DeploymentGroupName, DeploymentGroupId: aws.String(ids.UUID()), ServiceRoleArn: in.ServiceRoleArn,
		DeploymentConfigName: in.DeploymentConfigName, DeploymentStyle: in.DeploymentStyle, BlueGreenDeploymentConfiguration: in.BlueGreenDeploymentConfiguration,
		LoadBalancerInfo: in.LoadBalancerInfo, EcsServices: in.EcsServices, AutoRollbackConfiguration: in.AutoRollbackConfiguration, AlarmConfiguration: in.AlarmConfiguration,
		TriggerConfigurations: in.TriggerConfigurations, Ec2TagFilters: in.Ec2TagFilters, Ec2TagSet: in.Ec2TagSet, AutoScalingGroups: scalingGroups(in.AutoScalingGroups),
		OnPremisesInstanceTagFilters: in.OnPremisesInstanceTagFilters, OnPremisesTagSet: in.OnPremisesTagSet, OutdatedInstancesStrategy: in.OutdatedInstancesStrategy,
		TerminationHookEnabled: aws.ToBool(in.TerminationHookEnabled),
	}
	var a application
	var err error
	s.Store.View(func(tx *store.Tx) { a, err = s.newGroup(tx, in.ApplicationName, in.DeploymentGroupName) })
	if err != nil {
		return nil, err
	}
	info.ComputePlatform = a.Platform
	tags, err := tagged(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	if err := s.checkGroup(ctx, &info); err != nil {
		return nil, err
	}
	err = s.Store.Update(func(tx *store.Tx) error {
		if _, err := s.newGroup(tx, in.ApplicationName, in.DeploymentGroupName); err != nil { // meanwhile
			return err
		}
		n := 0
		for range s.t.groups.All(tx, a.Name+"\x00") {
			n++
		}
		if n >= groupLimit {
			return &types.DeploymentGroupLimitExceededException{Message: text("The deployment groups limit was exceeded: an application has at most %d", groupLimit)}
		}
		return s.putGroup(tx, deploymentGroup{Info: info, Tags: tags})
	})
	if err != nil {
		return nil, err
	}
	return &codedeploy.CreateDeploymentGroupOutput{DeploymentGroupId: info.DeploymentGroupId}, s.prepare(ctx, info)
}

func scalingGroups(names []string) []types.AutoScalingGroup {
	out := make([]types.AutoScalingGroup, len(names))
	for i := range names {
		out[i].Name = &names[i]
	}
	return out
}

// putGroup stores a group, if what it refers to is there still.
func (s *Service) putGroup(tx *store.Tx, g deploymentGroup) error {
	if _, err := s.configFor(tx, g.Info.DeploymentConfigName, g.Info.ComputePlatform); err != nil {
		return err
	}
	if err := s.checkMapping(tx, &g.Info); err != nil {
		return err
	}
	s.t.groups.Put(tx, groupKey(aws.ToString(g.Info.ApplicationName), aws.ToString(g.Info.DeploymentGroupName)), g)
	return nil
}

// UpdateDeploymentGroup changes what is given and leaves the rest. The whole is checked as
// if it were made anew.
func (s *Service) UpdateDeploymentGroup(ctx context.Context, in *codedeploy.UpdateDeploymentGroupInput, _ ...func(*codedeploy.Options)) (*codedeploy.UpdateDeploymentGroupOutput, error) {
	var g deploymentGroup
	var err error
	s.Store.View(func(tx *store.Tx) {
		if g, err = s.groupOf(tx, in.ApplicationName, in.CurrentDeploymentGroupName); err == nil && renamed(in) {
			_, err = s.newGroup(tx, in.ApplicationName, in.NewDeploymentGroupName)
		}
	})
	if err != nil {
		return nil, err
	}
	merge(&g.Info, in)
	if err := s.checkGroup(ctx, &g.Info); err != nil {
		return nil, err
	}
	active := ""
	err = s.Store.Update(func(tx *store.Tx) error {
		now, err := s.groupOf(tx, in.ApplicationName, in.CurrentDeploymentGroupName)
		if err != nil {
			return err
		}
		merge(&now.Info, in)
		if renamed(in) {
			if _, err := s.newGroup(tx, in.ApplicationName, in.NewDeploymentGroupName); err != nil {
				return err
			}
			s.moveGroup(tx, *in.ApplicationName, *in.CurrentDeploymentGroupName, *in.NewDeploymentGroupName)
		}
		active = s.active(tx, &now.Info)
		g = now
		return s.putGroup(tx, now)
	})
	if err != nil {
		return nil, err
	}
	out := &codedeploy.UpdateDeploymentGroupOutput{HooksNotCleanedUp: []types.AutoScalingGroup{}}
	if active != "" { // its traffic is not ours to touch
		return out, nil
	}
	return out, s.prepare(ctx, g.Info)
}

func renamed(in *codedeploy.UpdateDeploymentGroupInput) bool {
	return in.NewDeploymentGroupName != nil && *in.NewDeploymentGroupName != aws.ToString(in.CurrentDeploymentGroupName)
}

// given replaces a member that the input has.
func given[T any](old **T, v *T) {
	if v != nil {
		*old = v
	}
}

func givenList[T any](old *[]T, v []T) {
	if v != nil {
		*old = v
	}
}

func merge(g *types.DeploymentGroupInfo, in *codedeploy.UpdateDeploymentGroupInput) {
	given(&g.DeploymentGroupName, in.NewDeploymentGroupName)
	given(&g.ServiceRoleArn, in.ServiceRoleArn)
	given(&g.DeploymentConfigName, in.DeploymentConfigName)
	given(&g.DeploymentStyle, in.DeploymentStyle)
	given(&g.BlueGreenDeploymentConfiguration, in.BlueGreenDeploymentConfiguration)
	given(&g.LoadBalancerInfo, in.LoadBalancerInfo)
	given(&g.AutoRollbackConfiguration, in.AutoRollbackConfiguration)
	given(&g.AlarmConfiguration, in.AlarmConfiguration)
	given(&g.Ec2TagSet, in.Ec2TagSet)
	given(&g.OnPremisesTagSet, in.OnPremisesTagSet)
	givenList(&g.EcsServices, in.EcsServices)
	givenList(&g.TriggerConfigurations, in.TriggerConfigurations)
	givenList(&g.Ec2TagFilters, in.Ec2TagFilters)
	givenList(&g.OnPremisesInstanceTagFilters, in.OnPremisesInstanceTagFilters)
	if in.AutoScalingGroups != nil {
		g.AutoScalingGroups = scalingGroups(in.AutoScalingGroups)
	}
	if in.OutdatedInstancesStrategy != "" {
		g.OutdatedInstancesStrategy = in.OutdatedInstancesStrategy
	}
	if in.TerminationHookEnabled != nil {
		g.TerminationHookEnabled = *in.TerminationHookEnabled
	}
}

// moveGroup takes a group's deployments to its new name.
func (s *Service) moveGroup(tx *store.Tx, app, from, to string) {
	s.t.groups.Delete(tx, groupKey(app, from))
	for id, d := range s.t.deployments.All(tx, "") {
		if d.App == app && d.Group == from {
			d.Group = to
			s.t.deployments.Put(tx, id, d)
		}
	}
}

// prepare puts the unused group into the listener at weight 0 for gradual configurations,
// as CodeDeploy does when the group is made.
func (s *Service) prepare(ctx context.Context, g types.DeploymentGroupInfo) error {
	if g.ComputePlatform != types.ComputePlatformEcs {
		return nil
	}
	var c types.DeploymentConfigInfo
	var err error
	s.Store.View(func(tx *store.Tx) { c, err = s.configOf(tx, aws.ToString(g.DeploymentConfigName)) })
	if err != nil || c.TrafficRoutingConfig.Type == types.TrafficRoutingTypeAllAtOnce {
		return err
	}
	actx, err := s.assume(ctx, aws.ToString(g.ServiceRoleArn))
	if err != nil {
		return err
	}
	blue, green, _, err := s.colours(actx, &g)
	if err != nil {
		return nil // told when a deployment starts
	}
	prod := g.LoadBalancerInfo.TargetGroupPairInfoList[0].ProdTrafficRoute
	routes, err := s.routes(actx, prod, blue, green)
	if err != nil {
		return nil // likewise
	}
	for _, r := range routes {
		if w := weights(r.actions); !has(w, blue) || !has(w, green) {
			return s.shiftListeners(actx, prod, blue, green, 0)
		}
	}
	return nil
}

// describe is a group as the API shows it. Both wait times are always numbers: the AWS CLI
// and the GitHub action read them without looking.
func (s *Service) describeGroup(tx *store.Tx, g deploymentGroup) types.DeploymentGroupInfo {
	info := g.Info
	for _, d := range s.newest(tx, &g.Info) {
		last := &types.LastDeploymentInfo{DeploymentId: aws.String(d.ID), Status: d.Status, CreateTime: aws.Time(d.Created)}
		if d.over() {
			last.EndTime = aws.Time(d.Completed)
		}
		if info.LastAttemptedDeployment == nil {
			info.LastAttemptedDeployment = last
		}
		if d.Status == types.DeploymentStatusSucceeded && info.LastSuccessfulDeployment == nil {
			info.LastSuccessfulDeployment, info.TargetRevision = last, &d.Revision
		}
	}
	info.Ec2TagFilters, info.OnPremisesInstanceTagFilters = some(info.Ec2TagFilters), some(info.OnPremisesInstanceTagFilters)
	info.AutoScalingGroups, info.TriggerConfigurations = some(info.AutoScalingGroups), some(info.TriggerConfigurations)
	if info.ComputePlatform != types.ComputePlatformEcs {
		return info
	}
	bg := *info.BlueGreenDeploymentConfiguration
	if bg.DeploymentReadyOption == nil {
		bg.DeploymentReadyOption = &types.DeploymentReadyOption{ActionOnTimeout: types.DeploymentReadyActionContinueDeployment}
	}
	if bg.TerminateBlueInstancesOnDeploymentSuccess == nil {
		bg.TerminateBlueInstancesOnDeploymentSuccess = &types.BlueInstanceTerminationOption{Action: types.InstanceActionTerminate}
	}
	info.BlueGreenDeploymentConfiguration = &bg
	return info
}

// some is a list that is shown even when it is empty.
func some[T any](list []T) []T { return append([]T{}, list...) }

// GetDeploymentGroup describes a group.
func (s *Service) GetDeploymentGroup(_ context.Context, in *codedeploy.GetDeploymentGroupInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentGroupOutput, error) {
	var info types.DeploymentGroupInfo
	var err error
	s.Store.View(func(tx *store.Tx) {
		var g deploymentGroup
		if g, err = s.groupOf(tx, in.ApplicationName, in.DeploymentGroupName); err == nil {
			info = s.describeGroup(tx, g)
		}
	})
	if err != nil {
		return nil, err
	}
	return &codedeploy.GetDeploymentGroupOutput{DeploymentGroupInfo: &info}, nil
}

// BatchGetDeploymentGroups describes up to a hundred groups. Those that are not there are
// named in the answer's error message.
func (s *Service) BatchGetDeploymentGroups(_ context.Context, in *codedeploy.BatchGetDeploymentGroupsInput, _ ...func(*codedeploy.Options)) (*codedeploy.BatchGetDeploymentGroupsOutput, error) {
	out := &codedeploy.BatchGetDeploymentGroupsOutput{DeploymentGroupsInfo: []types.DeploymentGroupInfo{}}
	var missing []string
	var err error
	s.Store.View(func(tx *store.Tx) {
		if _, err = s.appOf(tx, in.ApplicationName); err != nil {
			return
		}
		if err = checkBatch(in.DeploymentGroupNames, "deployment group names", 100, checkGroupName); err != nil {
			return
		}
		for _, n := range in.DeploymentGroupNames {
			g, ok := s.t.groups.Get(tx, groupKey(*in.ApplicationName, n))
			if !ok {
				missing = append(missing, n)
				continue
			}
			out.DeploymentGroupsInfo = append(out.DeploymentGroupsInfo, s.describeGroup(tx, g))
		}
	})
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		out.ErrorMessage = text("No Deployment Group found for name: %s", strings.Join(missing, ", "))
	}
	return out, nil
}

// ListDeploymentGroups lists names.
func (s *Service) ListDeploymentGroups(_ context.Context, in *codedeploy.ListDeploymentGroupsInput, _ ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentGroupsOutput, error) {
	names := []string{}
	var err error
	s.Store.View(func(tx *store.Tx) {
		if _, err = s.appOf(tx, in.ApplicationName); err != nil {
			return
		}
		for _, g := range s.t.groups.All(tx, *in.ApplicationName+"\x00") {
			names = append(names, aws.ToString(g.Info.DeploymentGroupName))
		}
	})
	if err != nil {
		return nil, err
	}
	part, next, err := cut(names, itself, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &codedeploy.ListDeploymentGroupsOutput{ApplicationName: in.ApplicationName, DeploymentGroups: part, NextToken: next}, nil
}

// DeleteDeploymentGroup removes a group, if it is there. A deployment that runs in it fails
// for want of it.
func (s *Service) DeleteDeploymentGroup(_ context.Context, in *codedeploy.DeleteDeploymentGroupInput, _ ...func(*codedeploy.Options)) (*codedeploy.DeleteDeploymentGroupOutput, error) {
	if err := checkApplicationName(in.ApplicationName); err != nil {
		return nil, err
	}
	if err := checkGroupName(in.DeploymentGroupName); err != nil {
		return nil, err
	}
	active := ""
	err := s.Store.Update(func(tx *store.Tx) error {
		key := groupKey(*in.ApplicationName, *in.DeploymentGroupName)
		if g, ok := s.t.groups.Get(tx, key); ok {
			active = s.active(tx, &g.Info)
			s.t.groups.Delete(tx, key)
		}
		return nil
	})
	if active != "" {
		s.poke(active)
	}
	return &codedeploy.DeleteDeploymentGroupOutput{HooksNotCleanedUp: []types.AutoScalingGroup{}}, err
}
