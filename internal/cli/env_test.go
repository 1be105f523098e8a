package cli

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/term"
	"github.com/turnoutdev/turnout/testkit"
)

// lit is a running cloud with a cluster, found by its handle in the folder that it returns.
func lit(t *testing.T, o cloud.Options) string {
	t.Helper()
	o.Driver, o.Log = "fake", slog.New(slog.DiscardHandler)
	c, err := cloud.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	h, state := handleOf(c, 1), t.TempDir()
	if err := publish(state, h); err != nil {
		t.Fatal(err)
	}
	a, err := connect(t.Context(), &h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.ECS().CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("found")}); err != nil {
		t.Fatal(err)
	}
	return state
}

// env runs `turnout env`.
func env(t *testing.T, state string, code int, args ...string) string {
	t.Helper()
	var out, talk bytes.Buffer
	if got := checked(t.Context(), t, append([]string{"env", "--state", state}, args...), &term.Streams{Out: &out, Err: &talk}); got != code {
		t.Fatalf("env %v: exit code %d, want %d\n%s", args, got, code, talk.String())
	}
	return out.String() + talk.String()
}

// A Node program with the SDK v2, which knows no endpoint, is sent to the local cloud.
func TestEnvForNode(t *testing.T) {
	modules, err := filepath.Abs("../../cloud/testdata/node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "aws-sdk")); err != nil {
		testkit.NeedOrSkip(t, "needs what .ci/needs installs in cloud/testdata/node: "+err.Error())
	}
	state := lit(t, cloud.Options{TLSAddr: "127.0.0.1:0"})
	file := filepath.Join(t.TempDir(), "env")
	forGitHub := func() string { // a step of a job, whose NODE_OPTIONS its own env has to set
		t.Setenv("GITHUB_ENV", file)
		env(t, state, 0, "--github")
		return `while IFS= read -r line; do export "$line"; done <` + file + `; export NODE_OPTIONS="$TURNOUT_NODE_OPTIONS"; `
	}
	for form, vars := range map[string]string{"node": env(t, state, 0, "--node"), "github": forGitHub()} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", vars+`node -e '
const AWS = require("aws-sdk");
new AWS.ECS().listClusters().promise().then((r) => console.log(r.clusterArns[0]), (e) => { console.error(e); process.exit(1) })'`)
		cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "cluster/found") {
			t.Errorf("%s: %v\n%s", form, err, out)
		}
	}
}

func TestEnvForms(t *testing.T) {
	state := lit(t, cloud.Options{})
	if got := env(t, state, fault.Usage, "--node"); !strings.Contains(got, "turnout up --tls") {
		t.Errorf("node without TLS: %s", got)
	}
	env(t, state, fault.Usage, "--shell", "--docker")

	if got := env(t, state, 0, "--docker"); !strings.HasPrefix(got, "--network=host -e AWS_ENDPOINT_URL=http://127.0.0.1:") || strings.Count(got, "\n") != 1 {
		t.Errorf("docker: %s", got)
	}
	if got := env(t, state, 0, "--terraform"); !strings.Contains(got, "codedeploy     = \"http://127.0.0.1:") || !strings.HasPrefix(got, "provider \"aws\" {\n  region     = \"us-east-1\"") {
		t.Errorf("terraform: %s", got)
	} else if !strings.Contains(got, "    s3control      = \"http://localhost:") {
		t.Errorf("a name that an account can stand before: %s", got)
	}
	var doc struct {
		Environment map[string]string
		Console     string
	}
	if err := json.Unmarshal([]byte(env(t, state, 0, "--json")), &doc); err != nil || doc.Environment["AWS_ENDPOINT_URL"] == "" {
		t.Errorf("json: %v, %+v", err, doc)
	}
	console := doc.Environment["AWS_ENDPOINT_URL"] + "/_turnout/console/"
	if plain, shell := env(t, state, 0), env(t, state, 0, "--shell"); doc.Console != console || !strings.Contains(plain, "console: "+console+"\n") || !strings.Contains(shell, "# console  "+console+"\n") {
		t.Errorf("the console: %q\n%s\n%s", doc.Console, plain, shell)
	}

	file := filepath.Join(t.TempDir(), "env")
	t.Setenv("GITHUB_ENV", file)
	masks := env(t, state, 0, "--github")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	secret := doc.Environment["AWS_SECRET_ACCESS_KEY"]
	if !strings.Contains(masks, "::add-mask::"+secret+"\n") || !strings.Contains(string(b), "AWS_SECRET_ACCESS_KEY="+secret+"\n") || strings.Count(masks, secret) != 1 {
		t.Errorf("github: %q, file\n%s", masks, b)
	}
}
