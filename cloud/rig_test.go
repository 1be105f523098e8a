package cloud_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cd "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/testkit"
)

func TestMain(m *testing.M) {
	cloud.Init()
	os.Exit(m.Run())
}

// rig is a whole cloud and a client's configuration for it.
type rig struct {
	*testing.T
	*cloud.Cloud
	cfg aws.Config
}

// started starts a cloud that ends with the test.
func started(t *testing.T, o cloud.Options) *rig {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	c, err := cloud.Start(t.Context(), o)
	if err != nil && o.Driver == "native" {
		testkit.NeedOrSkip(t, "needs namespaces: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	id, secret := c.Credentials()
	return &rig{T: t, Cloud: c, cfg: aws.Config{
		Region: c.Region(), BaseEndpoint: aws.String(c.Endpoint()), Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
	}}
}

// env points other clients at the cloud.
func (r *rig) env() []string {
	id, secret := r.Credentials()
	return append(os.Environ(), "AWS_ENDPOINT_URL="+r.Endpoint(), "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY="+secret,
		"AWS_DEFAULT_REGION="+r.Region(), "AWS_CONFIG_FILE="+filepath.Join(r.TempDir(), "none"), "AWS_PAGER=")
}

// tool runs the aws command or python; missing ones skip the test.
func (r *rig) tool(probe []string, argv ...string) string {
	r.Helper()
	if out, err := exec.Command(probe[0], probe[1:]...).CombinedOutput(); err != nil {
		testkit.NeedOrSkip(r, "needs "+strings.Join(probe, " ")+": "+string(out))
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = r.env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("%v: %v\n%s", argv[:2], err, out)
	}
	return strings.TrimSpace(string(out))
}

// python runs a script, whose assertions are its verdict.
func (r *rig) python(script string) string {
	r.Helper()
	return r.tool([]string{"python3", "-c", "import boto3"}, "python3", "-c", script)
}

// aws runs the aws command.
func (r *rig) aws(args ...string) string {
	r.Helper()
	return r.tool([]string{"aws", "--version"}, append([]string{"aws", "--output", "text"}, args...)...)
}

// compiled builds a folder's program for a container and returns its file.
func compiled(t *testing.T, folder string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "./"+folder)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", folder, err, out)
	}
	return must(os.ReadFile(file))
}

// must is for calls that a story takes for granted.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// image pushes an image whose only file is the program, and returns its reference.
func (r *rig) image(repository string, program []byte) string {
	r.Helper()
	client := ecr.NewFromConfig(r.cfg)
	repo := must(client.CreateRepository(r.Context(), &ecr.CreateRepositoryInput{RepositoryName: &repository}))
	token := must(client.GetAuthorizationToken(r.Context(), &ecr.GetAuthorizationTokenInput{}))
	raw := must(base64.StdEncoding.DecodeString(*token.AuthorizationData[0].AuthorizationToken))
	user, password, _ := strings.Cut(string(raw), ":")
	layer := must(tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive("program", program))), nil }))
	img := must(mutate.AppendLayers(empty.Image, layer))
	conf := must(img.ConfigFile()).DeepCopy()
	conf.OS, conf.Architecture = "linux", goarch()
	conf.Config.Entrypoint = []string{"/program"}
	img = must(mutate.ConfigFile(img, conf))
	ref := *repo.Repository.RepositoryUri + ":v1"
	tag := must(name.NewTag(ref, name.Insecure))
	if err := remote.Write(tag, img, remote.WithAuth(&authn.Basic{Username: user, Password: password})); err != nil {
		r.Fatal(err)
	}
	return ref
}

func goarch() string {
	return strings.TrimSpace(string(must(exec.Command("go", "env", "GOARCH").Output())))
}

// archive is a tar file of one program.
func archive(file string, content []byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: file, Mode: 0o755, Size: int64(len(content))}); err != nil {
		panic(err)
	}
	if _, err := w.Write(content); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// site is a service behind a load balancer with two target groups, deployed by CodeDeploy.
type site struct {
	*rig
	image, role       string
	execution         string
	blue, green       string // target groups
	lb, listener      string
	url, test         string
	requests, failing atomic.Int64
}

// site makes a service "web" of one task that answers 200, and its deployment group.
func (r *rig) site(alarms ...string) *site {
	r.Helper()
	s := &site{rig: r, image: r.image("web", compiled(r.T, "testdata/web"))}
	s.role = s.makeRole("deployer", "codedeploy.amazonaws.com", "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECS")
	s.execution = s.makeRole("execution", "ecs-tasks.amazonaws.com", "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
	s.network()
	ctx, containers := r.Context(), ecs.NewFromConfig(r.cfg)
	must(containers.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("demo")}))
	must(containers.CreateService(ctx, &ecs.CreateServiceInput{
		Cluster: aws.String("demo"), ServiceName: aws.String("web"), TaskDefinition: aws.String(s.revision("200")), DesiredCount: aws.Int32(1),
		DeploymentController: &ecstypes.DeploymentController{Type: ecstypes.DeploymentControllerTypeCodeDeploy}, LaunchType: ecstypes.LaunchTypeFargate,
		LoadBalancers:        []ecstypes.LoadBalancer{{TargetGroupArn: &s.blue, ContainerName: aws.String("web"), ContainerPort: aws.Int32(9000)}},
		NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{Subnets: []string{"subnet-0123456789abcdef0"}}},
	}))
	s.deploymentGroup(alarms)
	s.until("the service is healthy", func() bool { return s.get(s.url) == http.StatusOK })
	return s
}

