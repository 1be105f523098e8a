package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/turnoutdev/turnout/internal/term"
)

// document runs `turnout policy`.
func (w *town) document(args ...string) string {
	w.t.Helper()
	var out, talk bytes.Buffer
	args = append([]string{"policy", "--state", w.state, "-f", w.dir}, args...)
	if code := Run(w.t.Context(), args, &term.Streams{In: strings.NewReader(""), Out: &out, Err: &talk}); code != 0 {
		w.t.Fatalf("%v: exit code %d\n%s", args, code, talk.String())
	}
	if !json.Valid(out.Bytes()) {
		w.t.Fatalf("not JSON:\n%s", out.String())
	}
	return out.String()
}

// held gives the town's commands the key of a user who has no other policy.
func (w *town) held(policy string) {
	w.t.Helper()
	ctx, name := w.t.Context(), aws.String("deployer")
	if _, err := w.aws.IAM().CreateUser(ctx, &iam.CreateUserInput{UserName: name}); err != nil {
		w.t.Fatal(err)
	}
	made, err := w.aws.IAM().CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("deploy"), PolicyDocument: &policy})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.aws.IAM().AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: name, PolicyArn: made.Policy.Arn}); err != nil {
		w.t.Fatal(err)
	}
	key, err := w.aws.IAM().CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
	if err != nil {
		w.t.Fatal(err)
	}
	h := handleOf(w.cloud, 600)
	h.AccessKeyID, h.SecretAccessKey = *key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey
	if err := publish(w.state, h); err != nil {
		w.t.Fatal(err)
	}
}

// Whoever has the policy and nothing else ships a new image, and is told why it failed
// when it does; nothing else is allowed.
func TestThePolicyIsEnough(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.held(w.document("--local"))
	program, err := os.ReadFile(filepath.Join(w.dir, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	w.write("main.go", string(program)+"\nvar another = \"image\"\n\nfunc init() { _ = another }\n")
	w.must(0, "ship", "--builder", "builtin", "--force-register", "--wait-until", "done")
	if code, _, talk := w.deprovision("", false, "--yes"); code == 0 || !strings.Contains(talk, "AccessDenied") {
		t.Errorf("deprovision with a deployer's policy: exit code %d\n%s", code, talk)
	}
}

func TestTheObservedPolicyIsEnough(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	doc := w.document("--observed", "--builder", "builtin", "--driver", "native", "--region", "us-east-1")
	for _, not := range []string{"CreateService", "CreateRepository", "CreateLoadBalancer", "ecs:CreateTaskSet", `"ecs:*"`} {
		if strings.Contains(doc, not) {
			t.Errorf("%s is allowed:\n%s", not, doc)
		}
	}
	for _, want := range []string{
		`"arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:AppECS-demo-hello/DgpECS-demo-hello"`, `"ecr:PutImage"`,
		`"iam:PassedToService": "ecs-tasks.amazonaws.com"`, `"arn:aws:ecr:us-east-1:123456789012:repository/hello"`,
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("no %s in\n%s", want, doc)
		}
	}
	w.held(doc)
	w.must(0, "ship", "--builder", "builtin", "--force-register", "--wait-until", "stable")
}
