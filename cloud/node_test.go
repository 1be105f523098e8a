package cloud_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/testkit"
)

// node runs a script of testdata/node, whose assertions are its verdict.
func (s *site) node(script string, extra ...string) string {
	s.Helper()
	_, err := exec.LookPath("node")
	_, none := os.Stat("testdata/node/node_modules/aws-sdk")
	if err = errors.Join(err, none); err != nil {
		testkit.NeedOrSkip(s, "needs node and what .ci/needs installs in cloud/testdata/node: "+err.Error())
	}
	cmd := exec.CommandContext(s.Context(), "node", script)
	cmd.Dir = "testdata/node"
	cmd.Env = append(append(s.env(), "AWS_REGION="+s.Region(), "NODE_NO_WARNINGS=1", "IMAGE="+s.image, "EXECUTION_ROLE="+s.execution), extra...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.Fatalf("%s: %v\n%s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

// What the official actions are made of, the JavaScript SDKs with their waiters, deploys
// as they do: blue/green to its end and to a rollback, rolling, tasks, logins.
func TestTheJavaScriptSDKs(t *testing.T) {
	s := started(t, cloud.Options{Driver: "fake", TimeScale: 600}).site()
	if got, want := s.node("v3.js"), "blueGreen\nfailure\nrolling\nonce\nlogin"; got != want {
		t.Errorf("v3 told %q", got)
	}
	if got, want := s.node("v2.js"), "blueGreen\nfailure\nrolling"; got != want {
		t.Errorf("v2 told %q", got)
	}
	role := s.gitHubRole()
	url, token := s.IDToken()
	if got := s.node("identity.js", "ROLE="+role, "ACTIONS_ID_TOKEN_REQUEST_URL="+url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN="+token); !strings.HasSuffix(got, "\nidentity") {
		t.Errorf("identity told %q", got)
	}
}

// gitHubRole is a role that every job may assume.
func (s *site) gitHubRole() string {
	client := iam.NewFromConfig(s.cfg)
	must(client.CreateOpenIDConnectProvider(s.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://token.actions.githubusercontent.com"), ClientIDList: []string{"sts.amazonaws.com"},
	}))
	role := must(client.CreateRole(s.Context(), &iam.CreateRoleInput{RoleName: aws.String("github"), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{
		"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
		"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},
		"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}}]}`)}))
	return *role.Role.Arn
}
