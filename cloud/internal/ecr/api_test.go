package ecr

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

var app = aws.String("app")

func TestRepositoryRoundTrip(t *testing.T) {
	r := newRig(t)
	r.create("app")
	out, err := r.sdk.DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"app"}})
	if err != nil {
		t.Fatal(err)
	}
	got := out.Repositories[0]
	for name, pair := range map[string][2]string{
		"URI":        {aws.ToString(got.RepositoryUri), r.Endpoint() + "/app"},
		"ARN":        {aws.ToString(got.RepositoryArn), "arn:aws:ecr:us-east-1:123456789012:repository/app"},
		"registry":   {aws.ToString(got.RegistryId), account},
		"mutability": {string(got.ImageTagMutability), "MUTABLE"},
		"encryption": {string(got.EncryptionConfiguration.EncryptionType), "AES256"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", name, pair[0], pair[1])
		}
	}
	if got.ImageScanningConfiguration.ScanOnPush || time.Since(*got.CreatedAt) > time.Minute {
		t.Errorf("got %+v", got)
	}
}

// The texts are AWS's.
func TestRepositoryErrors(t *testing.T) {
	r := newRig(t)
	r.create("app")
	ctx := t.Context()
	_, err := r.sdk.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: app})
	wantError[*types.RepositoryAlreadyExistsException](t, err, "The repository with name 'app' already exists in the registry with id '123456789012'")
	_, err = r.sdk.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"app", "none"}})
	wantError[*types.RepositoryNotFoundException](t, err, "The repository with name 'none' does not exist in the registry with id '123456789012'")
	_, err = r.sdk.ListImages(ctx, &ecr.ListImagesInput{RepositoryName: app, RegistryId: aws.String("999999999999")})
	wantError[*types.RepositoryNotFoundException](t, err, "The repository with name 'app' does not exist in the registry with id '999999999999'")
	_, err = r.sdk.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("UPPER")})
	wantError[*types.InvalidParameterException](t, err, "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression")
	_, err = r.sdk.CreateRepository(ctx, &ecr.CreateRepositoryInput{
		RepositoryName: aws.String("next"), ImageTagMutability: types.ImageTagMutabilityImmutableWithExclusion,
	})
	wantError[*types.InvalidParameterException](t, err, "Exclusion filters are required")
	_, err = r.sdk.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"app"}, MaxResults: aws.Int32(1)})
	wantError[*types.InvalidParameterException](t, err, "maxResults")
	_, err = r.sdk.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{NextToken: aws.String("x")})
	wantError[*types.InvalidParameterException](t, err, "nextToken")
}

