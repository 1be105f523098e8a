package ecr

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

const (
	somePolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}`
	keepOne    = `{"rules":[{"rulePriority":1,"description":"keep one","selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}`
)

func TestRepositoryPolicy(t *testing.T) {
	r := newRig(t)
	r.create("app")
	ctx := t.Context()
	_, err := r.sdk.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: app})
	wantError[*types.RepositoryPolicyNotFoundException](t, err, "Repository policy does not exist for the repository with name 'app' in the registry with id '123456789012'")
	_, err = r.sdk.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: app, PolicyText: aws.String(`{"Statement":[]}`)})
	wantError[*types.InvalidParameterException](t, err, "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'")
	if _, err = r.sdk.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: app, PolicyText: aws.String(somePolicy)}); err != nil {
		t.Fatal(err)
	}
	if got := r.ResourcePolicy("arn:aws:ecr:us-east-1:123456789012:repository/app"); got != somePolicy {
		t.Errorf("resource policy is %q", got)
	}
	if got := r.ResourcePolicy("arn:aws:ecr:us-east-1:123456789012:repository/none"); got != "" {
		t.Errorf("resource policy of nothing is %q", got)
	}
	gone, err := r.sdk.DeleteRepositoryPolicy(ctx, &ecr.DeleteRepositoryPolicyInput{RepositoryName: app})
	if err != nil || *gone.PolicyText != somePolicy {
		t.Errorf("got %v, %v", gone, err)
	}
	_, err = r.sdk.DeleteRepositoryPolicy(ctx, &ecr.DeleteRepositoryPolicyInput{RepositoryName: app})
	wantError[*types.RepositoryPolicyNotFoundException](t, err, "app")
}

func TestRegistryPolicy(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	_, err := r.sdk.GetRegistryPolicy(ctx, &ecr.GetRegistryPolicyInput{})
	wantError[*types.RegistryPolicyNotFoundException](t, err, "Registry policy does not exist in the registry with id '123456789012'")
	_, err = r.sdk.PutRegistryPolicy(ctx, &ecr.PutRegistryPolicyInput{PolicyText: aws.String("x")})
	wantError[*types.InvalidParameterException](t, err, "Invalid registry policy")
	if _, err := r.sdk.PutRegistryPolicy(ctx, &ecr.PutRegistryPolicyInput{PolicyText: aws.String(somePolicy)}); err != nil {
		t.Fatal(err)
	}
	got, err := r.sdk.GetRegistryPolicy(ctx, &ecr.GetRegistryPolicyInput{})
	if err != nil || *got.PolicyText != somePolicy {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := r.sdk.DeleteRegistryPolicy(ctx, &ecr.DeleteRegistryPolicyInput{}); err != nil {
		t.Fatal(err)
	}
	_, err = r.sdk.DeleteRegistryPolicy(ctx, &ecr.DeleteRegistryPolicyInput{})
	wantError[*types.RegistryPolicyNotFoundException](t, err, "")
}

func TestLifecyclePolicyAndPreview(t *testing.T) {
	r := newRig(t)
	r.create("app")
	ctx := t.Context()
	_, err := r.sdk.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: app})
	wantError[*types.LifecyclePolicyNotFoundException](t, err, "Lifecycle policy does not exist for the repository with name 'app' in the registry with id '123456789012'")
	_, err = r.sdk.StartLifecyclePolicyPreview(ctx, &ecr.StartLifecyclePolicyPreviewInput{RepositoryName: app})
	wantError[*types.LifecyclePolicyNotFoundException](t, err, "app")
	_, err = r.sdk.GetLifecyclePolicyPreview(ctx, &ecr.GetLifecyclePolicyPreviewInput{RepositoryName: app})
	wantError[*types.LifecyclePolicyPreviewNotFoundException](t, err, "app")
	bad := strings.Replace(keepOne, `"any"`, `"sometimes"`, 1)
	_, err = r.sdk.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{RepositoryName: app, LifecyclePolicyText: &bad})
	wantError[*types.InvalidParameterException](t, err, "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: rule 1")
	if _, err := r.sdk.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{RepositoryName: app, LifecyclePolicyText: aws.String(keepOne)}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		r.push(fmt.Sprintf("app:v%d", i), r.random())
	}
	if _, err := r.sdk.StartLifecyclePolicyPreview(ctx, &ecr.StartLifecyclePolicyPreviewInput{RepositoryName: app}); err != nil {
		t.Fatal(err)
	}
	var results []types.LifecyclePolicyPreviewResult
	for pages := ecr.NewGetLifecyclePolicyPreviewPaginator(r.sdk, &ecr.GetLifecyclePolicyPreviewInput{RepositoryName: app, MaxResults: aws.Int32(1)}); pages.HasMorePages(); {
		out, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if out.Status != types.LifecyclePolicyPreviewStatusComplete || *out.Summary.ExpiringImageTotalCount != 2 {
			t.Errorf("got %+v", out)
		}
		results = append(results, out.PreviewResults...)
	}
	if len(results) != 2 || results[0].Action.Type != types.ImageActionTypeExpire || *results[0].AppliedRulePriority != 1 {
		t.Errorf("got %+v", results)
	}
	one, err := r.sdk.GetLifecyclePolicyPreview(ctx, &ecr.GetLifecyclePolicyPreviewInput{
		RepositoryName: app, ImageIds: []types.ImageIdentifier{{ImageDigest: results[0].ImageDigest}},
	})
	if err != nil || len(one.PreviewResults) != 1 {
		t.Errorf("got %v, %v", one, err)
	}
	was, err := r.sdk.DeleteLifecyclePolicy(ctx, &ecr.DeleteLifecyclePolicyInput{RepositoryName: app})
	if err != nil || *was.LifecyclePolicyText != keepOne {
		t.Errorf("got %v, %v", was, err)
	}
}