func (s *site) network() {
	ctx, client := s.Context(), elb.NewFromConfig(s.cfg)
	lb := must(client.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: aws.String("web"), Subnets: []string{"subnet-0123456789abcdef0", "subnet-0123456789abcdef1"}}))
	s.lb = *lb.LoadBalancers[0].LoadBalancerArn
	for i, g := range []*string{&s.blue, &s.green} {
		tg := must(client.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{
			Name: aws.String([]string{"blue", "green"}[i]), Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(9000), VpcId: aws.String("vpc-0123456789abcdef0"),
			TargetType: elbtypes.TargetTypeEnumIp, HealthCheckPath: aws.String("/healthz"), HealthCheckIntervalSeconds: aws.Int32(5),
			HealthCheckTimeoutSeconds: aws.Int32(2), HealthyThresholdCount: aws.Int32(2),
		}))
		*g = *tg.TargetGroups[0].TargetGroupArn
	}
	for port, url := range map[int32]*string{8080: &s.url, 8081: &s.test} {
		l := must(client.CreateListener(ctx, &elb.CreateListenerInput{
			LoadBalancerArn: &s.lb, Port: &port, Protocol: elbtypes.ProtocolEnumHttp, DefaultActions: []elbtypes.Action{{
				Type: elbtypes.ActionTypeEnumForward, ForwardConfig: &elbtypes.ForwardActionConfig{TargetGroups: []elbtypes.TargetGroupTuple{
					{TargetGroupArn: &s.blue, Weight: aws.Int32(100)}, {TargetGroupArn: &s.green, Weight: aws.Int32(0)},
				}},
			}},
		}))
		if port == 8080 {
			s.listener = *l.Listeners[0].ListenerArn
		}
		*url = must(s.ListenerURL("web", int(port)))
	}
}

func (r *rig) makeRole(name, service, policy string) string {
	client := iam.NewFromConfig(r.cfg)
	role := must(client.CreateRole(r.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":%q},"Action":"sts:AssumeRole"}]}`, service))}))
	must(client.AttachRolePolicy(r.Context(), &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: &policy}))
	return *role.Role.Arn
}

// revision registers a task definition of the service that answers with status.
func (s *site) revision(status string) string {
	out := must(ecs.NewFromConfig(s.cfg).RegisterTaskDefinition(s.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), NetworkMode: ecstypes.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
		ExecutionRoleArn:        &s.execution,
		ContainerDefinitions: []ecstypes.ContainerDefinition{{
			Name: aws.String("web"), Image: &s.image, Essential: aws.Bool(true), StopTimeout: aws.Int32(2),
			PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(9000)}},
			Environment:  []ecstypes.KeyValuePair{{Name: aws.String("STATUS"), Value: &status}},
		}},
	}))
	return *out.TaskDefinition.TaskDefinitionArn
}

