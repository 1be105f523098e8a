package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/term"
)

// town is a cloud with the service hello on it, and a user in front of it.
type town struct {
	t     *testing.T
	cloud *cloud.Cloud
	aws   *awsclient.Clients
	state string // of the cloud's handle
	dir   string // of turnout.yml, a copy of the example that tests may change
}

func newTown(t *testing.T, edits ...[2]string) *town {
	t.Helper()
	return newTownOn(t, cloud.Options{Driver: "native", TimeScale: 600, Log: slog.New(slog.DiscardHandler)}, edits...)
}

func newTownOn(t *testing.T, o cloud.Options, edits ...[2]string) *town {
	t.Helper()
	c, err := cloud.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := c.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	w := &town{t: t, cloud: c, state: t.TempDir(), dir: t.TempDir()}
	h := handleOf(c, 600)
	if err := publish(w.state, h); err != nil {
		t.Fatal(err)
	}
	if w.aws, err = connect(t.Context(), &h); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(w.dir, os.DirFS("../../examples/hello")); err != nil {
		t.Fatal(err)
	}
	w.write("go.mod", "module hello\n\ngo 1.26\n") // out of its repository, the example is a module of its own
	for _, e := range edits {                      // of turnout.yml
		w.edit("turnout.yml", e[0], e[1])
	}
	w.must(0, "provision", "--builder", "builtin")
	return w
}

// turnout runs the command and returns its exit code and what it printed.
func (w *town) turnout(ctx context.Context, talk io.Writer, args ...string) (int, result) {
	w.t.Helper()
	var out bytes.Buffer
	args = append(args, "--local", "--state", w.state, "--json")
	if args[0] != "resume" { // whose journal names the file
		args = append(args, "-f", w.dir)
	}
	code := checked(ctx, w.t, args, &term.Streams{In: strings.NewReader(""), Out: &out, Err: talk})
	var r result
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &r); err != nil {
			w.t.Fatalf("%v printed\n%s", args, out.String())
		}
	}
	return code, r
}

