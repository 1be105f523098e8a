package ecs

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

func runInput() *ecs.RunTaskInput {
	return &ecs.RunTaskInput{Cluster: inC, TaskDefinition: aws.String("web"), LaunchType: types.LaunchTypeFargate, NetworkConfiguration: network()}
}

// A task of its own, as Fargate shows it, from the call that starts it until it is gone.
func TestRunTask(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		in := runInput()
		in.StartedBy, in.EnableECSManagedTags, in.Tags = aws.String("me"), true, []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
		in.Overrides = &types.TaskOverride{Cpu: aws.String("512"), Memory: aws.String("1 GB"), ContainerOverrides: []types.ContainerOverride{
			{Name: aws.String("web"), Command: []string{"migrate"}, Environment: []types.KeyValuePair{{Name: aws.String("A"), Value: aws.String("b")}}},
		}}
		out, err := s.RunTask(bg, in)
		x := must(t, out, err).Tasks[0]
		if *x.LastStatus != provisioning || *x.DesiredStatus != running || *x.Group != "family:web" || *x.StartedBy != "me" || *x.Cpu != "512" || *x.Memory != "1024" || len(x.Tags) != 2 {
			t.Errorf("at first: %+v", x)
		}
		if a := x.Attachments[0]; *a.Status != "PRECREATED" || len(a.Details) != 1 || *a.Details[0].Value != "subnet-1" {
			t.Errorf("the attachment at first: %+v", a)
		}
		must(t, 0, ecs.NewTasksRunningWaiter(s.Service).Wait(bg, &ecs.DescribeTasksInput{Cluster: inC, Tasks: []string{*x.TaskArn}}, time.Minute))
		d := s.runner.get(*x.TaskArn).spec.Definition
		if c := d.ContainerDefinitions[0]; c.Command[0] != "migrate" || *c.Environment[0].Value != "b" || *d.Memory != "1024" {
			t.Errorf("the runner was given %+v", c)
		}
		x = s.tasks("")[0]
		a := x.Attachments[0]
		details := map[string]string{}
		for _, kv := range a.Details {
			details[*kv.Name] = *kv.Value
		}
		c := x.Containers[0]
		if *a.Status != "ATTACHED" || details["privateIPv4Address"] == "" || *c.NetworkInterfaces[0].PrivateIpv4Address != details["privateIPv4Address"] ||
			*c.NetworkInterfaces[0].AttachmentId != *a.Id || !strings.HasPrefix(details["networkInterfaceId"], "eni-") {
			t.Errorf("the network: %+v, %+v", a, c.NetworkInterfaces)
		}
		if *x.PlatformVersion != "1.4.0" || x.EphemeralStorage.SizeInGiB != 20 || *x.Attributes[0].Value != "x86_64" || x.Connectivity != types.ConnectivityConnected || x.StartedAt == nil || x.Version < 2 {
			t.Errorf("running: %+v", x)
		}
		if x.Tags == nil || len(x.Tags) != 0 {
			t.Errorf("tags that nobody asked for: %v", x.Tags)
		}
		stop, err := s.StopTask(bg, &ecs.StopTaskInput{Cluster: inC, Task: x.TaskArn})
		must(t, stop, err)
		must(t, 0, ecs.NewTasksStoppedWaiter(s.Service).Wait(bg, &ecs.DescribeTasksInput{Cluster: inC, Tasks: []string{*x.TaskArn}}, time.Minute))
		x = s.tasks(types.DesiredStatusStopped)[0]
		if x.StopCode != types.TaskStopCodeUserInitiated || *x.StoppedReason != "Task stopped by user" || *x.Attachments[0].Status != "DELETED" || *x.Containers[0].ExitCode != 1 {
			t.Errorf("stopped: %+v", x)
		}
	})
}

