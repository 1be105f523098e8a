package oneoff

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/tail"
	"github.com/turnoutdev/turnout/internal/watch"
)

const task = "arn:aws:ecs:eu-west-1:123456789012:task/shop/0123456789abcdef"

// scene is a service beside which one task runs, whose life is a list of states.
type scene struct {
	*awstest.Cloud
	o       *Options
	service *types.Service
	asked   *ecs.RunTaskInput
	began   time.Time
	life    []state
	ended   time.Time // when that was first told
	halted  bool      // StopTask was called
	wrote   int       // lines
	lines   []string
	told    []string
}

// state holds from a time on.
type state struct {
	from   time.Duration
	status string // "" for a task that ECS does not show
	code   int32
}

func newScene(t *testing.T, life ...state) *scene {
	s := &scene{began: time.Now(), life: life}
	s.o = &Options{Subject: &subject.Subject{Cluster: "shop", Service: "web"}, Pace: watch.Pace{Scaled: true}}
	s.service = &s.o.Subject.Info
	s.service.TaskDefinition = aws.String("web:7")
	s.service.LoadBalancers = []types.LoadBalancer{{ContainerName: aws.String("web")}}
	s.o.Subject.AWS, s.Cloud = awstest.New(t,
		awstest.On(func(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
			if *in.TaskDefinition == "none" {
				return nil, &types.ClientException{}
			}
			d := &types.TaskDefinition{TaskDefinitionArn: aws.String("arn:…:task-definition/" + *in.TaskDefinition)}
			for _, name := range []string{"proxy", "web", "job"} {
				d.ContainerDefinitions = append(d.ContainerDefinitions, types.ContainerDefinition{
					Name: &name, Essential: aws.Bool(name != "proxy"),
					LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "g", "awslogs-stream-prefix": "p"}},
				})
			}
			return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: d}, nil
		}),
		awstest.On(func(in *ecs.RunTaskInput) (*ecs.RunTaskOutput, error) {
			s.asked = in
			return &ecs.RunTaskOutput{Tasks: []types.Task{{TaskArn: aws.String(task), LastStatus: aws.String("PROVISIONING"), TaskDefinitionArn: in.TaskDefinition}}}, nil
		}),
		awstest.On(func(*ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) { return s.describe(), nil }),
		awstest.On(func(in *ecs.StopTaskInput) (*ecs.StopTaskOutput, error) {
			s.halted, s.life = true, []state{{time.Since(s.began) + 10*time.Second, "STOPPED", 143}, {0, "DEACTIVATING", 0}}
			slices.Reverse(s.life)
			return &ecs.StopTaskOutput{}, nil
		}),
		awstest.On(s.events),
	)
	s.o.Lines = func(all []tail.Line) {
		for _, l := range all {
			s.lines = append(s.lines, l.Container+": "+l.Message)
		}
	}
	s.o.Tell = func(format string, args ...any) { s.told = append(s.told, fmt.Sprintf(format, args...)) }
	return s
}

func (s *scene) now() state {
	now := s.life[0]
	for _, l := range s.life {
		if time.Since(s.began) >= l.from {
			now = l
		}
	}
	return now
}

func (s *scene) describe() *ecs.DescribeTasksOutput {
	now := s.now()
	if now.status == "" {
		return &ecs.DescribeTasksOutput{Failures: []types.Failure{{Arn: aws.String(task), Reason: aws.String("MISSING")}}}
	}
	t := types.Task{TaskArn: aws.String(task), TaskDefinitionArn: aws.String("web:7"), LastStatus: &now.status, Containers: []types.Container{{Name: aws.String("web")}}}
	if now.status == "STOPPED" {
		if s.ended.IsZero() {
			s.ended = time.Now()
		}
		t.Containers[0].ExitCode, t.StoppedReason = &now.code, aws.String("Essential container in task exited")
	}
	return &ecs.DescribeTasksOutput{Tasks: []types.Task{t}}
}

// events gives what the container "web" writes: a line while it runs, and the last one
// which is seen a second after its end.
func (s *scene) events(in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
	if !strings.HasPrefix(*in.LogStreamName, "p/web/") {
		return nil, &logstypes.ResourceNotFoundException{Message: aws.String("The specified log stream does not exist.")}
	}
	for _, l := range s.life {
		if l.status == "RUNNING" && time.Since(s.began) >= l.from {
			s.wrote = max(s.wrote, 1)
		}
	}
	if !s.ended.IsZero() && time.Since(s.ended) >= time.Second {
		s.wrote = 2
	}
	all := []string{"hello", "bye"}[:s.wrote]
	at := len(aws.ToString(in.NextToken))
	out := &cloudwatchlogs.GetLogEventsOutput{NextForwardToken: aws.String("..."[:len(all)])}
	for _, m := range all[at:] {
		out.Events = append(out.Events, logstypes.OutputLogEvent{Message: &m})
	}
	return out, nil
}

