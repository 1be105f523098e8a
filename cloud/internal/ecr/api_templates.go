package ecr

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func (s *Service) noTemplate(prefix string) error {
	return &types.TemplateNotFoundException{Message: text("The Repository Creation Template with prefix '%s' does not exist in the registry with id '%s'", prefix, s.Place.Account)}
}

// CreateRepositoryCreationTemplate says how repositories are made that are first pushed to.
func (s *Service) CreateRepositoryCreationTemplate(_ context.Context, p *ecr.CreateRepositoryCreationTemplateInput, _ ...func(*ecr.Options)) (*ecr.CreateRepositoryCreationTemplateOutput, error) {
	t := template{Prefix: aws.ToString(p.Prefix), Created: s.now()}
	err := s.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.templates.Get(tx, t.Prefix); ok {
			return &types.TemplateAlreadyExistsException{Message: text("The Repository Creation Template with prefix '%s' already exists in the registry with id '%s'", t.Prefix, s.Place.Account)}
		}
		return s.putTemplate(tx, &t, &ecr.UpdateRepositoryCreationTemplateInput{
			AppliedFor: p.AppliedFor, CustomRoleArn: p.CustomRoleArn, Description: p.Description,
			EncryptionConfiguration: p.EncryptionConfiguration, ImageTagMutability: p.ImageTagMutability,
			ImageTagMutabilityExclusionFilters: p.ImageTagMutabilityExclusionFilters,
			LifecyclePolicy:                    p.LifecyclePolicy, RepositoryPolicy: p.RepositoryPolicy, ResourceTags: p.ResourceTags,
		})
	})
	if err != nil {
		return nil, err
	}
	return &ecr.CreateRepositoryCreationTemplateOutput{RegistryId: aws.String(s.Place.Account), RepositoryCreationTemplate: t.describe()}, nil
}

// UpdateRepositoryCreationTemplate changes what is given; the rest stays.
func (s *Service) UpdateRepositoryCreationTemplate(_ context.Context, p *ecr.UpdateRepositoryCreationTemplateInput, _ ...func(*ecr.Options)) (*ecr.UpdateRepositoryCreationTemplateOutput, error) {
	var t template
	err := s.Store.Update(func(tx *store.Tx) (err error) {
		var ok bool
		if t, ok = s.templates.Get(tx, aws.ToString(p.Prefix)); !ok {
			return s.noTemplate(aws.ToString(p.Prefix))
		}
		return s.putTemplate(tx, &t, p)
	})
	if err != nil {
		return nil, err
	}
	return &ecr.UpdateRepositoryCreationTemplateOutput{RegistryId: aws.String(s.Place.Account), RepositoryCreationTemplate: t.describe()}, nil
}

// putTemplate changes a template and stores it.
func (s *Service) putTemplate(tx *store.Tx, t *template, p *ecr.UpdateRepositoryCreationTemplateInput) (err error) {
	if p.ImageTagMutability != "" || t.Mutability == "" {
		t.Mutability = string(cmp.Or(p.ImageTagMutability, types.ImageTagMutabilityMutable))
		if t.Exclusions, err = exclusions(types.ImageTagMutability(t.Mutability), p.ImageTagMutabilityExclusionFilters); err != nil {
			return err
		}
	}
	if e := p.EncryptionConfiguration; e != nil || t.Encryption == "" {
		if e == nil {
			e = &types.EncryptionConfigurationForRepositoryCreationTemplate{EncryptionType: types.EncryptionTypeAes256}
		}
		t.Encryption, t.KMSKey = string(e.EncryptionType), s.kmsKey(e.EncryptionType, e.KmsKey)
	}
	if err := t.setDocuments(p); err != nil {
		return err
	}
	if p.ResourceTags != nil {
		if t.Tags, err = mergeTags(nil, p.ResourceTags); err != nil {
			return err
		}
	}
	if p.AppliedFor != nil {
		t.AppliedFor = nil
		for _, a := range p.AppliedFor {
			t.AppliedFor = append(t.AppliedFor, string(a))
		}
	}
	if p.Description != nil {
		t.Description = *p.Description
	}
	if p.CustomRoleArn != nil {
		t.RoleARN = *p.CustomRoleArn
	}
	t.Updated = s.now()
	s.templates.Put(tx, t.Prefix, *t)
	return nil
}

