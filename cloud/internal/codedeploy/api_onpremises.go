package codedeploy

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// On-premises instances belong to the account, whatever its applications' platforms are.
// Here they are records: no agent comes for a deployment.

// The limits of one call about instances.
const (
	instanceLimit    = 100
	instanceTagLimit = 10
)

func checkInstanceName(s *string) error {
	return named(s, nameForm, &types.InstanceNameRequiredException{Message: text("An on-premises instance name was not specified.")},
		&types.InvalidInstanceNameException{Message: text("The on-premises instance name %s is invalid: it %s", aws.ToString(s), nameRule)})
}

// checkIdentity checks who an instance is: a user, or a role's session.
func checkIdentity(in *codedeploy.RegisterOnPremisesInstanceInput) error {
	user, session := aws.ToString(in.IamUserArn), aws.ToString(in.IamSessionArn)
	u, isUser := arn.Parse(user)
	a, isSession := arn.Parse(session)
	switch {
	case user == "" && session == "":
		return &types.IamArnRequiredException{Message: text("No IAM ARN was included in the request. You must use an IAM session ARN or user ARN in the request.")}
	case user != "" && session != "":
		return &types.MultipleIamArnsProvidedException{Message: text("Both an user ARN and an IAM session ARN were included in the request. Use only one ARN type.")}
	case user != "" && !(isUser && u.Service == "iam" && strings.HasPrefix(u.Resource, "user/")):
		return &types.InvalidIamUserArnException{Message: text("The user ARN was specified in an invalid format: %s", user)}
	case session != "" && !(isSession && a.Service == "sts" && strings.HasPrefix(a.Resource, "assumed-role/")):
		return &types.InvalidIamSessionArnException{Message: text("The IAM session ARN was specified in an invalid format: %s", session)}
	}
	return nil
}

// RegisterOnPremisesInstance makes an instance known.
func (s *Service) RegisterOnPremisesInstance(_ context.Context, in *codedeploy.RegisterOnPremisesInstanceInput, _ ...func(*codedeploy.Options)) (*codedeploy.RegisterOnPremisesInstanceOutput, error) {
	if err := checkInstanceName(in.InstanceName); err != nil {
		return nil, err
	}
	if err := checkIdentity(in); err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	return &codedeploy.RegisterOnPremisesInstanceOutput{}, s.Store.Update(func(tx *store.Tx) error {
		for n, o := range s.t.instances.All(tx, "") {
			switch {
			case o.Info.DeregisterTime != nil:
			case n == *in.InstanceName:
				return &types.InstanceNameAlreadyRegisteredException{Message: text("The specified on-premises instance name is already registered: %s", n)}
			case in.IamUserArn != nil && aws.ToString(o.Info.IamUserArn) == *in.IamUserArn:
				return &types.IamUserArnAlreadyRegisteredException{Message: text("The specified user ARN is already registered with an on-premises instance: %s", n)}
			case in.IamSessionArn != nil && aws.ToString(o.Info.IamSessionArn) == *in.IamSessionArn:
				return &types.IamSessionArnAlreadyRegisteredException{Message: text("The request included an IAM session ARN that has already been used to register a different instance: %s", n)}
			}
		}
		s.t.instances.Put(tx, *in.InstanceName, instance{types.InstanceInfo{
			InstanceName: in.InstanceName, IamUserArn: in.IamUserArn, IamSessionArn: in.IamSessionArn, RegisterTime: &now,
			InstanceArn: aws.String(s.Place.Of("codedeploy", "instance/"+*in.InstanceName+"_"+ids.Upper(10))), Tags: []types.Tag{},
		}})
		return nil
	})
}

// DeregisterOnPremisesInstance ends an instance's registration; its record stays.
func (s *Service) DeregisterOnPremisesInstance(_ context.Context, in *codedeploy.DeregisterOnPremisesInstanceInput, _ ...func(*codedeploy.Options)) (*codedeploy.DeregisterOnPremisesInstanceOutput, error) {
	if err := checkInstanceName(in.InstanceName); err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	return &codedeploy.DeregisterOnPremisesInstanceOutput{}, s.Store.Update(func(tx *store.Tx) error {
		if o, ok := s.t.instances.Get(tx, *in.InstanceName); ok && o.Info.DeregisterTime == nil {
			o.Info.DeregisterTime, o.Info.Tags = &now, []types.Tag{}
			s.t.instances.Put(tx, *in.InstanceName, o)
		}
		return nil
	})
}

func notRegistered(name string) error {
	return &types.InstanceNotRegisteredException{Message: text("The specified on-premises instance is not registered: %s", name)}
}

// GetOnPremisesInstance describes an instance.
func (s *Service) GetOnPremisesInstance(_ context.Context, in *codedeploy.GetOnPremisesInstanceInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetOnPremisesInstanceOutput, error) {
	if err := checkInstanceName(in.InstanceName); err != nil {
		return nil, err
	}
	var o instance
	var ok bool
	s.Store.View(func(tx *store.Tx) { o, ok = s.t.instances.Get(tx, *in.InstanceName) })
	if !ok {
		return nil, notRegistered(*in.InstanceName)
	}
	return &codedeploy.GetOnPremisesInstanceOutput{InstanceInfo: &o.Info}, nil
}

