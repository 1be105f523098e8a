package ssm

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/turnoutdev/turnout/cloud/internal/page"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// GetParameter reads one, by name or ARN, perhaps with :VERSION or :LABEL.
func (s *Service) GetParameter(_ context.Context, in *ssm.GetParameterInput, _ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	var p parameter
	var v version
	var selector string
	var err error
	s.Store.View(func(tx *store.Tx) { p, v, selector, err = s.selected(tx, aws.ToString(in.Name)) })
	if err != nil {
		return nil, err
	}
	t, err := s.shown(p, v, selector, in.WithDecryption)
	if err != nil {
		return nil, err
	}
	return &ssm.GetParameterOutput{Parameter: &t}, nil
}

// GetParameters reads several and tells the names that are of none.
func (s *Service) GetParameters(_ context.Context, in *ssm.GetParametersInput, _ ...func(*ssm.Options)) (*ssm.GetParametersOutput, error) {
	out := &ssm.GetParametersOutput{Parameters: []types.Parameter{}, InvalidParameters: []string{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		for _, name := range slices.Compact(slices.Sorted(slices.Values(in.Names))) {
			p, v, selector, missing := s.selected(tx, name)
			if missing != nil {
				out.InvalidParameters = append(out.InvalidParameters, name)
				continue
			}
			var t types.Parameter
			if t, err = s.shown(p, v, selector, in.WithDecryption); err != nil {
				return
			}
			out.Parameters = append(out.Parameters, t)
		}
	})
	return out, err
}

// GetParametersByPath reads what is under a path, with Recursive at any depth.
func (s *Service) GetParametersByPath(_ context.Context, in *ssm.GetParametersByPathInput, _ ...func(*ssm.Options)) (*ssm.GetParametersByPathOutput, error) {
	path := aws.ToString(in.Path)
	if !strings.HasPrefix(path, "/") {
		return nil, invalid("The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: /get/parameters2-/by1./path0_.")
	}
	f, err := filters(in.ParameterFilters)
	if err != nil {
		return nil, err
	}
	part, next, err := s.list(func(p parameter) bool { return under(p.Name, path, aws.ToBool(in.Recursive)) && f(p) }, in.NextToken, in.MaxResults, 10)
	if err != nil {
		return nil, err
	}
	out := &ssm.GetParametersByPathOutput{Parameters: []types.Parameter{}, NextToken: next}
	for _, p := range part {
		t, err := s.shown(p, p.latest(), "", in.WithDecryption)
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, t)
	}
	return out, nil
}

// list returns a page of the parameters that match accepts, by name.
func (s *Service) list(match func(parameter) bool, token *string, size *int32, usual int) ([]parameter, *string, error) {
	var all []parameter
	s.Store.View(func(tx *store.Tx) {
		for _, p := range s.parameters.All(tx, "") {
			if match(p) {
				all = append(all, p)
			}
		}
	})
	return cut(all, func(p parameter) string { return p.Name }, token, size, usual)
}

func cut[T any](all []T, key func(T) string, token *string, size *int32, usual int) ([]T, *string, error) {
	if size != nil {
		usual = int(*size)
	}
	part, next, err := page.Cut(all, key, aws.ToString(token), usual)
	switch {
	case err != nil:
		return nil, nil, errToken
	case next == "":
		return part, nil, nil
	}
	return part, &next, nil
}

// under tells whether a name is in the hierarchy of path, or directly in it.
func under(name, path string, deep bool) bool {
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(path, "/")+"/")
	if path == "/" && !strings.HasPrefix(name, "/") {
		rest, ok = name, true // the root holds plain names too
	}
	return ok && (deep || !strings.Contains(rest, "/"))
}

// DescribeParameters lists parameters without their values.
func (s *Service) DescribeParameters(_ context.Context, in *ssm.DescribeParametersInput, _ ...func(*ssm.Options)) (*ssm.DescribeParametersOutput, error) {
	wanted := in.ParameterFilters
	for _, old := range in.Filters { // the older form, whose names mean a beginning
		f := types.ParameterStringFilter{Key: aws.String(string(old.Key)), Values: old.Values}
		if old.Key == types.ParametersFilterKeyName {
			f.Option = aws.String("BeginsWith")
		}
		wanted = append(wanted[:len(wanted):len(wanted)], f)
	}
	f, err := filters(wanted)
	if err != nil {
		return nil, err
	}
	part, next, err := s.list(f, in.NextToken, in.MaxResults, 50)
	if err != nil {
		return nil, err
	}
	out := &ssm.DescribeParametersOutput{Parameters: []types.ParameterMetadata{}, NextToken: next}
	for _, p := range part {
		v := p.latest()
		out.Parameters = append(out.Parameters, types.ParameterMetadata{
			Name: &p.Name, ARN: aws.String(s.arnOf(p.Name)), Type: v.Type, KeyId: v.KeyID, Version: v.Number, Tier: v.Tier,
			Description: v.Description, AllowedPattern: v.Pattern, DataType: &v.DataType,
			LastModifiedDate: &v.At, LastModifiedUser: &v.By, Policies: []types.ParameterInlinePolicy{},
		})
	}
	return out, nil
}