func TestRepositoriesByPages(t *testing.T) {
	r := newRig(t)
	for _, n := range []string{"aa", "bb", "cc"} {
		r.create(n)
	}
	var got []string
	pages := ecr.NewDescribeRepositoriesPaginator(r.sdk, &ecr.DescribeRepositoriesInput{MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, repo := range out.Repositories {
			got = append(got, *repo.RepositoryName)
		}
	}
	if s := strings.Join(got, " "); s != "aa bb cc" {
		t.Errorf("got %s", s)
	}
}

func TestDeleteRepository(t *testing.T) {
	r := newRig(t)
	r.create("app")
	r.create("app2")
	r.push("app:v1", r.random())
	kept := r.push("app2:v1", r.random())
	_, err := r.sdk.DeleteRepository(t.Context(), &ecr.DeleteRepositoryInput{RepositoryName: app})
	wantError[*types.RepositoryNotEmptyException](t, err, "The repository with name 'app' in registry with id '123456789012' cannot be deleted because it still contains images")
	if _, err := r.sdk.DeleteRepository(t.Context(), &ecr.DeleteRepositoryInput{RepositoryName: app, Force: true}); err != nil {
		t.Fatal(err)
	}
	r.create("app")
	out, err := r.sdk.ListImages(t.Context(), &ecr.ListImagesInput{RepositoryName: app})
	if err != nil || len(out.ImageIds) != 0 {
		t.Errorf("a new repository has %v, %v", out, err)
	}
	r.want(r.do("HEAD", "/v2/app2/manifests/"+kept, nil), 200)
}

func TestMutabilityWithExclusion(t *testing.T) {
	r := newRig(t)
	r.create("app")
	_, err := r.sdk.PutImageTagMutability(t.Context(), &ecr.PutImageTagMutabilityInput{
		RepositoryName: app, ImageTagMutability: types.ImageTagMutabilityImmutableWithExclusion,
		ImageTagMutabilityExclusionFilters: exclusionFilters([]string{"latest", "dev-*"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	for tag, movable := range map[string]bool{"v1": false, "latest": true, "dev-1": true} {
		r.push("app:"+tag, r.random())
		if err := remote.Write(r.ref("app:"+tag), r.random(), r.auth()); (err == nil) != movable {
			t.Errorf("tag %s: %v", tag, err)
		}
	}
	all := func(m string) repository { return repository{Mutability: m, Exclusions: []string{"keep*"}} }
	for m, want := range map[string][2]bool{
		"MUTABLE": {false, false}, "IMMUTABLE": {true, true},
		"IMMUTABLE_WITH_EXCLUSION": {false, true}, "MUTABLE_WITH_EXCLUSION": {true, false},
	} {
		if got := [2]bool{all(m).fixed("keep1"), all(m).fixed("other")}; got != want {
			t.Errorf("%s: fixed are %v, want %v", m, got, want)
		}
	}
}

func TestAuthorizationToken(t *testing.T) {
	r := newRig(t)
	out, err := r.sdk.GetAuthorizationToken(t.Context(), &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	d := out.AuthorizationData[0]
	if *d.ProxyEndpoint != "http://"+r.Endpoint() {
		t.Errorf("proxyEndpoint is %s", *d.ProxyEndpoint)
	}
	if left := time.Until(*d.ExpiresAt); left < 12*time.Hour-time.Minute || left > 12*time.Hour {
		t.Errorf("expires in %s", left)
	}
	b, err := base64.StdEncoding.DecodeString(*d.AuthorizationToken)
	if err != nil || !strings.HasPrefix(string(b), "AWS:") {
		t.Errorf("token is no base64 of AWS:password: %v", err)
	}
}

func TestImages(t *testing.T) {
	r := newRig(t)
	r.create("app")
	ctx := t.Context()
	img := r.random()
	first := r.push("app:v1", img)
	r.push("app:also", img)
	second := r.push("app:v1", r.random()) // the tag moves
	r.push("app:v2", r.random())

	out, err := r.sdk.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: app, ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("v1")}, {ImageDigest: &first}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range out.ImageDetails {
		got = append(got, *d.ImageDigest+" "+strings.Join(d.ImageTags, ","))
		if *d.ImageSizeInBytes < 500 || d.ImagePushedAt == nil || *d.ImageManifestMediaType != typeDocker || d.ImageScanStatus != nil || d.ImageStatus != "ACTIVE" {
			t.Errorf("got %+v", d)
		}
	}
	if want := []string{second + " v1", first + " also"}; !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	_, err = r.sdk.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: app, ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("v1")}}, MaxResults: aws.Int32(1)})
	wantError[*types.InvalidParameterException](t, err, "maxResults")
	_, err = r.sdk.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: app, ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("v9")}}})
	wantError[*types.ImageNotFoundException](t, err, "The image with imageId {imageDigest:'null', imageTag:'v9'} does not exist within the repository with name 'app' in the registry with id '123456789012'")

	ids := func(in *ecr.BatchDeleteImageInput) *ecr.BatchDeleteImageOutput {
		in.RepositoryName = app
		out, err := r.sdk.BatchDeleteImage(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	gone := ids(&ecr.BatchDeleteImageInput{ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("v1")}, {ImageTag: aws.String("v9")}, {}}})
	if len(gone.ImageIds) != 1 || *gone.ImageIds[0].ImageDigest != second || len(gone.Failures) != 2 ||
		gone.Failures[0].FailureCode != types.ImageFailureCodeImageNotFound || gone.Failures[1].FailureCode != types.ImageFailureCodeMissingDigestAndTag {
		t.Errorf("got %+v", gone)
	}
	r.want(r.do("GET", "/v2/app/manifests/"+second, nil), 404) // its last tag took it along
	r.push("app:third", img)
	ids(&ecr.BatchDeleteImageInput{ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("third")}}})
	r.want(r.do("GET", "/v2/app/manifests/also", nil), 200)
	if gone = ids(&ecr.BatchDeleteImageInput{ImageIds: []types.ImageIdentifier{{ImageDigest: &first}}}); len(gone.ImageIds) != 1 || *gone.ImageIds[0].ImageTag != "also" {
		t.Errorf("got %+v", gone)
	}
}

