package codedeploy

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func (s *Service) appOf(tx *store.Tx, name *string) (application, error) {
	if err := checkApplicationName(name); err != nil {
		return application{}, err
	}
	a, ok := s.t.apps.Get(tx, *name)
	if !ok {
		return application{}, noApplication(*name)
	}
	return a, nil
}

// CreateApplication makes an application.
func (s *Service) CreateApplication(_ context.Context, in *codedeploy.CreateApplicationInput, _ ...func(*codedeploy.Options)) (*codedeploy.CreateApplicationOutput, error) {
	if err := checkApplicationName(in.ApplicationName); err != nil {
		return nil, err
	}
	a := application{ID: ids.UUID(), Name: *in.ApplicationName, Platform: in.ComputePlatform, Created: s.Clock.Now()}
	if a.Platform == "" {
		a.Platform = types.ComputePlatformServer
	}
	if !oneOf(a.Platform, a.Platform.Values()) {
		return nil, invalidPlatform()
	}
	var err error
	if a.Tags, err = tagged(nil, in.Tags); err != nil {
		return nil, err
	}
	err = s.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.t.apps.Get(tx, a.Name); ok {
			return &types.ApplicationAlreadyExistsException{Message: text("Application already exists: %s", a.Name)}
		}
		s.t.apps.Put(tx, a.Name, a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &codedeploy.CreateApplicationOutput{ApplicationId: &a.ID}, nil
}

func invalidPlatform() error {
	return &types.InvalidComputePlatformException{Message: text("The computePlatform is invalid. The computePlatform should be Lambda, Server, or ECS.")}
}

func (a *application) info() types.ApplicationInfo {
	return types.ApplicationInfo{ApplicationId: &a.ID, ApplicationName: &a.Name, CreateTime: &a.Created, ComputePlatform: a.Platform}
}

// GetApplication describes an application.
func (s *Service) GetApplication(_ context.Context, in *codedeploy.GetApplicationInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetApplicationOutput, error) {
	var a application
	var err error
	s.Store.View(func(tx *store.Tx) { a, err = s.appOf(tx, in.ApplicationName) })
	if err != nil {
		return nil, err
	}
	info := a.info()
	return &codedeploy.GetApplicationOutput{Application: &info}, nil
}

// BatchGetApplications describes up to a hundred applications, all of which must exist.
func (s *Service) BatchGetApplications(_ context.Context, in *codedeploy.BatchGetApplicationsInput, _ ...func(*codedeploy.Options)) (*codedeploy.BatchGetApplicationsOutput, error) {
	switch n := len(in.ApplicationNames); {
	case n == 0:
		return nil, checkApplicationName(nil)
	case n > 100:
		return nil, overBatch("application names", 100)
	}
	out := &codedeploy.BatchGetApplicationsOutput{ApplicationsInfo: []types.ApplicationInfo{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		for _, n := range in.ApplicationNames {
			if err = checkApplicationName(&n); err != nil {
				return
			}
			a, ok := s.t.apps.Get(tx, n)
			if !ok {
				err = s.noApplications()
				return
			}
			out.ApplicationsInfo = append(out.ApplicationsInfo, a.info())
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListApplications lists names.
func (s *Service) ListApplications(_ context.Context, in *codedeploy.ListApplicationsInput, _ ...func(*codedeploy.Options)) (*codedeploy.ListApplicationsOutput, error) {
	names := []string{}
	s.Store.View(func(tx *store.Tx) {
		for n := range s.t.apps.All(tx, "") {
			names = append(names, n)
		}
	})
	part, next, err := cut(names, itself, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &codedeploy.ListApplicationsOutput{Applications: part, NextToken: next}, nil
}

// UpdateApplication renames an application, and all that bears its name.
func (s *Service) UpdateApplication(_ context.Context, in *codedeploy.UpdateApplicationInput, _ ...func(*codedeploy.Options)) (*codedeploy.UpdateApplicationOutput, error) {
	return &codedeploy.UpdateApplicationOutput{}, s.Store.Update(func(tx *store.Tx) error {
		a, err := s.appOf(tx, in.ApplicationName)
		if err != nil || in.NewApplicationName == nil || *in.NewApplicationName == a.Name {
			return err
		}
		old := a.Name
		if err := checkApplicationName(in.NewApplicationName); err != nil {
			return err
		}
		if _, ok := s.t.apps.Get(tx, *in.NewApplicationName); ok {
			return &types.ApplicationAlreadyExistsException{Message: text("Application already exists: %s", *in.NewApplicationName)}
		}
		a.Name = *in.NewApplicationName
		s.t.apps.Delete(tx, old)
		s.t.apps.Put(tx, a.Name, a)
		s.moveApplication(tx, old, a.Name)
		return nil
	})
}

func (s *Service) moveApplication(tx *store.Tx, from, to string) {
	for k, g := range s.t.groups.All(tx, from+"\x00") {
		g.Info.ApplicationName = &to
		s.t.groups.Delete(tx, k)
		s.t.groups.Put(tx, to+k[len(from):], g)
	}
	for k, r := range s.t.revisions.All(tx, from+"\x00") {
		s.t.revisions.Delete(tx, k)
		s.t.revisions.Put(tx, to+k[len(from):], r)
	}
	for k, d := range s.t.deployments.All(tx, "") {
		if d.App == from {
			d.App = to
			s.t.deployments.Put(tx, k, d)
		}
	}
}

// DeleteApplication removes an application with its groups, revisions and deployments. A
// deployment that runs fails for want of its application, and stays.
func (s *Service) DeleteApplication(_ context.Context, in *codedeploy.DeleteApplicationInput, _ ...func(*codedeploy.Options)) (*codedeploy.DeleteApplicationOutput, error) {
	if err := checkApplicationName(in.ApplicationName); err != nil {
		return nil, err
	}
	n := aws.ToString(in.ApplicationName)
	var running []string
	err := s.Store.Update(func(tx *store.Tx) error {
		s.t.apps.Delete(tx, n)
		for k := range s.t.groups.All(tx, n+"\x00") {
			s.t.groups.Delete(tx, k)
		}
		for k := range s.t.revisions.All(tx, n+"\x00") {
			s.t.revisions.Delete(tx, k)
		}
		for id, d := range s.t.deployments.All(tx, "") {
			switch {
			case d.App == n && d.over():
				s.t.deployments.Delete(tx, id)
			case d.App == n:
				running = append(running, id)
			}
		}
		return nil
	})
	for _, id := range running {
		s.poke(id)
	}
	return &codedeploy.DeleteApplicationOutput{}, err
}