// A scan that did not look must not say that there is nothing.
func TestScansAreUnsupported(t *testing.T) {
	r := newRig(t)
	r.create("app", func(in *ecr.CreateRepositoryInput) {
		in.ImageScanningConfiguration = &types.ImageScanningConfiguration{ScanOnPush: true}
	})
	r.create("manual")
	ctx := t.Context()
	r.push("app:v1", r.random())
	r.push("manual:v1", r.random())
	id := &types.ImageIdentifier{ImageTag: aws.String("v1")}
	out, err := r.sdk.DescribeImageScanFindings(ctx, &ecr.DescribeImageScanFindingsInput{RepositoryName: app, ImageId: id})
	if err != nil || out.ImageScanStatus.Status != types.ScanStatusUnsupportedImage || out.ImageScanFindings != nil {
		t.Errorf("got %+v, %v", out, err)
	}
	manual := aws.String("manual")
	_, err = r.sdk.DescribeImageScanFindings(ctx, &ecr.DescribeImageScanFindingsInput{RepositoryName: manual, ImageId: id})
	wantError[*types.ScanNotFoundException](t, err, "Image scan does not exist for the image with '{imageDigest:'null', imageTag:'v1'}'")
	if _, err := r.sdk.StartImageScan(ctx, &ecr.StartImageScanInput{RepositoryName: manual, ImageId: id}); err != nil {
		t.Fatal(err)
	}
	_, err = r.sdk.StartImageScan(ctx, &ecr.StartImageScanInput{RepositoryName: manual, ImageId: id})
	wantError[*types.LimitExceededException](t, err, "The scan quota per image has been exceeded")
	if _, err := r.sdk.PutImageScanningConfiguration(ctx, &ecr.PutImageScanningConfigurationInput{RepositoryName: app, ImageScanningConfiguration: &types.ImageScanningConfiguration{}}); err != nil {
		t.Fatal(err)
	}
	_, err = r.sdk.PutRegistryScanningConfiguration(ctx, &ecr.PutRegistryScanningConfigurationInput{
		ScanType: types.ScanTypeEnhanced,
		Rules: []types.RegistryScanningRule{{
			ScanFrequency:     types.ScanFrequencyContinuousScan,
			RepositoryFilters: []types.ScanningRepositoryFilter{{Filter: aws.String("man*"), FilterType: types.ScanningRepositoryFilterTypeWildcard}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	how, err := r.sdk.BatchGetRepositoryScanningConfiguration(ctx, &ecr.BatchGetRepositoryScanningConfigurationInput{RepositoryNames: []string{"app", "manual", "none"}})
	if err != nil || len(how.Failures) != 1 || how.ScanningConfigurations[0].ScanFrequency != types.ScanFrequencyManual ||
		how.ScanningConfigurations[1].ScanFrequency != types.ScanFrequencyContinuousScan {
		t.Errorf("got %+v, %v", how, err)
	}
	reg, err := r.sdk.GetRegistryScanningConfiguration(ctx, &ecr.GetRegistryScanningConfigurationInput{})
	if err != nil || reg.ScanningConfiguration.ScanType != types.ScanTypeEnhanced {
		t.Errorf("got %+v, %v", reg, err)
	}
}

func TestTagsOfRepositories(t *testing.T) {
	r := newRig(t)
	r.create("app", func(in *ecr.CreateRepositoryInput) {
		in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}}
	})
	ctx := t.Context()
	arn := aws.String(r.repositoryARN("app"))
	if _, err := r.sdk.TagResource(ctx, &ecr.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("b")}, {Key: aws.String("x"), Value: aws.String("")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.sdk.UntagResource(ctx, &ecr.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"x", "none"}}); err != nil {
		t.Fatal(err)
	}
	out, err := r.sdk.ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: arn})
	if err != nil || len(out.Tags) != 1 || *out.Tags[0].Value != "b" {
		t.Errorf("got %+v, %v", out, err)
	}
	_, err = r.sdk.TagResource(ctx, &ecr.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("")}}})
	wantError[*types.InvalidTagParameterException](t, err, "reserved")
	var many []types.Tag
	for i := range 51 {
		many = append(many, types.Tag{Key: aws.String(fmt.Sprint(i)), Value: aws.String("")})
	}
	_, err = r.sdk.TagResource(ctx, &ecr.TagResourceInput{ResourceArn: arn, Tags: many})
	wantError[*types.TooManyTagsException](t, err, "50")
	_, err = r.sdk.ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:s3:::x")})
	wantError[*types.InvalidParameterException](t, err, "resourceArn")
	_, err = r.sdk.ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:ecr:eu-west-1:123456789012:repository/app")})
	wantError[*types.RepositoryNotFoundException](t, err, "app")
}

