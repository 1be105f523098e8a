package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/goccy/go-yaml"
)

// composite is what an action.yml of this repository has.
type composite struct {
	Inputs map[string]struct {
		Required bool
		Default  string
	}
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Using string
		Steps []struct {
			ID, Shell, Run string
			Env            map[string]string
		}
	}
}

var expression = regexp.MustCompile(`\$\{\{ (inputs|steps\.run\.outputs)\.([a-zA-Z-]+) \}\}`)

// uses runs an action of this repository as the runner does, in folder "" the one at the
// root, and returns the action's outputs, the log, the summary and the exit code.
func (w *workspace) uses(folder string, with map[string]string) (outputs map[string]string, log, summary string, code int) {
	w.t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		w.t.Fatal(err)
	}
	dir := filepath.Join(root, folder)
	b, err := os.ReadFile(filepath.Join(dir, "action.yml"))
	if err != nil {
		w.t.Fatal(err)
	}
	var a composite
	if err := yaml.Unmarshal(b, &a); err != nil {
		w.t.Fatal(err)
	}
	inputs := map[string]string{}
	for name, in := range a.Inputs {
		inputs[name] = in.Default
		if v, ok := with[name]; ok {
			inputs[name] = v
		} else if in.Required {
			w.t.Errorf("%s needs the input %s", folder, name)
		}
	}
	for name := range with {
		if _, ok := a.Inputs[name]; !ok {
			w.t.Errorf("%s has no input %s", folder, name)
		}
	}
	if len(a.Runs.Steps) != 1 || a.Runs.Using != "composite" || a.Runs.Steps[0].Shell != "bash" {
		w.t.Fatalf("%s: %+v", folder, a.Runs)
	}
	step := a.Runs.Steps[0]
	files := w.t.TempDir()
	env := append(os.Environ(), "GITHUB_ACTION_PATH="+dir, "PATH="+w.path()+":"+os.Getenv("PATH"))
	for _, f := range []string{"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"} {
		env = append(env, f+"="+filepath.Join(files, f))
	}
	for k, v := range step.Env {
		env = append(env, k+"="+expression.ReplaceAllStringFunc(v, func(s string) string { return inputs[expression.FindStringSubmatch(s)[2]] }))
	}
	cmd := exec.CommandContext(w.t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run)
	cmd.Dir, cmd.Env = w.dir, env
	out, err := cmd.CombinedOutput()
	if _, failed := err.(*exec.ExitError); err != nil && !failed { //nolint:errorlint // nothing wraps it
		w.t.Fatal(err)
	}
	read := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(files, name))
		return string(b)
	}
	set := commandFile(w.t, read("GITHUB_OUTPUT"))
	outputs = map[string]string{}
	for name, o := range a.Outputs {
		if m := expression.FindStringSubmatch(o.Value); m == nil || m[1] == "inputs" {
			w.t.Errorf("output %s is %q", name, o.Value)
		} else if v := set[m[2]]; v != "" {
			outputs[name] = v
		}
	}
	return outputs, string(out), read("GITHUB_STEP_SUMMARY"), cmd.ProcessState.ExitCode()
}

// path is a folder with a turnout command in it: this test binary.
func (w *workspace) path() string {
	w.t.Helper()
	dir := w.t.TempDir()
	script := "#!/bin/sh\n" + asTurnout + "=1 exec " + os.Args[0] + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "turnout"), []byte(script), 0o755); err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// The seed's deploy job, with `uses:` pointing here.
func TestTheDropInActionsFromAWorkflow(t *testing.T) {
	w := newWorkspace(t)
	out, log, _, code := w.uses("actions/render", map[string]string{"task-definition": "taskdef.json", "container-name": "web", "image": "web:2"})
	if code != 0 || out["task-definition"] == "" {
		t.Fatalf("exit %d, outputs %v\n%s", code, out, log)
	}
	out, log, summary, code := w.uses("actions/deploy", map[string]string{
		"task-definition": out["task-definition"], "service": "web", "cluster": "demo", "wait-for-service-stability": "true",
		"codedeploy-appspec": "appspec.yaml", "codedeploy-application": "web", "codedeploy-deployment-group": "web",
	})
	if code != 0 || *w.describe(out["task-definition-arn"]).ContainerDefinitions[0].Image != "web:2" || !strings.HasPrefix(out["codedeploy-deployment-id"], "d-") {
		t.Errorf("exit %d, outputs %v\n%s", code, out, log)
	}
	if !strings.Contains(summary, "### ✅ web") || !strings.Contains(summary, "✓ AllowTraffic") {
		t.Errorf("summary\n%s", summary)
	}
}

// One job builds a bundle, another deploys it; both act as a role by the job's identity
// token and have no keys.
func TestTheActionBuildsAndDeploysByOIDC(t *testing.T) {
	w := newWorkspace(t)
	role := w.oidcRole()
	w.write("Dockerfile", "FROM scratch\nCOPY web /web\nCMD [\"/web\"]\n")
	w.write("web", "not run by the fake driver")
	for _, k := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(k, "")
	}
	with := map[string]string{"command": "build", "role-to-assume": role, "aws-region": "us-east-1", "bundle": "web.turnout"}
	out, log, _, code := w.uses("", with)
	if code != 0 || out["image"] == "" || !strings.HasPrefix(out["digest"], "sha256:") {
		t.Fatalf("exit %d, outputs %v\n%s", code, out, log)
	}
	with["command"], with["on-cancel"], with["wait-until"] = "deploy", "rollback", "stable"
	out, log, summary, code := w.uses("", with)
	if code != 0 || !strings.HasPrefix(out["deployment-id"], "d-") || out["codedeploy-deployment-id"] != out["deployment-id"] || out["task-definition-arn"] == "" {
		t.Fatalf("exit %d, outputs %v\n%s", code, out, log)
	}
	if !strings.Contains(summary, "### ✅ web is deployed") || !strings.Contains(summary, "green 100 %") || !strings.Contains(log, "::add-mask::") {
		t.Errorf("summary\n%s\nlog\n%s", summary, log)
	}
}

// A failure annotates the job.
func TestTheActionAnnotatesFaults(t *testing.T) {
	w := newWorkspace(t)
	w.write("turnout.yml", "service: web\nclutser: demo\n")
	_, log, _, code := w.uses("", map[string]string{"command": "deploy"})
	if code != 2 || !strings.Contains(log, "::error file=turnout.yml,line=2,col=1::") {
		t.Errorf("exit %d\n%s", code, log)
	}
}

// oidcRole is a role for jobs, with all rights, and points the job at the cloud's issuer.
func (w *workspace) oidcRole() string {
	w.t.Helper()
	for k, v := range w.identity {
		w.t.Setenv(k, v)
	}
	ctx, client := w.t.Context(), w.aws.IAM()
	if _, err := client.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://token.actions.githubusercontent.com"), ClientIDList: []string{"sts.amazonaws.com"},
	}); err != nil {
		w.t.Fatal(err)
	}
	role, err := client.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("job"), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{
		"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
		"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},
		"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}}]}`)})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("job"), PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")}); err != nil {
		w.t.Fatal(err)
	}
	return *role.Role.Arn
}
