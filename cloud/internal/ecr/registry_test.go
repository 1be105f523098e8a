package ecr

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

func TestPushAndPull(t *testing.T) {
	r := newRig(t)
	r.create("team/app")
	img, err := random.Image(100_000, 3)
	if err != nil {
		t.Fatal(err)
	}
	digest := r.push("team/app:v1", img)
	for _, ref := range []string{"team/app:v1", "team/app@" + digest} {
		got, err := remote.Image(r.ref(ref), r.auth())
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(got); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPushIndexAndDeleteItsParts(t *testing.T) {
	r := newRig(t)
	r.create("app")
	idx, err := random.Index(100, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(r.ref("app:multi"), idx, r.auth()); err != nil {
		t.Fatal(err)
	}
	m, err := idx.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	child := m.Manifests[0].Digest.String()
	r.want(r.do("DELETE", "/v2/app/manifests/"+child, nil), 405, "UNSUPPORTED", "an index lists it")
	out, err := r.sdk.BatchDeleteImage(t.Context(), &ecr.BatchDeleteImageInput{
		RepositoryName: aws.String("app"), ImageIds: []types.ImageIdentifier{{ImageDigest: &child}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Failures) != 1 || out.Failures[0].FailureCode != types.ImageFailureCodeImageReferencedByManifestList {
		t.Errorf("got %+v", out.Failures)
	}
	details, err := r.sdk.DescribeImages(t.Context(), &ecr.DescribeImagesInput{
		RepositoryName: aws.String("app"), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("multi")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if size := aws.ToInt64(details.ImageDetails[0].ImageSizeInBytes); size < 100 || size > 5000 {
		t.Errorf("an index is as large as its largest image, got %d", size)
	}
}

// Docker prints these texts to its user.
func TestTextsOfRefusals(t *testing.T) {
	r := newRig(t)
	r.create("app", func(in *ecr.CreateRepositoryInput) { in.ImageTagMutability = types.ImageTagMutabilityImmutable })
	first := r.random()
	r.push("app:v1", first)
	r.push("app:v1", first) // the same again is no overwriting

	err := remote.Write(r.ref("app:v1"), r.random(), r.auth())
	if want := "TAG_INVALID: The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because the repository is immutable."; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	err = remote.Write(r.ref("nothing/here:v1"), r.random(), r.auth())
	if want := "NAME_UNKNOWN: The repository with name 'nothing/here' does not exist in the registry with id '123456789012'"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	none := digestOf([]byte("none"))
	for _, tc := range []struct {
		method, path, body string
		status             int
		texts              []string
	}{
		{"GET", "/v2/app/manifests/v9", "", 404, []string{"MANIFEST_UNKNOWN", "Requested image not found"}},
		{"GET", "/v2/app/manifests/" + none, "", 404, []string{"MANIFEST_UNKNOWN"}},
		{"GET", "/v2/app/manifests/-", "", 400, []string{"MANIFEST_INVALID"}},
		{"GET", "/v2/app/blobs/" + none, "", 404, []string{"BLOB_UNKNOWN"}},
		{"DELETE", "/v2/app/blobs/" + none, "", 404, []string{"BLOB_UNKNOWN"}},
		{"DELETE", "/v2/app/manifests/v9", "", 404, []string{"MANIFEST_UNKNOWN"}},
		{"GET", "/v2/app/blobs/sha256:12", "", 400, []string{"DIGEST_INVALID"}},
		{"DELETE", "/v2/app/blobs/sha256:12", "", 400, []string{"DIGEST_INVALID"}},
		{"GET", "/v2/app/referrers/x", "", 400, []string{"DIGEST_INVALID"}},
		{"GET", "/v2/UPPER/tags/list", "", 400, []string{"NAME_INVALID"}},
		{"GET", "/v2/none/tags/list", "", 404, []string{"NAME_UNKNOWN"}},
		{"GET", "/v2/app/tags/list?n=x", "", 400, []string{"PAGINATION_NUMBER_INVALID"}},
		{"GET", "/v2/_catalog", "", 404, []string{"UNSUPPORTED"}},
		{"POST", "/v2/app/tags/list", "", 405, []string{"UNSUPPORTED"}},
		{"POST", "/v2/app/blobs/uploads/?digest=x", "", 400, []string{"DIGEST_INVALID"}},
		{"POST", "/v2/app/blobs/uploads/?digest=" + none, "other", 400, []string{"DIGEST_INVALID"}},
		{"PUT", "/v2/app/manifests/v1", "no json", 400, []string{"MANIFEST_INVALID"}},
		{"PUT", "/v2/app/manifests/" + none, "{}", 400, []string{"DIGEST_INVALID"}},
		{"PUT", "/v2/app/manifests/v1", `{"schemaVersion":1}`, 400, []string{"MANIFEST_INVALID", "schema version 1"}},
		{"PUT", "/v2/app/manifests/v2", `{"schemaVersion":2,"config":{"digest":"` + none + `"}}`, 404, []string{"MANIFEST_BLOB_UNKNOWN", none}},
		{"PUT", "/v2/app/manifests/v2", `{"schemaVersion":2,"mediaType":"` + typeOCIIndex + `","manifests":[{"digest":"` + none + `"}]}`, 404, []string{"MANIFEST_BLOB_UNKNOWN", none}},
	} {
		r.want(r.do(tc.method, tc.path, []byte(tc.body)), tc.status, tc.texts...)
	}
}

func TestLogin(t *testing.T) {
	r := newRig(t)
	r.create("app")
	get := func(user, password string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), "GET", r.http.URL+"/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if user != "" {
			req.SetBasicAuth(user, password)
		}
		return r.send(req)
	}
	good := r.password(t.Context())
	expired, err := r.tokens.sign(claim{Expires: time.Now().Add(-time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	download, err := r.tokens.sign(claim{Blob: "app@x", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	r.want(get("AWS", good), 200)
	for name, resp := range map[string]*http.Response{
		"nothing": get("", ""), "another user": get("root", good), "another key": get("AWS", good[:len(good)-2]+"zz"),
		"no token": get("AWS", "x"), "a download URL's token": get("AWS", download),
	} {
		r.want(resp, 401, "UNAUTHORIZED")
		want := `Basic realm="http://` + r.Endpoint() + `/",service="ecr.amazonaws.com"`
		if got := resp.Header.Get("Www-Authenticate"); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if resp.Header.Get("Docker-Distribution-Api-Version") != "registry/2.0" {
			t.Errorf("%s: no version header", name)
		}
	}
	r.want(get("AWS", expired), 403, "Your authorization token has expired. Reauthenticate and try again.")
}

// Who pushes is who asked for the password, with all that IAM knows of them.
func TestPermissions(t *testing.T) {
	type question struct{ who, action, resource string }
	var asked []question
	r := newRig(t, func(o *Options) {
		o.Authorize = func(ctx context.Context, action, resource string) error {
			asked = append(asked, question{identity.From(ctx).ARN, action, resource})
			if action == "ecr:PutImage" {
				return errors.New("User: bob is not authorized to perform: ecr:PutImage")
			}
			return nil
		}
	})
	r.create("app")
	bob := identity.With(t.Context(), identity.Caller{Kind: identity.User, ARN: "arn:aws:iam::123456789012:user/bob"})
	password := r.password(bob)
	req, err := http.NewRequestWithContext(t.Context(), "PUT", r.http.URL+"/v2/app/manifests/v1", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("AWS", password)
	r.want(r.send(req), 403, "DENIED", "User: bob is not authorized to perform: ecr:PutImage")
	want := question{"arn:aws:iam::123456789012:user/bob", "ecr:PutImage", "arn:aws:ecr:us-east-1:123456789012:repository/app"}
	if len(asked) != 1 || asked[0] != want {
		t.Errorf("asked %v, want %v", asked, want)
	}
}

func TestTagsByPages(t *testing.T) {
	r := newRig(t)
	r.create("app")
	img := r.random()
	for _, tag := range []string{"b", "A", "a", "c", "B"} {
		r.push("app:"+tag, img)
	}
	var got []string
	for next := "/v2/app/tags/list?n=2"; next != ""; {
		resp := r.do("GET", next, nil)
		var page struct{ Tags []string }
		if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
			t.Fatal(err)
		}
		got = append(got, page.Tags...)
		next, _, _ = strings.Cut(strings.TrimPrefix(resp.Header.Get("Link"), "<"), ">")
	}
	if s := strings.Join(got, " "); s != "A a B b c" {
		t.Errorf("got %s", s)
	}
}

func TestReferrers(t *testing.T) {
	r := newRig(t)
	r.create("app")
	subject := r.push("app:v1", r.random())
	empty := []byte("{}")
	r.want(r.do("POST", "/v2/app/blobs/uploads/?digest="+digestOf(empty), empty), 201)
	body := []byte(`{"schemaVersion":2,"mediaType":"` + typeOCI + `","artifactType":"example/sbom","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"` +
		digestOf(empty) + `","size":2},"layers":[],"subject":{"mediaType":"` + typeOCI + `","digest":"` + subject + `","size":1},"annotations":{"a":"b"}}`)
	resp := r.do("PUT", "/v2/app/manifests/"+digestOf(body), body, "Content-Type: "+typeOCI)
	r.want(resp, 201)
	if resp.Header.Get("OCI-Subject") != subject {
		t.Errorf("OCI-Subject is %q", resp.Header.Get("OCI-Subject"))
	}
	r.want(r.do("GET", "/v2/app/referrers/"+subject, nil), 200, digestOf(body), `"artifactType":"example/sbom"`, `"annotations":{"a":"b"}`)
	r.want(r.do("GET", "/v2/app/referrers/"+subject+"?artifactType=other", nil), 200, `"manifests":[]`)
	out, err := r.sdk.ListImageReferrers(t.Context(), &ecr.ListImageReferrersInput{
		RepositoryName: aws.String("app"), SubjectId: &types.SubjectIdentifier{ImageDigest: &subject},
		Filter: &types.ListImageReferrersFilter{ArtifactTypes: []string{"example/sbom"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Referrers) != 1 || aws.ToString(out.Referrers[0].Digest) != digestOf(body) {
		t.Errorf("got %+v", out.Referrers)
	}
}
