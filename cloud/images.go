package cloud

import (
	"context"
	"regexp"
	"strings"
	"time"
)

// passwords gives registry passwords.
type passwords interface {
	Password() (password string, expires time.Time)
}

// registryAuth lets tasks pull from the cloud's own registry; others are asked without
// credentials.
func (c *Cloud) registryAuth(p passwords) func(context.Context, string) (string, string, error) {
	host := c.listener.Addr().String()
	return func(_ context.Context, image string) (user, password string, err error) {
		if !strings.HasPrefix(image, host+"/") {
			return "", "", nil
		}
		password, _ = p.Password()
		return "AWS", password, nil
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
