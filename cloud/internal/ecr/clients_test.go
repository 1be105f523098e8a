package ecr

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/testkit"
)

// command runs a client with an environment of its own and returns what it wrote.
func command(t *testing.T, stdin []byte, env []string, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(name, args...) // the context of a test ends before its cleanups
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// Docker itself logs in, pushes, is refused, and pulls.
func TestDocker(t *testing.T) {
	if out, err := command(t, nil, nil, "docker", "version"); err != nil {
		testkit.NeedOrSkip(t, "needs docker: "+out)
	}
	r := newRig(t)
	r.create("team/app")
	env := []string{"DOCKER_CONFIG=" + t.TempDir()}
	docker := func(stdin []byte, args ...string) string {
		t.Helper()
		out, err := command(t, stdin, env, "docker", args...)
		if err != nil {
			t.Fatalf("docker %s: %v\n%s", args[0], err, out)
		}
		return out
	}
	ref := r.Endpoint() + "/team/app:v1"
	other := r.Endpoint() + "/none:v1"
	docker(archive(t, "one"), "import", "-", ref)
	t.Cleanup(func() { _, _ = command(t, nil, env, "docker", "image", "rm", "-f", ref, other) })

	if out, err := command(t, nil, env, "docker", "push", ref); err == nil || !strings.Contains(out, "no basic auth credentials") {
		t.Errorf("pushed without a login: %v, %s", err, out)
	}
	docker([]byte(r.password(t.Context())), "login", "-u", "AWS", "--password-stdin", r.Endpoint())
	out := docker(nil, "push", ref)
	_, digest, ok := strings.Cut(out, "digest: ")
	digest, _, _ = strings.Cut(digest, " ")
	if !ok {
		t.Fatalf("push says %s", out)
	}
	docker(nil, "image", "rm", ref)
	docker(nil, "pull", r.Endpoint()+"/team/app@"+digest)
	docker(nil, "tag", r.Endpoint()+"/team/app@"+digest, other)
	if out, err := command(t, nil, env, "docker", "push", other); err == nil ||
		!strings.Contains(out, "name unknown: The repository with name 'none' does not exist in the registry with id '123456789012'") {
		t.Errorf("pushed to no repository: %v, %s", err, out)
	}
	if _, err := r.edit(nil, &[]string{"team/app"}[0], func(rec *repository) error { rec.Mutability = "IMMUTABLE"; return nil }); err != nil {
		t.Fatal(err)
	}
	docker(archive(t, "two"), "import", "-", ref)
	if out, err := command(t, nil, env, "docker", "push", ref); err == nil ||
		!strings.Contains(out, "tag invalid: The image tag 'v1' already exists in the 'team/app' repository and cannot be overwritten because the repository is immutable.") {
		t.Errorf("overwrote an immutable tag: %v, %s", err, out)
	}
	docker(nil, "image", "rm", "-f", r.Endpoint()+"/team/app@"+digest)
}

// archive is a file system of one file.
func archive(t *testing.T, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "file", Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The aws command, which parses answers by botocore's models.
func TestAWSCommand(t *testing.T) {
	r := newRig(t)
	env := []string{
		"AWS_ENDPOINT_URL=" + r.http.URL, "AWS_ACCESS_KEY_ID=AKIA", "AWS_SECRET_ACCESS_KEY=secret", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_CONFIG_FILE=" + filepath.Join(t.TempDir(), "none"), "AWS_PAGER=",
	}
	if out, err := command(t, nil, env, "aws", "--version"); err != nil {
		testkit.NeedOrSkip(t, "needs the aws command: "+out)
	}
	ecr := func(args ...string) map[string]any {
		t.Helper()
		out, err := command(t, nil, env, "aws", append([]string{"ecr", "--output", "json"}, args...)...)
		if err != nil {
			t.Fatalf("aws ecr %s: %v\n%s", args[0], err, out)
		}
		var v map[string]any
		if out != "" {
			if err := json.Unmarshal([]byte(out), &v); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		return v
	}
	made := ecr("create-repository", "--repository-name", "app", "--image-tag-mutability", "IMMUTABLE_WITH_EXCLUSION",
		"--image-tag-mutability-exclusion-filters", "filterType=WILDCARD,filter=latest", "--tags", "Key=a,Value=b")
	if got := made["repository"].(map[string]any)["repositoryUri"]; got != r.Endpoint()+"/app" {
		t.Errorf("repositoryUri is %v", got)
	}
	if out, err := command(t, nil, env, "aws", "ecr", "get-login-password"); err != nil {
		t.Error(err, out)
	} else if _, err := r.tokens.read(out, r.now()); err != nil {
		t.Errorf("the password is none: %v", err)
	}
	digest := r.push("app:v1", r.random())
	details := ecr("describe-images", "--repository-name", "app")["imageDetails"].([]any)
	if len(details) != 1 || details[0].(map[string]any)["imageDigest"] != digest {
		t.Errorf("details %v", details)
	}
	failed := ecr("batch-get-image", "--repository-name", "app", "--image-ids", "imageTag=v2")["failures"].([]any)
	if len(failed) != 1 || failed[0].(map[string]any)["failureCode"] != "ImageNotFound" {
		t.Errorf("failures %v", failed)
	}
	out, err := command(t, nil, env, "aws", "ecr", "delete-repository", "--repository-name", "app")
	if want := "An error occurred (RepositoryNotEmptyException) when calling the DeleteRepository operation: The repository with name 'app' in registry with id '123456789012' cannot be deleted because it still contains images"; err == nil || !strings.Contains(out, want) {
		t.Errorf("got %v, %s", err, out)
	}
	ecr("delete-repository", "--repository-name", "app", "--force")
}
