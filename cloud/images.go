package cloud

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/neighbour"
	"github.com/turnoutdev/turnout/internal/regex"
)

// registryAuth lets tasks pull from the cloud's own registry, as the role or service that
// the context names; other registries are asked without credentials.
func (c *Cloud) registryAuth(g neighbour.Guard, t neighbour.Tokens) func(context.Context, string) (string, string, error) {
	host := c.listener.Addr().String()
	return func(ctx context.Context, image string) (user, password string, err error) {
		if !strings.HasPrefix(image, host+"/") {
			return "", "", nil
		}
		token, err := g.Token(ctx, t)
		if err != nil {
			return "", "", err
		}
		raw, err := base64.StdEncoding.DecodeString(token)
		user, password, _ = strings.Cut(string(raw), ":")
		return user, password, err
	}
}

// ecrHost is the host name of a private registry in AWS.
var ecrHost = regex.New(`^([0-9]{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/`)

// localImage turns AWS's name of an image in this account and region into the local one,
// so that a task definition made for AWS runs unchanged.
func (c *Cloud) localImage(ref string) string {
	m := ecrHost.FindStringSubmatch(ref)
	if m == nil || m[1] != c.place.Account || m[2] != c.place.Region {
		return ref
	}
	return c.listener.Addr().String() + "/" + ref[len(m[0]):]
}
