package lambda

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// accountConcurrency is how many invocations may run at a time, of all functions together
// and, for a hundred of them, of those without a reservation.
const (
	accountConcurrency = 1000
	unreserved         = 100
)

// edit changes what all versions of a function share.
func (s *Service) edit(id *string, change func(*store.Tx, *function) error) (f function, err error) {
	err = s.Store.Update(func(tx *store.Tx) error {
		have, err := s.find(tx, id, nil)
		if err != nil {
			return err
		}
		if err = change(tx, &have.function); err == nil {
			f = have.function
			s.t.functions.Put(tx, f.Name, f)
		}
		return err
	})
	return f, err
}

// ListTags lists a function's tags, by its ARN.
func (s *Service) ListTags(_ context.Context, in *lambda.ListTagsInput, _ ...func(*lambda.Options)) (*lambda.ListTagsOutput, error) {
	f, err := s.get(in.Resource, nil)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	maps.Copy(tags, f.Tags)
	return &lambda.ListTagsOutput{Tags: tags}, nil
}

// TagResource adds tags to a function, by its ARN.
func (s *Service) TagResource(_ context.Context, in *lambda.TagResourceInput, _ ...func(*lambda.Options)) (*lambda.TagResourceOutput, error) {
	_, err := s.edit(in.Resource, func(_ *store.Tx, f *function) error {
		tags := map[string]string{}
		maps.Copy(tags, f.Tags)
		maps.Copy(tags, in.Tags)
		f.Tags = tags
		return nil
	})
	return &lambda.TagResourceOutput{}, err
}

// UntagResource removes tags from a function, by its ARN.
func (s *Service) UntagResource(_ context.Context, in *lambda.UntagResourceInput, _ ...func(*lambda.Options)) (*lambda.UntagResourceOutput, error) {
	_, err := s.edit(in.Resource, func(_ *store.Tx, f *function) error {
		f.Tags = maps.Clone(f.Tags)
		maps.DeleteFunc(f.Tags, func(k, _ string) bool { return slices.Contains(in.TagKeys, k) })
		return nil
	})
	return &lambda.UntagResourceOutput{}, err
}

// PutFunctionConcurrency bounds how many invocations of a function run at a time; 0 stops
// it.
func (s *Service) PutFunctionConcurrency(_ context.Context, in *lambda.PutFunctionConcurrencyInput, _ ...func(*lambda.Options)) (*lambda.PutFunctionConcurrencyOutput, error) {
	_, err := s.edit(in.FunctionName, func(tx *store.Tx, f *function) error {
		taken := *in.ReservedConcurrentExecutions
		for _, o := range s.t.functions.All(tx, "") {
			if o.Name != f.Name {
				taken += aws.ToInt32(o.Reserved)
			}
		}
		if taken > accountConcurrency-unreserved {
			return invalid("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", unreserved)
		}
		f.Reserved = in.ReservedConcurrentExecutions
		return nil
	})
	return &lambda.PutFunctionConcurrencyOutput{ReservedConcurrentExecutions: in.ReservedConcurrentExecutions}, err
}

// GetFunctionConcurrency tells a function's reservation.
func (s *Service) GetFunctionConcurrency(_ context.Context, in *lambda.GetFunctionConcurrencyInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionConcurrencyOutput, error) {
	f, err := s.get(in.FunctionName, nil)
	return &lambda.GetFunctionConcurrencyOutput{ReservedConcurrentExecutions: f.Reserved}, err
}

// DeleteFunctionConcurrency takes a function's reservation away.
func (s *Service) DeleteFunctionConcurrency(_ context.Context, in *lambda.DeleteFunctionConcurrencyInput, _ ...func(*lambda.Options)) (*lambda.DeleteFunctionConcurrencyOutput, error) {
	_, err := s.edit(in.FunctionName, func(_ *store.Tx, f *function) error {
		f.Reserved = nil
		return nil
	})
	return &lambda.DeleteFunctionConcurrencyOutput{}, err
}

// GetFunctionCodeSigningConfig tells that a function's code is not signed.
func (s *Service) GetFunctionCodeSigningConfig(_ context.Context, in *lambda.GetFunctionCodeSigningConfigInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionCodeSigningConfigOutput, error) {
	f, err := s.get(in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	return &lambda.GetFunctionCodeSigningConfigOutput{FunctionName: &f.Name, CodeSigningConfigArn: aws.String("")}, nil
}

// GetAccountSettings tells the account's limits and how far they are used.
func (s *Service) GetAccountSettings(context.Context, *lambda.GetAccountSettingsInput, ...func(*lambda.Options)) (*lambda.GetAccountSettingsOutput, error) {
	use := &types.AccountUsage{}
	free := int32(accountConcurrency)
	s.Store.View(func(tx *store.Tx) {
		for _, f := range s.t.functions.All(tx, "") {
			use.FunctionCount++
			free -= aws.ToInt32(f.Reserved)
		}
		for _, r := range s.t.revisions.All(tx, "") {
			use.TotalCodeSize += r.Config.CodeSize
		}
	})
	return &lambda.GetAccountSettingsOutput{AccountUsage: use, AccountLimit: &types.AccountLimit{
		ConcurrentExecutions: accountConcurrency, UnreservedConcurrentExecutions: &free,
		CodeSizeUnzipped: maxUnpacked, CodeSizeZipped: 50 << 20, TotalCodeSize: 75 << 30,
	}}, nil
}
