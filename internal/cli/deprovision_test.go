package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/turnoutdev/turnout/internal/term"
)

// gone is what --json prints.
type gone struct {
	Deleted, Kept []struct{ Kind, Name, Kept string }
}

func (w *town) deprovision(answers string, tty bool, args ...string) (int, gone, string) {
	w.t.Helper()
	var out, talk bytes.Buffer
	args = append([]string{"deprovision", "--local", "--state", w.state, "-f", w.dir}, args...)
	code := checked(w.t.Context(), w.t, args, &term.Streams{In: strings.NewReader(answers), Out: &out, Err: &talk, TTY: tty})
	var g gone
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &g); err != nil {
			w.t.Fatalf("%v\n%s", err, out.String())
		}
	}
	return code, g, talk.String()
}

// What provision made is deleted whole; what somebody else made or uses stays.
func TestDeprovision(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	w.must(0, "ship", "--builder", "builtin", "--wait-until", "done")

	if code, _, talk := w.deprovision("", false); code != 2 || !strings.Contains(talk, "nobody can be asked") {
		t.Fatalf("without a terminal: exit code %d\n%s", code, talk)
	}
	if code, _, talk := w.deprovision("n\n", true); code != 0 || !strings.Contains(talk, "nothing was deleted") {
		t.Fatalf("no: exit code %d\n%s", code, talk)
	}
	if _, g, _ := w.deprovision("", false, "--dry-run", "--json"); len(g.Deleted) != 13 || len(g.Kept) != 0 {
		t.Fatalf("would delete %d: %+v", len(g.Deleted), g)
	}

	// Another team's task definition has the execution role, and its service the cluster.
	_, err := w.aws.ECS().RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("other"), ExecutionRoleArn: aws.String("arn:aws:iam::" + w.account() + ":role/ecsTaskExecutionRole"),
		ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("c"), Image: aws.String("x"), Memory: aws.Int32(64)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.aws.ECS().CreateService(ctx, &ecs.CreateServiceInput{Cluster: aws.String("demo"), ServiceName: aws.String("other"), TaskDefinition: aws.String("other"), DesiredCount: aws.Int32(0)})
	if err != nil {
		t.Fatal(err)
	}

	code, g, talk := w.deprovision("", false, "--yes", "--json")
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, talk)
	}
	if len(g.Deleted) != 11 || len(g.Kept) != 2 {
		t.Errorf("got %+v", g)
	}
	for _, k := range g.Kept {
		want := map[string]string{"cluster": "1 other services run in it", "role": "task definition other uses it"}[k.Kind]
		if k.Kept != want {
			t.Errorf("%s %s was kept: %q", k.Kind, k.Name, k.Kept)
		}
	}
	w.nothingLeft()

	if _, err := w.aws.ECS().DeleteService(ctx, &ecs.DeleteServiceInput{Cluster: aws.String("demo"), Service: aws.String("other"), Force: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.aws.ECS().DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("other:1")}); err != nil {
		t.Fatal(err)
	}
	if code, g, talk := w.deprovision("y\n", true); code != 0 || !strings.Contains(talk, "2 deleted, 0 kept") {
		t.Errorf("the rest: exit code %d, %+v\n%s", code, g, talk)
	}
	if code, _, talk := w.deprovision("", false); code != 0 || !strings.Contains(talk, "0 deleted") {
		t.Errorf("once more: exit code %d\n%s", code, talk)
	}
}

func (w *town) account() string {
	w.t.Helper()
	out, err := w.aws.IAM().GetRole(w.t.Context(), &iam.GetRoleInput{RoleName: aws.String("hello-codedeploy")})
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Split(*out.Role.Arn, ":")[4]
}

// nothingLeft looks for anything of hello's.
func (w *town) nothingLeft() {
	w.t.Helper()
	ctx := w.t.Context()
	lbs, err := w.aws.ELB().DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{})
	groups, err2 := w.aws.ELB().DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{})
	apps, err3 := w.aws.CodeDeploy().ListApplications(ctx, &codedeploy.ListApplicationsInput{})
	repos, err5 := w.aws.ECR().DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{})
	for _, err := range []error{err, err2, err3, err5} {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	if n := len(lbs.LoadBalancers) + len(groups.TargetGroups) + len(apps.Applications) + len(repos.Repositories) + w.revisions(); n != 0 {
		w.t.Errorf("%d things are left", n)
	}
}

// What was there before provision came is not deleted, and what it needs stays with it.
func TestDeprovisionLeavesWhatItDidNotMake(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	arn := "arn:aws:ecs:us-east-1:" + w.account() + ":service/demo/hello"
	if _, err := w.aws.ECS().UntagResource(t.Context(), &ecs.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"turnout:service"}}); err != nil {
		t.Fatal(err)
	}
	code, g, talk := w.deprovision("", false, "--yes", "--json")
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, talk)
	}
	if len(g.Deleted) != 0 || len(g.Kept) != 13 {
		t.Errorf("got %+v", g)
	}
	if n := w.revisions(); n == 0 {
		t.Error("the task definition is gone")
	}
	if code, _, talk := w.deprovision("", false, "--yes", "--all"); code != 0 {
		t.Fatalf("--all: exit code %d\n%s", code, talk)
	}
	w.nothingLeft()
}
