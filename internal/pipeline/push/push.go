// Package push is the stage that sends the image to ECR: what the repository lacks, by
// digest, and last the tag.
package push

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/image"
	"github.com/turnoutdev/turnout/internal/run"
)

// Stage pushes the image.
type Stage struct{}

func (Stage) String() string { return "push" }

// Skip tells that the image stands in the repository, in a run that is picked up again.
func (Stage) Skip(r *run.Run) string {
	if r.Facts.Digest != "" {
		return r.Facts.Digest + " was pushed already"
	}
	return ""
}

// Run pushes what was built and notes its name and digest.
func (Stage) Run(ctx context.Context, r *run.Run) (string, error) {
	repo, err := repository(ctx, r)
	if err != nil {
		return "", err
	}
	auth, err := login(ctx, r.AWS.ECR())
	if err != nil {
		return "", err
	}
	done, err := image.Push(ctx, r.Built.Image, image.PushOptions{Repository: repo, Tag: r.Facts.Tag, Auth: auth})
	if err != nil {
		return "", err
	}
	r.Facts.Image, r.Facts.Digest = repo+":"+r.Facts.Tag, done.Digest
	if done.Was {
		return r.Facts.Image + " stood there already", nil
	}
	return r.Facts.Image, nil
}

// repository is the repository's URI.
func repository(ctx context.Context, r *run.Run) (string, error) {
	name := r.Config.Image.Repository
	out, err := r.AWS.ECR().DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{name}})
	var none *types.RepositoryNotFoundException
	if errors.As(err, &none) {
		return "", fault.New(fault.Usage, "make it with `turnout provision`, or set image.repository", "%w", err)
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Repositories[0].RepositoryUri), nil
}

// login gets the registry's user and password, which stay in memory.
func login(ctx context.Context, client *ecr.Client) (image.Auth, error) {
	out, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return image.Auth{}, err
	}
	if len(out.AuthorizationData) == 0 {
		return image.Auth{}, errors.New("ECR gave no authorization token")
	}
	raw, err := base64.StdEncoding.DecodeString(aws.ToString(out.AuthorizationData[0].AuthorizationToken))
	user, password, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok {
		return image.Auth{}, fmt.Errorf("ECR gave a token of an unknown form")
	}
	return image.Auth{Username: user, Password: password}, nil
}
