package ssm

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/seal"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

var ctx = context.Background()

func open(t *testing.T, file string) *Service {
	t.Helper()
	st, err := store.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() }) // twice is fine
	box, err := seal.Open(st)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Store: st, Seal: box, Place: arn.Place{Partition: "aws", Account: "123456789012", Region: "us-east-1"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// client is the SDK's, reaching the service through the wire.
func client(s *Service) *ssm.Client {
	h := wire.NewServer(wire.Options{Services: []*wire.Service{wire.SSM(s.Ops())}})
	return ssm.New(ssm.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://cloud.local"), RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}, HTTPClient: &http.Client{Transport: wire.Transport(h)}})
}

func put(t *testing.T, c *ssm.Client, name, value string, kind types.ParameterType) {
	t.Helper()
	if _, err := c.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: &value, Type: kind, Overwrite: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func TestSecureStringsAreSealed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	s := open(t, file)
	c := client(s)
	put(t, c, "/app/db", "hunter2-hunter2", types.ParameterTypeSecureString)
	for decrypt, want := range map[bool]bool{true: true, false: false} {
		out, err := c.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/app/db"), WithDecryption: &decrypt})
		if err != nil || (*out.Parameter.Value == "hunter2-hunter2") != want {
			t.Errorf("decrypt %v: %+v, %v", decrypt, out, err)
		}
	}
	for _, id := range []string{"/app/db", "/app/db:1", "arn:aws:ssm:us-east-1:123456789012:parameter/app/db", "arn:aws:ssm:us-east-1:123456789012:parameter/app/db:1"} {
		if v, err := s.Value(ctx, id); err != nil || v != "hunter2-hunter2" {
			t.Errorf("%s: %q, %v", id, v, err)
		}
	}
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(raw), "hunter2") {
		t.Errorf("the state file shows the secret, or %v", err)
	}
	if v, err := open(t, file).Value(ctx, "/app/db"); err != nil || v != "hunter2-hunter2" {
		t.Errorf("after a restart: %q, %v", v, err)
	}
}

func TestVersionsAndLabels(t *testing.T) {
	c := client(open(t, ""))
	for _, v := range []string{"one", "two", "three"} {
		put(t, c, "x", v, types.ParameterTypeString)
	}
	l, err := c.LabelParameterVersion(ctx, &ssm.LabelParameterVersionInput{Name: aws.String("x"), ParameterVersion: aws.Int64(2), Labels: []string{"live", "9bad"}})
	if err != nil || len(l.InvalidLabels) != 1 || l.ParameterVersion != 2 {
		t.Fatalf("labelled %+v, %v", l, err)
	}
	for id, want := range map[string]string{"x": "three", "x:1": "one", "x:live": "two", "x:3": "three"} {
		out, err := c.GetParameter(ctx, &ssm.GetParameterInput{Name: &id})
		if err != nil || *out.Parameter.Value != want {
			t.Errorf("%s: %+v, %v", id, out, err)
		}
	}
	if _, err := c.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("x:9")}); code(err) != "ParameterVersionNotFound" {
		t.Errorf("no such version: %v", err)
	}
	if _, err := c.LabelParameterVersion(ctx, &ssm.LabelParameterVersionInput{Name: aws.String("x"), Labels: []string{"live"}}); err != nil {
		t.Fatal(err)
	}
	h, err := c.GetParameterHistory(ctx, &ssm.GetParameterHistoryInput{Name: aws.String("x")})
	if err != nil || len(h.Parameters) != 3 || len(h.Parameters[1].Labels) != 0 || len(h.Parameters[2].Labels) != 1 {
		t.Errorf("history %+v, %v", h, err)
	}
	u, err := c.UnlabelParameterVersion(ctx, &ssm.UnlabelParameterVersionInput{Name: aws.String("x"), ParameterVersion: aws.Int64(3), Labels: []string{"live", "none"}})
	if err != nil || len(u.RemovedLabels) != 1 || len(u.InvalidLabels) != 1 {
		t.Errorf("unlabelled %+v, %v", u, err)
	}
}

func TestOldVersionsGoUnlessLabelled(t *testing.T) {
	c := client(open(t, ""))
	for range maxVersions + 1 {
		put(t, c, "x", "v", types.ParameterTypeString)
	}
	if _, err := c.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("x:1")}); err == nil {
		t.Error("version 1 is still there")
	}
	if _, err := c.LabelParameterVersion(ctx, &ssm.LabelParameterVersionInput{Name: aws.String("x"), ParameterVersion: aws.Int64(2), Labels: []string{"keep"}}); err != nil {
		t.Fatal(err)
	}
	_, err := c.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("x"), Value: aws.String("v"), Overwrite: aws.Bool(true)})
	if code(err) != "ParameterMaxVersionLimitExceeded" {
		t.Errorf("got %v", err)
	}
}

