package cloud_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/turnoutdev/turnout/testkit"
)

// script runs one of testdata/python with boto3 against the account; its assertions are
// its verdict.
func (r *account) script(file string) {
	r.t.Helper()
	if out, err := exec.Command("python3", "-c", "import boto3").CombinedOutput(); err != nil {
		testkit.NeedOrSkip(r.t, "needs python3 with boto3: "+string(out))
	}
	id, secret := r.c.Credentials()
	cmd := exec.Command("python3", filepath.Join("testdata", "python", file))
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+r.url, "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY="+secret,
		"AWS_DEFAULT_REGION="+r.c.Region(), "AWS_CONFIG_FILE="+filepath.Join(r.t.TempDir(), "none"))
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("%s: %v\n%s", file, err, out)
	}
}

// deployed is an account with a service s in a cluster c, whose deployment group is g.
func deployed(t *testing.T) *account {
	r := newAccount(t)
	r.stage("")
	check(t, r.group("g", r.role("r", "codedeploy.amazonaws.com", allow("*"))))
	r.role("fn", "lambda.amazonaws.com", allow("*"))
	return r
}

// Every waiter that botocore knows ends as it does on AWS.
func TestBotocoreWaiters(t *testing.T) {
	t.Parallel()
	deployed(t).script("waiters.py")
}

// Every paginator that botocore knows collects all there is, whatever the size of a page.
func TestBotocorePaginators(t *testing.T) {
	t.Parallel()
	deployed(t).script("paginators.py")
}

// Terraform's AWS provider reads back what it has written, and finds nothing afterwards.
func TestWhatTerraformCallsAround(t *testing.T) {
	newAccount(t).script("provider.py")
}
