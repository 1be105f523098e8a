package codedeploy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// newest are the deployments of a group, newest first.
func (s *Service) newest(tx *store.Tx, app, group string) []deployment {
	var out []deployment
	for _, d := range s.t.deployments.All(tx, "") {
		if (app == "" || d.App == app) && (group == "" || d.Group == group) {
			out = append(out, d)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Created.After(out[j].Created) })
	return out
}

func (s *Service) content(in *types.RevisionLocation) (string, error) {
	if in == nil {
		return "", &types.RevisionRequiredException{Message: aws.String("RevisionLocation must be specified")}
	}
	var text, sum string
	switch {
	case in.AppSpecContent != nil:
		text, sum = aws.ToString(in.AppSpecContent.Content), aws.ToString(in.AppSpecContent.Sha256)
	case in.String_ != nil:
		text, sum = aws.ToString(in.String_.Content), aws.ToString(in.String_.Sha256)
	default:
		return "", &types.InvalidRevisionException{Message: aws.String("Revision type is not supported for the ECS compute platform")}
	}
	h := sha256.Sum256([]byte(text))
	if sum != "" && sum != hex.EncodeToString(h[:]) {
		return "", &types.InvalidRevisionException{Message: aws.String("The sha256 of the revision does not match its content")}
	}
	return text, nil
}

