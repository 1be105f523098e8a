package sts

import "github.com/turnoutdev/turnout/cloud/internal/wire"

// Ops lists what the service answers.
func (s *Service) Ops() []wire.Op {
	return []wire.Op{
		wire.Handle(s.GetCallerIdentity),
		wire.Handle(s.GetAccessKeyInfo).Differing("All keys are of the cloud's one account."),
		wire.Handle(s.GetSessionToken),
		wire.Handle(s.DecodeAuthorizationMessage).Differing("No service of the cloud encodes its messages, so none can be decoded."),
		wire.Handle(s.AssumeRole).
			Differing("The root user may assume roles whose trust policy names the account, so that the cloud's default credentials can."),
		wire.Handle(s.AssumeRoleWithWebIdentity).
			Differing("The issuer that the cloud brings along signs in GitHub's name."),
	}
}
