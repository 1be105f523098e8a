package elbv2

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// CreateTrustStore keeps a bundle of CA certificates, read from S3 now.
func (s *Service) CreateTrustStore(ctx context.Context, in *elb.CreateTrustStoreInput, _ ...func(*elb.Options)) (*elb.CreateTrustStoreOutput, error) {
	name := aws.ToString(in.Name)
	if err := checkName("Trust store", name); err != nil {
		return nil, err
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	bundle, err := s.fetchBundle(ctx, in.CaCertificatesBundleS3Bucket, in.CaCertificatesBundleS3Key, in.CaCertificatesBundleS3ObjectVersion)
	if err != nil {
		return nil, err
	}
	t := trustStore{Bundle: bundle, File: ids.Hex(32), Tags: tags, Desc: types.TrustStore{
		Name: in.Name, Status: types.TrustStoreStatusActive,
		TrustStoreArn: aws.String(s.Place.Of("elasticloadbalancing", "truststore/"+name+"/"+ids.Hex(16))),
	}}
	err = s.Store.Update(func(tx *store.Tx) error {
		for _, other := range s.tables.trustStores.All(tx, "") {
			if *other.Desc.Name == name {
				return &types.DuplicateTrustStoreNameException{Message: text("A trust store with the name '%s' already exists", name)}
			}
		}
		s.tables.trustStores.Put(tx, *t.Desc.TrustStoreArn, t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.CreateTrustStoreOutput{TrustStores: []types.TrustStore{t.describe()}}, nil
}

// ModifyTrustStore replaces the bundle.
func (s *Service) ModifyTrustStore(ctx context.Context, in *elb.ModifyTrustStoreInput, _ ...func(*elb.Options)) (*elb.ModifyTrustStoreOutput, error) {
	bundle, err := s.fetchBundle(ctx, in.CaCertificatesBundleS3Bucket, in.CaCertificatesBundleS3Key, in.CaCertificatesBundleS3ObjectVersion)
	if err != nil {
		return nil, err
	}
	t, err := s.changeTrustStore(aws.ToString(in.TrustStoreArn), func(_ *store.Tx, t *trustStore) error {
		t.Bundle, t.File = bundle, ids.Hex(32)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.ModifyTrustStoreOutput{TrustStores: []types.TrustStore{t.describe()}}, nil
}

// DescribeTrustStores returns all trust stores, or those that are named.
func (s *Service) DescribeTrustStores(_ context.Context, in *elb.DescribeTrustStoresInput, _ ...func(*elb.Options)) (*elb.DescribeTrustStoresOutput, error) {
	if len(in.Names) > 0 && len(in.TrustStoreArns) > 0 {
		return nil, validation("Trust store names and trust store ARNs cannot be specified at the same time")
	}
	all, found := []types.TrustStore{}, map[string]bool{}
	s.Store.View(func(tx *store.Tx) {
		for id, t := range s.tables.trustStores.All(tx, "") {
			if len(in.Names)+len(in.TrustStoreArns) == 0 || slices.Contains(in.Names, *t.Desc.Name) || slices.Contains(in.TrustStoreArns, id) {
				all = append(all, t.describe())
				found[id], found[*t.Desc.Name] = true, true
			}
		}
	})
	for _, wanted := range slices.Concat(in.Names, in.TrustStoreArns) {
		if !found[wanted] {
			return nil, &types.TrustStoreNotFoundException{Message: aws.String("One or more trust stores not found")}
		}
	}
	part, next, err := cut(all, func(t types.TrustStore) string { return *t.TrustStoreArn }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elb.DescribeTrustStoresOutput{TrustStores: part, NextMarker: next}, nil
}

// DeleteTrustStore removes a trust store that no listener uses.
func (s *Service) DeleteTrustStore(_ context.Context, in *elb.DeleteTrustStoreInput, _ ...func(*elb.Options)) (*elb.DeleteTrustStoreOutput, error) {
	id := aws.ToString(in.TrustStoreArn)
	if _, err := s.trustStoreByARN(id); err != nil {
		return nil, err
	}
	err := s.Store.Update(func(tx *store.Tx) error {
		if len(s.trusting(tx, id)) > 0 {
			return &types.TrustStoreInUseException{Message: text("Trust store '%s' is currently in use by a listener", id)}
		}
		s.tables.trustStores.Delete(tx, id)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.DeleteTrustStoreOutput{}, nil
}

// DescribeTrustStoreAssociations lists the listeners that use a trust store.
func (s *Service) DescribeTrustStoreAssociations(_ context.Context, in *elb.DescribeTrustStoreAssociationsInput, _ ...func(*elb.Options)) (*elb.DescribeTrustStoreAssociationsOutput, error) {
	id := aws.ToString(in.TrustStoreArn)
	if _, err := s.trustStoreByARN(id); err != nil {
		return nil, err
	}
	all := []types.TrustStoreAssociation{}
	s.Store.View(func(tx *store.Tx) {
		for _, l := range s.trusting(tx, id) {
			all = append(all, types.TrustStoreAssociation{ResourceArn: aws.String(l)})
		}
	})
	part, next, err := cut(all, func(a types.TrustStoreAssociation) string { return *a.ResourceArn }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elb.DescribeTrustStoreAssociationsOutput{TrustStoreAssociations: part, NextMarker: next}, nil
}

// AddTrustStoreRevocations adds revocation lists, read from S3 now.
func (s *Service) AddTrustStoreRevocations(ctx context.Context, in *elb.AddTrustStoreRevocationsInput, _ ...func(*elb.Options)) (*elb.AddTrustStoreRevocationsOutput, error) {
	var added []revocation
	for _, c := range in.RevocationContents {
		content, err := s.fetchObject(ctx, c.S3Bucket, c.S3Key, c.S3ObjectVersion, maxRevocation)
		if err != nil {
			return nil, &types.RevocationContentNotFoundException{Message: text("The revocation file 's3://%s/%s' could not be read: %s", aws.ToString(c.S3Bucket), aws.ToString(c.S3Key), err)}
		}
		lists, err := revocationsIn(content)
		if err != nil {
			return nil, &types.InvalidRevocationContentException{Message: text("The revocation file 's3://%s/%s' is not a certificate revocation list", aws.ToString(c.S3Bucket), aws.ToString(c.S3Key))}
		}
		r := revocation{Type: types.RevocationTypeCrl, Content: content, File: ids.Hex(32)}
		for _, l := range lists {
			r.Entries += int64(len(l.RevokedCertificateEntries))
		}
		added = append(added, r)
	}
	out := &elb.AddTrustStoreRevocationsOutput{TrustStoreRevocations: []types.TrustStoreRevocation{}}
	_, err := s.changeTrustStore(aws.ToString(in.TrustStoreArn), func(_ *store.Tx, t *trustStore) error {
		for _, r := range added {
			t.LastID++
			r.ID = t.LastID
			t.Revocations = append(t.Revocations, r)
			out.TrustStoreRevocations = append(out.TrustStoreRevocations, types.TrustStoreRevocation{
				TrustStoreArn: in.TrustStoreArn, RevocationId: aws.Int64(r.ID), RevocationType: r.Type, NumberOfRevokedEntries: aws.Int64(r.Entries),
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func noRevocation(id int64) error {
	return &types.RevocationIdNotFoundException{Message: text("Revocation ID '%d' not found", id)}
}

func (t trustStore) revocation(id int64) int {
	return slices.IndexFunc(t.Revocations, func(r revocation) bool { return r.ID == id })
}

// RemoveTrustStoreRevocations takes revocation lists away, all or none.
func (s *Service) RemoveTrustStoreRevocations(_ context.Context, in *elb.RemoveTrustStoreRevocationsInput, _ ...func(*elb.Options)) (*elb.RemoveTrustStoreRevocationsOutput, error) {
	_, err := s.changeTrustStore(aws.ToString(in.TrustStoreArn), func(_ *store.Tx, t *trustStore) error {
		for _, id := range in.RevocationIds {
			i := t.revocation(id)
			if i < 0 {
				return noRevocation(id)
			}
			t.Revocations = slices.Delete(t.Revocations, i, i+1)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.RemoveTrustStoreRevocationsOutput{}, nil
}

// DescribeTrustStoreRevocations returns a trust store's revocation lists, or those that are
// named.
func (s *Service) DescribeTrustStoreRevocations(_ context.Context, in *elb.DescribeTrustStoreRevocationsInput, _ ...func(*elb.Options)) (*elb.DescribeTrustStoreRevocationsOutput, error) {
	t, err := s.trustStoreByARN(aws.ToString(in.TrustStoreArn))
	if err != nil {
		return nil, err
	}
	for _, id := range in.RevocationIds {
		if t.revocation(id) < 0 {
			return nil, noRevocation(id)
		}
	}
	all := []types.DescribeTrustStoreRevocation{}
	for _, r := range t.Revocations {
		if len(in.RevocationIds) == 0 || slices.Contains(in.RevocationIds, r.ID) {
			all = append(all, types.DescribeTrustStoreRevocation{
				TrustStoreArn: in.TrustStoreArn, RevocationId: aws.Int64(r.ID), RevocationType: r.Type, NumberOfRevokedEntries: aws.Int64(r.Entries),
			})
		}
	}
	key := func(r types.DescribeTrustStoreRevocation) string { return strconv.FormatInt(*r.RevocationId, 10) }
	part, next, err := cut(all, key, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elb.DescribeTrustStoreRevocationsOutput{TrustStoreRevocations: part, NextMarker: next}, nil
}

// GetTrustStoreCaCertificatesBundle tells where the bundle can be read.
func (s *Service) GetTrustStoreCaCertificatesBundle(_ context.Context, in *elb.GetTrustStoreCaCertificatesBundleInput, _ ...func(*elb.Options)) (*elb.GetTrustStoreCaCertificatesBundleOutput, error) {
	t, err := s.trustStoreByARN(aws.ToString(in.TrustStoreArn))
	if err != nil {
		return nil, err
	}
	return &elb.GetTrustStoreCaCertificatesBundleOutput{Location: s.location(t.File)}, nil
}

// GetTrustStoreRevocationContent tells where a revocation list can be read.
func (s *Service) GetTrustStoreRevocationContent(_ context.Context, in *elb.GetTrustStoreRevocationContentInput, _ ...func(*elb.Options)) (*elb.GetTrustStoreRevocationContentOutput, error) {
	t, err := s.trustStoreByARN(aws.ToString(in.TrustStoreArn))
	if err != nil {
		return nil, err
	}
	i := t.revocation(aws.ToInt64(in.RevocationId))
	if i < 0 {
		return nil, noRevocation(aws.ToInt64(in.RevocationId))
	}
	return &elb.GetTrustStoreRevocationContentOutput{Location: s.location(t.Revocations[i].File)}, nil
}

// DeleteSharedTrustStoreAssociation is for trust stores that other accounts share: there
// are none.
func (s *Service) DeleteSharedTrustStoreAssociation(_ context.Context, in *elb.DeleteSharedTrustStoreAssociationInput, _ ...func(*elb.Options)) (*elb.DeleteSharedTrustStoreAssociationOutput, error) {
	id := aws.ToString(in.TrustStoreArn)
	if _, err := s.trustStoreByARN(id); err != nil {
		return nil, err
	}
	used := false
	s.Store.View(func(tx *store.Tx) { used = slices.Contains(s.trusting(tx, id), aws.ToString(in.ResourceArn)) })
	if !used {
		return nil, &types.TrustStoreAssociationNotFoundException{Message: text("Trust store '%s' is not associated with '%s'", id, aws.ToString(in.ResourceArn))}
	}
	return nil, &types.DeleteAssociationSameAccountException{Message: aws.String("The association is within the same account: change the listener instead")}
}

// GetResourcePolicy tells how a trust store is shared: it is not.
func (s *Service) GetResourcePolicy(_ context.Context, in *elb.GetResourcePolicyInput, _ ...func(*elb.Options)) (*elb.GetResourcePolicyOutput, error) {
	id := aws.ToString(in.ResourceArn)
	if _, err := s.trustStoreByARN(id); err != nil {
		return nil, err
	}
	return nil, &types.ResourceNotFoundException{Message: text("Resource '%s' has no policy", id)}
}