// must expects an exit code.
func (w *town) must(code int, args ...string) result {
	w.t.Helper()
	var talk bytes.Buffer
	got, r := w.turnout(w.t.Context(), &talk, args...)
	if got != code {
		w.t.Fatalf("turnout %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, talk.String())
	}
	return r
}

// revisions counts the revisions of hello.
func (w *town) revisions() int {
	w.t.Helper()
	out, err := w.aws.ECS().ListTaskDefinitions(w.t.Context(), &ecs.ListTaskDefinitionsInput{FamilyPrefix: aws.String("hello")})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(out.TaskDefinitionArns)
}

// deployments counts the group's deployments.
func (w *town) deployments() int {
	w.t.Helper()
	out, err := w.aws.CodeDeploy().ListDeployments(w.t.Context(), &codedeploy.ListDeploymentsInput{
		ApplicationName: aws.String("AppECS-demo-hello"), DeploymentGroupName: aws.String("DgpECS-demo-hello"),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(out.Deployments)
}

func (w *town) status(id string) cdtypes.DeploymentStatus {
	w.t.Helper()
	out, err := w.aws.CodeDeploy().GetDeployment(w.t.Context(), &codedeploy.GetDeploymentInput{DeploymentId: &id})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.DeploymentInfo.Status
}

// ended waits for a deployment's end.
func (w *town) ended(id string) cdtypes.DeploymentStatus {
	w.t.Helper()
	for range 600 {
		if s := w.status(id); s == cdtypes.DeploymentStatusSucceeded || s == cdtypes.DeploymentStatusFailed || s == cdtypes.DeploymentStatusStopped {
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.t.Fatalf("deployment %s does not end", id)
	return ""
}

// until is a writer that calls do once, when the text has been written to it.
type until struct {
	text string
	do   func()
	once sync.Once
	mu   sync.Mutex
	buf  bytes.Buffer
}

func (u *until) Write(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.buf.Write(p)
	if strings.Contains(u.buf.String(), u.text) {
		u.once.Do(u.do)
	}
	return len(p), nil
}

func (u *until) String() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.buf.String()
}

// slow is a shift that takes a second and a half: 15 minutes at time scale 600.
const slow = "CodeDeployDefault.ECSCanary10Percent15Minutes"

func TestDeploy(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	image := w.must(0, "build", "--builder", "builtin").Image
	first := w.must(0, "deploy", "--image", image, "--wait-until", "shifted")

	t.Run("an equal revision is used again", func(t *testing.T) {
		before := w.revisions()
		again := w.must(0, "deploy", "--image", "hello="+image, "--if-active", "wait")
		if !again.Reused || again.TaskDefinition != first.TaskDefinition || again.DeploymentID == first.DeploymentID || w.revisions() != before {
			t.Errorf("%+v, %d revisions before, %d now", again.Facts, before, w.revisions())
		}
		forced := w.must(0, "deploy", "--image", image, "--force-register", "--wait-until", "registered")
		if forced.Reused || forced.DeploymentID != "" || w.revisions() != before+1 {
			t.Errorf("forced: %+v", forced.Facts)
		}
	})

	t.Run("wait until created, and what is active meanwhile", func(t *testing.T) {
		active := w.must(0, "deploy", "--image", image, "--config", slow, "--wait-until", "created")
		if s := w.status(active.DeploymentID); s == cdtypes.DeploymentStatusSucceeded {
			t.Errorf("%s has %s", active.DeploymentID, s)
		}
		before := w.revisions()
		refused := w.must(fault.Failed, "deploy", "--image", image, "--force-register")
		if !strings.Contains(refused.Error, active.DeploymentID) || !strings.Contains(refused.Hint, "turnout watch "+active.DeploymentID) || w.revisions() != before {
			t.Errorf("refused with %q, hint %q, %d new revisions", refused.Error, refused.Hint, w.revisions()-before)
		}
		next := w.must(0, "deploy", "--image", image, "--if-active", "supersede", "--wait-until", "stable")
		if s := w.ended(active.DeploymentID); s != cdtypes.DeploymentStatusStopped {
			t.Errorf("superseded: %s", s)
		}
		if s := w.ended(next.DeploymentID); s != cdtypes.DeploymentStatusSucceeded {
			t.Errorf("superseding: %s", s)
		}
	})

	t.Run("cancelled before there is a deployment", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		code, r := w.turnout(ctx, &until{text: "✓ render", do: cancel}, "deploy", "--image", image, "--on-cancel", "stop", "--if-active", "wait")
		if code != fault.Interrupted || !strings.HasSuffix(r.Error, "; nothing was deployed") || !strings.Contains(r.Hint, "turnout resume "+r.Run) {
			t.Errorf("exit code %d, %q, %q", code, r.Error, r.Hint)
		}
	})

	t.Run("cancelled", func(t *testing.T) {
		// That the group rolls nothing back by itself does not matter to who asks for it.
		if _, err := w.aws.CodeDeploy().UpdateDeploymentGroup(t.Context(), &codedeploy.UpdateDeploymentGroupInput{
			ApplicationName: aws.String("AppECS-demo-hello"), CurrentDeploymentGroupName: aws.String("DgpECS-demo-hello"),
			AutoRollbackConfiguration: &cdtypes.AutoRollbackConfiguration{},
		}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			wish   run.OnCancel
			code   int
			status cdtypes.DeploymentStatus
			says   string
		}{
			{run.Stop, fault.Stopped, cdtypes.DeploymentStatusStopped, "blue has 90 % of the traffic, green 10 %"},
			{run.Rollback, fault.RolledBack, cdtypes.DeploymentStatusStopped, "rolled back by d-"},
			{run.Leave, fault.Interrupted, cdtypes.DeploymentStatusSucceeded, "is still running, blue has 90 % of the traffic, green 10 %"},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			talk := &until{text: "green  10 %", do: cancel}
			code, r := w.turnout(ctx, talk, "deploy", "--image", image, "--config", slow, "--on-cancel", string(c.wish), "--if-active", "wait")
			if code != c.code || !strings.Contains(r.Error, c.says) {
				t.Errorf("%s: exit code %d, %q\n%s", c.wish, code, r.Error, talk)
			}
			if n := strings.Count(talk.String(), "✓ Install "); n != 1 {
				t.Errorf("%s: the story is told %d times\n%s", c.wish, n, talk)
			}
			if s := w.ended(r.DeploymentID); s != c.status {
				t.Errorf("%s: the deployment has %s", c.wish, s)
			}
			if c.wish != run.Leave {
				w.must(0, "deploy", "--image", image, "--if-active", "wait") // every end is a good beginning
			}
		}
	})

	t.Run("bad options change nothing", func(t *testing.T) {
		revisions, deployments := w.revisions(), w.deployments()
		for _, args := range [][]string{
			{"--wait-until", "soon"}, {"--if-active", "maybe"}, {"--on-cancel", "panic"}, {"--deadline", "-1s"},
			{"--image", "hello="}, {"--image", "nosuch=" + image}, {"--nosuch"},
		} {
			if r := w.must(fault.Usage, append([]string{"deploy", "--force-register"}, args...)...); r.Run != "" && r.OK {
				t.Errorf("%v: %+v", args, r)
			}
		}
		if w.revisions() != revisions || w.deployments() != deployments {
			t.Error("something was changed")
		}
	})
}

func TestResume(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	w := newTown(t)
	image := w.must(0, "build", "--builder", "builtin").Image

	t.Run("a run that was interrupted is followed to its end", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		code, r := w.turnout(ctx, &until{text: "green  10 %", do: cancel}, "deploy", "--image", image, "--force-register", "--config", slow)
		if code != fault.Interrupted {
			t.Fatalf("exit code %d, %s", code, r.Error)
		}
		before := w.deployments()
		again := w.must(0, "resume")
		if again.Run != r.Run || again.DeploymentID != r.DeploymentID || again.Status != "Succeeded" || w.deployments() != before {
			t.Errorf("%+v, %d deployments before, %d now", again, before, w.deployments())
		}
		w.must(fault.Usage, "resume", r.Run) // it has ended
		w.must(fault.Usage, "resume", "20200101T000000-0000")
	})

	// A crash at every place: the journal is cut after each entry, as if the process had
	// been killed there, and the run picked up again. There is never a second deployment.
	t.Run("a run that was killed anywhere deploys once", func(t *testing.T) {
		whole := w.must(0, "deploy", "--image", image, "--force-register")
		dir, err := run.Folder()
		if err != nil {
			t.Fatal(err)
		}
		path := run.Path(dir, whole.Run)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		revisions, deployments := w.revisions(), w.deployments()
		lines := strings.SplitAfter(string(b), "\n")
		for n := 1; n < len(lines)-1; n++ {
			if err := os.WriteFile(path, []byte(strings.Join(lines[:n], "")+`{"time":"2026-`), 0o600); err != nil {
				t.Fatal(err)
			}
			// What the cut took away may have been done: a registered revision is equal, and
			// the deployment carries the run's mark.
			again := w.must(0, "resume", whole.Run)
			if again.DeploymentID != whole.DeploymentID || again.TaskDefinition != whole.TaskDefinition {
				t.Errorf("cut after %s: %+v", lines[n-1], again.Facts)
			}
		}
		if w.revisions() != revisions || w.deployments() != deployments {
			t.Errorf("%d revisions and %d deployments more", w.revisions()-revisions, w.deployments()-deployments)
		}
	})
}

// TestDiscovery deploys through a group whose names nobody can guess.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	cd := w.aws.CodeDeploy()
	g, err := cd.GetDeploymentGroup(t.Context(), &codedeploy.GetDeploymentGroupInput{ApplicationName: aws.String("AppECS-demo-hello"), DeploymentGroupName: aws.String("DgpECS-demo-hello")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cd.DeleteDeploymentGroup(t.Context(), &codedeploy.DeleteDeploymentGroupInput{ApplicationName: aws.String("AppECS-demo-hello"), DeploymentGroupName: aws.String("DgpECS-demo-hello")}); err != nil {
		t.Fatal(err)
	}
	if r := w.must(fault.Usage, "deploy"); !strings.Contains(r.Error, "no deployment group of CodeDeploy deploys service hello") {
		t.Errorf("without a group: %s", r.Error)
	}
	for i := range 3 { // two that are others'
		name := aws.String("app-" + string(rune('a'+i)))
		if _, err := cd.CreateApplication(t.Context(), &codedeploy.CreateApplicationInput{ApplicationName: name, ComputePlatform: cdtypes.ComputePlatformEcs}); err != nil {
			t.Fatal(err)
		}
	}
	info := g.DeploymentGroupInfo
	if _, err := cd.CreateDeploymentGroup(t.Context(), &codedeploy.CreateDeploymentGroupInput{
		ApplicationName: aws.String("app-c"), DeploymentGroupName: aws.String("odd"), ServiceRoleArn: info.ServiceRoleArn, EcsServices: info.EcsServices,
		LoadBalancerInfo: info.LoadBalancerInfo, DeploymentStyle: info.DeploymentStyle, BlueGreenDeploymentConfiguration: info.BlueGreenDeploymentConfiguration,
		DeploymentConfigName: info.DeploymentConfigName,
	}); err != nil {
		t.Fatal(err)
	}
	image := w.must(0, "build", "--builder", "builtin").Image
	for _, how := range []string{"by searching", "by the task set's deployment"} {
		r := w.must(0, "deploy", "--image", image, "--force-register")
		if r.Application != "app-c" || r.Group != "odd" || r.Controller != run.CodeDeploy {
			t.Errorf("%s: %+v", how, r.Facts)
		}
	}
	file := filepath.Join(w.dir, "turnout.yml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	config := strings.Replace(string(b), "service: hello", "service: other\ncodedeploy: {application: app-c, group: odd}", 1)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := w.must(fault.Usage, "deploy", "--image", image); !strings.Contains(r.Error, "deploys demo/hello, not demo/other") {
		t.Errorf("a group of another service: %s", r.Error)
	}
}

// TestRollingService deploys a service whose controller is ECS itself.
func TestRollingService(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	image := w.must(0, "build", "--builder", "builtin").Image
	td := w.must(0, "deploy", "--image", image, "--wait-until", "registered").TaskDefinition
	_, err := w.aws.ECS().CreateService(t.Context(), &ecs.CreateServiceInput{
		Cluster: aws.String("demo"), ServiceName: aws.String("roll"), TaskDefinition: &td, DesiredCount: aws.Int32(2), LaunchType: ecstypes.LaunchTypeFargate,
		NetworkConfiguration:    &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{Subnets: []string{"subnet-0a1b2c3d4e5f60718"}}},
		DeploymentConfiguration: &ecstypes.DeploymentConfiguration{DeploymentCircuitBreaker: &ecstypes.DeploymentCircuitBreaker{Enable: true, Rollback: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.write("turnout.yml", "service: roll\ncluster: demo\nimage: {repository: hello}\n")
	if err := os.Remove(filepath.Join(w.dir, "appspec.json")); err != nil { // a rolling service has none
		t.Fatal(err)
	}
	r := w.must(0, "deploy", "--image", image, "--force-register", "--if-active", "wait")
	if r.Controller != run.Rolling || !strings.HasPrefix(r.DeploymentID, "ecs-svc/") || r.Status != "COMPLETED" || r.Previous != td {
		t.Errorf("%+v", r.Facts)
	}
	w.edit("taskdef.json", `"essential": true,`, `"essential": true, "entryPoint": ["/nosuch"],`)
	broken := w.must(fault.RolledBack, "deploy", "--image", image)
	if broken.Autopsy == nil || broken.RollbackID == "" || !strings.Contains(broken.Error, "rolled back by "+broken.RollbackID) {
		t.Errorf("%+v, %s", broken, broken.Error)
	}
	s, err := w.aws.ECS().DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("demo"), Services: []string{"roll"}})
	if err != nil || *s.Services[0].TaskDefinition != r.TaskDefinition {
		t.Errorf("the service runs %s, not %s, %v", *s.Services[0].TaskDefinition, r.TaskDefinition, err)
	}
}

func (w *town) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) edit(name, from, to string) {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	if !strings.Contains(string(b), from) {
		w.t.Fatalf("%s has no %s", name, from)
	}
	w.write(name, strings.Replace(string(b), from, to, 1))
}

func TestGates(t *testing.T) {
	t.Parallel()
	w := newTown(t, [2]string{"infrastructure:\n", "infrastructure:\n  ready_wait: 60m\n  load_balancer: {test_port: 8080}\n"})
	image := w.must(0, "build", "--builder", "builtin").Image
	const gates = "gates:\n  - {name: smoke, run: [sh, -c, 'echo asking $TURNOUT_URL; test -n \"$TURNOUT_TASK_DEFINITION\"']}\n  - {path: /healthz}\n"
	w.edit("turnout.yml", "verify:\n", gates+"verify:\n")
	open := w.must(0, "deploy", "--image", image, "--force-register")
	if open.Status != "Succeeded" {
		t.Errorf("%+v", open.Facts)
	}
	w.edit("turnout.yml", "{path: /healthz}", "{name: version, path: /version, contains: nobody's version, timeout: 2s}")
	shut := w.must(fault.RolledBack, "deploy", "--image", image, "--force-register")
	if !strings.Contains(shut.Error, "gate version: http://") || !strings.Contains(shut.Error, `does not contain "nobody's version"`) || shut.RollbackID == "" {
		t.Errorf("%s, %+v", shut.Error, shut.Facts)
	}
	s, err := w.aws.ECS().DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("demo"), Services: []string{"hello"}})
	if err != nil || *s.Services[0].TaskSets[0].TaskDefinition != open.TaskDefinition {
		t.Errorf("%v, %+v", err, s.Services[0].TaskSets)
	}
	// Gates that could decide nothing are refused before anything is registered.
	cd := w.aws.CodeDeploy()
	if _, err := cd.DeleteDeploymentGroup(t.Context(), &codedeploy.DeleteDeploymentGroupInput{ApplicationName: &open.Application, DeploymentGroupName: &open.Group}); err != nil {
		t.Fatal(err)
	}
	w.edit("turnout.yml", "  ready_wait: 60m\n", "")
	w.must(0, "provision", "--builder", "builtin")
	before := w.revisions()
	if r := w.must(fault.Usage, "deploy", "--image", image, "--force-register"); !strings.Contains(r.Error, "gates would decide nothing") || w.revisions() != before {
		t.Errorf("%s", r.Error)
	}
}