// run starts the task and follows it to its end.
func (s *scene) run(ctx context.Context) (*Result, error) {
	r, err := s.o.Start(ctx)
	if err != nil {
		return nil, err
	}
	return s.o.Follow(ctx, r)
}

func TestATaskIsFollowedToItsLastLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, state{0, "", 0}, state{2 * time.Second, "PENDING", 0}, state{10 * time.Second, "RUNNING", 0}, state{time.Minute, "STOPPED", 3})
		r, err := s.run(t.Context())
		if err != nil || aws.ToInt32(r.ExitCode) != 3 || r.Container != "web" || r.Task != task || r.Reason != "Essential container in task exited" {
			t.Errorf("%+v, %v", r, err)
		}
		if got := strings.Join(s.lines, ", "); got != "web: hello, web: bye" {
			t.Errorf("lines %q", got)
		}
		if got := strings.Join(s.told, ", "); got != "PENDING, RUNNING, STOPPED" {
			t.Errorf("told %q", got)
		}
	})
}

// Whatever ends the wait early, the task is stopped and waited for.
func TestATaskForWhichNobodyWaitsIsStopped(t *testing.T) {
	for name, c := range map[string]struct {
		timeout time.Duration
		code    int
		words   string
	}{
		"time-out":  {time.Minute, fault.TimedOut, "task 0123456789abcdef was stopped after 1m0s"},
		"cancelled": {0, fault.Interrupted, "task 0123456789abcdef was stopped, as you were: context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, state{0, "RUNNING", 0})
				s.o.Timeout = c.timeout
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.timeout == 0 {
					time.AfterFunc(time.Minute, cancel)
				}
				r, err := s.run(ctx)
				if fault.Code(err) != c.code || err.Error() != c.words || !s.halted {
					t.Errorf("%v, stopped: %v", err, s.halted)
				}
				if r.Status != "STOPPED" || aws.ToInt32(r.ExitCode) != 143 {
					t.Errorf("%+v", r)
				}
			})
		})
	}
}

func TestATaskThatCannotBeStoppedIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, state{0, "RUNNING", 0})
		s.o.Timeout = time.Minute
		s.Set(awstest.Refused[ecs.StopTaskInput, ecs.StopTaskOutput](awstest.Denied))
		if _, err := s.run(t.Context()); err == nil || !strings.Contains(err.Error(), "stop task "+task) {
			t.Error(err)
		}
	})
}

// Who may run tasks but not read their logs gets the exit code all the same.
func TestWithoutPermissionToReadLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, state{0, "RUNNING", 0}, state{time.Minute, "STOPPED", 0})
		s.Set(awstest.Refused[cloudwatchlogs.GetLogEventsInput, cloudwatchlogs.GetLogEventsOutput](awstest.Denied))
		r, err := s.run(t.Context())
		if err != nil || aws.ToInt32(r.ExitCode) != 0 || r.ExitCode == nil {
			t.Errorf("%+v, %v", r, err)
		}
		var told []string
		for _, m := range s.told {
			if strings.HasPrefix(m, "what it writes is not shown: ") {
				told = append(told, m)
			}
		}
		if n := s.Count("GetLogEvents"); len(told) != 1 || n > 3 {
			t.Errorf("told %q, asked %d times", told, n)
		}
	})
}

func TestThrottledLogsAreReadLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, state{0, "RUNNING", 0}, state{time.Minute, "STOPPED", 0})
		s.Set(awstest.On(func(in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
			if time.Since(s.began) < 30*time.Second {
				return nil, awstest.Throttled
			}
			return s.events(in)
		}))
		if _, err := s.run(t.Context()); err != nil || strings.Join(s.lines, ", ") != "web: hello, web: bye" {
			t.Errorf("%q, %v", s.lines, err)
		}
	})
}

// A task that was there and is not any more ended while nobody looked: there is nothing to
// wait for.
func TestATaskThatECSHasForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, state{0, "RUNNING", 0}, state{time.Minute, "", 0})
		_, err := s.run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "ECS has forgotten it, and how it ended") || time.Since(s.began) > 2*time.Minute {
			t.Errorf("%v after %s", err, time.Since(s.began))
		}
	})
}

