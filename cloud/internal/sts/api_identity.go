package sts

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

// GetCallerIdentity tells whose keys a call was signed with. It needs no permission; a
// caller that is unknown, where signatures are not verified, is the root user.
func (s *Service) GetCallerIdentity(ctx context.Context, _ *sts.GetCallerIdentityInput, _ ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	out := &sts.GetCallerIdentityOutput{
		Account: aws.String(s.Place.Account),
		Arn:     aws.String(s.Place.Global("iam", "root")),
		UserId:  aws.String(s.Place.Account),
	}
	if c := identity.From(ctx); c.ARN != "" {
		out.Arn, out.UserId = &c.ARN, &c.UserID
	}
	return out, nil
}

// DecodeAuthorizationMessage knows no message: those whom the cloud refuses are told why in
// plain text.
func (s *Service) DecodeAuthorizationMessage(context.Context, *sts.DecodeAuthorizationMessageInput, ...func(*sts.Options)) (*sts.DecodeAuthorizationMessageOutput, error) {
	return nil, &types.InvalidAuthorizationMessageException{Message: aws.String("Message is invalid")}
}

// GetAccessKeyInfo tells the account of a key. There is only one.
func (s *Service) GetAccessKeyInfo(_ context.Context, in *sts.GetAccessKeyInfoInput, _ ...func(*sts.Options)) (*sts.GetAccessKeyInfoOutput, error) {
	if id := aws.ToString(in.AccessKeyId); len(id) < 16 || len(id) > 128 {
		return nil, validation("Invalid Access Key ID: %s", id)
	}
	return &sts.GetAccessKeyInfoOutput{Account: aws.String(s.Place.Account)}, nil
}