func TestPathsAndFilters(t *testing.T) {
	c := client(open(t, ""))
	for _, n := range []string{"/a/1", "/a/2", "/a/b/3", "/ab/4", "plain"} {
		put(t, c, n, "v", types.ParameterTypeString)
	}
	for _, w := range []struct {
		path string
		deep bool
		want string
	}{{"/a", false, "/a/1 /a/2"}, {"/a/", true, "/a/1 /a/2 /a/b/3"}, {"/", false, "plain"}, {"/", true, "/a/1 /a/2 /a/b/3 /ab/4 plain"}, {"/none", true, ""}} {
		p := ssm.NewGetParametersByPathPaginator(c, &ssm.GetParametersByPathInput{Path: &w.path, Recursive: &w.deep, MaxResults: aws.Int32(2)})
		var got []string
		for p.HasMorePages() {
			out, err := p.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range out.Parameters {
				got = append(got, *x.Name)
			}
		}
		if strings.Join(got, " ") != w.want {
			t.Errorf("%s, %v: %v", w.path, w.deep, got)
		}
	}
	for _, w := range []struct {
		key, option, value string
		want               int
	}{{"Name", "BeginsWith", "/a", 4}, {"Name", "Contains", "b", 2}, {"Name", "", "plain", 1}, {"Type", "Equals", "SecureString", 0}, {"Path", "Recursive", "/a", 3}} {
		f := types.ParameterStringFilter{Key: &w.key, Values: []string{w.value}}
		if w.option != "" {
			f.Option = &w.option
		}
		out, err := c.DescribeParameters(ctx, &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{f}})
		if err != nil || len(out.Parameters) != w.want {
			t.Errorf("%+v: %+v, %v", w, out, err)
		}
	}
	_, err := c.DescribeParameters(ctx, &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{{Key: aws.String("Colour"), Values: []string{"red"}}}})
	if code(err) == "" {
		t.Errorf("an unknown filter: %v", err)
	}
}

func TestTagsAndDeletion(t *testing.T) {
	c := client(open(t, ""))
	put(t, c, "x", "v", types.ParameterTypeString)
	kind := types.ResourceTypeForTaggingParameter
	if _, err := c.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{ResourceType: kind, ResourceId: aws.String("x"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RemoveTagsFromResource(ctx, &ssm.RemoveTagsFromResourceInput{ResourceType: kind, ResourceId: aws.String("x"), TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := c.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: kind, ResourceId: aws.String("x")})
	if err != nil || len(tags.TagList) != 1 || *tags.TagList[0].Key != "b" {
		t.Errorf("tags %+v, %v", tags, err)
	}
	got, err := c.GetParameters(ctx, &ssm.GetParametersInput{Names: []string{"x", "none"}})
	if err != nil || len(got.Parameters) != 1 || len(got.InvalidParameters) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	gone, err := c.DeleteParameters(ctx, &ssm.DeleteParametersInput{Names: []string{"x", "none"}})
	if err != nil || len(gone.DeletedParameters) != 1 || len(gone.InvalidParameters) != 1 {
		t.Errorf("deleted %+v, %v", gone, err)
	}
	if _, err := c.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String("x")}); code(err) != "ParameterNotFound" {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestAnEmptyPatternIsNone(t *testing.T) {
	c := client(open(t, ""))
	if _, err := c.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("x"), Value: aws.String("v"), Type: types.ParameterTypeString, AllowedPattern: aws.String("")}); err != nil {
		t.Fatal(err)
	}
	out, err := c.DescribeParameters(ctx, &ssm.DescribeParametersInput{})
	if err != nil || len(out.Parameters) != 1 || out.Parameters[0].AllowedPattern != nil {
		t.Errorf("described as %+v, %v", out, err)
	}
}

func TestPutIsRefusedAsOnAWS(t *testing.T) {
	c := client(open(t, ""))
	put(t, c, "x", "v", types.ParameterTypeString)
	s := types.ParameterTypeString
	for want, in := range map[string]*ssm.PutParameterInput{
		"ParameterAlreadyExists":               {Name: aws.String("x"), Value: aws.String("w"), Type: s},
		"ValidationException":                  {Name: aws.String("awsome"), Value: aws.String("w"), Type: s},
		"HierarchyLevelLimitExceededException": {Name: aws.String(strings.Repeat("/a", 16)), Value: aws.String("w"), Type: s},
		"ParameterPatternMismatchException":    {Name: aws.String("y"), Value: aws.String("w"), Type: s, AllowedPattern: aws.String(`\d+`)},
		"InvalidAllowedPatternException":       {Name: aws.String("y"), Value: aws.String("w"), Type: s, AllowedPattern: aws.String(`(`)},
	} {
		if _, err := c.PutParameter(ctx, in); code(err) != want {
			t.Errorf("%s: %v, want %s", *in.Name, err, want)
		}
	}
	for _, in := range []*ssm.PutParameterInput{
		{Name: aws.String("y"), Value: aws.String("w")},
		{Name: aws.String("a/b"), Value: aws.String("w"), Type: s},
		{Name: aws.String("y"), Value: aws.String(strings.Repeat("w", 4097)), Type: s},
		{Name: aws.String("y"), Value: aws.String("w"), Type: s, Overwrite: aws.Bool(true), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}},
	} {
		if _, err := c.PutParameter(ctx, in); code(err) != "ValidationException" {
			t.Errorf("%s: %v", *in.Name, err)
		}
	}
}
