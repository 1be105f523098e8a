package cloud

import (
	"context"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/sts"
)

// oidc is where the cloud's own identity provider is served.
const oidc = ownPath + "oidc"

// job is whom that provider's tokens are about if a request says nothing else.
var job = map[string]string{"repository": "local/repository", "ref": "refs/heads/main"}

// assume lets a service take on roles that trust its principal. The caller keeps the
// service's name, by which a neighbour that serves it alone knows it.
func assume(s *sts.Service, place arn.Place, principal string) func(ctx context.Context, role, session string) (context.Context, error) {
	return func(ctx context.Context, role, session string) (context.Context, error) {
		if !strings.HasPrefix(role, "arn:") { // ECS takes names, too
			role = place.Global("iam", "role/"+role)
		}
		c, err := s.AssumeFor(ctx, role, principal, session)
		if err != nil {
			return nil, err
		}
		c.Service = principal
		return identity.With(ctx, c), nil
	}
}

// assumeOnce is assume for CodeDeploy, all of whose sessions have one name.
func assumeOnce(s *sts.Service, place arn.Place, principal, session string) func(ctx context.Context, role string) (context.Context, error) {
	take := assume(s, place, principal)
	return func(ctx context.Context, role string) (context.Context, error) { return take(ctx, role, session) }
}
