package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/term"
)

// Somebody has changed the real service by hand; its mirror follows.
func TestMirror(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	groups, err := w.aws.ELB().DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.TargetGroups {
		_, err := w.aws.ELB().ModifyTargetGroup(ctx, &elb.ModifyTargetGroupInput{TargetGroupArn: g.TargetGroupArn, HealthCheckIntervalSeconds: aws.Int32(10), HealthyThresholdCount: aws.Int32(3)})
		_, err2 := w.aws.ELB().ModifyTargetGroupAttributes(ctx, &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: g.TargetGroupArn, Attributes: []elbtypes.TargetGroupAttribute{
			{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("0")}, {Key: aws.String("slow_start.duration_seconds"), Value: aws.String("30")},
		}})
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
	}
	_, err = w.aws.CodeDeploy().UpdateDeploymentGroup(ctx, &codedeploy.UpdateDeploymentGroupInput{
		ApplicationName: aws.String("AppECS-demo-hello"), CurrentDeploymentGroupName: aws.String("DgpECS-demo-hello"),
		DeploymentConfigName: aws.String("CodeDeployDefault.ECSCanary10Percent5Minutes"),
		BlueGreenDeploymentConfiguration: &cdtypes.BlueGreenDeploymentConfiguration{
			DeploymentReadyOption:                     &cdtypes.DeploymentReadyOption{ActionOnTimeout: cdtypes.DeploymentReadyActionStopDeployment, WaitTimeInMinutes: 60},
			TerminateBlueInstancesOnDeploymentSuccess: &cdtypes.BlueInstanceTerminationOption{Action: cdtypes.InstanceActionTerminate, TerminationWaitTimeInMinutes: 0},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var talk bytes.Buffer
	mirror := func(args ...string) (int, string) {
		var out bytes.Buffer
		talk.Reset()
		args = append([]string{"mirror", "--local", "--state", w.state, "-f", w.dir}, args...)
		return checked(ctx, t, args, &term.Streams{In: strings.NewReader(""), Out: &out, Err: &talk}), out.String()
	}
	before, err := os.ReadFile(filepath.Join(w.dir, "turnout.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if code, out := mirror("--dry-run"); code != 0 || !strings.Contains(out, "deregistration_delay: 0s") {
		t.Fatalf("exit code %d\n%s%s", code, out, talk.String())
	}
	if now, _ := os.ReadFile(filepath.Join(w.dir, "turnout.yml")); !bytes.Equal(now, before) {
		t.Fatalf("--dry-run wrote\n%s", now)
	}
	if code, _ := mirror(); code != 0 || !strings.Contains(talk.String(), "slow_start.duration_seconds=30") {
		t.Fatalf("exit code %d\n%s", code, talk.String())
	}
	c, err := config.Load(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	in := c.Infrastructure
	if in.Health.Interval != 10*time.Second || in.Health.Healthy != 3 || in.Health.Path != "/healthz" || in.DeregistrationDelay != 0 || in.TerminationWait != 0 ||
		in.ReadyWait != time.Hour || in.DeploymentConfig != "CodeDeployDefault.ECSCanary10Percent5Minutes" || in.DesiredCount != 2 {
		t.Errorf("got %+v", in)
	}
	if c.Rehearse.Stream != "/stream" || len(c.Image.Prepare) == 0 {
		t.Errorf("the rest of the file changed: %+v", c)
	}
	if code, _ := mirror("--json"); code != 0 || strings.Contains(talk.String(), "mirrored") {
		t.Errorf("a second time: exit code %d\n%s", code, talk.String())
	}
}
