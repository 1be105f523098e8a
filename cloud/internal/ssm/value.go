package ssm

import (
	"context"
	"encoding/base64"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Value returns a parameter's value in the clear, for a task's environment: nameOrARN may
// end in :VERSION or :LABEL. Errors are GetParameter's.
func (s *Service) Value(_ context.Context, nameOrARN string) (string, error) {
	var p parameter
	var v version
	var err error
	s.Store.View(func(tx *store.Tx) { p, v, _, err = s.selected(tx, nameOrARN) })
	if err != nil {
		return "", err
	}
	return s.reveal(p, v, true)
}

// reveal is a version's value: a SecureString's sealed form unless decrypt says otherwise.
func (s *Service) reveal(p parameter, v version, decrypt bool) (string, error) {
	switch {
	case v.Type != types.ParameterTypeSecureString:
		return v.Value, nil
	case !decrypt:
		return base64.StdEncoding.EncodeToString(v.Sealed), nil
	}
	plain, err := s.Seal.Open("ssm:"+p.Name, v.Sealed)
	return string(plain), err
}

// shown is a version as GetParameter and its kin show it.
func (s *Service) shown(p parameter, v version, selector string, decrypt *bool) (types.Parameter, error) {
	value, err := s.reveal(p, v, aws.ToBool(decrypt))
	if err != nil {
		return types.Parameter{}, err
	}
	t := types.Parameter{
		Name: &p.Name, ARN: aws.String(s.arnOf(p.Name)), Type: v.Type, Value: &value, Version: v.Number,
		DataType: &v.DataType, LastModifiedDate: &v.At,
	}
	if selector != "" {
		t.Selector = &selector
	}
	return t, nil
}
