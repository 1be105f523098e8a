package cloud

import (
	"context"
	"encoding/base64"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

// tokens gives registry passwords.
type tokens interface {
	GetAuthorizationToken(context.Context, *ecr.GetAuthorizationTokenInput, ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error)
}

// registryAuth lets tasks pull from the cloud's own registry; others are asked without
// credentials.
func (c *Cloud) registryAuth(t tokens) func(context.Context, string) (string, string, error) {
	host := c.listener.Addr().String()
	return func(ctx context.Context, image string) (user, password string, err error) {
		if !strings.HasPrefix(image, host+"/") {
			return "", "", nil
		}
		ctx = identity.With(ctx, identity.Caller{Kind: identity.Service, Service: "ecs-tasks.amazonaws.com"})
		out, err := t.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
		if err != nil {
			return "", "", err
		}
		raw, err := base64.StdEncoding.DecodeString(aws.ToString(out.AuthorizationData[0].AuthorizationToken))
		user, password, _ = strings.Cut(string(raw), ":")
		return user, password, err
	}
}

// ecrHost is the host name of a private registry in AWS.
var ecrHost = regexp.MustCompile(`^([0-9]{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/`)

// localImage turns AWS's name of an image in this account and region into the local one,
// so that a task definition made for AWS runs unchanged.
func (c *Cloud) localImage(ref string) string {
	m := ecrHost.FindStringSubmatch(ref)
	if m == nil || m[1] != c.place.Account || m[2] != c.place.Region {
		return ref
	}
	return c.listener.Addr().String() + "/" + ref[len(m[0]):]
}