func TestWhichContainerTheCommandIsFor(t *testing.T) {
	for name, c := range map[string]struct{ definition, container, behind, want, words string }{
		"behind the load balancer": {"", "", "web", "web", ""},
		"the first essential one":  {"", "", "", "web", ""},
		"not in this definition":   {"batch", "", "elsewhere", "web", ""},
		"named":                    {"", "job", "web", "job", ""},
		"named wrongly":            {"", "nosuch", "web", "", "no container is named nosuch in web:7"},
		"no such definition":       {"none", "", "web", "", "there is no task definition none"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.o.TaskDefinition, s.o.Container, s.o.Command = c.definition, c.container, []string{"migrate"}
			s.service.LoadBalancers[0].ContainerName = &c.behind
			_, err := s.o.Start(t.Context())
			if c.words != "" {
				if fault.Code(err) != fault.Usage || !strings.Contains(err.Error(), c.words) {
					t.Error(err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if own := s.asked.Overrides.ContainerOverrides; len(own) != 1 || *own[0].Name != c.want || own[0].Command[0] != "migrate" {
				t.Errorf("%+v", own)
			}
		})
	}
}

// A task set has the place where the service has none, and ECS takes a launch type or
// capacity providers.
func TestWhereTheTaskRuns(t *testing.T) {
	network := func(subnet string) *types.NetworkConfiguration {
		return &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{subnet}}}
	}
	spot := []types.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE_SPOT")}}
	for name, c := range map[string]struct {
		service                   types.Service
		launch, provider, network string
	}{
		"of the service":          {types.Service{LaunchType: "FARGATE", NetworkConfiguration: network("a")}, "FARGATE", "", "a"},
		"of the primary task set": {types.Service{TaskSets: []types.TaskSet{{Status: aws.String("ACTIVE"), LaunchType: "EC2"}, {Status: aws.String("PRIMARY"), LaunchType: "FARGATE", NetworkConfiguration: network("b")}}}, "FARGATE", "", "b"},
		"the service's network":   {types.Service{NetworkConfiguration: network("a"), TaskSets: []types.TaskSet{{Status: aws.String("PRIMARY"), LaunchType: "FARGATE"}}}, "FARGATE", "", "a"},
		"capacity providers":      {types.Service{LaunchType: "FARGATE", CapacityProviderStrategy: spot, NetworkConfiguration: network("a")}, "", "FARGATE_SPOT", "a"},
		"a task set's":            {types.Service{TaskSets: []types.TaskSet{{Status: aws.String("PRIMARY"), CapacityProviderStrategy: spot, NetworkConfiguration: network("b")}}}, "", "FARGATE_SPOT", "b"},
	} {
		t.Run(name, func(t *testing.T) {
			o := &Options{Subject: &subject.Subject{Info: c.service}}
			in := o.input()
			provider := ""
			for _, p := range in.CapacityProviderStrategy {
				provider += *p.CapacityProvider
			}
			if string(in.LaunchType) != c.launch || provider != c.provider || in.NetworkConfiguration.AwsvpcConfiguration.Subnets[0] != c.network {
				t.Errorf("%+v", in)
			}
		})
	}
}

func TestWhatIsOverridden(t *testing.T) {
	o := &Options{Subject: &subject.Subject{}, Container: "web"}
	if in := o.input(); in.Overrides.ContainerOverrides != nil || in.Overrides.Cpu != nil || in.Overrides.TaskRoleArn != nil || len(*in.ClientToken) != 32 {
		t.Errorf("nothing was given: %+v", in.Overrides)
	}
	o.CPU, o.Memory, o.TaskRole, o.ExecutionRole, o.Env = "512", "1024", "task", "execution", [][2]string{{"A", "1"}, {"B", ""}}
	over := o.input().Overrides
	if *over.Cpu != "512" || *over.Memory != "1024" || *over.TaskRoleArn != "task" || *over.ExecutionRoleArn != "execution" {
		t.Errorf("%+v", over)
	}
	if env := over.ContainerOverrides[0].Environment; len(env) != 2 || *env[0].Name != "A" || *env[0].Value != "1" || *env[1].Name != "B" || *env[1].Value != "" {
		t.Errorf("%+v", env)
	}
}

func TestWhyECSStartedNothing(t *testing.T) {
	for want, failures := range map[string][]types.Failure{
		"ECS started no task of web:7: RESOURCE:CPU; AGENT it is old": {{Reason: aws.String("RESOURCE:CPU")}, {Reason: aws.String("AGENT"), Detail: aws.String("it is old")}},
		"ECS started no task of web:7: it gave no reason":             nil,
	} {
		s := newScene(t)
		s.Set(awstest.Always[ecs.RunTaskInput](&ecs.RunTaskOutput{Failures: failures}))
		if _, err := s.o.Start(t.Context()); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A container that never ran has no exit code, and says why.
func TestAContainerThatNeverRan(t *testing.T) {
	o := &Options{Container: "web"}
	r := o.result(&types.Task{StoppedReason: aws.String("Task failed to start"), StopCode: types.TaskStopCodeTaskFailedToStart, Containers: []types.Container{
		{Name: aws.String("side"), Reason: aws.String("not this one"), ExitCode: aws.Int32(0)}, {Name: aws.String("web"), Reason: aws.String("CannotPullContainerError")},
	}})
	if r.ExitCode != nil || r.Reason != "CannotPullContainerError" || r.StopCode != "TaskFailedToStart" || len(r.Containers) != 2 {
		t.Errorf("%+v", r)
	}
}
