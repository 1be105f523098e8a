package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/turnoutdev/turnout/internal/doctor"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/localcloud"
	"github.com/turnoutdev/turnout/internal/term"
)

// examine runs `turnout doctor` and expects an exit code.
func (w *town) examine(code int, args ...string) doctor.Report {
	w.t.Helper()
	var out, talk bytes.Buffer
	got := checked(w.t.Context(), w.t, append([]string{"doctor", "--json", "--local", "--state", w.state, "-f", w.dir}, args...), &term.Streams{In: strings.NewReader(""), Out: &out, Err: &talk})
	var rep doctor.Report
	if err := json.Unmarshal(out.Bytes(), &rep); err != nil || got != code {
		w.t.Fatalf("exit code %d, want %d, %v\n%s%s", got, code, err, out.String(), talk.String())
	}
	return rep
}

// said tells whether a report has a finding of this check and severity that says text.
func said(rep doctor.Report, s doctor.Severity, check, text string) bool {
	return slices.ContainsFunc(rep.Findings, func(f doctor.Finding) bool {
		return f.Severity == s && f.Check == check && strings.Contains(f.String()+f.Fix, text)
	})
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	image := w.must(0, "build", "--builder", "builtin").Image

	t.Run("a first deployment all at once", func(t *testing.T) {
		w.t = t
		listener, unused := w.listener()
		forward := func(to []elbtypes.TargetGroupTuple) {
			t.Helper()
			if _, err := w.aws.ELB().ModifyListener(t.Context(), &elb.ModifyListenerInput{ListenerArn: &listener, DefaultActions: []elbtypes.Action{{
				Type: elbtypes.ActionTypeEnumForward, ForwardConfig: &elbtypes.ForwardActionConfig{TargetGroups: to},
			}}}); err != nil {
				t.Fatal(err)
			}
		}
		ls, err := w.aws.ELB().DescribeListeners(t.Context(), &elb.DescribeListenersInput{ListenerArns: []string{listener}})
		if err != nil {
			t.Fatal(err)
		}
		both := ls.Listeners[0].DefaultActions[0].ForwardConfig.TargetGroups
		forward(slices.DeleteFunc(slices.Clone(both), func(g elbtypes.TargetGroupTuple) bool { return *g.TargetGroupArn == unused }))
		rep := w.examine(0, "--image", image)
		if !said(rep, doctor.Warning, "load balancer", "the first deployment by CodeDeploy is all at once") || rep.Worst() != doctor.Warning || rep.Account != "123456789012" {
			t.Errorf("%+v", rep)
		}
		w.examine(fault.Failed, "--image", image, "--strict")
		if rep := w.examine(0, "--image", image, "--config", "CodeDeployDefault.ECSCanary10Percent5Minutes"); rep.Worst() != doctor.Note {
			t.Errorf("a canary: %+v", rep)
		}
		forward(both)
	})
	w.t = t
	w.must(0, "deploy", "--image", image, "--preflight")

	t.Run("all is well", func(t *testing.T) {
		rep := w.examine(0, "--image", image, "--strict")
		if w := rep.Worst(); w != doctor.Note || !said(rep, doctor.Note, "deployment", "kept for 5m0s") || len(rep.Checks) < 9 {
			t.Errorf("%s: %+v", w, rep)
		}
	})

	t.Run("what is missing", func(t *testing.T) {
		w.write("taskdef.json", `{"family": "hello", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
 "executionRoleArn": "arn:aws:iam::123456789012:role/nobody", "taskRoleArn": "arn:aws:iam::999999999999:role/foreign",
 "runtimePlatform": {"cpuArchitecture": "ARM64"},
 "containerDefinitions": [{"name": "hello", "image": "x", "portMappings": [{"containerPort": 9000}],
   "secrets": [{"name": "PASSWORD", "valueFrom": "/nosuch/parameter"}],
   "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/nosuch/group", "awslogs-region": "us-east-1"}}},
  {"name": "proxy", "image": "`+strings.Replace(image, "hello:", "hello:nosuch-", 1)+`"}]}`)
		rep := w.examine(fault.Failed, "--image", image)
		for _, f := range [][2]string{
			{"images", "there is no image " + strings.Replace(image, "hello:", "hello:nosuch-", 1)},
			{"images", "is for linux/amd64, the task for linux/arm64"},
			{"roles", "there is no role nobody"},
			{"roles", "taskRoleArn is a role of account 999999999999"},
			{"logs", "there is no log group /nosuch/group"},
		} {
			if !said(rep, doctor.Error, f[0], f[1]) {
				t.Errorf("no error of %s says %q:\n%+v", f[0], f[1], rep.Findings)
			}
		}
		// The same stops a deployment before anything is registered.
		before := w.revisions()
		r := w.must(fault.Usage, "deploy", "--image", image, "--preflight")
		for _, part := range []string{"nothing was changed", "there is no role nobody", "create it, or correct executionRoleArn", "build for linux/arm64"} {
			if !strings.Contains(r.Error, part) || w.revisions() != before {
				t.Errorf("no %q, or something was registered (%d): %s", part, w.revisions()-before, r.Error)
			}
		}
		w.write("taskdef.json", w.definition("well again"))
	})

	t.Run("log groups that the driver makes are not missed", func(t *testing.T) {
		if _, err := w.aws.Logs().DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/ecs/hello")}); err != nil {
			t.Fatal(err)
		}
		logging := strings.Replace(w.definition("x"), `"essential": true,`, `"essential": true, "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/hello", "awslogs-region": "us-east-1", "awslogs-create-group": "true"}},`, 1)
		w.write("taskdef.json", logging)
		if rep := w.examine(0, "--image", image); said(rep, doctor.Error, "logs", "") {
			t.Errorf("%+v", rep.Findings)
		}
		w.write("taskdef.json", strings.Replace(logging, `, "awslogs-create-group": "true"`, "", 1))
		if rep := w.examine(fault.Failed, "--image", image); !said(rep, doctor.Error, "logs", "there is no log group /ecs/hello") {
			t.Errorf("%+v", rep.Findings)
		}
		w.write("taskdef.json", w.definition("well again"))
	})

	t.Run("a stale rule and a listener that points elsewhere", func(t *testing.T) {
		w.t = t
		listener, stale := w.listener()
		rule, err := w.aws.ELB().CreateRule(t.Context(), &elb.CreateRuleInput{
			ListenerArn: &listener, Priority: aws.Int32(7), Conditions: []elbtypes.RuleCondition{{Field: aws.String("path-pattern"), Values: []string{"/old/*"}}},
			Actions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: &stale}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if rep := w.examine(fault.Failed, "--image", image); !said(rep, doctor.Error, "load balancer", "rule 7 forwards to hello-") {
			t.Errorf("%+v", rep.Findings)
		}
		if _, err := w.aws.ELB().DeleteRule(t.Context(), &elb.DeleteRuleInput{RuleArn: rule.Rules[0].RuleArn}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.aws.ELB().ModifyListener(t.Context(), &elb.ModifyListenerInput{
			ListenerArn: &listener, DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: &stale}},
		}); err != nil {
			t.Fatal(err)
		}
		if rep := w.examine(fault.Failed, "--image", image); !said(rep, doctor.Error, "load balancer", "the listener does not forward to hello-") {
			t.Errorf("%+v", rep.Findings)
		}
	})
}

