package ecr

import "github.com/turnoutdev/turnout/cloud/internal/wire"

// Ops lists what the service answers.
func (s *Service) Ops() []wire.Op {
	const unscanned = "Nothing is scanned: scans end as UNSUPPORTED_IMAGE."
	const alone = "There are no other registries: setting this up is refused, looking finds nothing."
	return []wire.Op{
		wire.Handle(s.GetAuthorizationToken).Differing("proxyEndpoint is http://HOST:PORT of the local cloud."),
		wire.Handle(s.CreateRepository).
			Differing("repositoryUri is HOST:PORT/NAME of the local cloud.").
			Differing("KMS keys are records: nothing is encrypted."),
		wire.Handle(s.DescribeRepositories),
		wire.Handle(s.DeleteRepository),
		wire.Handle(s.PutImageTagMutability),
		wire.Handle(s.TagResource),
		wire.Handle(s.UntagResource),
		wire.Handle(s.ListTagsForResource),

		wire.Handle(s.BatchCheckLayerAvailability),
		wire.Handle(s.GetDownloadUrlForLayer),
		wire.Handle(s.InitiateLayerUpload),
		wire.Handle(s.UploadLayerPart),
		wire.Handle(s.CompleteLayerUpload).Differing("Parts may be of any size."),
		wire.Handle(s.PutImage),
		wire.Handle(s.BatchGetImage),
		wire.Handle(s.BatchDeleteImage),
		wire.Handle(s.DescribeImages),
		wire.Handle(s.ListImages),
		wire.Handle(s.ListImageReferrers),
		wire.Handle(s.UpdateImageStorageClass).Differing("Images come back from the archive at once."),

		wire.Handle(s.SetRepositoryPolicy),
		wire.Handle(s.GetRepositoryPolicy),
		wire.Handle(s.DeleteRepositoryPolicy),
		wire.Handle(s.PutLifecyclePolicy),
		wire.Handle(s.GetLifecyclePolicy),
		wire.Handle(s.DeleteLifecyclePolicy),
		wire.Handle(s.StartLifecyclePolicyPreview).Differing("The preview is complete when the call answers."),
		wire.Handle(s.GetLifecyclePolicyPreview),

		wire.Handle(s.StartImageScan).Differing(unscanned),
		wire.Handle(s.DescribeImageScanFindings).Differing(unscanned),
		wire.Handle(s.PutImageScanningConfiguration).Differing(unscanned),
		wire.Handle(s.BatchGetRepositoryScanningConfiguration),
		wire.Handle(s.GetRegistryScanningConfiguration),
		wire.Handle(s.PutRegistryScanningConfiguration).RecordOnly("nothing is scanned"),

		wire.Handle(s.DescribeRegistry),
		wire.Handle(s.PutRegistryPolicy).RecordOnly("it is about other accounts' registries, which there are none of"),
		wire.Handle(s.GetRegistryPolicy),
		wire.Handle(s.DeleteRegistryPolicy),
		wire.Handle(s.GetAccountSetting),
		wire.Handle(s.PutAccountSetting).Differing("Only BLOB_MOUNTING has an effect."),
		wire.Handle(s.RegisterPullTimeUpdateExclusion),
		wire.Handle(s.DeregisterPullTimeUpdateExclusion),
		wire.Handle(s.ListPullTimeUpdateExclusions),

		wire.Handle(s.CreateRepositoryCreationTemplate).Differing("Only CREATE_ON_PUSH has an effect."),
		wire.Handle(s.UpdateRepositoryCreationTemplate),
		wire.Handle(s.DescribeRepositoryCreationTemplates),
		wire.Handle(s.DeleteRepositoryCreationTemplate),

		wire.Handle(s.PutReplicationConfiguration).Differing(alone),
		wire.Handle(s.DescribeImageReplicationStatus).Differing(alone),
		wire.Handle(s.CreatePullThroughCacheRule).Differing(alone),
		wire.Handle(s.DescribePullThroughCacheRules).Differing(alone),
		wire.Handle(s.UpdatePullThroughCacheRule).Differing(alone),
		wire.Handle(s.ValidatePullThroughCacheRule).Differing(alone),
		wire.Handle(s.DeletePullThroughCacheRule).Differing(alone),
		wire.Handle(s.PutSigningConfiguration).Differing("There is no Signer: profiles are refused."),
		wire.Handle(s.GetSigningConfiguration),
		wire.Handle(s.DeleteSigningConfiguration),
		wire.Handle(s.DescribeImageSigningStatus),
	}
}
