package ecs

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// RegisterTaskDefinition adds a revision to a family.
func (s *Service) RegisterTaskDefinition(ctx context.Context, in *ecs.RegisterTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error) {
	if len(in.ContainerDefinitions) == 0 {
		return nil, client("Container list cannot be empty.")
	}
	var td types.TaskDefinition
	b, err := json.Marshal(in)
	if err == nil {
		err = json.Unmarshal(b, &td) // the members that both have
	}
	if err != nil {
		return nil, err
	}
	for i := range td.ContainerDefinitions {
		complete(&td.ContainerDefinitions[i], td.NetworkMode)
	}
	td.Status, td.RegisteredAt, td.RegisteredBy = types.TaskDefinitionStatusActive, aws.Time(s.Clock.Now()), aws.String(identity.From(ctx).ARN)
	td.Compatibilities = []types.Compatibility{types.CompatibilityEc2, types.CompatibilityFargate}
	fam := aws.ToString(in.Family)
	err = s.Store.Update(func(tx *store.Tx) error {
		f, _ := s.t.families.Get(tx, fam)
		f.Last++
		s.t.families.Put(tx, fam, f)
		td.Revision = f.Last
		td.TaskDefinitionArn = aws.String(s.Place.Of("ecs", "task-definition/"+fam+":"+strconv.Itoa(int(f.Last))))
		s.t.definitions.Put(tx, definitionKey(fam, f.Last), definition{td, in.Tags})
		return nil
	})
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: &td, Tags: in.Tags}, err
}

// complete sets what ECS echoes of a container that its author left out.
func complete(c *types.ContainerDefinition, mode types.NetworkMode) {
	if c.Essential == nil {
		c.Essential = aws.Bool(true)
	}
	for i := range c.PortMappings {
		p := &c.PortMappings[i]
		if p.HostPort == nil {
			p.HostPort = aws.Int32(0)
			if mode == types.NetworkModeAwsvpc || mode == types.NetworkModeHost {
				p.HostPort = p.ContainerPort
			}
		}
		if p.Protocol == "" {
			p.Protocol = types.TransportProtocolTcp
		}
	}
}

// definitionOf resolves family, family:revision or an ARN.
func (s *Service) definitionOf(tx *store.Tx, ref string) (definition, bool) {
	fam, rev, has := strings.Cut(last(ref), ":")
	if !has {
		var best definition
		for _, d := range s.t.definitions.All(tx, fam+"\x00") {
			if d.TaskDefinition.Status == types.TaskDefinitionStatusActive {
				best = d
			}
		}
		return best, best.TaskDefinition.TaskDefinitionArn != nil
	}
	n, err := strconv.ParseInt(rev, 10, 32)
	if err != nil {
		return definition{}, false
	}
	return s.t.definitions.Get(tx, definitionKey(fam, int32(n)))
}

// DescribeTaskDefinition describes one revision.
func (s *Service) DescribeTaskDefinition(_ context.Context, in *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	var d definition
	var ok bool
	s.Store.View(func(tx *store.Tx) { d, ok = s.definitionOf(tx, aws.ToString(in.TaskDefinition)) })
	if !ok {
		return nil, client("Unable to describe task definition.")
	}
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &d.TaskDefinition, Tags: d.Tags}, nil
}

// DeregisterTaskDefinition makes a revision INACTIVE.
func (s *Service) DeregisterTaskDefinition(_ context.Context, in *ecs.DeregisterTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error) {
	var d definition
	err := s.Store.Update(func(tx *store.Tx) error {
		var ok bool
		if d, ok = s.definitionOf(tx, aws.ToString(in.TaskDefinition)); !ok {
			return client("Unable to describe task definition.")
		}
		d.TaskDefinition.Status, d.TaskDefinition.DeregisteredAt = types.TaskDefinitionStatusInactive, aws.Time(s.Clock.Now())
		s.t.definitions.Put(tx, definitionKey(aws.ToString(d.TaskDefinition.Family), d.TaskDefinition.Revision), d)
		return nil
	})
	return &ecs.DeregisterTaskDefinitionOutput{TaskDefinition: &d.TaskDefinition}, err
}

// ListTaskDefinitions lists ARNs.
func (s *Service) ListTaskDefinitions(_ context.Context, in *ecs.ListTaskDefinitionsInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error) {
	out := &ecs.ListTaskDefinitionsOutput{TaskDefinitionArns: []string{}}
	s.Store.View(func(tx *store.Tx) {
		prefix := aws.ToString(in.FamilyPrefix)
		if prefix != "" {
			prefix += "\x00"
		}
		for _, d := range s.t.definitions.All(tx, prefix) {
			if d.TaskDefinition.Status == types.TaskDefinitionStatusActive || in.Status != "" {
				out.TaskDefinitionArns = append(out.TaskDefinitionArns, aws.ToString(d.TaskDefinition.TaskDefinitionArn))
			}
		}
	})
	return out, nil
}
