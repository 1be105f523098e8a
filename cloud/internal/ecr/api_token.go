package ecr

import (
	"context"
	"encoding/base64"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

// GetAuthorizationToken makes a password with which the caller can log in to the registry
// as "AWS" for twelve hours.
func (s *Service) GetAuthorizationToken(ctx context.Context, p *ecr.GetAuthorizationTokenInput, _ ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error) {
	expires := s.now().Add(tokenLife)
	password, err := s.tokens.sign(claim{Caller: identity.From(ctx), Expires: expires})
	if err != nil {
		return nil, err
	}
	data := types.AuthorizationData{
		AuthorizationToken: aws.String(base64.StdEncoding.EncodeToString([]byte("AWS:" + password))),
		ExpiresAt:          aws.Time(expires),
		ProxyEndpoint:      aws.String("http://" + s.Endpoint()),
	}
	out := &ecr.GetAuthorizationTokenOutput{}
	for range max(1, len(p.RegistryIds)) { // one each, all for this registry: there is no other
		out.AuthorizationData = append(out.AuthorizationData, data)
	}
	return out, nil
}
