package ecs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// There are no container instances: tasks run on the cloud's own driver. The operations
// about them answer as for a cluster that has none.

// known tells whether the cluster is there.
func (s *Service) known(ref *string) (err error) {
	s.Store.View(func(tx *store.Tx) { _, err = s.clusterOf(tx, ref) })
	return err
}

// noInstances are the failures of naming container instances.
func (s *Service) noInstances(refs []string) []types.Failure {
	out := []types.Failure{}
	for _, r := range refs {
		out = append(out, missing(s.Place.Of("ecs", "container-instance/"+last(r))))
	}
	return out
}

// ListContainerInstances lists none.
func (s *Service) ListContainerInstances(_ context.Context, in *ecs.ListContainerInstancesInput, _ ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error) {
	if err := s.known(in.Cluster); err != nil {
		return nil, err
	}
	return &ecs.ListContainerInstancesOutput{ContainerInstanceArns: []string{}}, nil
}

// DescribeContainerInstances finds none of those that are named.
func (s *Service) DescribeContainerInstances(_ context.Context, in *ecs.DescribeContainerInstancesInput, _ ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error) {
	if err := s.known(in.Cluster); err != nil {
		return nil, err
	}
	if len(in.ContainerInstances) == 0 {
		return nil, invalid("Container instances cannot be empty.")
	}
	return &ecs.DescribeContainerInstancesOutput{ContainerInstances: []types.ContainerInstance{}, Failures: s.noInstances(in.ContainerInstances)}, nil
}

// UpdateContainerInstancesState finds none of those that are named.
func (s *Service) UpdateContainerInstancesState(_ context.Context, in *ecs.UpdateContainerInstancesStateInput, _ ...func(*ecs.Options)) (*ecs.UpdateContainerInstancesStateOutput, error) {
	if err := s.known(in.Cluster); err != nil {
		return nil, err
	}
	if len(in.ContainerInstances) == 0 {
		return nil, invalid("Container instances cannot be empty.")
	}
	return &ecs.UpdateContainerInstancesStateOutput{ContainerInstances: []types.ContainerInstance{}, Failures: s.noInstances(in.ContainerInstances)}, nil
}

// DeregisterContainerInstance refuses: there is no such instance.
func (s *Service) DeregisterContainerInstance(_ context.Context, in *ecs.DeregisterContainerInstanceInput, _ ...func(*ecs.Options)) (*ecs.DeregisterContainerInstanceOutput, error) {
	if err := s.known(in.Cluster); err != nil {
		return nil, err
	}
	return nil, errInstance
}

// UpdateContainerAgent refuses: there is no such instance.
func (s *Service) UpdateContainerAgent(_ context.Context, in *ecs.UpdateContainerAgentInput, _ ...func(*ecs.Options)) (*ecs.UpdateContainerAgentOutput, error) {
	if err := s.known(in.Cluster); err != nil {
		return nil, err
	}
	return nil, errInstance
}

// StartTask finds none of the container instances on which it should start tasks.
func (s *Service) StartTask(_ context.Context, in *ecs.StartTaskInput, _ ...func(*ecs.Options)) (*ecs.StartTaskOutput, error) {
	var err error
	s.Store.View(func(tx *store.Tx) {
		if _, err = s.clusterOf(tx, in.Cluster); err == nil {
			_, err = s.startable(tx, aws.ToString(in.TaskDefinition))
		}
	})
	switch {
	case err != nil:
		return nil, err
	case len(in.ContainerInstances) == 0:
		return nil, invalid("Container instances cannot be empty.")
	case len(in.ContainerInstances) > maxRun:
		return nil, invalid("Container instances cannot have more than %d elements.", maxRun)
	}
	return &ecs.StartTaskOutput{Tasks: []types.Task{}, Failures: s.noInstances(in.ContainerInstances)}, nil
}

// ListAttributes lists none: only container instances have attributes.
func (s *Service) ListAttributes(_ context.Context, in *ecs.ListAttributesInput, _ ...func(*ecs.Options)) (*ecs.ListAttributesOutput, error) {
	if err := s.known(in.Cluster); err != nil {
		return nil, err
	}
	return &ecs.ListAttributesOutput{Attributes: []types.Attribute{}}, nil
}

func (s *Service) noTarget(cluster *string, attributes []types.Attribute) error {
	if err := s.known(cluster); err != nil {
		return err
	}
	if len(attributes) == 0 {
		return invalid("Attributes cannot be empty.")
	}
	return &types.TargetNotFoundException{Message: aws.String("The specified target wasn't found.")}
}

// PutAttributes refuses: there is no such instance.
func (s *Service) PutAttributes(_ context.Context, in *ecs.PutAttributesInput, _ ...func(*ecs.Options)) (*ecs.PutAttributesOutput, error) {
	return nil, s.noTarget(in.Cluster, in.Attributes)
}

// DeleteAttributes refuses: there is no such instance.
func (s *Service) DeleteAttributes(_ context.Context, in *ecs.DeleteAttributesInput, _ ...func(*ecs.Options)) (*ecs.DeleteAttributesOutput, error) {
	return nil, s.noTarget(in.Cluster, in.Attributes)
}
