package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/provision"
	"github.com/turnoutdev/turnout/internal/term"
)

// workspace is a GitHub job's workspace and a local cloud with the service "web", which
// CodeDeploy deploys, and the service "rolling", which ECS does.
type workspace struct {
	t     *testing.T
	dir   string
	aws   *awsclient.Clients
	cloud *cloud.Cloud

	identity map[string]string // what points a job at the cloud's issuer
	cancel   string            // text at which the next action is cancelled
}

const webDefinition = `{
  "family": "web", "networkMode": "awsvpc", "cpu": "256", "memory": "512", "requiresCompatibilities": ["FARGATE"],
  "executionRoleArn": "", "revision": 3,
  "containerDefinitions": [{
    "name": "web", "image": "web:1", "essential": true, "command": ["serve", ""], "environment": [{"name": "EMPTY", "value": ""}],
    "portMappings": [{"containerPort": 9000}]
  }]
}`

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	c, err := cloud.Start(t.Context(), cloud.Options{Driver: "fake", TimeScale: 600, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop(context.Background()) })
	url, token := c.IDToken()
	w := &workspace{t: t, dir: t.TempDir(), cloud: c, identity: map[string]string{awsclient.TokenURL: url, awsclient.TokenBearer: token}}
	id, secret := c.Credentials()
	for k, v := range map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": w.dir, "RUNNER_TEMP": w.dir, "XDG_STATE_HOME": t.TempDir(),
		"AWS_ENDPOINT_URL": c.Endpoint(), "AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": c.Region(), "AWS_PROFILE": "", "AWS_SESSION_TOKEN": "",
	} {
		t.Setenv(k, v)
	}
	w.write("taskdef.json", webDefinition)
	w.write("appspec.yaml", "version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n      Properties:\n        TaskDefinition: <TASK_DEFINITION>\n        LoadBalancerInfo:\n          ContainerName: web\n          ContainerPort: 9000\n")
	w.write("turnout.yml", "service: web\ncluster: demo\nappspec: appspec.yaml\ncodedeploy: {application: web, group: web, config: CodeDeployDefault.ECSAllAtOnce}\n")
	if w.aws, err = awsclient.New(t.Context(), awsclient.Options{}); err != nil {
		t.Fatal(err)
	}
	w.provision()
	return w
}

func (w *workspace) provision() {
	w.t.Helper()
	conf, err := config.Load(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &provision.Provisioner{AWS: w.aws, Config: conf}
	if err := p.Base(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	arn := w.register()
	if err := p.Service(w.t.Context(), arn); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.aws.ECS().CreateService(w.t.Context(), &ecs.CreateServiceInput{
		Cluster: aws.String("demo"), ServiceName: aws.String("rolling"), TaskDefinition: &arn, DesiredCount: aws.Int32(1), LaunchType: types.LaunchTypeFargate,
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-0123456789abcdef0"}}},
	}); err != nil {
		w.t.Fatal(err)
	}
}

// register registers the first revision.
func (w *workspace) register() string {
	w.t.Helper()
	out, err := w.aws.ECS().RegisterTaskDefinition(w.t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), NetworkMode: types.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		ContainerDefinitions:    []types.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("web:0"), PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(9000)}}}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.TaskDefinition.TaskDefinitionArn
}

func (w *workspace) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// action runs `turnout action NAME` with inputs as under `with:`, and returns its
// outputs, what it printed and its exit code.
func (w *workspace) action(name string, inputs map[string]string) (outputs map[string]string, printed string, code int) {
	w.t.Helper()
	for k, v := range inputs {
		k = "INPUT_" + strings.ToUpper(k)
		if err := os.Setenv(k, v); err != nil {
			w.t.Fatal(err)
		}
		defer os.Unsetenv(k)
	}
	file := filepath.Join(w.t.TempDir(), "output")
	w.t.Setenv("GITHUB_OUTPUT", file)
	w.t.Setenv("GITHUB_STEP_SUMMARY", file+".summary")
	var out, talk bytes.Buffer
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	var stdout io.Writer = &out
	if w.cancel != "" {
		stdout = &trigger{&out, w.cancel, cancel}
	}
	code = Run(ctx, []string{"action", name}, &term.Streams{In: strings.NewReader(""), Out: stdout, Err: &talk})
	if talk.Len() > 0 {
		w.t.Errorf("talked on stderr: %s", &talk)
	}
	b, _ := os.ReadFile(file)
	return commandFile(w.t, string(b)), out.String(), code
}