func TestRunTaskRefusals(t *testing.T) {
	type in = ecs.RunTaskInput
	play(t, func(t *testing.T, s *stage) {
		for _, c := range []struct {
			code, message string
			change        func(*in)
		}{
			{"InvalidParameterException", "count cannot be greater than 10.", func(in *in) { in.Count = aws.Int32(11) }},
			{"InvalidParameterException", "count cannot be less than 1.", func(in *in) { in.Count = aws.Int32(0) }},
			{"ClientException", "TaskDefinition not found.", func(in *in) { in.TaskDefinition = aws.String("none") }},
			{"ClusterNotFoundException", "Cluster not found.", func(in *in) { in.Cluster = aws.String("none") }},
			{"InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is specified.", func(in *in) { in.NetworkConfiguration = nil }},
			{"InvalidParameterException", "Override for container named api is not a container in the TaskDefinition.", func(in *in) {
				in.Overrides = &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{Name: aws.String("api")}}}
			}},
			{"InvalidParameterException", "The capacity provider 'FARGATE' was not associated with the cluster. Associate the capacity provider with the cluster and try again.", func(in *in) {
				in.LaunchType, in.CapacityProviderStrategy = "", []types.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE"), Weight: 1}}
			}},
			{"InvalidParameterException", "Tags can only be propagated from a service to the tasks of that service.", func(in *in) { in.PropagateTags = types.PropagateTagsService }},
		} {
			in := runInput()
			c.change(in)
			_, err := s.RunTask(bg, in)
			wantError(t, err, c.code, c.message)
		}
		if n := len(s.tasks("")); n != 0 {
			t.Errorf("%d tasks stand after refusals", n)
		}
	})
}

func TestRunTaskIsIdempotentByItsToken(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		in := runInput()
		in.ClientToken, in.Count = aws.String("once"), aws.Int32(2)
		first, second := must2(s.RunTask(bg, in)), must2(s.RunTask(bg, in))
		if len(second.Tasks) != 2 || *first.Tasks[1].TaskArn != *second.Tasks[1].TaskArn || len(s.tasks("")) != 2 {
			t.Errorf("%+v", second.Tasks)
		}
		in.StartedBy = aws.String("somebody else")
		_, err := s.RunTask(bg, in)
		var c *types.ConflictException
		if !errors.As(err, &c) || len(c.ResourceIds) != 2 {
			t.Errorf("got %v", err)
		}
	})
}

// Tasks are spread over a strategy: the base first, then by weight.
func TestCapacityProviderStrategy(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		strategy := []types.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE"), Base: 1, Weight: 1}, {CapacityProvider: aws.String("FARGATE_SPOT"), Weight: 3}}
		must2(s.PutClusterCapacityProviders(bg, &ecs.PutClusterCapacityProvidersInput{Cluster: inC, CapacityProviders: fargates, DefaultCapacityProviderStrategy: strategy}))
		in := runInput()
		in.LaunchType, in.Count = "", aws.Int32(9)
		count := map[string]int{}
		for _, x := range must2(s.RunTask(bg, in)).Tasks {
			count[*x.CapacityProviderName]++
			if x.LaunchType != types.LaunchTypeFargate {
				t.Errorf("launch type %s", x.LaunchType)
			}
		}
		if count["FARGATE"] != 3 || count["FARGATE_SPOT"] != 6 {
			t.Errorf("%v", count)
		}
	})
}