func (s *site) deploymentGroup(alarms []string) {
	client := codedeploy.NewFromConfig(s.cfg)
	must(client.CreateApplication(s.Context(), &codedeploy.CreateApplicationInput{ApplicationName: aws.String("web"), ComputePlatform: cd.ComputePlatformEcs}))
	var watched *cd.AlarmConfiguration
	if len(alarms) > 0 {
		watched = &cd.AlarmConfiguration{Enabled: true}
		for _, a := range alarms {
			watched.Alarms = append(watched.Alarms, cd.Alarm{Name: &a})
		}
	}
	var test string
	for _, l := range must(elb.NewFromConfig(s.cfg).DescribeListeners(s.Context(), &elb.DescribeListenersInput{LoadBalancerArn: &s.lb})).Listeners {
		if *l.Port == 8081 {
			test = *l.ListenerArn
		}
	}
	must(client.CreateDeploymentGroup(s.Context(), &codedeploy.CreateDeploymentGroupInput{
		ApplicationName: aws.String("web"), DeploymentGroupName: aws.String("web"), ServiceRoleArn: &s.role,
		DeploymentConfigName: aws.String("CodeDeployDefault.ECSCanary10Percent5Minutes"), AlarmConfiguration: watched,
		AutoRollbackConfiguration: &cd.AutoRollbackConfiguration{Enabled: true, Events: []cd.AutoRollbackEvent{
			cd.AutoRollbackEventDeploymentFailure, cd.AutoRollbackEventDeploymentStopOnAlarm,
		}},
		DeploymentStyle: &cd.DeploymentStyle{DeploymentType: cd.DeploymentTypeBlueGreen, DeploymentOption: cd.DeploymentOptionWithTrafficControl},
		BlueGreenDeploymentConfiguration: &cd.BlueGreenDeploymentConfiguration{
			DeploymentReadyOption:                     &cd.DeploymentReadyOption{ActionOnTimeout: cd.DeploymentReadyActionContinueDeployment},
			TerminateBlueInstancesOnDeploymentSuccess: &cd.BlueInstanceTerminationOption{Action: cd.InstanceActionTerminate, TerminationWaitTimeInMinutes: 1},
		},
		EcsServices: []cd.ECSService{{ClusterName: aws.String("demo"), ServiceName: aws.String("web")}},
		LoadBalancerInfo: &cd.LoadBalancerInfo{TargetGroupPairInfoList: []cd.TargetGroupPairInfo{{
			TargetGroups:     []cd.TargetGroupInfo{{Name: aws.String("blue")}, {Name: aws.String("green")}},
			ProdTrafficRoute: &cd.TrafficRoute{ListenerArns: []string{s.listener}}, TestTrafficRoute: &cd.TrafficRoute{ListenerArns: []string{test}},
		}}},
	}))
}

// deploy begins a deployment of a revision with hooks, given as pairs of event and
// function.
func (s *site) deploy(definition string, hooks ...string) string {
	s.Helper()
	spec := fmt.Sprintf("version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n      Properties:\n        TaskDefinition: %q\n"+
		"        LoadBalancerInfo:\n          ContainerName: web\n          ContainerPort: 9000\n", definition)
	for i := 0; i < len(hooks); i += 2 {
		if i == 0 {
			spec += "Hooks:\n"
		}
		spec += fmt.Sprintf("  - %s: %q\n", hooks[i], hooks[i+1])
	}
	out, err := codedeploy.NewFromConfig(s.cfg).CreateDeployment(s.Context(), &codedeploy.CreateDeploymentInput{
		ApplicationName: aws.String("web"), DeploymentGroupName: aws.String("web"),
		Revision: &cd.RevisionLocation{RevisionType: cd.RevisionLocationTypeAppSpecContent, AppSpecContent: &cd.AppSpecContent{Content: &spec}},
	})
	if err != nil {
		s.Fatal(err)
	}
	return *out.DeploymentId
}

// ended waits for the end of a deployment.
func (s *site) ended(id string) *cd.DeploymentInfo {
	s.Helper()
	var info *cd.DeploymentInfo
	s.until("deployment "+id+" ends", func() bool {
		info = must(codedeploy.NewFromConfig(s.cfg).GetDeployment(s.Context(), &codedeploy.GetDeploymentInput{DeploymentId: &id})).DeploymentInfo
		switch info.Status {
		case cd.DeploymentStatusSucceeded, cd.DeploymentStatusFailed, cd.DeploymentStatusStopped:
			return true
		}
		return false
	})
	return info
}

// events are a deployment's lifecycle events with their statuses, in order.
func (s *site) events(id string) string {
	client := codedeploy.NewFromConfig(s.cfg)
	targets, err := client.ListDeploymentTargets(s.Context(), &codedeploy.ListDeploymentTargetsInput{DeploymentId: &id})
	var early *cd.DeploymentNotStartedException
	if errors.As(err, &early) {
		return ""
	}
	ids := must(targets, err).TargetIds
	t := must(client.GetDeploymentTarget(s.Context(), &codedeploy.GetDeploymentTargetInput{DeploymentId: &id, TargetId: &ids[0]})).DeploymentTarget
	var out []string
	for _, e := range t.EcsTarget.LifecycleEvents {
		out = append(out, *e.LifecycleEventName+" "+string(e.Status))
	}
	return strings.Join(out, ", ")
}

// until waits for at most a minute.
func (r *rig) until(what string, ok func() bool) {
	r.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("a minute has passed before %s", what)
		}
	}
}

// get returns the status of an answer, 0 for none.
func (r *rig) get(url string) int {
	res, err := http.Get(url)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// load sends a hundred requests a second until the test or stop ends it.
func (s *site) load() (stop func()) {
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(10 * time.Millisecond)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				s.requests.Add(1)
				if s.get(s.url) != http.StatusOK {
					s.failing.Add(1)
				}
			}
		}
	}()
	return func() { cancel(); <-done }
}

// why is why a deployment failed.
func why(d *cd.DeploymentInfo) string {
	if d.ErrorInformation == nil {
		return "for no reason"
	}
	return string(d.ErrorInformation.Code) + ": " + aws.ToString(d.ErrorInformation.Message)
}
