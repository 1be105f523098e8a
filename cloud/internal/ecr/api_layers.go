package ecr

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
)

const partSize = 10 << 20 // bytes; what clients are told to send at once

// BatchCheckLayerAvailability tells which layers a repository has.
func (s *Service) BatchCheckLayerAvailability(_ context.Context, p *ecr.BatchCheckLayerAvailabilityInput, _ ...func(*ecr.Options)) (*ecr.BatchCheckLayerAvailabilityOutput, error) {
	r, err := s.exists(p.RegistryId, p.RepositoryName)
	if err != nil {
		return nil, err
	}
	out := &ecr.BatchCheckLayerAvailabilityOutput{Layers: []types.Layer{}, Failures: []types.LayerFailure{}}
	for _, d := range p.LayerDigests {
		if !blobs.Valid(d) {
			out.Failures = append(out.Failures, types.LayerFailure{
				LayerDigest: aws.String(d), FailureCode: types.LayerFailureCodeInvalidLayerDigest,
				FailureReason: aws.String("Invalid request parameters: layer digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"),
			})
			continue
		}
		l, ok, err := s.findLayer(r.Name, d)
		if err != nil {
			return nil, err
		}
		found := types.Layer{LayerDigest: aws.String(d), LayerAvailability: types.LayerAvailabilityUnavailable}
		if ok {
			found.LayerAvailability = types.LayerAvailabilityAvailable
			found.LayerSize = aws.Int64(l.Size)
			found.MediaType = aws.String(cmp.Or(l.MediaType, defaultBlobType))
		}
		out.Layers = append(out.Layers, found)
	}
	return out, nil
}

// GetDownloadUrlForLayer makes a URL by which a layer can be fetched for an hour, without
// any other permission.
func (s *Service) GetDownloadUrlForLayer(_ context.Context, p *ecr.GetDownloadUrlForLayerInput, _ ...func(*ecr.Options)) (*ecr.GetDownloadUrlForLayerOutput, error) {
	r, err := s.exists(p.RegistryId, p.RepositoryName)
	if err != nil {
		return nil, err
	}
	d := aws.ToString(p.LayerDigest)
	_, ok, err := s.findLayer(r.Name, d)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, s.noLayers(r.Name, []string{d})
	}
	token, err := s.tokens.sign(claim{Blob: r.Name + "@" + d, Expires: s.now().Add(downloadLife)})
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "http", Host: s.Endpoint(), Path: "/v2/" + r.Name + "/blobs/" + d, RawQuery: url.Values{downloadParam: {token}}.Encode()}
	return &ecr.GetDownloadUrlForLayerOutput{DownloadUrl: aws.String(u.String()), LayerDigest: p.LayerDigest}, nil
}

// InitiateLayerUpload begins a layer.
func (s *Service) InitiateLayerUpload(_ context.Context, p *ecr.InitiateLayerUploadInput, _ ...func(*ecr.Options)) (*ecr.InitiateLayerUploadOutput, error) {
	r, err := s.exists(p.RegistryId, p.RepositoryName)
	if err != nil {
		return nil, err
	}
	id, err := s.beginUpload(r.Name)
	if err != nil {
		return nil, err
	}
	return &ecr.InitiateLayerUploadOutput{PartSize: aws.Int64(partSize), UploadId: aws.String(id)}, nil
}

// UploadLayerPart adds the next part of a layer.
func (s *Service) UploadLayerPart(ctx context.Context, p *ecr.UploadLayerPartInput, _ ...func(*ecr.Options)) (*ecr.UploadLayerPartOutput, error) {
	r, err := s.exists(p.RegistryId, p.RepositoryName)
	if err != nil {
		return nil, err
	}
	u, err := s.findUpload(r.Name, aws.ToString(p.UploadId))
	if err != nil {
		return nil, err
	}
	first, last := aws.ToInt64(p.PartFirstByte), aws.ToInt64(p.PartLastByte)
	if last-first+1 != int64(len(p.LayerPartBlob)) {
		return nil, s.badPart(r.Name, u, "Part size does not match the first and last byte")
	}
	err = u.Append(ctx, bytes.NewReader(p.LayerPartBlob), first)
	if errors.Is(err, blobs.ErrRange) {
		return nil, s.badPart(r.Name, u, "Layer part is not consecutive to the previous part")
	}
	if errors.Is(err, blobs.ErrUnknown) {
		return nil, s.noUpload(r.Name, u.ID())
	}
	if err != nil {
		return nil, err
	}
	return &ecr.UploadLayerPartOutput{
		LastByteReceived: aws.Int64(last), RegistryId: aws.String(s.Place.Account),
		RepositoryName: aws.String(r.Name), UploadId: p.UploadId,
	}, nil
}

func (s *Service) badPart(repo string, u *blobs.Upload, why string) error {
	return &types.InvalidLayerPartException{
		Message: aws.String(why), RegistryId: aws.String(s.Place.Account), RepositoryName: aws.String(repo),
		UploadId: aws.String(u.ID()), LastValidByteReceived: aws.Int64(u.Size() - 1),
	}
}

// CompleteLayerUpload makes an upload a layer.
func (s *Service) CompleteLayerUpload(ctx context.Context, p *ecr.CompleteLayerUploadInput, _ ...func(*ecr.Options)) (*ecr.CompleteLayerUploadOutput, error) {
	r, err := s.exists(p.RegistryId, p.RepositoryName)
	if err != nil {
		return nil, err
	}
	u, err := s.findUpload(r.Name, aws.ToString(p.UploadId))
	if err != nil {
		return nil, err
	}
	if u.Size() == 0 {
		return nil, &types.EmptyUploadException{Message: text("The upload with id '%s' contains no parts", u.ID())}
	}
	d := p.LayerDigests[0]
	if _, ok, err := s.findLayer(r.Name, d); ok || err != nil {
		if err != nil {
			return nil, err
		}
		return nil, &types.LayerAlreadyExistsException{Message: text("Layer with digest '%s' already exists in the repository with name '%s' in registry with id '%s'", d, r.Name, s.Place.Account)}
	}
	switch err := s.finishUpload(ctx, r.Name, u, d); {
	case errors.Is(err, blobs.ErrDigest):
		return nil, &types.InvalidLayerException{Message: text("The layer digest '%s' does not match the digest of the uploaded layer", d)}
	case errors.Is(err, blobs.ErrUnknown):
		return nil, s.noUpload(r.Name, u.ID())
	case err != nil:
		return nil, err
	}
	return &ecr.CompleteLayerUploadOutput{
		LayerDigest: aws.String(d), RegistryId: aws.String(s.Place.Account),
		RepositoryName: aws.String(r.Name), UploadId: p.UploadId,
	}, nil
}