func TestListTasks(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.create(cd)
		other := definitionInput("job")
		other.Family = aws.String("job")
		must2(s.RegisterTaskDefinition(bg, other))
		in := runInput()
		in.TaskDefinition, in.StartedBy, in.Count = aws.String("job"), aws.String("me"), aws.Int32(3)
		must2(s.RunTask(bg, in))
		in.LaunchType = types.LaunchTypeEc2
		must2(s.RunTask(bg, in))
		time.Sleep(time.Minute)
		set := s.service().TaskSets[0].Id
		type list = ecs.ListTasksInput
		for _, c := range []struct {
			want int
			in   list
		}{
			{8, list{}}, {2, list{ServiceName: nameS}}, {2, list{Family: aws.String("web")}}, {6, list{Family: aws.String("job")}}, {6, list{StartedBy: aws.String("me")}},
			{2, list{StartedBy: set}}, {3, list{LaunchType: types.LaunchTypeEc2}}, {0, list{DesiredStatus: types.DesiredStatusStopped}}, {0, list{DesiredStatus: types.DesiredStatusPending}},
			{0, list{ContainerInstance: aws.String("i")}}, {0, list{Family: aws.String("we")}},
		} {
			c.in.Cluster = inC
			if got := len(must2(s.ListTasks(bg, &c.in)).TaskArns); got != c.want {
				t.Errorf("%+v lists %d tasks, want %d", c.in, got, c.want)
			}
		}
		_, err := s.ListTasks(bg, &list{Cluster: inC, ServiceName: aws.String("none")})
		wantError(t, err, "ServiceNotFoundException", "Service not found.")
		n := 0
		for p := ecs.NewListTasksPaginator(s.Service, &list{Cluster: inC, MaxResults: aws.Int32(3)}); p.HasMorePages(); {
			page, err := p.NextPage(bg)
			n += len(must(t, page, err).TaskArns)
		}
		if n != 8 {
			t.Errorf("pages hold %d tasks", n)
		}
		_, err = s.ListTasks(bg, &list{Cluster: inC, NextToken: aws.String("x")})
		wantError(t, err, "InvalidParameterException", "Invalid token.")
		_, err = s.DescribeTasks(bg, &ecs.DescribeTasksInput{Cluster: inC})
		wantError(t, err, "InvalidParameterException", "Tasks cannot be empty.")
		_, err = s.StopTask(bg, &ecs.StopTaskInput{Cluster: inC, Task: aws.String("none")})
		wantError(t, err, "InvalidParameterException", "The referenced task was not found.")
		_, err = s.StopTask(bg, &ecs.StopTaskInput{Cluster: inC, Task: aws.String("arn:aws:ecs:us-east-1:123456789012:task/other/none")})
		wantError(t, err, "InvalidParameterException", "Invalid identifier: Identifier is for cluster other. Your cluster is c")
	})
}

// secretive is a task definition with secrets, an environment file and a log group.
func (s *stage) secretive() {
	s.t.Helper()
	in := definitionInput("web")
	in.ExecutionRoleArn = aws.String("arn:aws:iam::123456789012:role/exec")
	c := &in.ContainerDefinitions[0]
	c.Secrets = []types.Secret{{Name: aws.String("PASSWORD"), ValueFrom: aws.String("/db/password")}}
	c.EnvironmentFiles = []types.EnvironmentFile{
		{Type: types.EnvironmentFileTypeS3, Value: aws.String("arn:aws:s3:::b/a.env")}, {Type: types.EnvironmentFileTypeS3, Value: aws.String("arn:aws:s3:::b/b.env")},
	}
	c.LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
		"awslogs-group": "/g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs",
	}}
	must2(s.RegisterTaskDefinition(bg, in))
}

type fakeLogs struct {
	mu    sync.Mutex
	lines []string
	err   error
}

func (l *fakeLogs) Sink(_ context.Context, group, stream string, create bool) (func(time.Time, []byte) error, error) {
	if l.err != nil {
		return nil, l.err
	}
	return func(_ time.Time, line []byte) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		prefix, rest, _ := strings.Cut(stream, "/web/")
		l.lines = append(l.lines, group+" "+prefix+" "+string(line))
		if len(rest) != 32 || create {
			return errors.New("not the stream that ECS makes")
		}
		return nil
	}, nil
}

func TestWhatATaskIsGiven(t *testing.T) {
	logs := &fakeLogs{}
	playWith(t, func(o *Options) {
		o.Secrets = func(ctx context.Context, from string) (string, error) {
			return "s3cret of " + from + " for " + identity.From(ctx).RoleARN, nil
		}
		o.Files = func(_ context.Context, object string) ([]byte, error) {
			if strings.HasSuffix(object, "a.env") {
				return []byte("# comment\nA=1\n\nB=x=y\r\nA=2\n"), nil
			}
			return []byte("A=3\nC=4"), nil
		}
		o.Endpoints = func(_, role string) Endpoints {
			return Endpoints{Env: []types.KeyValuePair{{Name: aws.String("ROLE"), Value: aws.String("<" + role + ">")}}}
		}
		o.RegistryAuth = func(ctx context.Context, image string) (string, string, error) {
			return identity.From(ctx).RoleARN, image, ctx.Err()
		}
		o.Logs = logs
	}, func(t *testing.T, s *stage) {
		s.secretive()
		s.create(cd, func(in *ecs.CreateServiceInput) { in.DesiredCount = aws.Int32(1) })
		time.Sleep(10 * time.Second)
		spec := s.runner.get(*s.tasks("")[0].TaskArn).spec
		var env []string
		for _, kv := range spec.Env["web"] {
			env = append(env, *kv.Name+"="+*kv.Value)
		}
		if got, want := strings.Join(env, " "), "A=1 B=x=y C=4 PASSWORD=s3cret of /db/password for arn:aws:iam::123456789012:role/exec ROLE=<>"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if spec.Service != "s" || spec.Cluster != "c" {
			t.Errorf("%+v", spec)
		}
		if user, image, err := spec.Credentials(bg, "img"); user != "arn:aws:iam::123456789012:role/exec" || image != "img" || err != nil {
			t.Errorf("credentials: %s %s %v", user, image, err)
		}
		spec.LogSink("web", time.Now(), []byte("hello"))
		if len(logs.lines) != 1 || logs.lines[0] != "/g ecs hello" {
			t.Errorf("logged %q", logs.lines)
		}
	})
}

