package codedeploy

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// The operations that are about instances, or about services that are not here.

// withInstances reads a deployment, which must be one to instances.
func (s *Service) withInstances(id *string) (deployment, error) {
	d, err := s.view(id)
	if err == nil && d.GroupInfo.ComputePlatform != types.ComputePlatformServer {
		err = &types.InvalidComputePlatformException{Message: text("The deployment %s is for the compute platform %s, which has no instances: its targets are listed by ListDeploymentTargets.", d.ID, d.GroupInfo.ComputePlatform)}
	}
	return d, err
}

func noInstanceID() error {
	return &types.InstanceIdRequiredException{Message: text("The instance ID was not specified.")}
}

// ListDeploymentInstances lists the instances of a Server deployment: none.
func (s *Service) ListDeploymentInstances(_ context.Context, in *codedeploy.ListDeploymentInstancesInput, _ ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentInstancesOutput, error) {
	if _, err := s.withInstances(in.DeploymentId); err != nil {
		return nil, err
	}
	for _, st := range in.InstanceStatusFilter {
		if !oneOf(st, st.Values()) {
			return nil, &types.InvalidInstanceStatusException{Message: text("The specified instance status does not exist: %s", st)}
		}
	}
	for _, k := range in.InstanceTypeFilter {
		if !oneOf(k, k.Values()) {
			return nil, &types.InvalidInstanceTypeException{Message: text("An invalid instance type was specified: %s", k)}
		}
	}
	part, next, err := cut([]string{}, itself, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &codedeploy.ListDeploymentInstancesOutput{InstancesList: part, NextToken: next}, nil
}

// GetDeploymentInstance finds no instance.
func (s *Service) GetDeploymentInstance(_ context.Context, in *codedeploy.GetDeploymentInstanceInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentInstanceOutput, error) {
	if _, err := s.withInstances(in.DeploymentId); err != nil {
		return nil, err
	}
	if aws.ToString(in.InstanceId) == "" {
		return nil, noInstanceID()
	}
	return nil, &types.InstanceDoesNotExistException{Message: text("The specified instance does not exist in the deployment group: %s", *in.InstanceId)}
}

// BatchGetDeploymentInstances finds no instances.
func (s *Service) BatchGetDeploymentInstances(_ context.Context, in *codedeploy.BatchGetDeploymentInstancesInput, _ ...func(*codedeploy.Options)) (*codedeploy.BatchGetDeploymentInstancesOutput, error) {
	if _, err := s.withInstances(in.DeploymentId); err != nil {
		return nil, err
	}
	switch n := len(in.InstanceIds); {
	case n == 0:
		return nil, noInstanceID()
	case n > 25:
		return nil, overBatch("instance ids", 25)
	}
	return &codedeploy.BatchGetDeploymentInstancesOutput{
		InstancesSummary: []types.InstanceSummary{}, ErrorMessage: text("The specified instances do not exist in the deployment group."),
	}, nil
}

// ListGitHubAccountTokenNames lists connections to GitHub, which only the console makes.
func (s *Service) ListGitHubAccountTokenNames(_ context.Context, in *codedeploy.ListGitHubAccountTokenNamesInput, _ ...func(*codedeploy.Options)) (*codedeploy.ListGitHubAccountTokenNamesOutput, error) {
	part, next, err := cut([]string{}, itself, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &codedeploy.ListGitHubAccountTokenNamesOutput{TokenNameList: part, NextToken: next}, nil
}

// DeleteGitHubAccountToken finds no connection to delete.
func (s *Service) DeleteGitHubAccountToken(_ context.Context, in *codedeploy.DeleteGitHubAccountTokenInput, _ ...func(*codedeploy.Options)) (*codedeploy.DeleteGitHubAccountTokenOutput, error) {
	if aws.ToString(in.TokenName) == "" {
		return nil, &types.GitHubAccountTokenNameRequiredException{Message: text("The call is missing a required GitHub account connection name.")}
	}
	return nil, &types.GitHubAccountTokenDoesNotExistException{Message: text("No GitHub account connection exists with the named specified in the call: %s", *in.TokenName)}
}

// DeleteResourcesByExternalId deletes what CloudFormation has made for a stack. Nothing
// here has an external id, and there is none to delete; AWS answers the same for an id that
// it does not know.
func (s *Service) DeleteResourcesByExternalId(context.Context, *codedeploy.DeleteResourcesByExternalIdInput, ...func(*codedeploy.Options)) (*codedeploy.DeleteResourcesByExternalIdOutput, error) {
	return &codedeploy.DeleteResourcesByExternalIdOutput{}, nil
}
