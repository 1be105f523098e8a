package iam

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// linkedNames are service-linked roles whose names do not follow from their service's.
var linkedNames = map[string]struct{ role, policy string }{
	"ecs.amazonaws.com":                         {"AWSServiceRoleForECS", "AmazonECSServiceRolePolicy"},
	"elasticloadbalancing.amazonaws.com":        {"AWSServiceRoleForElasticLoadBalancing", "AWSElasticLoadBalancingServiceRolePolicy"},
	"autoscaling.amazonaws.com":                 {role: "AWSServiceRoleForAutoScaling"},
	"ecs.application-autoscaling.amazonaws.com": {role: "AWSServiceRoleForApplicationAutoScaling_ECSService"},
	"replication.ecr.amazonaws.com":             {role: "AWSServiceRoleForECRReplication"},
}

// linkedName is the name of a service's role.
func linkedName(service, suffix string) string {
	name := linkedNames[service].role
	if name == "" {
		short := strings.TrimSuffix(service, ".amazonaws.com")
		name = "AWSServiceRoleFor" + strings.ToUpper(short[:1]) + strings.ReplaceAll(short[1:], ".", "_")
	}
	if suffix != "" {
		name += "_" + suffix
	}
	return name
}

// CreateServiceLinkedRole makes the role that a service acts with.
func (s *Service) CreateServiceLinkedRole(_ context.Context, in *iam.CreateServiceLinkedRoleInput, _ ...func(*iam.Options)) (*iam.CreateServiceLinkedRoleOutput, error) {
	service := aws.ToString(in.AWSServiceName)
	if len(service) < 2 || !strings.HasSuffix(service, ".amazonaws.com") {
		return nil, invalidInput("Service name %s is not valid.", service)
	}
	name, path := linkedName(service, aws.ToString(in.CustomSuffix)), "/aws-service-role/"+service+"/"
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`
	r := role{Service: service, Desc: types.Role{
		Arn: s.arn("role", path, name), RoleName: &name, Path: &path, RoleId: aws.String("AROA" + ids.Upper(17)),
		CreateDate: s.now(), AssumeRolePolicyDocument: &trust, Description: in.Description, MaxSessionDuration: aws.Int32(minSession),
	}}
	if p := linkedNames[service].policy; p != "" {
		r.Attached = []string{"arn:" + s.Place.Partition + ":iam::aws:policy/aws-service-role/" + p}
	}
	err := s.Store.Update(func(tx *store.Tx) error {
		if _, taken := s.tables.roles.Get(tx, name); taken {
			return invalidInput("Service role name %s has been taken in this account, please try a different suffix.", name)
		}
		s.tables.roles.Put(tx, name, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	d := describeRole(r)
	d.MaxSessionDuration, d.RoleLastUsed = nil, nil // this answer lacks them
	return &iam.CreateServiceLinkedRoleOutput{Role: d}, nil
}

// DeleteServiceLinkedRole removes a service's role at once; the task that it names has
// succeeded.
func (s *Service) DeleteServiceLinkedRole(_ context.Context, in *iam.DeleteServiceLinkedRoleInput, _ ...func(*iam.Options)) (*iam.DeleteServiceLinkedRoleOutput, error) {
	var task string
	err := s.Store.Update(func(tx *store.Tx) error {
		r, err := s.role(tx, in.RoleName)
		if err != nil {
			return err
		}
		if r.Service == "" {
			return invalidInput("Role %s is not a service-linked role.", *in.RoleName)
		}
		task = "task" + *r.Desc.Path + *in.RoleName + "/" + ids.UUID()
		s.tables.roles.Delete(tx, *in.RoleName)
		return nil
	})
	return answer(&iam.DeleteServiceLinkedRoleOutput{DeletionTaskId: &task}, err)
}

// GetServiceLinkedRoleDeletionStatus tells that a deletion is done.
func (s *Service) GetServiceLinkedRoleDeletionStatus(_ context.Context, in *iam.GetServiceLinkedRoleDeletionStatusInput, _ ...func(*iam.Options)) (*iam.GetServiceLinkedRoleDeletionStatusOutput, error) {
	if !strings.HasPrefix(aws.ToString(in.DeletionTaskId), "task/aws-service-role/") {
		return nil, noSuch("Deletion Task Id %s cannot be found.", aws.ToString(in.DeletionTaskId))
	}
	return &iam.GetServiceLinkedRoleDeletionStatusOutput{Status: types.DeletionTaskStatusTypeSucceeded}, nil
}
