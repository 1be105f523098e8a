package ecr

import (
	"context"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

// Account settings.
const (
	blobMounting = "BLOB_MOUNTING"
	disabled     = "DISABLED"
)

// mountable tells whether layers may be mounted from other repositories.
func (s *Service) mountable() bool {
	return s.registryRecord().Settings[blobMounting] != disabled
}

// pulled notes the pull of an image, unless its caller's pulls are not to be noted.
func (s *Service) pulled(ctx context.Context, repo string, i image) {
	who := identity.From(ctx)
	excluded := s.registryRecord().Exclusions
	for _, principal := range []string{who.ARN, who.RoleARN} {
		if _, ok := excluded[principal]; ok && principal != "" {
			return
		}
	}
	s.pulls.note(in(repo, i.Digest), s.now())
}