// commandFile reads NAME<<END, lines, END.
func commandFile(t *testing.T, s string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for s != "" {
		name, after, _ := strings.Cut(s, "<<")
		end, body, _ := strings.Cut(after, "\n")
		value, left, ok := strings.Cut(body, "\n"+end+"\n")
		if !ok {
			t.Fatalf("the command file holds %q", s)
		}
		out[name], s = value, left
	}
	return out
}

func (w *workspace) describe(arn string) *types.TaskDefinition {
	w.t.Helper()
	out, err := w.aws.ECS().DescribeTaskDefinition(w.t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &arn})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.TaskDefinition
}

// The seed's way: render, then deploy by CodeDeploy and wait for the end.
func TestRenderAndDeployAsTheOfficialActionsDo(t *testing.T) {
	w := newWorkspace(t)
	out, printed, code := w.action("render", map[string]string{"task-definition": "taskdef.json", "container-name": "web", "image": "web:2"})
	if code != 0 {
		t.Fatal(printed)
	}
	out, printed, code = w.action("deploy", map[string]string{
		"task-definition": out["task-definition"], "service": "web", "cluster": "demo", "wait-for-service-stability": "true",
		"codedeploy-application": "web", "codedeploy-deployment-group": "web", "codedeploy-deployment-description": strings.Repeat("ä", 600),
	})
	if code != 0 {
		t.Fatalf("exit %d:\n%s", code, printed)
	}
	def := w.describe(out["task-definition-arn"])
	c := def.ContainerDefinitions[0]
	if *c.Image != "web:2" || fmt.Sprint(c.Command) != "[serve ]" || len(c.Environment) != 1 || def.ExecutionRoleArn != nil {
		t.Errorf("registered %+v", c)
	}
	d, err := w.aws.CodeDeploy().GetDeployment(t.Context(), &codedeploy.GetDeploymentInput{DeploymentId: aws.String(out["codedeploy-deployment-id"])})
	if err != nil {
		t.Fatal(err)
	}
	if d.DeploymentInfo.Status != "Succeeded" || *d.DeploymentInfo.Description != strings.Repeat("ä", 511)+"…" {
		t.Errorf("%s %q", d.DeploymentInfo.Status, *d.DeploymentInfo.Description)
	}
	if !strings.Contains(printed, "AllowTraffic") || len(out) != 2 {
		t.Errorf("outputs %v, printed\n%s", out, printed)
	}
}

func TestDeployRollingWithATaskBefore(t *testing.T) {
	w := newWorkspace(t)
	out, printed, code := w.action("deploy", map[string]string{
		"task-definition": "taskdef.json", "service": "rolling", "cluster": "demo", "wait-for-service-stability": "true", "desired-count": "2",
		"force-new-deployment": "true", "enable-ecs-managed-tags": "true", "propagate-tags": "SERVICE", "max-retries": "0",
		"run-task": "true", "run-task-subnets": "subnet-0123456789abcdef0, subnet-0123456789abcdef1", "run-task-tags": `[{"key":"a","value":"b"}]`,
		"run-task-container-overrides": `[{"name":"web","command":["migrate"],"environment":[{"name":"X","value":"y"}]}]`, "run-task-started-by": "me",
	})
	if code != 0 {
		t.Fatalf("exit %d:\n%s", code, printed)
	}
	if !strings.Contains(printed, "::warning file=taskdef.json::the field \"revision\" is left out") {
		t.Errorf("printed\n%s", printed)
	}
	var tasks []string
	if err := json.Unmarshal([]byte(out["run-task-arn"]), &tasks); err != nil || len(tasks) != 1 {
		t.Fatalf("outputs %v: %v", out, err)
	}
	d, err := w.aws.ECS().DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: aws.String("demo"), Tasks: tasks})
	if err != nil {
		t.Fatal(err)
	}
	if task := d.Tasks[0]; *task.StartedBy != "me" || *task.TaskDefinitionArn != out["task-definition-arn"] || task.Overrides.ContainerOverrides[0].Command[0] != "migrate" {
		t.Errorf("ran %+v", task)
	}
	s, err := w.aws.ECS().DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("demo"), Services: []string{"rolling"}})
	if err != nil {
		t.Fatal(err)
	}
	if s := s.Services[0]; *s.TaskDefinition != out["task-definition-arn"] || s.RunningCount != 2 || len(s.Deployments) != 1 || !s.EnableECSManagedTags {
		t.Errorf("service %+v", s)
	}
}

