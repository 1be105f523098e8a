package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/localcloud"
	"github.com/turnoutdev/turnout/internal/term"
)

// kills is how often the cloud is killed; TURNOUT_KILLS asks for more.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("TURNOUT_KILLS")); err == nil {
		return n
	}
	return 6
}

// victim is a cloud in a process of its own, on one state folder and one port.
type victim struct {
	t     *testing.T
	state string
	addr  string
	cmd   *exec.Cmd
	log   bytes.Buffer
}

func (v *victim) up() *localcloud.Handle {
	v.t.Helper()
	v.cmd = command("up", "--state", v.state, "--listen", v.addr, "--driver", "native", "--time-scale", "600", "--verbose", "--no-color")
	v.cmd.Stdout, v.cmd.Stderr = &v.log, &v.log
	if err := v.cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	for range 500 {
		if h, err := localcloud.Read(v.state); err == nil && h.PID == v.cmd.Process.Pid {
			return h
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = v.cmd.Process.Kill()
	v.t.Fatalf("the cloud did not come up:\n%s", v.log.String())
	return nil
}

func (v *victim) kill() {
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait() // killed
}

// children are the live processes that name the state folder or were started below it.
func (v *victim) children() []string {
	var out []string
	dirs, _ := filepath.Glob("/proc/[0-9]*/mountinfo")
	for _, f := range dirs {
		b, err := os.ReadFile(f)
		if err == nil && bytes.Contains(b, []byte(v.state)) && !strings.Contains(f, fmt.Sprintf("/%d/", os.Getpid())) {
			out = append(out, filepath.Base(filepath.Dir(f)))
		}
	}
	return out
}

// TestKilledDeploymentsResumeAndEndRight kills the cloud with SIGKILL at random moments of
// deployments and starts it again on the same state: every deployment must end as if
// nothing had happened, with its own tasks and no others.
func TestKilledDeploymentsResumeAndEndRight(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{t: t, state: t.TempDir(), addr: l.Addr().String()}
	_ = l.Close() // the cloud takes the port
	v.up()
	t.Cleanup(func() { v.kill() })
	quiet := &term.Streams{Out: io.Discard, Err: io.Discard, Quiet: true}
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	if code := Run(t.Context(), []string{"provision", "--local", "--state", v.state, "-f", "../../examples/hello", "--builder", "builtin"}, quiet); code != 0 {
		t.Fatalf("provision ended with %d\n%s", code, v.log.String())
	}
	for i := range kills() {
		h, err := localcloud.Read(v.state)
		if err != nil {
			t.Fatal(err)
		}
		a, err := connect(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		id := deploy(t, a)
		after := time.Duration(rand.IntN(900)) * time.Millisecond
		time.Sleep(after)
		v.kill()
		if left := v.survivors(); len(left) > 0 {
			t.Fatalf("kill %d: processes outlived the cloud: %v", i, left)
		}
		v.up()
		if why := endsRight(t, a, id); why != "" {
			t.Fatalf("kill %d, %v into %s: %s\n%s", i, after, id, why, v.log.String())
		}
	}
	if err := v.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = v.cmd.Wait()
	if left := v.survivors(); len(left) > 0 {
		t.Errorf("processes outlived an orderly end: %v", left)
	}
}

// survivors waits a moment for the kernel to end what dies with the cloud.
func (v *victim) survivors() []string {
	for range 100 {
		if len(v.children()) == 0 {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return v.children()
}

// deploy registers the running revision again and creates a deployment of it.
func deploy(t *testing.T, a *awsclient.Clients) string {
	t.Helper()
	ctx := t.Context()
	td, err := a.ECS().DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("hello")})
	if err != nil {
		t.Fatal(err)
	}
	d := td.TaskDefinition
	d.ContainerDefinitions[0].StopTimeout = aws.Int32(2) // see endsRight
	reg, err := a.ECS().RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: d.Family, ContainerDefinitions: d.ContainerDefinitions, NetworkMode: d.NetworkMode, Cpu: d.Cpu, Memory: d.Memory,
		RequiresCompatibilities: d.RequiresCompatibilities, ExecutionRoleArn: d.ExecutionRoleArn,
	})
	if err != nil {
		t.Fatal(err)
	}
	spec, err := appspec.Read("../../examples/hello/appspec.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.SetTaskDefinition(*reg.TaskDefinition.TaskDefinitionArn); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load("../../examples/hello")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(spec.Bytes())
	out, err := a.CodeDeploy().CreateDeployment(ctx, &codedeploy.CreateDeploymentInput{
		ApplicationName: &c.CodeDeploy.Application, DeploymentGroupName: &c.CodeDeploy.Group,
		Revision: &cdtypes.RevisionLocation{RevisionType: cdtypes.RevisionLocationTypeAppSpecContent, AppSpecContent: &cdtypes.AppSpecContent{
			Content: aws.String(string(spec.Bytes())), Sha256: aws.String(hex.EncodeToString(sum[:])),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.DeploymentId
}

// endsRight waits for the deployment's end and holds the whole cloud against it.
func endsRight(t *testing.T, a *awsclient.Clients, id string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for {
		out, err := a.CodeDeploy().GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: &id})
		if err != nil {
			return err.Error()
		}
		s := out.DeploymentInfo.Status
		if s == cdtypes.DeploymentStatusSucceeded {
			break
		}
		if s == cdtypes.DeploymentStatusFailed || s == cdtypes.DeploymentStatusStopped {
			return fmt.Sprintf("%s: %+v", s, out.DeploymentInfo.ErrorInformation)
		}
		time.Sleep(50 * time.Millisecond)
	}
	var why string
	// Blue's tasks drain after the deployment has succeeded; one that was told to stop
	// before it could listen to signals ends by SIGKILL after its stopTimeout, which is 30 s
	// for the very first one.
	for range 900 {
		if why = settled(t, a); why == "" {
			return ""
		}
		time.Sleep(50 * time.Millisecond)
	}
	return why
}

// settled tells what is not as it should be after a deployment, or "".
func settled(t *testing.T, a *awsclient.Clients) string {
	t.Helper()
	ctx := t.Context()
	s, err := a.ECS().DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String("demo"), Services: []string{"hello"}})
	if err != nil {
		t.Fatal(err)
	}
	sets := s.Services[0].TaskSets
	if len(sets) != 1 || *sets[0].Status != "PRIMARY" || sets[0].StabilityStatus != ecstypes.StabilityStatusSteadyState || sets[0].RunningCount != 2 {
		var all []string
		for _, x := range sets {
			all = append(all, fmt.Sprintf("%s %s %s, %d of %d tasks", *x.Id, *x.Status, x.StabilityStatus, x.RunningCount, x.ComputedDesiredCount))
		}
		return strings.Join(all, "; ")
	}
	tasks, err := a.ECS().ListTasks(ctx, &ecs.ListTasksInput{Cluster: aws.String("demo")})
	if err != nil {
		t.Fatal(err)
	}
	if len(tasks.TaskArns) != 2 {
		return fmt.Sprintf("%d tasks are desired to run", len(tasks.TaskArns))
	}
	lb, err := a.ELB().DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{})
	if err != nil {
		t.Fatal(err)
	}
	ls, err := a.ELB().DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: lb.LoadBalancers[0].LoadBalancerArn})
	if err != nil {
		t.Fatal(err)
	}
	live := *sets[0].LoadBalancers[0].TargetGroupArn
	for _, g := range ls.Listeners[0].DefaultActions[0].ForwardConfig.TargetGroups {
		if (*g.TargetGroupArn == live) != (*g.Weight > 0) {
			return fmt.Sprintf("weights %+v, live %s", ls.Listeners[0].DefaultActions[0].ForwardConfig.TargetGroups, live)
		}
	}
	return ""
}
