package ecs

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/ecs/taskdef"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// RegisterTaskDefinition adds a revision to a family. It is never idempotent.
func (s *Service) RegisterTaskDefinition(ctx context.Context, in *ecs.RegisterTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error) {
	td, err := taskdef.New(in)
	if err != nil {
		return nil, err
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	td.Status, td.RegisteredAt, td.RegisteredBy = types.TaskDefinitionStatusActive, aws.Time(s.Clock.Now()), aws.String(s.caller(ctx))
	name := *td.Family
	err = s.Store.Update(func(tx *store.Tx) error {
		f, _ := s.t.families.Get(tx, name)
		f.Last++
		s.t.families.Put(tx, name, f)
		td.Revision = f.Last
		td.TaskDefinitionArn = aws.String(s.Place.Of("ecs", "task-definition/"+name+":"+strconv.Itoa(int(f.Last))))
		s.t.definitions.Put(tx, definitionKey(name, f.Last), definition{td, tags})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: &td, Tags: append([]types.Tag{}, tags...)}, nil
}

// definitionOf resolves a family (its latest ACTIVE revision), family:revision or an ARN.
func (s *Service) definitionOf(tx *store.Tx, ref string) (definition, bool) {
	name, err := s.resource("task-definition", ref)
	if err != nil {
		return definition{}, false
	}
	name, rev, has := strings.Cut(name, ":")
	if has {
		n, err := strconv.ParseInt(rev, 10, 32)
		if err != nil {
			return definition{}, false
		}
		return s.t.definitions.Get(tx, definitionKey(name, int32(n)))
	}
	var best definition
	for _, d := range s.t.definitions.All(tx, name+"\x00") {
		if d.TaskDefinition.Status == types.TaskDefinitionStatusActive {
			best = d
		}
	}
	return best, best.TaskDefinition.TaskDefinitionArn != nil
}

// startable is definitionOf for what new tasks and services may be made from.
func (s *Service) startable(tx *store.Tx, ref string) (types.TaskDefinition, error) {
	d, ok := s.definitionOf(tx, ref)
	switch {
	case !ok:
		return types.TaskDefinition{}, errDefinition
	case d.TaskDefinition.Status != types.TaskDefinitionStatusActive:
		return types.TaskDefinition{}, errInactive
	}
	return d.TaskDefinition, nil
}

// DescribeTaskDefinition describes one revision.
func (s *Service) DescribeTaskDefinition(_ context.Context, in *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	var d definition
	var ok bool
	s.Store.View(func(tx *store.Tx) { d, ok = s.definitionOf(tx, aws.ToString(in.TaskDefinition)) })
	if !ok {
		return nil, errDescribe
	}
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &d.TaskDefinition, Tags: append([]types.Tag{}, shown(d.Tags, in.Include)...)}, nil
}

// DeregisterTaskDefinition makes a revision INACTIVE: what runs of it goes on.
func (s *Service) DeregisterTaskDefinition(_ context.Context, in *ecs.DeregisterTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error) {
	ref := aws.ToString(in.TaskDefinition)
	if !strings.Contains(last(ref), ":") {
		return nil, client("Revision is missing.")
	}
	var d definition
	err := s.Store.Update(func(tx *store.Tx) error {
		var ok bool
		if d, ok = s.definitionOf(tx, ref); !ok {
			return errDescribe
		}
		if d.TaskDefinition.Status == types.TaskDefinitionStatusDeleteInProgress {
			return client("Task definition is in DELETE_IN_PROGRESS state.")
		}
		if d.TaskDefinition.Status == types.TaskDefinitionStatusActive {
			d.TaskDefinition.Status, d.TaskDefinition.DeregisteredAt = types.TaskDefinitionStatusInactive, aws.Time(s.Clock.Now())
			s.putDefinition(tx, d)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecs.DeregisterTaskDefinitionOutput{TaskDefinition: &d.TaskDefinition}, nil
}

func (s *Service) putDefinition(tx *store.Tx, d definition) {
	s.t.definitions.Put(tx, definitionKey(*d.TaskDefinition.Family, d.TaskDefinition.Revision), d)
}

const maxDeletedDefinitions = 10

// DeleteTaskDefinitions begins to delete INACTIVE revisions. They are gone when nothing
// refers to them any more.
func (s *Service) DeleteTaskDefinitions(_ context.Context, in *ecs.DeleteTaskDefinitionsInput, _ ...func(*ecs.Options)) (*ecs.DeleteTaskDefinitionsOutput, error) {
	if n := len(in.TaskDefinitions); n == 0 || n > maxDeletedDefinitions {
		return nil, invalid("TaskDefinitions must contain between 1 and %d elements.", maxDeletedDefinitions)
	}
	out := &ecs.DeleteTaskDefinitionsOutput{TaskDefinitions: []types.TaskDefinition{}, Failures: []types.Failure{}}
	err := s.Store.Update(func(tx *store.Tx) error {
		for _, ref := range in.TaskDefinitions {
			if !strings.Contains(last(ref), ":") {
				out.Failures = append(out.Failures, types.Failure{Arn: aws.String(ref), Reason: aws.String("The specified task definition identifier is invalid. Specify a valid name or ARN and try again.")})
				continue
			}
			d, ok := s.definitionOf(tx, ref)
			switch {
			case !ok:
				out.Failures = append(out.Failures, types.Failure{Arn: aws.String(ref), Reason: aws.String("The specified task definition was not found. Specify a valid name or ARN and try again.")})
				continue
			case d.TaskDefinition.Status == types.TaskDefinitionStatusActive:
				out.Failures = append(out.Failures, types.Failure{
					Arn: d.TaskDefinition.TaskDefinitionArn, Reason: aws.String("The specified task definition is still in ACTIVE status. Please deregister the target and try again."),
				})
				continue
			case d.TaskDefinition.Status == types.TaskDefinitionStatusInactive:
				d.TaskDefinition.Status, d.TaskDefinition.DeleteRequestedAt = types.TaskDefinitionStatusDeleteInProgress, aws.Time(s.Clock.Now())
				s.putDefinition(tx, d)
			}
			out.TaskDefinitions = append(out.TaskDefinitions, d.TaskDefinition)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListTaskDefinitions lists ARNs by family and revision. The family must match in full.
func (s *Service) ListTaskDefinitions(_ context.Context, in *ecs.ListTaskDefinitionsInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error) {
	status := in.Status
	if status == "" {
		status = types.TaskDefinitionStatusActive
	}
	prefix := aws.ToString(in.FamilyPrefix)
	if prefix != "" {
		prefix += "\x00"
	}
	var all []string
	s.Store.View(func(tx *store.Tx) {
		for _, d := range s.t.definitions.All(tx, prefix) {
			if d.TaskDefinition.Status == status {
				all = append(all, *d.TaskDefinition.TaskDefinitionArn)
			}
		}
	})
	if in.Sort == types.SortOrderDesc {
		slices.Reverse(all)
	}
	part, next, err := paged(all, in.NextToken, in.MaxResults, maxListed)
	if err != nil {
		return nil, err
	}
	return &ecs.ListTaskDefinitionsOutput{TaskDefinitionArns: part, NextToken: next}, nil
}

// ListTaskDefinitionFamilies lists families whose names begin with the prefix: ACTIVE ones
// have an ACTIVE revision.
func (s *Service) ListTaskDefinitionFamilies(_ context.Context, in *ecs.ListTaskDefinitionFamiliesInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	var all []string
	s.Store.View(func(tx *store.Tx) {
		for name := range s.t.families.All(tx, aws.ToString(in.FamilyPrefix)) {
			alive, there := s.definitionOf(tx, name)
			there = there && alive.TaskDefinition.Status == types.TaskDefinitionStatusActive
			switch in.Status {
			case types.TaskDefinitionFamilyStatusInactive:
				there = !there
			case types.TaskDefinitionFamilyStatusAll:
				there = true
			}
			if there {
				all = append(all, name)
			}
		}
	})
	part, next, err := paged(all, in.NextToken, in.MaxResults, maxListed)
	if err != nil {
		return nil, err
	}
	return &ecs.ListTaskDefinitionFamiliesOutput{Families: part, NextToken: next}, nil
}
