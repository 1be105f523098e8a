package cloud_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/testkit"
)

// curl signs by itself, and a command line is all that Nagios, Ansible or a shell script has.
func TestCurlSigns(t *testing.T) {
	r := newAccount(t)
	if out, err := exec.Command("curl", "--help", "all").Output(); err != nil || !strings.Contains(string(out), "--aws-sigv4") {
		testkit.NeedOrSkip(t, "needs curl with --aws-sigv4")
	}
	id, secret := r.c.Credentials()
	curl := func(secret string, args ...string) string {
		out, err := exec.CommandContext(t.Context(), "curl", append([]string{"-sS", "--user", id + ":" + secret}, args...)...).CombinedOutput()
		check(t, err)
		return string(out)
	}
	sts := []string{"--aws-sigv4", "aws:amz:us-east-1:sts", "-d", "Action=GetCallerIdentity&Version=2011-06-15", r.url}
	if got := curl(secret, sts...); !strings.Contains(got, "<Arn>arn:aws:iam::123456789012:root</Arn>") {
		t.Errorf("form: %s", got)
	}
	if got := curl("guess", sts...); !strings.Contains(got, "<Code>SignatureDoesNotMatch</Code>") {
		t.Errorf("wrong secret: %s", got)
	}
	if got := curl(secret, "--aws-sigv4", "aws:amz:us-east-1:iam", "-d", "Action=GetCallerIdentity&Version=2011-06-15", r.url); !strings.Contains(got, "Credential should be scoped to correct service: 'sts'.") {
		t.Errorf("wrong service: %s", got)
	}
}

// boto3's presigned URLs, with and without a session, and its signatures when the clock is
// wrong.
func TestBoto3Signs(t *testing.T) {
	r := newAccount(t)
	if err := exec.Command("python3", "-c", "import boto3").Run(); err != nil {
		testkit.NeedOrSkip(t, "needs python3 with boto3")
	}
	id, secret := r.c.Credentials()
	cmd := exec.CommandContext(t.Context(), "python3", "-c", `
import boto3, botocore, datetime, urllib.request, urllib.error, botocore.auth as auth
from botocore.exceptions import ClientError

def get(url, headers={}):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read().decode()
    except urllib.error.HTTPError as e:
        return str(e.code) + " " + e.read().decode()

root = boto3.client("sts")
url = root.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
assert "<Arn>arn:aws:iam::123456789012:root</Arn>" in get(url), get(url)
assert "SignatureDoesNotMatch" in get(url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000")), get(url)

k = root.get_session_token()["Credentials"]
session = dict(aws_access_key_id=k["AccessKeyId"], aws_secret_access_key=k["SecretAccessKey"], aws_session_token=k["SessionToken"])
url = boto3.client("sts", **session).generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
assert "X-Amz-Security-Token=" in url and "<Arn>arn:aws:iam::123456789012:root</Arn>" in get(url), get(url)
del session["aws_session_token"]
try:
    boto3.client("ecs", **session).list_clusters()
    assert False
except ClientError as e:
    assert e.response["Error"]["Code"] == "UnrecognizedClientException", e

real = getattr(auth, "get_current_datetime", None)
if real:
    for minutes, text in ((20, "Signature not yet current: "), (-20, "Signature expired: ")):
        auth.get_current_datetime = lambda *a, **kw: real(*a, **kw) + datetime.timedelta(minutes=minutes)
        try:
            boto3.client("ecs").list_clusters()
            assert False
        except ClientError as e:
            assert e.response["Error"]["Code"] == "InvalidSignatureException" and text in str(e), e
    auth.get_current_datetime = real
try:
    boto3.client("ecs", region_name="eu-central-1", endpoint_url="`+r.url+`").list_clusters()
    assert False
except ClientError as e:
    assert "Credential should be scoped to a valid region, not 'eu-central-1'." in str(e), e
`)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+r.url, "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_DEFAULT_REGION=us-east-1", "AWS_MAX_ATTEMPTS=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
