package sts

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/policy"
)

// Directory knows roles, managed policies and identity providers: package iam, or an *iam.Client.
type Directory interface {
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	GetPolicy(context.Context, *iam.GetPolicyInput, ...func(*iam.Options)) (*iam.GetPolicyOutput, error)
	GetPolicyVersion(context.Context, *iam.GetPolicyVersionInput, ...func(*iam.Options)) (*iam.GetPolicyVersionOutput, error)
	GetOpenIDConnectProvider(context.Context, *iam.GetOpenIDConnectProviderInput, ...func(*iam.Options)) (*iam.GetOpenIDConnectProviderOutput, error)
}

// Keys makes temporary keys and decides what callers may do.
type Keys interface {
	// Issue makes keys by which a client is the caller for that long.
	Issue(ctx context.Context, caller identity.Caller, ttl time.Duration) (*types.Credentials, error)
	// Decide holds a request against the caller's own policies and the resource's.
	Decide(caller identity.Caller, r policy.Request, resource *policy.Source, trustOnly bool) policy.Decision
}
