package iam

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var (
	bg    = context.Background()
	place = arn.Place{Partition: "aws", Account: "123456789012", Region: "us-east-1"}
)

const (
	trustECS  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	allowECS  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*"}]}`
	allowECR  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"}]}`
	execution = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
)

func newService(t *testing.T) *Service {
	t.Helper()
	return serviceOn(t, "", Options{})
}

// serviceOn opens a service over the state file at path; call the function to close it.
func serviceOn(t *testing.T, path string, o Options) *Service {
	t.Helper()
	st, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	o.Store, o.Place = st, place
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// must fails the test unless the call went well.
func must[T any](t *testing.T, out T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantError fails the test unless err has the code and the message.
func wantError(t *testing.T, err error, code, message string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("got %v, want %s: %s", err, code, message)
	}
	if api.ErrorCode() != code || api.ErrorMessage() != message {
		t.Fatalf("got  %s: %s\nwant %s: %s", api.ErrorCode(), api.ErrorMessage(), code, message)
	}
}

func (s *Service) makeRole(t *testing.T, name string) {
	t.Helper()
	_, err := s.CreateRole(bg, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trustECS)})
	must(t, 0, err)
}

func (s *Service) makeUser(t *testing.T, name string) {
	t.Helper()
	_, err := s.CreateUser(bg, &iam.CreateUserInput{UserName: &name})
	must(t, 0, err)
}

// makePolicy makes a managed policy and returns its ARN.
func (s *Service) makePolicy(t *testing.T, name, doc string) *string {
	t.Helper()
	out, err := s.CreatePolicy(bg, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &doc})
	return must(t, out, err).Policy.Arn
}