// A template with CREATE_ON_PUSH makes what is pushed to; without one nothing is made.
func TestCreateOnPush(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	in := &ecr.CreateRepositoryCreationTemplateInput{
		Prefix: aws.String("team"), AppliedFor: []types.RCTAppliedFor{types.RCTAppliedForCreateOnPush},
		ImageTagMutability: types.ImageTagMutabilityImmutable, ResourceTags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
		LifecyclePolicy: aws.String(keepOne),
	}
	if _, err := r.sdk.CreateRepositoryCreationTemplate(ctx, in); err != nil {
		t.Fatal(err)
	}
	_, err := r.sdk.CreateRepositoryCreationTemplate(ctx, in)
	wantError[*types.TemplateAlreadyExistsException](t, err, "team")
	r.push("team/app:v1", r.random())
	repo, err := r.exists(nil, aws.String("team/app"))
	if err != nil || repo.Mutability != "IMMUTABLE" || repo.Lifecycle != keepOne || repo.Tags["a"] != "b" {
		t.Errorf("got %+v, %v", repo, err)
	}
	r.want(r.do("POST", "/v2/teams/app/blobs/uploads/", nil), 404, "NAME_UNKNOWN")
	if _, err := r.sdk.UpdateRepositoryCreationTemplate(ctx, &ecr.UpdateRepositoryCreationTemplateInput{Prefix: in.Prefix, LifecyclePolicy: aws.String(""), Description: aws.String("d")}); err != nil {
		t.Fatal(err)
	}
	out, err := r.sdk.DescribeRepositoryCreationTemplates(ctx, &ecr.DescribeRepositoryCreationTemplatesInput{Prefixes: []string{"team"}})
	if err != nil || len(out.RepositoryCreationTemplates) != 1 {
		t.Fatal(out, err)
	}
	if got := out.RepositoryCreationTemplates[0]; got.LifecyclePolicy != nil || *got.Description != "d" || got.ImageTagMutability != types.ImageTagMutabilityImmutable {
		t.Errorf("got %+v", got)
	}
	if _, err := r.sdk.DeleteRepositoryCreationTemplate(ctx, &ecr.DeleteRepositoryCreationTemplateInput{Prefix: in.Prefix}); err != nil {
		t.Fatal(err)
	}
	_, err = r.sdk.DeleteRepositoryCreationTemplate(ctx, &ecr.DeleteRepositoryCreationTemplateInput{Prefix: in.Prefix})
	wantError[*types.TemplateNotFoundException](t, err, "team")
	r.want(r.do("POST", "/v2/team/b/blobs/uploads/", nil), 404, "NAME_UNKNOWN")
}

