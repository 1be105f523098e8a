package sts_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/iam"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/sts"
)

var (
	bg    = context.Background()
	place = arn.Place{Partition: "aws", Account: "123456789012", Region: "us-east-1"}
)

// cloud is sts with IAM behind it and an issuer of its own.
type cloud struct {
	*sts.Service
	iam    *iam.Service
	issuer *sts.Issuer
}

func newCloud(t *testing.T) cloud {
	t.Helper()
	st, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := iam.New(iam.Options{Store: st, Place: place})
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := sts.NewIssuer(sts.IssuerOptions{Store: st, Claims: map[string]string{"repository": "o/r", "ref": "refs/heads/main"}})
	if err != nil {
		t.Fatal(err)
	}
	return cloud{sts.New(sts.Options{Place: place, Directory: dir, Keys: dir, Issuer: issuer}), dir, issuer}
}

// role makes a role that trusts whom the statement's principal and conditions say.
func (c cloud) role(t *testing.T, name, action, rest string) string {
	t.Helper()
	doc := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + action + `,` + rest + `}]}`
	out, err := c.iam.CreateRole(bg, &sdkiam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &doc})
	return *must(t, out, err).Role.Arn
}

// allow lets a role do something.
func (c cloud) allow(t *testing.T, role, action string) {
	t.Helper()
	doc := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"*"}]}`
	_, err := c.iam.PutRolePolicy(bg, &sdkiam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("p"), PolicyDocument: &doc})
	must(t, 0, err)
}

// user makes a user and returns a context in which it calls.
func (c cloud) user(t *testing.T, name string) context.Context {
	t.Helper()
	out, err := c.iam.CreateUser(bg, &sdkiam.CreateUserInput{UserName: &name})
	u := must(t, out, err).User
	return identity.With(bg, identity.Caller{Kind: identity.User, ARN: *u.Arn, UserID: *u.UserId})
}

// provider makes an issuer known to IAM.
func (c cloud) provider(t *testing.T, url string) string {
	t.Helper()
	out, err := c.iam.CreateOpenIDConnectProvider(bg, &sdkiam.CreateOpenIDConnectProviderInput{
		Url: &url, ClientIDList: []string{"sts.amazonaws.com"},
	})
	return *must(t, out, err).OpenIDConnectProviderArn
}

// served serves an issuer under its own URL, on loopback.
func served(t *testing.T) *sts.Issuer {
	t.Helper()
	st, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	var i *sts.Issuer
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { i.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	i, err = sts.NewIssuer(sts.IssuerOptions{Store: st, URL: srv.URL, Base: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func must[T any](t *testing.T, out T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

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
