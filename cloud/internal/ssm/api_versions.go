package ssm

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/internal/regex"
)

// GetParameterHistory lists a parameter's versions, oldest first.
func (s *Service) GetParameterHistory(_ context.Context, in *ssm.GetParameterHistoryInput, _ ...func(*ssm.Options)) (*ssm.GetParameterHistoryOutput, error) {
	var p parameter
	var ok bool
	s.Store.View(func(tx *store.Tx) { p, ok = s.find(tx, aws.ToString(in.Name)) })
	if !ok {
		return nil, errNone
	}
	part, next, err := cut(p.Versions, func(v version) string { return strconv.FormatInt(v.Number, 10) }, in.NextToken, in.MaxResults, 50)
	if err != nil {
		return nil, err
	}
	out := &ssm.GetParameterHistoryOutput{Parameters: []types.ParameterHistory{}, NextToken: next}
	for _, v := range part {
		value, err := s.reveal(p, v, aws.ToBool(in.WithDecryption))
		if err != nil {
			return nil, err
		}
		labels := v.Labels
		if labels == nil {
			labels = []string{}
		}
		out.Parameters = append(out.Parameters, types.ParameterHistory{
			Name: &p.Name, Type: v.Type, KeyId: v.KeyID, Value: &value, Version: v.Number, Labels: labels, Tier: v.Tier,
			Description: v.Description, AllowedPattern: v.Pattern, DataType: &v.DataType,
			LastModifiedDate: &v.At, LastModifiedUser: &v.By, Policies: []types.ParameterInlinePolicy{},
		})
	}
	return out, nil
}

const maxLabels = 10 // of one version

var (
	labelForm     = regex.New(`^[a-zA-Z_][a-zA-Z0-9_.\-]{0,99}$`)
	reservedLabel = regex.New(`(?i)^(aws|ssm)`)
)

// LabelParameterVersion moves labels to a version, by default the newest. Labels of a bad
// form are told, the others set.
func (s *Service) LabelParameterVersion(_ context.Context, in *ssm.LabelParameterVersionInput, _ ...func(*ssm.Options)) (*ssm.LabelParameterVersionOutput, error) {
	out := &ssm.LabelParameterVersionOutput{InvalidLabels: []string{}}
	var good []string
	for _, l := range in.Labels {
		if labelForm.MatchString(l) && !reservedLabel.MatchString(l) {
			good = append(good, l)
		} else {
			out.InvalidLabels = append(out.InvalidLabels, l)
		}
	}
	return out, s.relabel(in.Name, in.ParameterVersion, func(p *parameter, at int) error {
		out.ParameterVersion = p.Versions[at].Number
		for i := range p.Versions {
			p.Versions[i].Labels = without(p.Versions[i].Labels, good)
		}
		p.Versions[at].Labels = append(p.Versions[at].Labels, good...)
		if len(p.Versions[at].Labels) > maxLabels {
			return &types.ParameterVersionLabelLimitExceeded{Message: aws.String("A parameter version can have a maximum of ten labels.")}
		}
		return nil
	})
}

// UnlabelParameterVersion takes labels off a version and tells which it did not have.
func (s *Service) UnlabelParameterVersion(_ context.Context, in *ssm.UnlabelParameterVersionInput, _ ...func(*ssm.Options)) (*ssm.UnlabelParameterVersionOutput, error) {
	out := &ssm.UnlabelParameterVersionOutput{InvalidLabels: []string{}, RemovedLabels: []string{}}
	return out, s.relabel(in.Name, in.ParameterVersion, func(p *parameter, at int) error {
		for _, l := range in.Labels {
			if slices.Contains(p.Versions[at].Labels, l) {
				out.RemovedLabels = append(out.RemovedLabels, l)
			} else {
				out.InvalidLabels = append(out.InvalidLabels, l)
			}
		}
		p.Versions[at].Labels = without(p.Versions[at].Labels, in.Labels)
		return nil
	})
}

func without(labels, gone []string) []string {
	return slices.DeleteFunc(slices.Clone(labels), func(l string) bool { return slices.Contains(gone, l) })
}

// relabel changes a copy of a parameter, given the index of the version meant.
func (s *Service) relabel(name *string, number *int64, change func(p *parameter, at int) error) error {
	return s.Store.Update(func(tx *store.Tx) error {
		p, ok := s.find(tx, aws.ToString(name))
		if !ok {
			return errNone
		}
		at := len(p.Versions) - 1
		if number != nil {
			at = slices.IndexFunc(p.Versions, func(v version) bool { return v.Number == *number })
		}
		if at < 0 {
			return noVersion(strconv.FormatInt(*number, 10), p.Name)
		}
		p.Versions = slices.Clone(p.Versions)
		if err := change(&p, at); err != nil {
			return err
		}
		s.parameters.Put(tx, p.Name, p)
		return nil
	})
}
