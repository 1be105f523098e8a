package codedeploy

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// deploymentsBy are the deployments that want wants, newest first.
func (s *Service) deploymentsBy(tx *store.Tx, want func(*deployment) bool) []deployment {
	var out []deployment
	for _, d := range s.t.deployments.All(tx, "") {
		if want(&d) {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b deployment) int { return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID)) })
	return out
}

// newest are the deployments of a group, newest first. A group that was deleted and made
// again has none of the old one's.
func (s *Service) newest(tx *store.Tx, g *types.DeploymentGroupInfo) []deployment {
	id := aws.ToString(g.DeploymentGroupId)
	return s.deploymentsBy(tx, func(d *deployment) bool { return aws.ToString(d.GroupInfo.DeploymentGroupId) == id })
}

// active is the deployment that runs in a group, "" for none.
func (s *Service) active(tx *store.Tx, g *types.DeploymentGroupInfo) string {
	for _, d := range s.newest(tx, g) {
		if !d.over() {
			return d.ID
		}
	}
	return ""
}

// CreateDeployment begins a deployment.
func (s *Service) CreateDeployment(ctx context.Context, in *codedeploy.CreateDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.CreateDeploymentOutput, error) {
	now := s.Clock.Now()
	d := deployment{
		ID: "d-" + ids.Upper(9), Status: types.DeploymentStatusCreated, Description: aws.ToString(in.Description), Creator: types.DeploymentCreatorUser,
		Created: now, PhaseAt: now, Updated: now, Phase: phaseStart,
	}
	var err error
	s.Store.View(func(tx *store.Tx) { err = s.compose(tx, &d, in) })
	if err != nil {
		return nil, err
	}
	if err := checkGradual(s.network(ctx, &d), types.DeploymentConfigInfo{TrafficRoutingConfig: &d.Routing}); err != nil {
		return nil, err
	}
	err = s.Store.Update(func(tx *store.Tx) error {
		if err := s.compose(tx, &d, in); err != nil { // meanwhile
			return err
		}
		if o := s.active(tx, &d.GroupInfo); o != "" {
			return &types.DeploymentLimitExceededException{Message: text("The Deployment Group '%s' already has an active Deployment '%s'", d.Group, o)}
		}
		s.register(tx, d.App, d.Revision, d.Content, "Application revision registered by Deployment ID: "+d.ID, now)
		s.t.deployments.Put(tx, d.ID, d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	select {
	case s.begin <- d.ID:
	case <-ctx.Done(): // resumed from the store
	}
	return &codedeploy.CreateDeploymentOutput{DeploymentId: &d.ID}, nil
}

// compose checks a request in AWS's order and fills in the deployment that it makes.
func (s *Service) compose(tx *store.Tx, d *deployment, in *codedeploy.CreateDeploymentInput) error {
	if err := checkApplicationName(in.ApplicationName); err != nil {
		return err
	}
	a, ok := s.t.apps.Get(tx, *in.ApplicationName)
	if !ok {
		return s.noApplications()
	}
	g, err := s.groupOf(tx, in.ApplicationName, in.DeploymentGroupName)
	if err != nil {
		return err
	}
	d.App, d.Group, d.GroupInfo = a.Name, *in.DeploymentGroupName, g.Info
	if a.Platform == types.ComputePlatformLambda {
		return &types.OperationNotSupportedException{Message: text("The local cloud does not deploy Lambda functions")}
	}
	if d.Revision, d.Content, err = s.composeRevision(tx, &a, in.Revision); err != nil {
		return err
	}
	if err := checkDescription(in.Description); err != nil {
		return err
	}
	d.Config = aws.ToString(cmp.Or(in.DeploymentConfigName, g.Info.DeploymentConfigName))
	c, err := s.configFor(tx, &d.Config, a.Platform)
	if err != nil {
		return err
	}
	if c.TrafficRoutingConfig != nil {
		d.Routing = *c.TrafficRoutingConfig
	}
	if a.Platform != types.ComputePlatformServer {
		if err := checkInstanceMembers(in); err != nil {
			return err
		}
	}
	d.AutoRollback, d.Alarms, d.AlarmsGiven = g.Info.AutoRollbackConfiguration, g.Info.AlarmConfiguration, in.OverrideAlarmConfiguration != nil
	given(&d.AutoRollback, in.AutoRollbackConfiguration)
	given(&d.Alarms, in.OverrideAlarmConfiguration)
	if err := checkAlarms(in.OverrideAlarmConfiguration); err != nil {
		return err
	}
	return checkRollback(in.AutoRollbackConfiguration)
}

// composeRevision is the revision of a new deployment with its content, as far as it is
// known: an object in S3 is read when the deployment starts.
func (s *Service) composeRevision(tx *store.Tx, a *application, in *types.RevisionLocation) (types.RevisionLocation, string, error) {
	loc, content, err := checkRevision(in, a.Platform)
	if err != nil || content != "" || !inlined(&loc) {
		return loc, content, err
	}
	r, ok := s.lookup(tx, a.Name, &loc)
	if !ok {
		return loc, "", noRevision()
	}
	return loc, r.Content, nil
}

// checkInstanceMembers refuses what is for instances only.
func checkInstanceMembers(in *codedeploy.CreateDeploymentInput) error {
	const only = "For Lambda, ECS and Kubernetes deployment, %s can not be specified"
	switch {
	case in.TargetInstances != nil:
		return &types.InvalidTargetInstancesException{Message: text(only, "targetInstances")}
	case in.FileExistsBehavior != "":
		return &types.InvalidFileExistsBehaviorException{Message: text(only, "fileExistsBehavior")}
	case in.UpdateOutdatedInstancesOnly:
		return &types.InvalidUpdateOutdatedInstancesOnlyValueException{Message: text(only, "updateOutdatedInstancesOnly")}
	case in.IgnoreApplicationStopFailures:
		return &types.InvalidIgnoreApplicationStopFailuresValueException{Message: text(only, "ignoreApplicationStopFailures")}
	}
	return nil
}

// network tells whether a gradual deployment would go through a network load balancer.
// What cannot be found out now is told when the deployment starts.
func (s *Service) network(ctx context.Context, d *deployment) bool {
	if d.GroupInfo.ComputePlatform != types.ComputePlatformEcs || d.Routing.Type == types.TrafficRoutingTypeAllAtOnce {
		return false
	}
	actx, err := s.assume(ctx, aws.ToString(d.GroupInfo.ServiceRoleArn))
	if err != nil {
		return false
	}
	network, err := s.checkPair(actx, &d.GroupInfo)
	return err == nil && network
}

func (s *Service) deploymentOf(tx *store.Tx, id *string) (deployment, error) {
	if err := checkDeploymentID(id); err != nil {
		return deployment{}, err
	}
	d, ok := s.t.deployments.Get(tx, *id)
	if !ok {
		return deployment{}, noDeployment(*id)
	}
	return d, nil
}

// view reads one deployment.
func (s *Service) view(id *string) (d deployment, err error) {
	s.Store.View(func(tx *store.Tx) { d, err = s.deploymentOf(tx, id) })
	return d, err
}

// GetDeployment describes a deployment.
func (s *Service) GetDeployment(_ context.Context, in *codedeploy.GetDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error) {
	d, err := s.view(in.DeploymentId)
	if err != nil {
		return nil, err
	}
	return &codedeploy.GetDeploymentOutput{DeploymentInfo: d.info()}, nil
}

// BatchGetDeployments describes up to 25 deployments; those that are not there are left out.
func (s *Service) BatchGetDeployments(_ context.Context, in *codedeploy.BatchGetDeploymentsInput, _ ...func(*codedeploy.Options)) (*codedeploy.BatchGetDeploymentsOutput, error) {
	if err := checkBatch(in.DeploymentIds, "deployment ids", 25, checkDeploymentID); err != nil {
		return nil, err
	}
	out := &codedeploy.BatchGetDeploymentsOutput{DeploymentsInfo: []types.DeploymentInfo{}}
	s.Store.View(func(tx *store.Tx) {
		for _, id := range in.DeploymentIds {
			if d, ok := s.t.deployments.Get(tx, id); ok {
				out.DeploymentsInfo = append(out.DeploymentsInfo, *d.info())
			}
		}
	})
	return out, nil
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (d *deployment) info() *types.DeploymentInfo {
	g := d.GroupInfo
	out := &types.DeploymentInfo{
		ApplicationName: &d.App, DeploymentGroupName: &d.Group, DeploymentId: &d.ID, DeploymentConfigName: &d.Config, Status: d.Status, Creator: d.Creator,
		CreateTime: when(d.Created), StartTime: when(d.Started), CompleteTime: when(d.Completed), Revision: &d.Revision, ErrorInformation: d.Error,
		AutoRollbackConfiguration: d.AutoRollback, RollbackInfo: d.Rollback, BlueGreenDeploymentConfiguration: g.BlueGreenDeploymentConfiguration,
		LoadBalancerInfo: g.LoadBalancerInfo, DeploymentStyle: g.DeploymentStyle, ComputePlatform: g.ComputePlatform, InstanceTerminationWaitTimeStarted: d.Waiting,
		FileExistsBehavior: types.FileExistsBehaviorDisallow, DeploymentStatusMessages: []string{},
	}
	if d.Description != "" {
		out.Description = &d.Description
	}
	if d.External != "" {
		out.ExternalId = &d.External
	}
	if d.AlarmsGiven {
		out.OverrideAlarmConfiguration = d.Alarms
	}
	if d.over() {
		out.DeploymentOverview = d.overview()
	}
	return out
}

func (d *deployment) overview() *types.DeploymentOverview {
	switch {
	case d.Service == "" && d.Undoes == "": // there was no target yet
		return &types.DeploymentOverview{}
	case d.Status == types.DeploymentStatusSucceeded:
		return &types.DeploymentOverview{Succeeded: 1}
	}
	return &types.DeploymentOverview{Failed: 1}
}

// checkList checks the filters of a list of deployments: a group needs its application and
// the other way round.
func (s *Service) checkList(tx *store.Tx, in *codedeploy.ListDeploymentsInput) error {
	for _, st := range in.IncludeOnlyStatuses {
		if !oneOf(st, st.Values()) {
			return &types.InvalidDeploymentStatusException{Message: text("The specified deployment status doesn't exist or cannot be determined: %s", st)}
		}
	}
	if r := in.CreateTimeRange; r != nil && r.Start != nil && r.End != nil && r.End.Before(*r.Start) {
		return &types.InvalidTimeRangeException{Message: text("The specified time range was specified in an invalid format: its end is before its start.")}
	}
	if in.ApplicationName == nil && in.DeploymentGroupName == nil {
		return nil
	}
	_, err := s.groupOf(tx, in.ApplicationName, in.DeploymentGroupName)
	return err
}

func listedDeployment(in *codedeploy.ListDeploymentsInput, d *deployment) bool {
	if in.ExternalId != nil && d.External != *in.ExternalId {
		return false
	}
	if len(in.IncludeOnlyStatuses) > 0 && !slices.Contains(in.IncludeOnlyStatuses, d.Status) {
		return false
	}
	if in.ApplicationName != nil && (d.App != *in.ApplicationName || d.Group != *in.DeploymentGroupName) {
		return false
	}
	r := in.CreateTimeRange
	return r == nil || ((r.Start == nil || !d.Created.Before(*r.Start)) && (r.End == nil || !d.Created.After(*r.End)))
}

// ListDeployments lists ids, newest first.
func (s *Service) ListDeployments(_ context.Context, in *codedeploy.ListDeploymentsInput, _ ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentsOutput, error) {
	all := []string{}
	var err error
	s.Store.View(func(tx *store.Tx) {
		if err = s.checkList(tx, in); err != nil {
			return
		}
		for _, d := range s.deploymentsBy(tx, func(d *deployment) bool { return listedDeployment(in, d) }) {
			all = append(all, d.ID)
		}
	})
	if err != nil {
		return nil, err
	}
	part, next, err := cut(all, itself, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &codedeploy.ListDeploymentsOutput{Deployments: part, NextToken: next}, nil
}
