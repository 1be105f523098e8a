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

// CreateRepository makes an empty repository.
func (s *Service) CreateRepository(_ context.Context, p *ecr.CreateRepositoryInput, _ ...func(*ecr.Options)) (*ecr.CreateRepositoryOutput, error) {
	if err := s.ownRegistry(p.RegistryId); err != nil {
		return nil, err
	}
	exclusions, err := exclusions(p.ImageTagMutability, p.ImageTagMutabilityExclusionFilters)
	if err != nil {
		return nil, err
	}
	tags, err := mergeTags(nil, p.Tags)
	if err != nil {
		return nil, err
	}
	r := repository{
		Name: aws.ToString(p.RepositoryName), Created: s.now(), Tags: tags, Exclusions: exclusions,
		Mutability: string(cmp.Or(p.ImageTagMutability, types.ImageTagMutabilityMutable)),
		Encryption: string(types.EncryptionTypeAes256),
	}
	if !validName(r.Name) {
		return nil, invalid("repositoryName", "must satisfy regular expression '"+nameGrammar+"'")
	}
	if c := p.ImageScanningConfiguration; c != nil {
		r.ScanOnPush = c.ScanOnPush
	}
	if e := p.EncryptionConfiguration; e != nil {
		r.Encryption, r.KMSKey = string(e.EncryptionType), s.kmsKey(e.EncryptionType, e.KmsKey)
	}
	err = s.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.repositories.Get(tx, r.Name); ok {
			return s.repositoryExists(r.Name)
		}
		s.repositories.Put(tx, r.Name, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.CreateRepositoryOutput{Repository: s.describe(r)}, nil
}

// kmsKey is the key that a repository is said to be encrypted with, AWS's own by default.
func (s *Service) kmsKey(kind types.EncryptionType, key *string) string {
	if kind == types.EncryptionTypeAes256 || kind == "" {
		return ""
	}
	return cmp.Or(aws.ToString(key), s.Place.Of("kms", "alias/aws/ecr"))
}

// exclusions reads the filters of the *_WITH_EXCLUSION settings.
func exclusions(m types.ImageTagMutability, filters []types.ImageTagMutabilityExclusionFilter) ([]string, error) {
	with := m == types.ImageTagMutabilityImmutableWithExclusion || m == types.ImageTagMutabilityMutableWithExclusion
	switch {
	case with && len(filters) == 0:
		return nil, refused("Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'Exclusion filters are required when image tag mutability is %s'", m)
	case !with && len(filters) > 0:
		return nil, refused("Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'Exclusion filters are only valid with IMMUTABLE_WITH_EXCLUSION or MUTABLE_WITH_EXCLUSION'")
	}
	var list []string
	for _, f := range filters {
		list = append(list, aws.ToString(f.Filter))
	}
	return list, nil
}

func exclusionFilters(list []string) []types.ImageTagMutabilityExclusionFilter {
	var filters []types.ImageTagMutabilityExclusionFilter
	for _, f := range list {
		filters = append(filters, types.ImageTagMutabilityExclusionFilter{
			Filter: aws.String(f), FilterType: types.ImageTagMutabilityExclusionFilterTypeWildcard,
		})
	}
	return filters
}

func (s *Service) describe(r repository) *types.Repository {
	e := &types.EncryptionConfiguration{EncryptionType: types.EncryptionType(r.Encryption)}
	if r.KMSKey != "" {
		e.KmsKey = aws.String(r.KMSKey)
	}
	return &types.Repository{
		CreatedAt:                          aws.Time(r.Created),
		EncryptionConfiguration:            e,
		ImageScanningConfiguration:         &types.ImageScanningConfiguration{ScanOnPush: r.ScanOnPush},
		ImageTagMutability:                 types.ImageTagMutability(r.Mutability),
		ImageTagMutabilityExclusionFilters: exclusionFilters(r.Exclusions),
		RegistryId:                         aws.String(s.Place.Account),
		RepositoryArn:                      aws.String(s.repositoryARN(r.Name)),
		RepositoryName:                     aws.String(r.Name),
		RepositoryUri:                      aws.String(s.Endpoint() + "/" + r.Name),
	}
}

// DescribeRepositories describes the named repositories, or all by pages.
func (s *Service) DescribeRepositories(_ context.Context, p *ecr.DescribeRepositoriesInput, _ ...func(*ecr.Options)) (*ecr.DescribeRepositoriesOutput, error) {
	if len(p.RepositoryNames) > 0 && (p.MaxResults != nil || p.NextToken != nil) {
		return nil, refused("Invalid parameter at 'maxResults' failed to satisfy constraint: 'maxResults and nextToken cannot be used when repositoryNames are specified'")
	}
	out := &ecr.DescribeRepositoriesOutput{Repositories: []types.Repository{}}
	if len(p.RepositoryNames) > 0 {
		for _, name := range p.RepositoryNames {
			r, err := s.exists(p.RegistryId, &name)
			if err != nil {
				return nil, err
			}
			out.Repositories = append(out.Repositories, *s.describe(r))
		}
		return out, nil
	}
	if p.RegistryId != nil && *p.RegistryId != s.Place.Account {
		return out, nil
	}
	var all []repository
	s.Store.View(func(tx *store.Tx) {
		for _, r := range s.repositories.All(tx, "") {
			all = append(all, r)
		}
	})
	part, next, err := cut(all, func(r repository) string { return r.Name }, p.NextToken, p.MaxResults)
	if err != nil {
		return nil, err
	}
	for _, r := range part {
		out.Repositories = append(out.Repositories, *s.describe(r))
	}
	out.NextToken = next
	return out, nil
}

// DeleteRepository removes a repository; with force, its images too.
func (s *Service) DeleteRepository(_ context.Context, p *ecr.DeleteRepositoryInput, _ ...func(*ecr.Options)) (*ecr.DeleteRepositoryOutput, error) {
	var r repository
	err := s.Store.Update(func(tx *store.Tx) (err error) {
		if r, err = s.repository(tx, p.RegistryId, p.RepositoryName); err != nil {
			return err
		}
		for range s.images.All(tx, in(r.Name, "")) {
			if !p.Force {
				return s.repositoryNotEmpty(r.Name)
			}
			break
		}
		s.repositories.Delete(tx, r.Name)
		deleteAll(tx, s.images, in(r.Name, ""))
		deleteAll(tx, s.labels, in(r.Name, ""))
		deleteAll(tx, s.tables.layers, in(r.Name, ""))
		for id, u := range s.tables.uploads.All(tx, "") {
			if u.Repository == r.Name {
				s.tables.uploads.Delete(tx, id)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.DeleteRepositoryOutput{Repository: s.describe(r)}, nil
}

func deleteAll[T any](tx *store.Tx, t store.Table[T], prefix string) {
	for key := range t.All(tx, prefix) {
		t.Delete(tx, key)
	}
}

// edit changes a repository's record.
func (s *Service) edit(registryID, name *string, change func(*repository) error) (r repository, err error) {
	err = s.Store.Update(func(tx *store.Tx) (err error) {
		if r, err = s.repository(tx, registryID, name); err != nil {
			return err
		}
		r.Exclusions = slices.Clone(r.Exclusions)
		if err := change(&r); err != nil {
			return err
		}
		s.repositories.Put(tx, r.Name, r)
		return nil
	})
	return r, err
}

// PutImageTagMutability says whether tags can be moved.
func (s *Service) PutImageTagMutability(_ context.Context, p *ecr.PutImageTagMutabilityInput, _ ...func(*ecr.Options)) (*ecr.PutImageTagMutabilityOutput, error) {
	list, err := exclusions(p.ImageTagMutability, p.ImageTagMutabilityExclusionFilters)
	if err != nil {
		return nil, err
	}
	r, err := s.edit(p.RegistryId, p.RepositoryName, func(r *repository) error {
		r.Mutability, r.Exclusions = string(p.ImageTagMutability), list
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.PutImageTagMutabilityOutput{
		ImageTagMutability:                 types.ImageTagMutability(r.Mutability),
		ImageTagMutabilityExclusionFilters: exclusionFilters(r.Exclusions),
		RegistryId:                         aws.String(s.Place.Account),
		RepositoryName:                     aws.String(r.Name),
	}, nil
}

// PutImageScanningConfiguration says whether pushed images are scanned.
func (s *Service) PutImageScanningConfiguration(_ context.Context, p *ecr.PutImageScanningConfigurationInput, _ ...func(*ecr.Options)) (*ecr.PutImageScanningConfigurationOutput, error) {
	r, err := s.edit(p.RegistryId, p.RepositoryName, func(r *repository) error {
		r.ScanOnPush = p.ImageScanningConfiguration.ScanOnPush
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.PutImageScanningConfigurationOutput{
		ImageScanningConfiguration: &types.ImageScanningConfiguration{ScanOnPush: r.ScanOnPush},
		RegistryId:                 aws.String(s.Place.Account),
		RepositoryName:             aws.String(r.Name),
	}, nil
}