// BatchGetOnPremisesInstances describes instances; those that are not there are left out.
func (s *Service) BatchGetOnPremisesInstances(_ context.Context, in *codedeploy.BatchGetOnPremisesInstancesInput, _ ...func(*codedeploy.Options)) (*codedeploy.BatchGetOnPremisesInstancesOutput, error) {
	if err := checkBatch(in.InstanceNames, "instance names", instanceLimit, checkInstanceName); err != nil {
		return nil, err
	}
	out := &codedeploy.BatchGetOnPremisesInstancesOutput{InstanceInfos: []types.InstanceInfo{}}
	s.Store.View(func(tx *store.Tx) {
		for _, n := range in.InstanceNames {
			if o, ok := s.t.instances.Get(tx, n); ok {
				out.InstanceInfos = append(out.InstanceInfos, o.Info)
			}
		}
	})
	return out, nil
}

// matches tells whether tags pass all filters.
func matches(tags []types.Tag, filters []types.TagFilter) bool {
	for _, f := range filters {
		if !slices.ContainsFunc(tags, func(t types.Tag) bool {
			key, value := aws.ToString(t.Key) == aws.ToString(f.Key), aws.ToString(t.Value) == aws.ToString(f.Value)
			switch f.Type {
			case types.TagFilterTypeKeyOnly:
				return key
			case types.TagFilterTypeValueOnly:
				return value
			}
			return key && value
		}) {
			return false
		}
	}
	return true
}

// ListOnPremisesInstances lists names by registration status and tags.
func (s *Service) ListOnPremisesInstances(_ context.Context, in *codedeploy.ListOnPremisesInstancesInput, _ ...func(*codedeploy.Options)) (*codedeploy.ListOnPremisesInstancesOutput, error) {
	if st := in.RegistrationStatus; st != "" && !oneOf(st, st.Values()) {
		return nil, &types.InvalidRegistrationStatusException{Message: text("The registration status was specified in an invalid format: %s", st)}
	}
	for _, f := range in.TagFilters {
		if f.Type != "" && !oneOf(f.Type, f.Type.Values()) {
			return nil, &types.InvalidTagFilterException{Message: text("The tag filter was specified in an invalid format: %s", f.Type)}
		}
	}
	names := []string{}
	s.Store.View(func(tx *store.Tx) {
		for n, o := range s.t.instances.All(tx, "") {
			gone := o.Info.DeregisterTime != nil
			if (in.RegistrationStatus == "" || gone == (in.RegistrationStatus == types.RegistrationStatusDeregistered)) && matches(o.Info.Tags, in.TagFilters) {
				names = append(names, n)
			}
		}
	})
	part, next, err := cut(names, itself, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &codedeploy.ListOnPremisesInstancesOutput{InstanceNames: part, NextToken: next}, nil
}

// retagInstances changes the tags of instances, of all or of none.
func (s *Service) retagInstances(names []string, tags []types.Tag, change func([]types.Tag) []types.Tag) error {
	switch {
	case len(tags) == 0:
		return noTag()
	case len(tags) > instanceTagLimit:
		return &types.TagLimitExceededException{Message: text("The maximum allowed number of tags (%d) was exceeded.", instanceTagLimit)}
	case len(names) == 0:
		return checkInstanceName(nil)
	case len(names) > instanceLimit:
		return &types.InstanceLimitExceededException{Message: text("The maximum number of allowed on-premises instances in a single call (%d) was exceeded.", instanceLimit)}
	}
	if _, err := tagged(nil, tags); err != nil {
		return &types.InvalidTagException{Message: text("The tag was specified in an invalid format.")}
	}
	return s.Store.Update(func(tx *store.Tx) error {
		for _, n := range names {
			if err := checkInstanceName(&n); err != nil {
				return err
			}
			o, ok := s.t.instances.Get(tx, n)
			if !ok || o.Info.DeregisterTime != nil {
				return notRegistered(n)
			}
			if o.Info.Tags = change(o.Info.Tags); len(o.Info.Tags) > instanceTagLimit {
				return &types.TagLimitExceededException{Message: text("The maximum allowed number of tags (%d) was exceeded.", instanceTagLimit)}
			}
			s.t.instances.Put(tx, n, o)
		}
		return nil
	})
}

// AddTagsToOnPremisesInstances adds tags to instances.
func (s *Service) AddTagsToOnPremisesInstances(_ context.Context, in *codedeploy.AddTagsToOnPremisesInstancesInput, _ ...func(*codedeploy.Options)) (*codedeploy.AddTagsToOnPremisesInstancesOutput, error) {
	return &codedeploy.AddTagsToOnPremisesInstancesOutput{}, s.retagInstances(in.InstanceNames, in.Tags, func(old []types.Tag) []types.Tag {
		now, err := tagged(old, in.Tags)
		if err != nil { // checked before
			return old
		}
		return now
	})
}

// RemoveTagsFromOnPremisesInstances removes tags from instances, by key and value.
func (s *Service) RemoveTagsFromOnPremisesInstances(_ context.Context, in *codedeploy.RemoveTagsFromOnPremisesInstancesInput, _ ...func(*codedeploy.Options)) (*codedeploy.RemoveTagsFromOnPremisesInstancesOutput, error) {
	return &codedeploy.RemoveTagsFromOnPremisesInstancesOutput{}, s.retagInstances(in.InstanceNames, in.Tags, func(old []types.Tag) []types.Tag {
		return slices.DeleteFunc(slices.Clone(old), func(t types.Tag) bool {
			return slices.ContainsFunc(in.Tags, func(x types.Tag) bool {
				return aws.ToString(x.Key) == aws.ToString(t.Key) && (x.Value == nil || *x.Value == aws.ToString(t.Value))
			})
		})
	})
}
