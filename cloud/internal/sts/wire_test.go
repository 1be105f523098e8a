package sts_test

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/turnoutdev/turnout/cloud/internal/sts"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// client is the SDK's, reaching the cloud without a socket.
func (c cloud) client(keys aws.CredentialsProvider) *sdk.Client {
	v := &wire.Verifier{Credentials: c.iam, Region: place.Region}
	h := wire.NewServer(wire.Options{Services: []*wire.Service{wire.STS(c.Ops())}, Authenticate: v.Authenticate})
	return sdk.New(sdk.Options{
		Region: place.Region, BaseEndpoint: aws.String("http://cloud.local"), RetryMaxAttempts: 1, Credentials: keys,
		HTTPClient: &http.Client{Transport: wire.Transport(h)},
	})
}

type token string

func (t token) GetIdentityToken() ([]byte, error) { return []byte(t), nil }

// The SDK's own credential providers work against the cloud: a job's token becomes a
// session, and the session signs.
func TestCredentialProviders(t *testing.T) {
	c := newCloud(t)
	c.provider(t, sts.GitHub)
	role := c.role(t, "deploy", webStep, ofMain)
	raw, err := c.issuer.Token("sts.amazonaws.com", nil)
	keys := stscreds.NewWebIdentityRoleProvider(c.client(aws.AnonymousCredentials{}), role, token(must(t, raw, err)),
		func(o *stscreds.WebIdentityRoleOptions) { o.RoleSessionName = "job" })
	who, err := c.client(keys).GetCallerIdentity(bg, &sdk.GetCallerIdentityInput{})
	if *must(t, who, err).Arn != "arn:aws:sts::123456789012:assumed-role/deploy/job" {
		t.Errorf("I am %s", *who.Arn)
	}

	id, secret := c.iam.RootKey()
	root := c.client(credentials.NewStaticCredentialsProvider(id, secret, ""))
	ours := c.role(t, "ours", anyStep, account)
	who, err = c.client(stscreds.NewAssumeRoleProvider(root, ours)).GetCallerIdentity(bg, &sdk.GetCallerIdentityInput{})
	if *must(t, who, err).Account != "123456789012" {
		t.Errorf("I am of %s", *who.Account)
	}
	wrong := c.client(credentials.NewStaticCredentialsProvider(id, secret+"x", ""))
	if _, err := wrong.GetCallerIdentity(bg, &sdk.GetCallerIdentityInput{}); err == nil {
		t.Error("a wrong secret opens")
	}
}