// TestTheActionDoesNothingTwice breaks the calls that make something, in every way that
// passes: whatever is lost, one revision, one task and one deployment are made.
func TestTheActionDoesNothingTwice(t *testing.T) {
	w := newWorkspace(t)
	n := 0
	for _, call := range [][2]string{{"ecs", "RegisterTaskDefinition"}, {"ecs", "RunTask"}, {"codedeploy", "CreateDeployment"}} {
		for _, kind := range []cloud.FaultKind{"half", "error", "reset"} {
			n++
			w.write("taskdef.json", strings.Replace(webDefinition, "web:1", fmt.Sprint("web:", 100+n), 1))
			if _, err := w.cloud.Inject(cloud.Fault{Kind: kind, Service: call[0], Operation: call[1], Count: 1}); err != nil {
				t.Fatal(err)
			}
			out, printed, code := w.action("deploy", map[string]string{
				"task-definition": "taskdef.json", "service": "web", "cluster": "demo", "wait-for-service-stability": "true", "codedeploy-application": "web",
				"codedeploy-deployment-group": "web", "run-task": "true", "run-task-subnets": "subnet-0123456789abcdef0", "run-task-started-by": fmt.Sprint("try", n),
			})
			struck := w.cloud.Faults()[0].Hit
			w.cloud.ClearFaults()
			if code != 0 || struck != 1 {
				t.Fatalf("%s %s: exit %d after %d faults\n%s", call[1], kind, code, struck, printed)
			}
			if want := fmt.Sprintf(":task-definition/web:%d", 1+n); !strings.HasSuffix(out["task-definition-arn"], want) {
				t.Errorf("%s %s: %s, want %s", call[1], kind, out["task-definition-arn"], want)
			}
			tasks, err := w.aws.ECS().ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: aws.String("demo"), StartedBy: aws.String(fmt.Sprint("try", n))})
			if err != nil || len(tasks.TaskArns) != 1 {
				t.Errorf("%s %s: ran %v, %v", call[1], kind, tasks, err)
			}
			all, err := w.aws.CodeDeploy().ListDeployments(t.Context(), &codedeploy.ListDeploymentsInput{ApplicationName: aws.String("web"), DeploymentGroupName: aws.String("web")})
			if err != nil || len(all.Deployments) != n || !slices.Contains(all.Deployments, out["codedeploy-deployment-id"]) {
				t.Errorf("%s %s: %v of %v, %v", call[1], kind, out["codedeploy-deployment-id"], all, err)
			}
		}
	}
}

// TestTheActionTriesAsOftenAsAsked breaks the calls that make something for good.
func TestTheActionTriesAsOftenAsAsked(t *testing.T) {
	w := newWorkspace(t)
	for _, call := range [][2]string{{"ecs", "RegisterTaskDefinition"}, {"codedeploy", "CreateDeployment"}} {
		for retries, want := range map[string]int{"0": 1, "2": 2} {
			if _, err := w.cloud.Inject(cloud.Fault{Kind: "throttle", Service: call[0], Operation: call[1]}); err != nil {
				t.Fatal(err)
			}
			_, printed, code := w.action("deploy", map[string]string{
				"task-definition": "taskdef.json", "service": "web", "cluster": "demo", "codedeploy-application": "web", "codedeploy-deployment-group": "web", "max-retries": retries,
			})
			struck := w.cloud.Faults()[0].Hit
			w.cloud.ClearFaults()
			if code != 1 || struck != want {
				t.Errorf("%s with max-retries %s: exit %d after %d attempts\n%s", call[1], retries, code, struck, printed)
			}
		}
	}
}

// What is wrong is found before a revision is registered.
func TestNothingIsRegisteredInVain(t *testing.T) {
	w := newWorkspace(t)
	good := map[string]string{"task-definition": "taskdef.json", "service": "web", "cluster": "demo", "codedeploy-application": "web", "codedeploy-deployment-group": "web"}
	for _, tt := range []struct{ input, value, want string }{
		{"task-definition", "", `the input "task-definition" is missing`},
		{"task-definition", "no.json", "no task definition file no.json"},
		{"service", "nobody", "nobody is MISSING"},
		{"cluster", "nowhere", "Cluster not found"},
		{"codedeploy-application", "x", "::error::CodeDeploy GetDeploymentGroup: ApplicationDoesNotExistException: No application found for name: x"},
		{"codedeploy-deployment-group", "x", "No Deployment Group found for name: x"},
		{"codedeploy-appspec", "x.yaml", "no AppSpec file x.yaml"},
		{"codedeploy-appspec", "turnout.yml", `::error file=turnout.yml,line=1,col=1::no "Resources" in this AppSpec`},
		{"wait-max-delay-seconds", "soon", `"wait-max-delay-seconds" is "soon"`},
		{"wait-for-minutes", "-1", `"wait-for-minutes" is "-1"`},
		{"max-retries", "many", `"max-retries" is "many"`},
		{"desired-count", "two", `"desired-count" is "two"`},
		{"force-new-deployment", "please", `"force-new-deployment" is "please"`},
		{"propagate-tags", "ALL", `"propagate-tags" is "ALL"`},
		{"wait-until", "later", `"wait-until" is "later"`},
	} {
		inputs := map[string]string{}
		for k, v := range good {
			inputs[k] = v
		}
		inputs[tt.input] = tt.value
		out, printed, code := w.action("deploy", inputs)
		if code != fault.Usage && code != fault.Failed || len(out) > 0 || !strings.Contains(printed, tt.want) || !strings.Contains(printed, "::error") {
			t.Errorf("%s=%q: exit %d, outputs %v, printed\n%s", tt.input, tt.value, code, out, printed)
		}
	}
	all, err := w.aws.ECS().ListTaskDefinitions(t.Context(), &ecs.ListTaskDefinitionsInput{})
	if err != nil || len(all.TaskDefinitionArns) != 1 {
		t.Errorf("%v, %v", all.TaskDefinitionArns, err)
	}
}