// What cannot be resolved ends the task in Fargate's words.
func TestResourcesThatAreNotThere(t *testing.T) {
	type opts = Options
	const pull = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
	files := func(context.Context, string) ([]byte, error) { return nil, nil }
	secrets := func(context.Context, string) (string, error) { return "", nil }
	for _, c := range []struct {
		want   string
		change func(*opts)
	}{
		{"ResourceInitializationError: failed to download env files: arn:aws:s3:::b/a.env: there is no S3 here", func(*opts) {}},
		{"ResourceInitializationError: failed to download env files: file download command: non empty error stream: NoSuchKey", func(o *opts) {
			o.Files = func(context.Context, string) ([]byte, error) { return nil, errors.New("NoSuchKey") }
		}},
		{pull + "unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: /db/password: no secrets are kept here", func(o *opts) { o.Files = files }},
		{pull + "not allowed", func(o *opts) {
			o.Assume = func(ctx context.Context, _, session string) (context.Context, error) {
				if session == "ECS" { // the role was there when it was looked for
					return ctx, nil
				}
				return nil, errors.New("not allowed")
			}
		}},
		{"ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.: exit status 1", func(o *opts) {
			o.Files, o.Secrets = files, secrets
			o.Logs = &fakeLogs{err: &cwl.ResourceNotFoundException{Message: aws.String("The specified log group does not exist.")}}
		}},
	} {
		playWith(t, c.change, func(t *testing.T, s *stage) {
			s.secretive()
			must2(s.RunTask(bg, runInput()))
			synctest.Wait()
			x := s.tasks(types.DesiredStatusStopped)[0]
			if *x.LastStatus != stopped || x.StopCode != types.TaskStopCodeTaskFailedToStart || *x.StoppedReason != c.want || *x.Containers[0].LastStatus != stopped {
				t.Errorf("stopped by %s: %s\nwant %s", x.StopCode, *x.StoppedReason, c.want)
			}
			if n := s.runner.started(); n != 0 {
				t.Errorf("%d tasks were started", n)
			}
		})
	}
}

// A task that waits for its secrets can be stopped, and ends with the scheduler.
func TestStopWhileSecretsAreFetched(t *testing.T) {
	playWith(t, func(o *Options) {
		o.Files = func(context.Context, string) ([]byte, error) { return nil, nil }
		o.Secrets = func(ctx context.Context, _ string) (string, error) {
			<-ctx.Done()
			return "", io.ErrUnexpectedEOF
		}
	}, func(t *testing.T, s *stage) {
		s.secretive()
		x := must2(s.RunTask(bg, runInput())).Tasks[0]
		must2(s.RunTask(bg, runInput()))
		must2(s.StopTask(bg, &ecs.StopTaskInput{Cluster: inC, Task: x.TaskArn, Reason: aws.String("never mind")}))
		synctest.Wait()
		if x := s.tasks(types.DesiredStatusStopped)[0]; *x.LastStatus != stopped || *x.StoppedReason != "never mind" {
			t.Errorf("%s: %s", *x.LastStatus, *x.StoppedReason)
		}
	})
}

func TestObserve(t *testing.T) {
	var mu sync.Mutex
	var got Sample
	playWith(t, func(o *Options) {
		o.Observe = func(x Sample) {
			mu.Lock()
			defer mu.Unlock()
			got = x
		}
	}, func(t *testing.T, s *stage) {
		s.create(cd)
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		got.At = time.Time{}
		if want := (Sample{Cluster: "c", Service: "s", Desired: 2, Running: 2, Deployments: 1}); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}
