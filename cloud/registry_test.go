package cloud_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/turnoutdev/turnout/cloud"
)

// user makes a user with a policy, and a configuration that signs with its key.
func (r *account) user(name string, statements ...string) aws.Config {
	r.t.Helper()
	ctx := r.t.Context()
	must(r.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name}))
	if len(statements) > 0 {
		must(r.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"), PolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)}))
	}
	key := must(r.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})).AccessKey
	return r.as(*key.AccessKeyId, *key.SecretAccessKey)
}

// login is what docker login would keep of a caller.
func login(t *testing.T, cfg aws.Config) remote.Option {
	t.Helper()
	out := must(ecr.NewFromConfig(cfg).GetAuthorizationToken(t.Context(), &ecr.GetAuthorizationTokenInput{}))
	user, password, _ := strings.Cut(string(must(base64.StdEncoding.DecodeString(*out.AuthorizationData[0].AuthorizationToken))), ":")
	return remote.WithAuth(&authn.Basic{Username: user, Password: password})
}

// Whoever holds a registry token may do what the identity behind it may, at the time of
// the call; a repository's policy may add to that, and take away.
func TestPushAndPullNeedPermissions(t *testing.T) {
	r := newAccount(t)
	root := ecr.NewFromConfig(r.cfg)
	repo := must(root.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: aws.String("app")}))
	ref := must(name.ParseReference(*repo.Repository.RepositoryUri + ":1"))
	img := must(random.Image(100, 1))
	const pull = `"ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"`
	token := allow("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability")
	bob := login(t, r.user("bob", token))
	err := remote.Write(ref, img, bob)
	wantDenied(t, err, "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: ecr:InitiateLayerUpload on resource: "+
		"arn:aws:ecr:us-east-1:123456789012:repository/app because no identity-based policy allows the ecr:InitiateLayerUpload action")
	check(t, remote.Write(ref, img, login(t, r.user("ci", allow("ecr:*")))))
	_, err = remote.Image(ref, bob)
	wantDenied(t, err, "ecr:BatchGetImage on resource: arn:aws:ecr:us-east-1:123456789012:repository/app because no identity-based policy allows the ecr:BatchGetImage action")

	set := func(document string) {
		t.Helper()
		must(root.SetRepositoryPolicy(t.Context(), &ecr.SetRepositoryPolicyInput{RepositoryName: aws.String("app"), PolicyText: &document}))
	}
	set(`{"Version":"2008-10-17","Statement":[{"Sid":"pull","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/bob"},"Action":[` + pull + `]}]}`)
	got, err := remote.Image(ref, bob)
	check(t, err)
	check(t, remote.Write(must(name.ParseReference(*repo.Repository.RepositoryUri+":1")), got, login(t, r.cfg)))
	for _, l := range must(got.Layers()) {
		must(l.Compressed())
	}
	set(`{"Version":"2008-10-17","Statement":[{"Sid":"no","Effect":"Deny","Principal":"*","Action":["ecr:PutImage",` + pull + `]}]}`)
	_, err = remote.Image(ref, bob)
	wantDenied(t, err, "ecr:BatchGetImage on resource: arn:aws:ecr:us-east-1:123456789012:repository/app with an explicit deny in a resource-based policy")
	_, err = ecr.NewFromConfig(r.user("api", allow("ecr:*"))).BatchGetImage(t.Context(), &ecr.BatchGetImageInput{RepositoryName: aws.String("app"), ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: aws.String("1")}}})
	wantError(t, err, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/api is not authorized to perform: ecr:BatchGetImage on resource: "+
		"arn:aws:ecr:us-east-1:123456789012:repository/app with an explicit deny in a resource-based policy")
}

func wantDenied(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "DENIED: ") || !strings.Contains(err.Error(), text) {
		t.Errorf("got  %v\nwant %s", err, text)
	}
}

// A task whose execution role may log in but not pull is stopped by the registry's answer.
func TestTaskMayNotPull(t *testing.T) {
	c := started(t, cloud.Options{Driver: "native", TimeScale: 1200})
	r := accountOf(t, c.Cloud)
	image := c.image("app", []byte("no program"))
	must(r.ecs.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("c")}))
	exec := r.role("exec", byTasks, allow("ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer"))
	r.define(exec, func(c *ecstypes.ContainerDefinition) { c.Image = &image })
	task := r.run()
	want := "CannotPullContainerError: pull image manifest has been retried 0 time(s): failed to resolve ref " + image + ": pull " + image + ": the registry refuses: DENIED: User: " +
		"arn:aws:sts::123456789012:assumed-role/exec/ID is not authorized to perform: ecr:BatchGetImage on resource: " +
		"arn:aws:ecr:us-east-1:123456789012:repository/app because no identity-based policy allows the ecr:BatchGetImage action"
	if reason := ids.ReplaceAllString(aws.ToString(task.StoppedReason), "ID"); task.StopCode != ecstypes.TaskStopCodeTaskFailedToStart || reason != want {
		t.Errorf("%s\ngot  %s\nwant %s", task.StopCode, reason, want)
	}
}
