package ecr

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
)

func text(format string, args ...any) *string { return aws.String(fmt.Sprintf(format, args...)) }

// invalid refuses a parameter in the words of ECR.
func invalid(parameter, constraint string) error {
	return &types.InvalidParameterException{Message: text("Invalid parameter at '%s' failed to satisfy constraint: '%s'", parameter, constraint)}
}

// refused is an InvalidParameterException of any other wording.
func refused(format string, args ...any) error {
	return &types.InvalidParameterException{Message: text(format, args...)}
}

func validation(format string, args ...any) error {
	return &types.ValidationException{Message: text(format, args...)}
}

func errToken() error {
	return refused("Invalid parameter at 'nextToken' failed to satisfy constraint: 'Must be a token that was returned by this operation'")
}

func noRepository(name, account string) error {
	return &types.RepositoryNotFoundException{Message: text("The repository with name '%s' does not exist in the registry with id '%s'", name, account)}
}

func (s *Service) repositoryExists(name string) error {
	return &types.RepositoryAlreadyExistsException{Message: text("The repository with name '%s' already exists in the registry with id '%s'", name, s.Place.Account)}
}

func (s *Service) repositoryNotEmpty(name string) error {
	return &types.RepositoryNotEmptyException{Message: text("The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images", name, s.Place.Account)}
}

// quoted writes an image id as ECR does in its messages.
func quoted(id types.ImageIdentifier) string {
	null := func(s *string) string {
		if s == nil {
			return "null"
		}
		return *s
	}
	return "{imageDigest:'" + null(id.ImageDigest) + "', imageTag:'" + null(id.ImageTag) + "'}"
}

func (s *Service) noImage(repo string, id types.ImageIdentifier) error {
	return &types.ImageNotFoundException{Message: text("The image with imageId %s does not exist within the repository with name '%s' in the registry with id '%s'", quoted(id), repo, s.Place.Account)}
}

func (s *Service) imageExists(repo, digest, tag string) error {
	return &types.ImageAlreadyExistsException{Message: text("Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry with id '%s'", digest, tag, repo, s.Place.Account)}
}

func immutable(repo, tag string) error {
	return &types.ImageTagAlreadyExistsException{Message: text("The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the repository is immutable.", tag, repo)}
}

func (s *Service) noLayers(repo string, digests []string) error {
	return &types.LayersNotFoundException{Message: text("Layers with digests '[%s]' could not be found in the repository with name '%s' in the registry with id '%s'", strings.Join(digests, ", "), repo, s.Place.Account)}
}

func (s *Service) noReferenced(repo string, digests []string) error {
	return &types.ReferencedImagesNotFoundException{Message: text("Images with digests '[%s]' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist", strings.Join(digests, ", "), repo, s.Place.Account)}
}

func wrongDigest(want, got string) error {
	return &types.ImageDigestDoesNotMatchException{Message: text("Provided digest '%s' does not match the calculated digest '%s'", want, got)}
}

func (s *Service) noUpload(repo, id string) error {
	return &types.UploadNotFoundException{Message: text("The upload with id '%s' could not be found in the repository with name '%s' in the registry with id '%s'", id, repo, s.Place.Account)}
}

func (s *Service) noPolicy(repo string) error {
	return &types.RepositoryPolicyNotFoundException{Message: text("Repository policy does not exist for the repository with name '%s' in the registry with id '%s'", repo, s.Place.Account)}
}

func (s *Service) noLifecycle(repo string) error {
	return &types.LifecyclePolicyNotFoundException{Message: text("Lifecycle policy does not exist for the repository with name '%s' in the registry with id '%s'", repo, s.Place.Account)}
}

func (s *Service) noPreview(repo string) error {
	return &types.LifecyclePolicyPreviewNotFoundException{Message: text("Lifecycle policy preview does not exist for the repository with name '%s' in the registry with id '%s'", repo, s.Place.Account)}
}

func (s *Service) noScan(repo string, id types.ImageIdentifier) error {
	return &types.ScanNotFoundException{Message: text("Image scan does not exist for the image with '%s' in the repository with name '%s' in the registry with id '%s'", quoted(id), repo, s.Place.Account)}
}

// denied is what a client without permission is told over the registry's protocol.
func denied(message string) error {
	return &smithy.GenericAPIError{Code: "AccessDeniedException", Message: message}
}
