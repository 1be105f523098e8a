package codedeploy

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// targetID is the id of a deployment's one target, the service.
func (d *deployment) targetID() string { return d.Cluster + ":" + d.Service }

// started reads a deployment that has a target.
func (s *Service) started(id *string) (deployment, error) {
	d, err := s.view(id)
	if err == nil && d.Service == "" {
		err = notStarted(d.ID)
	}
	return d, err
}

// checkTargetFilters checks what a list of targets is filtered by.
func checkTargetFilters(filters map[string][]string) error {
	for name, values := range filters {
		switch types.TargetFilterName(name) {
		case types.TargetFilterNameTargetStatus:
			for _, v := range values {
				if st := types.TargetStatus(v); !oneOf(st, st.Values()) {
					return &types.InvalidInstanceStatusException{Message: text("The specified target status does not exist: %s", v)}
				}
			}
		case types.TargetFilterNameServerInstanceLabel:
			for _, v := range values {
				if l := types.TargetLabel(v); !oneOf(l, l.Values()) {
					return &types.InvalidInstanceTypeException{Message: text("An invalid instance type was specified: %s. Valid values include Blue for an original environment and Green for a replacement environment.", v)}
				}
			}
		default:
			return &types.InvalidTargetFilterNameException{Message: text("The target filter name is invalid: %s", name)}
		}
	}
	return nil
}

// ListDeploymentTargets lists the one ECS target. A filter by label leaves it out: it is
// blue and green at once.
func (s *Service) ListDeploymentTargets(_ context.Context, in *codedeploy.ListDeploymentTargetsInput, _ ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentTargetsOutput, error) {
	d, err := s.started(in.DeploymentId)
	if err != nil {
		return nil, err
	}
	if err := checkTargetFilters(in.TargetFilters); err != nil {
		return nil, err
	}
	ids := []string{d.targetID()}
	statuses, filtered := in.TargetFilters[string(types.TargetFilterNameTargetStatus)]
	_, labelled := in.TargetFilters[string(types.TargetFilterNameServerInstanceLabel)]
	if labelled || (filtered && !slices.Contains(statuses, string(d.targetStatus()))) {
		ids = []string{}
	}
	part, next, err := cut(ids, itself, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &codedeploy.ListDeploymentTargetsOutput{TargetIds: part, NextToken: next}, nil
}

func (d *deployment) targetStatus() types.TargetStatus {
	switch {
	case d.Status == types.DeploymentStatusFailed || d.Status == types.DeploymentStatusStopped:
		return types.TargetStatusFailed
	case d.Waiting || d.over():
		return types.TargetStatusSucceeded
	}
	return types.TargetStatusInProgress
}

func (d *deployment) target() *types.DeploymentTarget {
	return &types.DeploymentTarget{DeploymentTargetType: types.DeploymentTargetTypeEcsTarget, EcsTarget: &types.ECSTarget{
		DeploymentId: &d.ID, TargetId: aws.String(d.targetID()), TargetArn: &d.ARN, Status: d.targetStatus(), LifecycleEvents: d.Events, TaskSetsInfo: d.Sets, LastUpdatedAt: when(d.Updated),
	}}
}

func checkTarget(d *deployment, id *string) error {
	switch aws.ToString(id) {
	case "":
		return &types.DeploymentTargetIdRequiredException{Message: text("A deployment target ID was not provided.")}
	case d.targetID():
		return nil
	}
	return &types.DeploymentTargetDoesNotExistException{Message: text("The provided target ID does not belong to the attempted deployment: %s", *id)}
}

// GetDeploymentTarget describes the one ECS target.
func (s *Service) GetDeploymentTarget(_ context.Context, in *codedeploy.GetDeploymentTargetInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentTargetOutput, error) {
	d, err := s.started(in.DeploymentId)
	if err != nil {
		return nil, err
	}
	if err := checkTarget(&d, in.TargetId); err != nil {
		return nil, err
	}
	return &codedeploy.GetDeploymentTargetOutput{DeploymentTarget: d.target()}, nil
}

// BatchGetDeploymentTargets describes up to 25 targets, of which there is one.
func (s *Service) BatchGetDeploymentTargets(_ context.Context, in *codedeploy.BatchGetDeploymentTargetsInput, _ ...func(*codedeploy.Options)) (*codedeploy.BatchGetDeploymentTargetsOutput, error) {
	d, err := s.started(in.DeploymentId)
	if err != nil {
		return nil, err
	}
	switch n := len(in.TargetIds); {
	case n == 0:
		return nil, checkTarget(&d, nil)
	case n > 25:
		return nil, &types.DeploymentTargetListSizeExceededException{Message: text("The maximum number of targets that can be associated with a deployment (25) was exceeded.")}
	}
	for _, id := range in.TargetIds {
		if err := checkTarget(&d, &id); err != nil {
			return nil, err
		}
	}
	return &codedeploy.BatchGetDeploymentTargetsOutput{DeploymentTargets: []types.DeploymentTarget{*d.target()}}, nil
}