// setDocuments sets the policies that are given; an empty one removes.
func (t *template) setDocuments(p *ecr.UpdateRepositoryCreationTemplateInput) error {
	if p.RepositoryPolicy != nil {
		if *p.RepositoryPolicy != "" {
			if err := checkPolicy(*p.RepositoryPolicy); err != nil {
				return err
			}
		}
		t.Policy = *p.RepositoryPolicy
	}
	if p.LifecyclePolicy != nil {
		if *p.LifecyclePolicy != "" {
			if err := checkLifecycle(*p.LifecyclePolicy); err != nil {
				return err
			}
		}
		t.Lifecycle = *p.LifecyclePolicy
	}
	return nil
}

func (t template) describe() *types.RepositoryCreationTemplate {
	d := &types.RepositoryCreationTemplate{
		CreatedAt: aws.Time(t.Created), UpdatedAt: aws.Time(t.Updated), Prefix: aws.String(t.Prefix),
		Description: optional(t.Description), CustomRoleArn: optional(t.RoleARN),
		EncryptionConfiguration: &types.EncryptionConfigurationForRepositoryCreationTemplate{
			EncryptionType: types.EncryptionType(t.Encryption), KmsKey: optional(t.KMSKey),
		},
		ImageTagMutability:                 types.ImageTagMutability(t.Mutability),
		ImageTagMutabilityExclusionFilters: exclusionFilters(t.Exclusions),
		LifecyclePolicy:                    optional(t.Lifecycle), RepositoryPolicy: optional(t.Policy),
		ResourceTags: tagList(t.Tags),
	}
	for _, a := range t.AppliedFor {
		d.AppliedFor = append(d.AppliedFor, types.RCTAppliedFor(a))
	}
	return d
}

// DescribeRepositoryCreationTemplates lists templates.
func (s *Service) DescribeRepositoryCreationTemplates(_ context.Context, p *ecr.DescribeRepositoryCreationTemplatesInput, _ ...func(*ecr.Options)) (*ecr.DescribeRepositoryCreationTemplatesOutput, error) {
	var all []template
	s.Store.View(func(tx *store.Tx) {
		for _, t := range s.templates.All(tx, "") {
			if len(p.Prefixes) == 0 || slices.Contains(p.Prefixes, t.Prefix) {
				all = append(all, t)
			}
		}
	})
	part, next, err := cut(all, func(t template) string { return t.Prefix }, p.NextToken, p.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &ecr.DescribeRepositoryCreationTemplatesOutput{
		NextToken: next, RegistryId: aws.String(s.Place.Account), RepositoryCreationTemplates: []types.RepositoryCreationTemplate{},
	}
	for _, t := range part {
		out.RepositoryCreationTemplates = append(out.RepositoryCreationTemplates, *t.describe())
	}
	return out, nil
}

// DeleteRepositoryCreationTemplate removes a template.
func (s *Service) DeleteRepositoryCreationTemplate(_ context.Context, p *ecr.DeleteRepositoryCreationTemplateInput, _ ...func(*ecr.Options)) (*ecr.DeleteRepositoryCreationTemplateOutput, error) {
	var t template
	err := s.Store.Update(func(tx *store.Tx) error {
		var ok bool
		if t, ok = s.templates.Get(tx, aws.ToString(p.Prefix)); !ok {
			return s.noTemplate(aws.ToString(p.Prefix))
		}
		s.templates.Delete(tx, t.Prefix)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.DeleteRepositoryCreationTemplateOutput{RegistryId: aws.String(s.Place.Account), RepositoryCreationTemplate: t.describe()}, nil
}
