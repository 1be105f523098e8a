package sts

import (
	"context"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

// SecondFactors checks the codes of MFA devices: package iam.
type SecondFactors interface {
	// CheckMFA reports whether code is the one that the caller's device shows now. A code
	// holds once.
	CheckMFA(ctx context.Context, caller identity.Caller, serial, code string) (bool, error)
}

// secondFactor returns when the caller has shown a second factor: now, if the request has a
// code; zero if it has none. The texts are AWS's.
func (s *Service) secondFactor(ctx context.Context, caller identity.Caller, serial, code *string) (time.Time, error) {
	if serial == nil && code == nil {
		return time.Time{}, nil
	}
	if serial == nil || code == nil {
		return time.Time{}, denied("MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.")
	}
	if s.SecondFactors == nil {
		return time.Time{}, denied(unknownDevice)
	}
	ok, err := s.SecondFactors.CheckMFA(ctx, caller, *serial, *code)
	switch {
	case err != nil:
		return time.Time{}, denied(unknownDevice)
	case !ok:
		return time.Time{}, denied("MultiFactorAuthentication failed with invalid MFA one time pass code.")
	}
	return s.Clock.Now().Truncate(time.Second), nil
}

const unknownDevice = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."