func TestBatchGetImage(t *testing.T) {
	r := newRig(t)
	r.create("app")
	img := r.random()
	digest := r.push("app:v1", img)
	raw, err := img.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	get := func(ids []types.ImageIdentifier, accept ...string) *ecr.BatchGetImageOutput {
		out, err := r.sdk.BatchGetImage(t.Context(), &ecr.BatchGetImageInput{RepositoryName: app, ImageIds: ids, AcceptedMediaTypes: accept})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := get([]types.ImageIdentifier{{ImageTag: aws.String("v1")}}, typeOCI, typeDocker)
	if len(out.Images) != 1 || *out.Images[0].ImageManifest != string(raw) || *out.Images[0].ImageId.ImageDigest != digest || *out.Images[0].ImageId.ImageTag != "v1" {
		t.Errorf("got %+v", out)
	}
	for name, tc := range map[string]struct {
		id     types.ImageIdentifier
		accept []string
		want   types.ImageFailureCode
	}{
		"no such tag":    {types.ImageIdentifier{ImageTag: aws.String("v2")}, nil, types.ImageFailureCodeImageNotFound},
		"another type":   {types.ImageIdentifier{ImageTag: aws.String("v1")}, []string{typeOCI}, types.ImageFailureCodeImageNotFound},
		"another digest": {types.ImageIdentifier{ImageTag: aws.String("v1"), ImageDigest: aws.String(digestOf(nil))}, nil, types.ImageFailureCodeImageTagDoesNotMatchDigest},
		"no digest":      {types.ImageIdentifier{ImageDigest: aws.String("sha256:12")}, nil, types.ImageFailureCodeInvalidImageDigest},
		"no tag":         {types.ImageIdentifier{ImageTag: aws.String("-x")}, nil, types.ImageFailureCodeInvalidImageTag},
	} {
		out := get([]types.ImageIdentifier{tc.id}, tc.accept...)
		if len(out.Images) != 0 || len(out.Failures) != 1 || out.Failures[0].FailureCode != tc.want {
			t.Errorf("%s: got %+v", name, out)
		}
		if tc.want == types.ImageFailureCodeImageNotFound && *out.Failures[0].FailureReason != "Requested image not found" {
			t.Errorf("%s: reason %s", name, *out.Failures[0].FailureReason)
		}
	}
}

func TestPutImage(t *testing.T) {
	r := newRig(t)
	r.create("app", func(in *ecr.CreateRepositoryInput) { in.ImageTagMutability = types.ImageTagMutabilityImmutable })
	img := r.random()
	r.push("app:v1", img)
	raw, err := img.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	put := func(body, tag string, change ...func(*ecr.PutImageInput)) (*ecr.PutImageOutput, error) {
		in := &ecr.PutImageInput{RepositoryName: app, ImageManifest: &body, ImageTag: &tag}
		for _, f := range change {
			f(in)
		}
		return r.sdk.PutImage(t.Context(), in)
	}
	out, err := put(string(raw), "v2")
	if err != nil || *out.Image.ImageId.ImageTag != "v2" {
		t.Fatal(out, err)
	}
	_, err = put(string(raw), "v2")
	wantError[*types.ImageAlreadyExistsException](t, err, "Image with digest '"+digestOf(raw)+"' and tag 'v2' already exists in the repository with name 'app' in registry with id '123456789012'")
	other := r.random()
	r.push("app:other", other)
	raw2, err := other.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	_, err = put(string(raw2), "v1")
	wantError[*types.ImageTagAlreadyExistsException](t, err, "cannot be overwritten because the repository is immutable")
	_, err = put(string(raw), "v3", func(in *ecr.PutImageInput) { in.ImageDigest = aws.String(digestOf(nil)) })
	wantError[*types.ImageDigestDoesNotMatchException](t, err, digestOf(nil))
	_, err = put("{", "v3")
	wantError[*types.InvalidParameterException](t, err, "ImageManifest")
	_, err = put(strings.ReplaceAll(string(raw), "sha256:", "sha256:0000000000")[:0]+`{"schemaVersion":2,"config":{"digest":"`+digestOf([]byte("z"))+`"},"layers":[]}`, "v3")
	wantError[*types.LayersNotFoundException](t, err, digestOf([]byte("z")))
	_, err = put(string(raw), "-x")
	wantError[*types.InvalidParameterException](t, err, "imageTag")
}

func TestListImages(t *testing.T) {
	r := newRig(t)
	r.create("app")
	r.push("app:v1", r.random())
	r.push("app:v1", r.random())
	for filter, want := range map[types.TagStatus]int{"": 2, types.TagStatusTagged: 1, types.TagStatusUntagged: 1, types.TagStatusAny: 2} {
		in := &ecr.ListImagesInput{RepositoryName: app, MaxResults: aws.Int32(1)}
		if filter != "" {
			in.Filter = &types.ListImagesFilter{TagStatus: filter}
		}
		n := 0
		for pages := ecr.NewListImagesPaginator(r.sdk, in); pages.HasMorePages(); {
			out, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			n += len(out.ImageIds)
		}
		if n != want {
			t.Errorf("%s: %d, want %d", filter, n, want)
		}
	}
}

func TestArchive(t *testing.T) {
	r := newRig(t)
	r.create("app")
	r.push("app:v1", r.random())
	id := &types.ImageIdentifier{ImageTag: aws.String("v1")}
	move := func(to types.TargetStorageClass) types.ImageStatus {
		out, err := r.sdk.UpdateImageStorageClass(t.Context(), &ecr.UpdateImageStorageClassInput{RepositoryName: app, ImageId: id, TargetStorageClass: to})
		if err != nil {
			t.Fatal(err)
		}
		return out.ImageStatus
	}
	if s := move(types.TargetStorageClassArchive); s != types.ImageStatusArchived {
		t.Errorf("status is %s", s)
	}
	r.want(r.do("GET", "/v2/app/manifests/v1", nil), 403, "archived")
	_, err := r.sdk.StartImageScan(t.Context(), &ecr.StartImageScanInput{RepositoryName: app, ImageId: id})
	wantError[*types.ImageArchivedException](t, err, "v1")
	for filter, want := range map[types.ImageStatusFilter]int{"": 0, types.ImageStatusFilterArchived: 1, types.ImageStatusFilterAny: 1} {
		out, err := r.sdk.DescribeImages(t.Context(), &ecr.DescribeImagesInput{RepositoryName: app, Filter: &types.DescribeImagesFilter{ImageStatus: filter}})
		if err != nil || len(out.ImageDetails) != want {
			t.Errorf("filter %q: %v, %v", filter, out, err)
		}
	}
	if s := move(types.TargetStorageClassStandard); s != types.ImageStatusActive {
		t.Errorf("status is %s", s)
	}
	r.want(r.do("GET", "/v2/app/manifests/v1", nil), 200)
}