func TestPullTimes(t *testing.T) {
	r := newRig(t)
	r.create("app")
	digest := r.push("app:v1", r.random())
	ctx := t.Context()
	pulled := func() bool {
		out, err := r.sdk.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: app, ImageIds: []types.ImageIdentifier{{ImageDigest: &digest}}})
		if err != nil {
			t.Fatal(err)
		}
		return out.ImageDetails[0].LastRecordedPullTime != nil
	}
	bot := aws.String("arn:aws:iam::123456789012:role/bot")
	register := &ecr.RegisterPullTimeUpdateExclusionInput{PrincipalArn: bot}
	if _, err := r.sdk.RegisterPullTimeUpdateExclusion(ctx, register); err != nil {
		t.Fatal(err)
	}
	_, err := r.sdk.RegisterPullTimeUpdateExclusion(ctx, register)
	wantError[*types.ExclusionAlreadyExistsException](t, err, "bot")
	list, err := r.sdk.ListPullTimeUpdateExclusions(ctx, &ecr.ListPullTimeUpdateExclusionsInput{})
	if err != nil || !slices.Equal(list.PullTimeUpdateExclusions, []string{*bot}) {
		t.Errorf("got %v, %v", list, err)
	}
	i := image{Digest: digest}
	r.pulled(identity.With(ctx, identity.Caller{RoleARN: *bot}), "app", i)
	if pulled() {
		t.Error("the pull of an excluded role was noted")
	}
	if _, err := r.sdk.DeregisterPullTimeUpdateExclusion(ctx, &ecr.DeregisterPullTimeUpdateExclusionInput{PrincipalArn: bot}); err != nil {
		t.Fatal(err)
	}
	_, err = r.sdk.DeregisterPullTimeUpdateExclusion(ctx, &ecr.DeregisterPullTimeUpdateExclusionInput{PrincipalArn: bot})
	wantError[*types.ExclusionNotFoundException](t, err, "bot")
	r.want(r.do("HEAD", "/v2/app/manifests/v1", nil), 200)
	if pulled() {
		t.Error("HEAD is no pull")
	}
	r.want(r.do("GET", "/v2/app/manifests/v1", nil), 200)
	if !pulled() {
		t.Error("a pull was not noted")
	}
	if err := r.flushPulls(); err != nil || !pulled() {
		t.Errorf("not in the store: %v", err)
	}
}

func TestOtherRegistries(t *testing.T) {
	r := newRig(t)
	r.create("app")
	r.push("app:v1", r.random())
	ctx := t.Context()
	id := &types.ImageIdentifier{ImageTag: aws.String("v1")}
	_, err := r.sdk.PutReplicationConfiguration(ctx, &ecr.PutReplicationConfigurationInput{ReplicationConfiguration: &types.ReplicationConfiguration{
		Rules: []types.ReplicationRule{{Destinations: []types.ReplicationDestination{{Region: aws.String("eu-west-1"), RegistryId: aws.String(account)}}}},
	}})
	wantError[*types.ValidationException](t, err, "eu-west-1")
	if out, err := r.sdk.DescribeRegistry(ctx, &ecr.DescribeRegistryInput{}); err != nil || *out.RegistryId != account || len(out.ReplicationConfiguration.Rules) != 0 {
		t.Errorf("got %+v, %v", out, err)
	}
	if out, err := r.sdk.DescribeImageReplicationStatus(ctx, &ecr.DescribeImageReplicationStatusInput{RepositoryName: app, ImageId: id}); err != nil || len(out.ReplicationStatuses) != 0 {
		t.Errorf("got %+v, %v", out, err)
	}
	if out, err := r.sdk.DescribeImageSigningStatus(ctx, &ecr.DescribeImageSigningStatusInput{RepositoryName: app, ImageId: id}); err != nil || out.ImageId.ImageDigest == nil {
		t.Errorf("got %+v, %v", out, err)
	}
	_, err = r.sdk.CreatePullThroughCacheRule(ctx, &ecr.CreatePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String("hub"), UpstreamRegistryUrl: aws.String("registry-1.docker.io")})
	wantError[*types.UnsupportedUpstreamRegistryException](t, err, "registry-1.docker.io")
	if out, err := r.sdk.DescribePullThroughCacheRules(ctx, &ecr.DescribePullThroughCacheRulesInput{}); err != nil || len(out.PullThroughCacheRules) != 0 {
		t.Errorf("got %+v, %v", out, err)
	}
	_, err = r.sdk.DeletePullThroughCacheRule(ctx, &ecr.DeletePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String("hub")})
	wantError[*types.PullThroughCacheRuleNotFoundException](t, err, "hub")
	_, err = r.sdk.GetSigningConfiguration(ctx, &ecr.GetSigningConfigurationInput{})
	wantError[*types.SigningConfigurationNotFoundException](t, err, account)
}

func TestAccountSettings(t *testing.T) {
	r := newRig(t)
	out, err := r.sdk.GetAccountSetting(t.Context(), &ecr.GetAccountSettingInput{Name: aws.String("BASIC_SCAN_TYPE_VERSION")})
	if err != nil || *out.Value != "AWS_NATIVE" {
		t.Errorf("got %+v, %v", out, err)
	}
	_, err = r.sdk.GetAccountSetting(t.Context(), &ecr.GetAccountSettingInput{Name: aws.String("X")})
	wantError[*types.ValidationException](t, err, "'X'")
	_, err = r.sdk.PutAccountSetting(t.Context(), &ecr.PutAccountSettingInput{Name: aws.String(blobMounting), Value: aws.String("X")})
	wantError[*types.ValidationException](t, err, blobMounting)
}
