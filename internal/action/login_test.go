package action

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/ci"
	"github.com/turnoutdev/turnout/internal/fault"
)

// step is a job's step under test: its inputs, its files and what it printed.
type step struct {
	*Job
	t   *testing.T
	env map[string]string
	out strings.Builder
}

// newStep makes a step; inputs are named as under `with:`. endpoint "" connects nowhere.
func newStep(t *testing.T, endpoint string, inputs map[string]string) *step {
	t.Helper()
	dir := t.TempDir()
	s := &step{t: t, env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": dir, "RUNNER_TEMP": dir}}
	for _, f := range []string{"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"} {
		s.env[f] = filepath.Join(dir, f)
	}
	for k, v := range inputs {
		s.env["INPUT_"+strings.ToUpper(k)] = v
	}
	s.Job = &Job{
		GitHub: ci.NewGitHub(func(k string) string { return s.env[k] }, &s.out),
		Connect: func(ctx context.Context, region string) (*awsclient.Clients, error) {
			if endpoint == "" {
				t.Error("a call was prepared")
			}
			return awsclient.New(ctx, awsclient.Options{Region: orElse(region, "us-east-1"), Endpoint: endpoint, AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "k"})
		},
	}
	return s
}

// file reads what the step wrote for the runner.
func (s *step) file(variable string) map[string]string {
	s.t.Helper()
	b, err := os.ReadFile(s.env[variable])
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	out := map[string]string{}
	for rest := string(b); rest != ""; {
		name, after, _ := strings.Cut(rest, "<<")
		end, body, _ := strings.Cut(after, "\n")
		value, left, ok := strings.Cut(body, "\n"+end+"\n")
		if !ok {
			s.t.Fatalf("%s holds %q", variable, b)
		}
		out[name], rest = value, left
	}
	return out
}

// write puts a file into the workspace.
func (s *step) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.env["GITHUB_WORKSPACE"], name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// fakeEngine puts a docker on the PATH that notes its arguments and standard input.
func fakeEngine(t *testing.T, exit int) (args func() string) {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\necho \"$@\" >> %s/args\ncat >> %s/stdin\necho denied with $(cat %s/stdin) >&2\nexit %d\n", dir, dir, dir, exit)
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() string {
		a, _ := os.ReadFile(dir + "/args")
		in, _ := os.ReadFile(dir + "/stdin")
		return strings.TrimSpace(string(a)) + "|" + string(in)
	}
}

// tokens answers GetAuthorizationToken for each registry asked for.
func tokens(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		token := base64.StdEncoding.EncodeToString([]byte("AWS:s3cret"))
		if r.Header.Get("X-Amz-Target") == "SpencerFrontendService.GetAuthorizationToken" {
			if !strings.Contains(r.Header.Get("Authorization"), "/us-east-1/ecr-public/aws4_request") {
				t.Errorf("signed %s", r.Header.Get("Authorization"))
			}
			fmt.Fprintf(w, `{"authorizationData":{"authorizationToken":%q}}`, token)
			return
		}
		var data []string
		for _, id := range []string{"111111111111", "222222222222"} {
			if strings.Contains(string(body), id) {
				data = append(data, fmt.Sprintf(`{"authorizationToken":%q,"proxyEndpoint":"https://%s.dkr.ecr.us-east-1.amazonaws.com"}`, token, id))
			}
		}
		if data == nil {
			data = []string{fmt.Sprintf(`{"authorizationToken":%q,"proxyEndpoint":"https://123456789012.dkr.ecr.us-east-1.amazonaws.com"}`, token)}
		}
		fmt.Fprintf(w, `{"authorizationData":[%s]}`, strings.Join(data, ","))
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestLoginToTheDefaultRegistry(t *testing.T) {
	args := fakeEngine(t, 0)
	s := newStep(t, tokens(t).URL, nil)
	if err := Login(t.Context(), s.Job); err != nil {
		t.Fatal(err)
	}
	const uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
	if got := args(); got != "login --username AWS --password-stdin https://"+uri+"|s3cret" {
		t.Errorf("docker got %q", got)
	}
	out := s.file("GITHUB_OUTPUT")
	if out["registry"] != uri || out["docker_username_123456789012_dkr_ecr_us_east_1_amazonaws_com"] != "AWS" ||
		out["docker_password_123456789012_dkr_ecr_us_east_1_amazonaws_com"] != "s3cret" || len(out) != 3 {
		t.Errorf("outputs %v", out)
	}
	if s.file("GITHUB_STATE")["registries"] != uri {
		t.Errorf("state %v", s.file("GITHUB_STATE"))
	}
	if !strings.HasPrefix(s.out.String(), "::add-mask::s3cret\n") || strings.Count(s.out.String(), "s3cret") != 1 {
		t.Errorf("printed\n%s", &s.out)
	}
}

func TestLoginToSeveralRegistries(t *testing.T) {
	fakeEngine(t, 0)
	s := newStep(t, tokens(t).URL, map[string]string{"registries": "111111111111, 222222222222", "skip-logout": "true", "mask-password": "false"})
	if err := Login(t.Context(), s.Job); err != nil {
		t.Fatal(err)
	}
	out := s.file("GITHUB_OUTPUT")
	if _, one := out["registry"]; one || len(out) != 4 {
		t.Errorf("outputs %v", out)
	}
	if len(s.file("GITHUB_STATE")) != 0 || strings.Contains(s.out.String(), "add-mask") || !strings.Contains(s.out.String(), "::warning::") {
		t.Errorf("printed\n%s", &s.out)
	}
}

func TestLoginToThePublicRegistry(t *testing.T) {
	args := fakeEngine(t, 0)
	s := newStep(t, tokens(t).URL, map[string]string{"registry-type": "public"})
	if err := Login(t.Context(), s.Job); err != nil {
		t.Fatal(err)
	}
	if got := args(); got != "login --username AWS --password-stdin public.ecr.aws|s3cret" {
		t.Errorf("docker got %q", got)
	}
	if out := s.file("GITHUB_OUTPUT"); out["registry"] != "public.ecr.aws" || out["docker_password_public_ecr_aws"] != "s3cret" {
		t.Errorf("outputs %v", out)
	}
}

func TestARefusedLoginKeepsThePasswordToItself(t *testing.T) {
	fakeEngine(t, 1)
	s := newStep(t, tokens(t).URL, nil)
	err := Login(t.Context(), s.Job)
	if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "denied with ***") {
		t.Errorf("got %v", err)
	}
	if len(s.file("GITHUB_OUTPUT")) != 0 {
		t.Error("outputs were set")
	}
}

func TestWrongLoginInputsAreRefusedFirst(t *testing.T) {
	for name, value := range map[string]string{"registry-type": "secret", "mask-password": "perhaps", "skip-logout": "1"} {
		err := Login(t.Context(), newStep(t, "", map[string]string{name: value}).Job)
		if fault.Code(err) != fault.Usage || !strings.Contains(err.Error(), value) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLogout(t *testing.T) {
	args := fakeEngine(t, 0)
	s := newStep(t, "", nil)
	s.env["STATE_registries"] = "a.example,b.example"
	if err := Logout(t.Context(), s.Job); err != nil {
		t.Fatal(err)
	}
	if got := args(); got != "logout a.example\nlogout b.example|" {
		t.Errorf("docker got %q", got)
	}
}