// A deployment that fails is explained, its rollback is waited for, and both end the job.
func TestAFailedDeploymentIsExplained(t *testing.T) {
	w := newWorkspace(t)
	spec, err := os.ReadFile(filepath.Join(w.dir, "appspec.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write("appspec.yaml", string(spec)+"Hooks:\n  - AfterInstall: no-such-function\n")
	inputs := map[string]string{
		"task-definition": "taskdef.json", "service": "web", "cluster": "demo", "wait-for-service-stability": "true",
		"codedeploy-application": "web", "codedeploy-deployment-group": "web",
	}
	out, printed, code := w.action("deploy", inputs)
	if code != fault.RolledBack || out["codedeploy-deployment-id"] == "" || out["task-definition-arn"] == "" {
		t.Errorf("exit %d, outputs %v", code, out)
	}
	for _, want := range []string{"::stop-commands::", "Why deployment " + out["codedeploy-deployment-id"] + " failed", "AfterInstall", "\n::error::deployment " + out["codedeploy-deployment-id"] + " Failed, rolled back by d-"} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is not in\n%s", want, printed)
		}
	}
}

func TestAnActiveDeploymentIsNamedAndNothingIsRegistered(t *testing.T) {
	w := newWorkspace(t)
	inputs := map[string]string{
		"task-definition": "taskdef.json", "service": "web", "cluster": "demo",
		"codedeploy-application": "web", "codedeploy-deployment-group": "web", "codedeploy-deployment-config": "CodeDeployDefault.ECSLinear10PercentEvery3Minutes",
	}
	first, printed, code := w.action("deploy", inputs) // does not wait
	if code != 0 {
		t.Fatal(printed)
	}
	second, printed, code := w.action("deploy", inputs)
	if code != fault.Failed || len(second) > 0 || !strings.Contains(printed, "deployment "+first["codedeploy-deployment-id"]+" of this group is") {
		t.Errorf("exit %d, outputs %v, printed\n%s", code, second, printed)
	}
}

// trigger pulls when a text is written.
type trigger struct {
	out  *bytes.Buffer
	text string
	pull func()
}

func (t *trigger) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(t.text)) {
		t.pull()
	}
	return t.out.Write(b)
}

// A cancelled job ends its deployment as asked.
func TestACancelledJob(t *testing.T) {
	w := newWorkspace(t)
	inputs := map[string]string{
		"task-definition": "taskdef.json", "service": "web", "cluster": "demo", "codedeploy-application": "web", "codedeploy-deployment-group": "web",
		"wait-for-service-stability": "true", "codedeploy-deployment-config": "CodeDeployDefault.ECSLinear10PercentEvery3Minutes",
	}
	w.cancel = "blue  90 %"
	for _, tt := range []struct{ onCancel, status, want string }{
		{"rollback", "Stopped", "Stopped, its rollback d-"},
		{"stop", "Stopped", "Stopped"},
		{"leave", "", "is still running"},
	} {
		inputs["on-cancel"] = tt.onCancel
		out, printed, code := w.action("deploy", inputs)
		if code != fault.Interrupted || !strings.Contains(printed, tt.want) {
			t.Fatalf("%s: exit %d, printed\n%s", tt.onCancel, code, printed)
		}
		d, err := w.aws.CodeDeploy().GetDeployment(t.Context(), &codedeploy.GetDeploymentInput{DeploymentId: aws.String(out["codedeploy-deployment-id"])})
		if err != nil || (tt.status != "" && string(d.DeploymentInfo.Status) != tt.status) {
			t.Errorf("%s: %v %v", tt.onCancel, d.DeploymentInfo.Status, err)
		}
	}
}
