package ecr

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const scanQuota = 24 * time.Hour // between two scans of an image that were asked for

// unsupported is how every scan ends here: nothing was looked at, and no finding would say
// otherwise.
func unsupported() *types.ImageScanStatus {
	return &types.ImageScanStatus{
		Status:      types.ScanStatusUnsupportedImage,
		Description: aws.String("UnsupportedImageError: The operating system and/or package manager are not supported."),
	}
}

// StartImageScan begins a scan, which ends at once as UNSUPPORTED_IMAGE.
func (s *Service) StartImageScan(_ context.Context, p *ecr.StartImageScanInput, _ ...func(*ecr.Options)) (*ecr.StartImageScanOutput, error) {
	out := &ecr.StartImageScanOutput{
		ImageScanStatus: &types.ImageScanStatus{Status: types.ScanStatusInProgress},
		RegistryId:      aws.String(s.Place.Account), RepositoryName: p.RepositoryName,
	}
	err := s.Store.Update(func(tx *store.Tx) error {
		i, err := s.scannable(tx, p.RegistryId, p.RepositoryName, p.ImageId)
		if err != nil {
			return err
		}
		now := s.now()
		if !i.Scanned.IsZero() && now.Sub(i.Scanned) < scanQuota {
			return &types.LimitExceededException{Message: aws.String("The scan quota per image has been exceeded. Wait and try again.")}
		}
		i.Scanned = now
		s.images.Put(tx, in(*p.RepositoryName, i.Digest), i)
		out.ImageId = &types.ImageIdentifier{ImageDigest: aws.String(i.Digest), ImageTag: p.ImageId.ImageTag}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// scannable returns an image that a scan may be about.
func (s *Service) scannable(tx *store.Tx, registryID, name *string, id *types.ImageIdentifier) (image, error) {
	r, err := s.repository(tx, registryID, name)
	if err != nil {
		return image{}, err
	}
	i, fail := s.identify(tx, r.Name, *id)
	switch {
	case fail != nil:
		return i, s.failed(r.Name, *id, fail)
	case i.InArchive:
		return i, &types.ImageArchivedException{Message: text("The image with imageId %s is archived", quoted(*id))}
	case i.Children != nil:
		return i, &types.UnsupportedImageTypeException{Message: text("The image with imageId %s is a manifest list, which cannot be scanned", quoted(*id))}
	}
	return i, nil
}

// DescribeImageScanFindings tells how the last scan of an image ended.
func (s *Service) DescribeImageScanFindings(_ context.Context, p *ecr.DescribeImageScanFindingsInput, _ ...func(*ecr.Options)) (*ecr.DescribeImageScanFindingsOutput, error) {
	var i image
	var err error
	s.Store.View(func(tx *store.Tx) { i, err = s.scannable(tx, p.RegistryId, p.RepositoryName, p.ImageId) })
	if err != nil {
		return nil, err
	}
	if i.Scanned.IsZero() {
		return nil, s.noScan(*p.RepositoryName, *p.ImageId)
	}
	return &ecr.DescribeImageScanFindingsOutput{
		ImageId:         &types.ImageIdentifier{ImageDigest: aws.String(i.Digest), ImageTag: p.ImageId.ImageTag},
		ImageScanStatus: unsupported(),
		RegistryId:      aws.String(s.Place.Account),
		RepositoryName:  p.RepositoryName,
	}, nil
}

// GetRegistryScanningConfiguration returns the registry's scanning rules.
func (s *Service) GetRegistryScanningConfiguration(_ context.Context, _ *ecr.GetRegistryScanningConfigurationInput, _ ...func(*ecr.Options)) (*ecr.GetRegistryScanningConfigurationOutput, error) {
	c := s.registryRecord().Scanning
	if c == nil {
		c = &types.RegistryScanningConfiguration{ScanType: types.ScanTypeBasic, Rules: []types.RegistryScanningRule{}}
	}
	return &ecr.GetRegistryScanningConfigurationOutput{RegistryId: aws.String(s.Place.Account), ScanningConfiguration: c}, nil
}

// PutRegistryScanningConfiguration sets the registry's scanning rules, a record.
func (s *Service) PutRegistryScanningConfiguration(_ context.Context, p *ecr.PutRegistryScanningConfigurationInput, _ ...func(*ecr.Options)) (*ecr.PutRegistryScanningConfigurationOutput, error) {
	c := &types.RegistryScanningConfiguration{ScanType: p.ScanType, Rules: p.Rules}
	if c.ScanType == "" {
		c.ScanType = types.ScanTypeBasic
	}
	if c.Rules == nil {
		c.Rules = []types.RegistryScanningRule{}
	}
	for _, r := range c.Rules {
		if c.ScanType == types.ScanTypeBasic && r.ScanFrequency == types.ScanFrequencyContinuousScan {
			return nil, validation("CONTINUOUS_SCAN is not supported with scan type BASIC")
		}
	}
	err := s.editRegistry(func(rec *registryRecord) error {
		rec.Scanning = c
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.PutRegistryScanningConfigurationOutput{RegistryScanningConfiguration: c}, nil
}

// BatchGetRepositoryScanningConfiguration tells how repositories are scanned.
func (s *Service) BatchGetRepositoryScanningConfiguration(_ context.Context, p *ecr.BatchGetRepositoryScanningConfigurationInput, _ ...func(*ecr.Options)) (*ecr.BatchGetRepositoryScanningConfigurationOutput, error) {
	out := &ecr.BatchGetRepositoryScanningConfigurationOutput{
		ScanningConfigurations: []types.RepositoryScanningConfiguration{}, Failures: []types.RepositoryScanningConfigurationFailure{},
	}
	rules := s.registryRecord().Scanning
	for _, name := range p.RepositoryNames {
		r, err := s.exists(nil, &name)
		if err != nil {
			out.Failures = append(out.Failures, types.RepositoryScanningConfigurationFailure{
				FailureCode:   types.ScanningConfigurationFailureCodeRepositoryNotFound,
				FailureReason: aws.String(message(err)), RepositoryName: aws.String(name),
			})
			continue
		}
		out.ScanningConfigurations = append(out.ScanningConfigurations, s.scanning(r, rules))
	}
	return out, nil
}

func (s *Service) scanning(r repository, rules *types.RegistryScanningConfiguration) types.RepositoryScanningConfiguration {
	c := types.RepositoryScanningConfiguration{
		AppliedScanFilters: []types.ScanningRepositoryFilter{}, RepositoryArn: aws.String(s.repositoryARN(r.Name)),
		RepositoryName: aws.String(r.Name), ScanFrequency: types.ScanFrequencyManual, ScanOnPush: r.ScanOnPush,
	}
	if r.ScanOnPush {
		c.ScanFrequency = types.ScanFrequencyScanOnPush
	}
	if rules == nil {
		return c
	}
	for _, rule := range rules.Rules {
		for _, f := range rule.RepositoryFilters {
			if wild(aws.ToString(f.Filter), r.Name) {
				c.AppliedScanFilters = append(c.AppliedScanFilters, f)
				c.ScanFrequency = rule.ScanFrequency
				c.ScanOnPush = c.ScanOnPush || rule.ScanFrequency == types.ScanFrequencyScanOnPush
			}
		}
	}
	return c
}