// listener is the production listener, and the target group that is not in use.
func (w *town) listener() (listener, unused string) {
	w.t.Helper()
	lb, err := w.aws.ELB().DescribeLoadBalancers(w.t.Context(), &elb.DescribeLoadBalancersInput{})
	if err != nil {
		w.t.Fatal(err)
	}
	ls, err := w.aws.ELB().DescribeListeners(w.t.Context(), &elb.DescribeListenersInput{LoadBalancerArn: lb.LoadBalancers[0].LoadBalancerArn})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, g := range ls.Listeners[0].DefaultActions[0].ForwardConfig.TargetGroups {
		if *g.Weight == 0 {
			unused = *g.TargetGroupArn
		}
	}
	return *ls.Listeners[0].ListenerArn, unused
}

// TestDoctorNamesTheMissingStatement examines as a user who lacks two permissions.
func TestDoctorNamesTheMissingStatement(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx, client := t.Context(), w.aws.IAM()
	if _, err := client.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("deployer")}); err != nil {
		t.Fatal(err)
	}
	policy := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": ["ecs:*", "ecr:*", "logs:*", "elasticloadbalancing:*", "iam:Get*", "iam:Simulate*", "codedeploy:Get*", "codedeploy:List*", "codedeploy:RegisterApplicationRevision"], "Resource": "*"},
  {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": {"StringEquals": {"iam:PassedToService": %q}}}]}`, "ec2.amazonaws.com")
	if _, err := client.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("deployer"), PolicyName: aws.String("most"), PolicyDocument: &policy}); err != nil {
		t.Fatal(err)
	}
	key, err := client.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("deployer")})
	if err != nil {
		t.Fatal(err)
	}
	h, err := localcloud.Read(w.state)
	if err != nil {
		t.Fatal(err)
	}
	h.AccessKeyID, h.SecretAccessKey = *key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey
	w.state = t.TempDir()
	if err := publish(w.state, *h); err != nil {
		t.Fatal(err)
	}
	w.write("taskdef.json", w.definition("x"))
	rep := w.examine(fault.Failed)
	if !strings.HasSuffix(rep.Caller, ":user/deployer") {
		t.Errorf("caller %s", rep.Caller)
	}
	for _, text := range []string{
		`{"Effect": "Allow", "Action": "codedeploy:CreateDeployment", "Resource": "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:AppECS-demo-hello/DgpECS-demo-hello"}`,
		`{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole", "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}}`,
	} {
		if !said(rep, doctor.Error, "permissions", text) {
			t.Errorf("no finding says %s:\n%+v", text, rep.Findings)
		}
	}
	if said(rep, doctor.Error, "permissions", "ecs:RegisterTaskDefinition") {
		t.Errorf("what is allowed is missed: %+v", rep.Findings)
	}
}