// CreateDeployment begins a deployment.
func (s *Service) CreateDeployment(_ context.Context, in *codedeploy.CreateDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.CreateDeploymentOutput, error) {
	d := deployment{ID: "d-" + ids.Upper(9), App: aws.ToString(in.ApplicationName), Group: aws.ToString(in.DeploymentGroupName), Status: types.DeploymentStatusCreated, Description: aws.ToString(in.Description), Creator: types.DeploymentCreatorUser, Created: s.Clock.Now(), Phase: "start"}
	d.PhaseAt, d.Updated = d.Created, d.Created
	err := s.Store.Update(func(tx *store.Tx) error {
		g, err := s.groupOf(tx, in.ApplicationName, in.DeploymentGroupName)
		if err != nil {
			return err
		}
		text, err := s.content(in.Revision)
		if err != nil {
			return err
		}
		for _, o := range s.newest(tx, d.App, d.Group) {
			if !o.over() {
				return &types.DeploymentLimitExceededException{Message: aws.String(fmt.Sprintf("The Deployment Group '%s' already has an active Deployment '%s'", d.Group, o.ID))}
			}
		}
		d.Config = aws.ToString(g.Info.DeploymentConfigName)
		if in.DeploymentConfigName != nil {
			d.Config = *in.DeploymentConfigName
		}
		c, err := s.configOf(tx, d.Config)
		if err != nil {
			return err
		}
		d.Routing, d.GroupInfo, d.AutoRollback, d.Alarms = *c.TrafficRoutingConfig, g.Info, g.Info.AutoRollbackConfiguration, g.Info.AlarmConfiguration
		if in.AutoRollbackConfiguration != nil {
			d.AutoRollback = in.AutoRollbackConfiguration
		}
		if in.OverrideAlarmConfiguration != nil {
			d.Alarms, d.AlarmsGiven = in.OverrideAlarmConfiguration, true
		}
		d.Content = text
		h := sha256.Sum256([]byte(text))
		sum := hex.EncodeToString(h[:])
		d.Revision = types.RevisionLocation{RevisionType: in.Revision.RevisionType, AppSpecContent: &types.AppSpecContent{Sha256: &sum}}
		s.t.revisions.Put(tx, d.App+"\x00"+sum, revision{Location: d.Revision, Content: text, Registered: d.Created, FirstUsed: d.Created, LastUsed: d.Created, Note: "Application revision registered by Deployment ID: " + d.ID})
		s.t.deployments.Put(tx, d.ID, d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.begin <- d.ID
	return &codedeploy.CreateDeploymentOutput{DeploymentId: &d.ID}, nil
}

func (s *Service) deploymentOf(tx *store.Tx, id *string) (deployment, error) {
	if aws.ToString(id) == "" {
		return deployment{}, &types.DeploymentIdRequiredException{Message: aws.String("Deployment id must be specified")}
	}
	d, ok := s.t.deployments.Get(tx, *id)
	if !ok {
		return deployment{}, &types.DeploymentDoesNotExistException{Message: aws.String("The deployment " + *id + " could not be found")}
	}
	return d, nil
}

// GetDeployment describes a deployment.
func (s *Service) GetDeployment(_ context.Context, in *codedeploy.GetDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error) {
	var d deployment
	var err error
	s.Store.View(func(tx *store.Tx) { d, err = s.deploymentOf(tx, in.DeploymentId) })
	if err != nil {
		return nil, err
	}
	return &codedeploy.GetDeploymentOutput{DeploymentInfo: d.info()}, nil
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
		LoadBalancerInfo: g.LoadBalancerInfo, DeploymentStyle: g.DeploymentStyle, ComputePlatform: types.ComputePlatformEcs, InstanceTerminationWaitTimeStarted: d.Waiting,
	}
	if d.Description != "" {
		out.Description = &d.Description
	}
	if d.AlarmsGiven {
		out.OverrideAlarmConfiguration = d.Alarms
	}
	if d.over() {
		o := &types.DeploymentOverview{}
		switch d.Status {
		case types.DeploymentStatusSucceeded:
			o.Succeeded = 1
		default:
			o.Failed = 1
		}
		out.DeploymentOverview = o
	}
	return out
}

// ListDeployments lists ids, newest first.
func (s *Service) ListDeployments(_ context.Context, in *codedeploy.ListDeploymentsInput, _ ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentsOutput, error) {
	out := &codedeploy.ListDeploymentsOutput{Deployments: []string{}}
	s.Store.View(func(tx *store.Tx) {
		for _, d := range s.newest(tx, aws.ToString(in.ApplicationName), aws.ToString(in.DeploymentGroupName)) {
			if len(in.IncludeOnlyStatuses) == 0 || slices.Contains(in.IncludeOnlyStatuses, d.Status) {
				out.Deployments = append(out.Deployments, d.ID)
			}
		}
	})
	return out, nil
}

// ask changes a running deployment's record and wakes its owner.
func (s *Service) ask(id *string, f func(*deployment) error) error {
	err := s.Store.Update(func(tx *store.Tx) error {
		d, err := s.deploymentOf(tx, id)
		if err != nil {
			return err
		}
		if d.over() {
			return &types.DeploymentAlreadyCompletedException{Message: aws.String("The deployment " + d.ID + " has already completed")}
		}
		if err := f(&d); err != nil {
			return err
		}
		s.t.deployments.Put(tx, d.ID, d)
		return nil
	})
	if err == nil {
		s.poke(*id)
	}
	return err
}

// StopDeployment asks a deployment to stop.
func (s *Service) StopDeployment(_ context.Context, in *codedeploy.StopDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.StopDeploymentOutput, error) {
	err := s.ask(in.DeploymentId, func(d *deployment) error {
		d.StopAsked = true
		d.StopRollback = rollsBack(d.AutoRollback, types.AutoRollbackEventDeploymentStopOnRequest)
		if in.AutoRollbackEnabled != nil {
			d.StopRollback = *in.AutoRollbackEnabled
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &codedeploy.StopDeploymentOutput{Status: types.StopStatusSucceeded, StatusMessage: aws.String("No more commands will be scheduled for execution in the deployment instances")}, nil
}

// ContinueDeployment ends a wait early.
func (s *Service) ContinueDeployment(_ context.Context, in *codedeploy.ContinueDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.ContinueDeploymentOutput, error) {
	return &codedeploy.ContinueDeploymentOutput{}, s.ask(in.DeploymentId, func(d *deployment) error {
		switch in.DeploymentWaitType {
		case types.DeploymentWaitTypeTerminationWait:
			d.SkipWait = true
		case types.DeploymentWaitTypeReadyWait, "":
			if d.Status != types.DeploymentStatusReady {
				return &types.DeploymentIsNotInReadyStateException{Message: aws.String("The deployment is not in the Ready state")}
			}
			d.GoOn = true
		default:
			return &types.InvalidDeploymentWaitTypeException{Message: aws.String("The wait type is invalid")}
		}
		return nil
	})
}

func rollsBack(c *types.AutoRollbackConfiguration, e types.AutoRollbackEvent) bool {
	return c != nil && c.Enabled && slices.Contains(c.Events, e)
}

// ListDeploymentTargets lists the one ECS target.
func (s *Service) ListDeploymentTargets(_ context.Context, in *codedeploy.ListDeploymentTargetsInput, _ ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentTargetsOutput, error) {
	var d deployment
	var err error
	s.Store.View(func(tx *store.Tx) { d, err = s.deploymentOf(tx, in.DeploymentId) })
	if err != nil {
		return nil, err
	}
	if d.Service == "" {
		return nil, &types.DeploymentNotStartedException{Message: aws.String("The deployment " + d.ID + " has not started")}
	}
	return &codedeploy.ListDeploymentTargetsOutput{TargetIds: []string{d.Cluster + ":" + d.Service}}, nil
}

func (d *deployment) target() *types.DeploymentTarget {
	status := types.TargetStatusInProgress
	switch {
	case d.Status == types.DeploymentStatusFailed || d.Status == types.DeploymentStatusStopped:
		status = types.TargetStatusFailed
	case d.Waiting || d.over():
		status = types.TargetStatusSucceeded
	}
	id := d.Cluster + ":" + d.Service
	return &types.DeploymentTarget{DeploymentTargetType: types.DeploymentTargetTypeEcsTarget, EcsTarget: &types.ECSTarget{
		DeploymentId: &d.ID, TargetId: &id, TargetArn: &d.ARN, Status: status, LifecycleEvents: d.Events, TaskSetsInfo: d.Sets, LastUpdatedAt: when(d.Updated),
	}}
}

// GetDeploymentTarget describes the one ECS target.
func (s *Service) GetDeploymentTarget(_ context.Context, in *codedeploy.GetDeploymentTargetInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentTargetOutput, error) {
	var d deployment
	var err error
	s.Store.View(func(tx *store.Tx) { d, err = s.deploymentOf(tx, in.DeploymentId) })
	if err != nil {
		return nil, err
	}
	if aws.ToString(in.TargetId) != d.Cluster+":"+d.Service {
		return nil, &types.DeploymentTargetDoesNotExistException{Message: aws.String("The deployment target does not exist: " + aws.ToString(in.TargetId))}
	}
	return &codedeploy.GetDeploymentTargetOutput{DeploymentTarget: d.target()}, nil
}

// BatchGetDeploymentTargets describes the one ECS target.
func (s *Service) BatchGetDeploymentTargets(_ context.Context, in *codedeploy.BatchGetDeploymentTargetsInput, _ ...func(*codedeploy.Options)) (*codedeploy.BatchGetDeploymentTargetsOutput, error) {
	var d deployment
	var err error
	s.Store.View(func(tx *store.Tx) { d, err = s.deploymentOf(tx, in.DeploymentId) })
	if err != nil {
		return nil, err
	}
	return &codedeploy.BatchGetDeploymentTargetsOutput{DeploymentTargets: []types.DeploymentTarget{*d.target()}}, nil
}

// PutLifecycleEventHookExecutionStatus takes a hook's verdict.
func (s *Service) PutLifecycleEventHookExecutionStatus(_ context.Context, in *codedeploy.PutLifecycleEventHookExecutionStatusInput, _ ...func(*codedeploy.Options)) (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error) {
	return &codedeploy.PutLifecycleEventHookExecutionStatusOutput{LifecycleEventHookExecutionId: in.LifecycleEventHookExecutionId}, s.ask(in.DeploymentId, func(d *deployment) error {
		switch {
		case in.Status != types.LifecycleEventStatusSucceeded && in.Status != types.LifecycleEventStatusFailed:
			return &types.InvalidLifecycleEventHookExecutionStatusException{Message: aws.String("The status must be Succeeded or Failed")}
		case d.HookID == "" || d.HookID != aws.ToString(in.LifecycleEventHookExecutionId):
			return &types.InvalidLifecycleEventHookExecutionIdException{Message: aws.String("The hook execution id is invalid")}
		case d.HookSays != "":
			return &types.LifecycleEventAlreadyCompletedException{Message: aws.String("The lifecycle event has already completed")}
		}
		d.HookSays = string(in.Status)
		return nil
	})
}

// GetApplicationRevision gives a revision's content by its sha256.
func (s *Service) GetApplicationRevision(_ context.Context, in *codedeploy.GetApplicationRevisionInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetApplicationRevisionOutput, error) {
	var r revision
	ok := false
	if in.Revision != nil && in.Revision.AppSpecContent != nil {
		s.Store.View(func(tx *store.Tx) {
			r, ok = s.t.revisions.Get(tx, aws.ToString(in.ApplicationName)+"\x00"+aws.ToString(in.Revision.AppSpecContent.Sha256))
		})
	}
	if !ok {
		return nil, &types.RevisionDoesNotExistException{Message: aws.String("The revision does not exist")}
	}
	loc := r.Location
	loc.AppSpecContent = &types.AppSpecContent{Content: &r.Content, Sha256: r.Location.AppSpecContent.Sha256}
	return &codedeploy.GetApplicationRevisionOutput{ApplicationName: in.ApplicationName, Revision: &loc, RevisionInfo: &types.GenericRevisionInfo{Description: &r.Note, RegisterTime: &r.Registered, FirstUsedTime: &r.FirstUsed, LastUsedTime: &r.LastUsed}}, nil
}
