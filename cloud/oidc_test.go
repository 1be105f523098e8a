package cloud_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/turnoutdev/turnout/testkit"
)

// jobToken gets a token as GitHub's toolkit does: the audience is appended to the URL.
func (r *account) jobToken(query string) string {
	r.t.Helper()
	url, token := r.c.IDToken()
	req := must(http.NewRequestWithContext(r.t.Context(), http.MethodGet, url+query+"&audience=sts.amazonaws.com", nil))
	req.Header.Set("Authorization", "Bearer "+token)
	resp := must(http.DefaultClient.Do(req))
	defer resp.Body.Close()
	var out struct{ Value string }
	check(r.t, json.NewDecoder(resp.Body).Decode(&out))
	return out.Value
}

// deployRole makes what a workflow needs: GitHub's provider, and a role that main of o/r
// may assume.
func (r *account) deployRole() string {
	r.t.Helper()
	ctx := context.Background()
	must(r.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://token.actions.githubusercontent.com"), ClientIDList: []string{"sts.amazonaws.com"},
	}))
	role := must(r.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("deploy"), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{
		"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
		"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},
		"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"},
			"StringLike":{"token.actions.githubusercontent.com:sub":"repo:o/r:ref:refs/heads/*"}}}]}`)}))
	r.permit("deploy", allow("ecs:ListClusters"))
	return *role.Role.Arn
}

// run runs a client that has a job's variables and no keys.
func (r *account) tool(token string, argv ...string) string {
	r.t.Helper()
	if _, err := exec.LookPath(argv[0]); err != nil {
		testkit.NeedOrSkip(r.t, "needs "+argv[0])
	}
	file := filepath.Join(r.t.TempDir(), "token")
	check(r.t, os.WriteFile(file, []byte(token), 0o600))
	cmd := exec.CommandContext(r.t.Context(), argv[0], argv[1:]...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.t.TempDir(), "AWS_ENDPOINT_URL=" + r.url, "AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true",
		"TOKEN=" + token, "AWS_WEB_IDENTITY_TOKEN_FILE=" + file, "AWS_ROLE_ARN=arn:aws:iam::123456789012:role/deploy", "AWS_ROLE_SESSION_NAME=job", "AWS_MAX_ATTEMPTS=1",
	}
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil && !strings.Contains(text, "(") { // the client itself, not an API's error
		testkit.NeedOrSkip(r.t, argv[0]+": "+err.Error()+": "+text)
	}
	return text
}

// The aws command and boto3 turn a job's token into a session, and are told what is wrong
// with a token in AWS's words.
func TestWebIdentityWithRealClients(t *testing.T) {
	t.Parallel()
	r := newAccount(t)
	role := r.deployRole()
	main := r.jobToken("&repository=o/r")
	const denied = "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized to perform sts:AssumeRoleWithWebIdentity"
	assume := []string{
		"aws", "sts", "assume-role-with-web-identity", "--role-arn", role, "--role-session-name", "job", "--output", "text",
		"--query", "[AssumedRoleUser.Arn,SubjectFromWebIdentityToken,Provider,Audience]", "--web-identity-token",
	}
	if got, want := r.tool(main, append(assume, main)...), "arn:aws:sts::123456789012:assumed-role/deploy/job\trepo:o/r:ref:refs/heads/main\t"+
		"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com\tsts.amazonaws.com"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := r.tool(main, append(assume, r.jobToken("&repository=o/r&environment=prod"))...); !strings.HasSuffix(got, denied) {
		t.Errorf("of another subject: %s", got)
	}
	if got := r.tool(main, append(assume, main[:len(main)-8]+"AAAAAAAA")...); !strings.HasSuffix(got, "An error occurred (InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation: Token signature invalid") {
		t.Errorf("with a bent signature: %s", got)
	}
	// The variables that GitHub's credentials action leaves behind: the CLI fetches the session itself.
	if got := r.tool(main, "aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"); got != "arn:aws:sts::123456789012:assumed-role/deploy/job" {
		t.Errorf("I am %s", got)
	}
	if got := r.tool(main, "aws", "ecs", "list-services", "--cluster", "c"); !strings.HasSuffix(got, "An error occurred (AccessDeniedException) when calling the ListServices operation: "+
		"User: arn:aws:sts::123456789012:assumed-role/deploy/job is not authorized to perform: ecs:ListServices on resource: * because no identity-based policy allows the ecs:ListServices action") {
		t.Errorf("list-services: %s", got)
	}
	script := `
import boto3, os
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
sts = boto3.client("sts", config=Config(signature_version=UNSIGNED))
out = sts.assume_role_with_web_identity(RoleArn="` + role + `", RoleSessionName="py", WebIdentityToken=os.environ["TOKEN"])
k = out["Credentials"]
ecs = boto3.client("ecs", aws_access_key_id=k["AccessKeyId"], aws_secret_access_key=k["SecretAccessKey"], aws_session_token=k["SessionToken"])
assert ecs.list_clusters()["clusterArns"] == []
try:
    sts.assume_role_with_web_identity(RoleArn="` + role + `", RoleSessionName="py", WebIdentityToken="not a token at all")
    assert False
except sts.exceptions.InvalidIdentityTokenException as e:
    assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 400, e.response
    assert "is not a valid JWT" in e.response["Error"]["Message"], e
print("(done)", out["AssumedRoleUser"]["Arn"])
`
	if got := r.tool(main, "python3", "-c", script); got != "(done) arn:aws:sts::123456789012:assumed-role/deploy/py" {
		t.Errorf("%s", got)
	}
}

// The discovery document and the keys are where the issuer's address says.
func TestIssuerIsServed(t *testing.T) {
	r := newAccount(t)
	get := func(url string, into any) {
		resp := must(http.DefaultClient.Do(must(http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))))
		defer resp.Body.Close()
		check(t, json.NewDecoder(resp.Body).Decode(into))
	}
	var found struct {
		Issuer string
		JWKS   string `json:"jwks_uri"`
	}
	get(r.url+"/_turnout/oidc/.well-known/openid-configuration", &found)
	var set struct{ Keys []struct{ Alg, Kid string } }
	get(found.JWKS, &set)
	if found.Issuer != "https://token.actions.githubusercontent.com" || len(set.Keys) != 1 || set.Keys[0].Alg != "RS256" {
		t.Errorf("%+v, %+v", found, set)
	}
	url, _ := r.c.IDToken()
	resp := must(http.DefaultClient.Do(must(http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))))
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token without the request token: %s", resp.Status)
	}
}

// A job goes on after a reset: where and with what it asks for tokens stays.
func TestIDTokensOutliveAReset(t *testing.T) {
	r := newAccount(t)
	before := r.jobToken("")
	url, token := r.c.IDToken()
	check(t, r.c.Reset(t.Context()))
	if u, k := r.c.IDToken(); u != url || k != token {
		t.Errorf("asked at %s with %s, before at %s with %s", u, k, url, token)
	}
	if after := r.jobToken(""); after == "" || after == before {
		t.Error("no new token after the reset")
	}
}
