package ecr

import "github.com/turnoutdev/turnout/cloud/internal/wire"

// Ops lists what the service answers.
func (s *Service) Ops() []wire.Op {
	return []wire.Op{
		wire.Handle(s.GetAuthorizationToken),
		wire.Handle(s.CreateRepository).Differing("The URI is HOST:PORT/NAME of the local cloud."),
		wire.Handle(s.DescribeRepositories),
		wire.Handle(s.DeleteRepository),
		wire.Handle(s.PutImageTagMutability),
		wire.Handle(s.PutImageScanningConfiguration),
		wire.Handle(s.TagResource),
		wire.Handle(s.UntagResource),
		wire.Handle(s.ListTagsForResource),
		wire.Handle(s.BatchCheckLayerAvailability),
		wire.Handle(s.GetDownloadUrlForLayer),
		wire.Handle(s.InitiateLayerUpload),
		wire.Handle(s.UploadLayerPart),
		wire.Handle(s.CompleteLayerUpload),
	}
}
