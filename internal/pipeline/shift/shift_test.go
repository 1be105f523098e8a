package shift

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/term"
	"github.com/turnoutdev/turnout/internal/watch"
)

const revision = "arn:aws:ecs:eu-west-1:1:task-definition/web:2"

// scene is a run that is about to shift, and CodeDeploy with deployments.
type scene struct {
	*awstest.Cloud
	*run.Run
	deployments map[string]*types.DeploymentInfo
	order       []string // newest first
	made        []*codedeploy.CreateDeploymentInput
	talk        bytes.Buffer
}

func newScene(t *testing.T) *scene {
	s := &scene{deployments: map[string]*types.DeploymentInfo{}}
	dir := t.TempDir()
	const spec = `{"version":0.0,"Resources":[{"TargetService":{"Type":"AWS::ECS::Service","Properties":{"TaskDefinition":"<TASK_DEFINITION>","LoadBalancerInfo":{"ContainerName":"web","ContainerPort":80}}}}]}`
	if err := os.WriteFile(filepath.Join(dir, "appspec.json"), []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Run = &run.Run{
		ID: "20261130T120000-c0de", Config: &config.Config{Dir: dir, Service: "web", Cluster: "shop", AppSpec: "appspec.json"},
		Facts:  run.Facts{Controller: run.CodeDeploy, Application: "app", Group: "group", TaskDefinition: revision, Previous: "web:1", Tag: "v2"},
		Group:  &types.DeploymentGroupInfo{},
		Report: term.NewReporter(&term.Streams{Out: &s.talk, Err: &s.talk}),
	}
	s.AWS, s.Cloud = awstest.New(t, awstest.On(s.list), awstest.On(s.batch), awstest.On(s.get), awstest.On(s.create), awstest.On(s.halt),
		awstest.Always[codedeploy.ListDeploymentTargetsInput](&codedeploy.ListDeploymentTargetsOutput{}),
		awstest.Refused[codedeploy.GetDeploymentTargetInput, codedeploy.GetDeploymentTargetOutput](&types.DeploymentTargetDoesNotExistException{}),
		awstest.Always[ecs.DescribeServicesInput](&ecs.DescribeServicesOutput{}),
		awstest.Always[ecs.ListTasksInput](&ecs.ListTasksOutput{}),
		awstest.Always[elb.DescribeTargetHealthInput](&elb.DescribeTargetHealthOutput{}))
	return s
}

// deployment adds one, which is in a status now and in another after a while.
func (s *scene) deployment(id string, now, then types.DeploymentStatus, after time.Duration) *types.DeploymentInfo {
	d := &types.DeploymentInfo{DeploymentId: &id, Status: now, CreateTime: aws.Time(time.Now())}
	s.deployments[id], s.order = d, append([]string{id}, s.order...)
	s.After(after, func() {
		if !watch.HasEnded(d.Status) {
			d.Status = then
		}
	})
	return d
}

func (s *scene) list(in *codedeploy.ListDeploymentsInput) (*codedeploy.ListDeploymentsOutput, error) {
	out := &codedeploy.ListDeploymentsOutput{}
	for _, id := range s.order {
		if len(in.IncludeOnlyStatuses) == 0 || slices.Contains(in.IncludeOnlyStatuses, s.deployments[id].Status) {
			out.Deployments = append(out.Deployments, id)
		}
	}
	return out, nil
}

func (s *scene) batch(in *codedeploy.BatchGetDeploymentsInput) (*codedeploy.BatchGetDeploymentsOutput, error) {
	if len(in.DeploymentIds) > 25 {
		return nil, &types.BatchLimitExceededException{}
	}
	out := &codedeploy.BatchGetDeploymentsOutput{}
	for _, id := range in.DeploymentIds {
		out.DeploymentsInfo = append(out.DeploymentsInfo, *s.deployments[id])
	}
	return out, nil
}

func (s *scene) get(in *codedeploy.GetDeploymentInput) (*codedeploy.GetDeploymentOutput, error) {
	d := s.deployments[*in.DeploymentId]
	if d == nil {
		return nil, &types.DeploymentDoesNotExistException{}
	}
	now := *d
	return &codedeploy.GetDeploymentOutput{DeploymentInfo: &now}, nil
}

// create makes a deployment that succeeds after a minute.
func (s *scene) create(in *codedeploy.CreateDeploymentInput) (*codedeploy.CreateDeploymentOutput, error) {
	for _, d := range s.deployments {
		if !watch.HasEnded(d.Status) {
			return nil, &types.DeploymentLimitExceededException{Message: aws.String("one is active")}
		}
	}
	s.made = append(s.made, in)
	s.deployment("d-NEW", types.DeploymentStatusInProgress, types.DeploymentStatusSucceeded, time.Minute).Description = in.Description
	return &codedeploy.CreateDeploymentOutput{DeploymentId: aws.String("d-NEW")}, nil
}

// halt stops a deployment; one that is to be taken back is, a moment later.
func (s *scene) halt(in *codedeploy.StopDeploymentInput) (*codedeploy.StopDeploymentOutput, error) {
	d := s.deployments[*in.DeploymentId]
	if watch.HasEnded(d.Status) {
		return nil, &types.DeploymentAlreadyCompletedException{}
	}
	d.Status, d.AutoRollbackConfiguration = types.DeploymentStatusStopped, &types.AutoRollbackConfiguration{Enabled: *in.AutoRollbackEnabled}
	if *in.AutoRollbackEnabled {
		s.After(time.Second, func() {
			s.deployment("d-BACK", types.DeploymentStatusInProgress, types.DeploymentStatusSucceeded, time.Minute)
			d.RollbackInfo = &types.RollbackInfo{RollbackDeploymentId: aws.String("d-BACK")}
		})
	}
	return &codedeploy.StopDeploymentOutput{}, nil
}

// inTime runs a test where waits take no time.
func inTime(t *testing.T, f func(*testing.T, *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newScene(t)) })
}

func wants(t *testing.T, err error, code int, words string) {
	t.Helper()
	if fault.Code(err) != code || (err == nil) != (words == "") || err != nil && !strings.Contains(err.Error(), words) {
		t.Errorf("exit code %d, %v; want %d, %q", fault.Code(err), err, code, words)
	}
}

func TestADeploymentIsCreatedAndFollowed(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene) {
		s.Options.DeploymentConfig, s.Config.CodeDeploy.Config = "Given", "Configured"
		said, err := Stage{}.Run(t.Context(), s.Run)
		wants(t, err, 0, "")
		if !strings.HasPrefix(said, "d-NEW succeeded after 1m") || s.Facts.Status != "Succeeded" || len(s.made) != 1 {
			t.Errorf("%q, %+v", said, s.Facts)
		}
		in := s.made[0]
		if *in.DeploymentConfigName != "Given" || *in.Description != "turnout v2 (run 20261130T120000-c0de)" || !strings.Contains(*in.Revision.AppSpecContent.Content, `"TaskDefinition":"`+revision+`"`) {
			t.Errorf("%+v", in)
		}
	})
}

// However the answer to CreateDeployment was lost, in this process or in one that
// crashed, there is one deployment.
func TestNothingIsDeployedTwice(t *testing.T) {
	for name, set := range map[string]func(*scene){
		"a lost answer": func(s *scene) {
			s.Set(awstest.On(func(in *codedeploy.CreateDeploymentInput) (*codedeploy.CreateDeploymentOutput, error) {
				if _, err := s.create(in); err != nil {
					return nil, err
				}
				return nil, awstest.Throttled
			}))
		},
		"a crash before the answer": func(s *scene) {
			for range 30 { // more than one call describes
				s.deployment("d-OLD", types.DeploymentStatusSucceeded, "", 0).Description = aws.String("turnout v1 (run 20261129T120000-c0de)")
			}
			_, _ = s.create(&codedeploy.CreateDeploymentInput{Description: aws.String("whatever (run 20261130T120000-c0de)")})
			s.Tried = true
		},
		"a crash after it": func(s *scene) {
			_, _ = s.create(&codedeploy.CreateDeploymentInput{})
			s.Tried, s.Facts.DeploymentID = true, "d-NEW"
		},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, s *scene) {
				set(s)
				_, err := Stage{}.Run(t.Context(), s.Run)
				wants(t, err, 0, "")
				if len(s.made) != 1 || s.Facts.DeploymentID != "d-NEW" {
					t.Errorf("%d deployments, %+v", len(s.made), s.Facts)
				}
			})
		})
	}
}

func TestWhoseDeploymentIsAhead(t *testing.T) {
	for name, c := range map[string]struct {
		what   run.IfActive
		length time.Duration
		code   int
		words  string
	}{
		"waited for":         {run.Wait, 10 * time.Minute, 0, ""},
		"superseded":         {run.Supersede, 10 * time.Hour, 0, ""},
		"waited for in vain": {run.Wait, 10 * time.Hour, fault.TimedOut, "deployment d-AHEAD, which is ahead, has not ended: "},
		"not looked for":     {run.Refuse, time.Hour, fault.Failed, "one is active"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, s *scene) {
				s.Options.IfActive = c.what
				s.deployment("d-AHEAD", types.DeploymentStatusInProgress, types.DeploymentStatusSucceeded, c.length)
				_, err := Stage{}.Run(t.Context(), s.Run)
				wants(t, err, c.code, c.words)
				if made := len(s.made); made != 1 && c.words == "" || made > 0 && c.words != "" {
					t.Errorf("%d deployments were made", made)
				}
			})
		})
	}
}

// CodeDeploy's lists are late: one that has ended may still be among those that run.
func TestAListThatIsLate(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene) {
		s.Options.IfActive = run.Wait
		s.deployment("d-AHEAD", types.DeploymentStatusSucceeded, "", 0)
		s.Set(awstest.Always[codedeploy.ListDeploymentsInput](&codedeploy.ListDeploymentsOutput{Deployments: []string{"d-AHEAD"}}))
		_, err := Stage{}.Run(t.Context(), s.Run)
		wants(t, err, 0, "")
		if n := s.Count("ListDeployments"); n > 2 {
			t.Errorf("listed %d times", n)
		}
	})
}

func TestADeploymentThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		status types.DeploymentStatus
		back   types.DeploymentStatus // how the rollback ends, "" for none
		auto   bool
		code   int
		words  string
	}{
		"rolled back":           {types.DeploymentStatusFailed, types.DeploymentStatusSucceeded, true, fault.RolledBack, "deployment d-NEW Failed, rolled back by d-BACK"},
		"not rolled back":       {types.DeploymentStatusFailed, "", false, fault.Deployment, "deployment d-NEW Failed, not rolled back"},
		"no rollback was made":  {types.DeploymentStatusFailed, "", true, fault.Deployment, "deployment d-NEW Failed, not rolled back"},
		"its rollback fails":    {types.DeploymentStatusFailed, types.DeploymentStatusFailed, true, fault.Deployment, "deployment d-NEW Failed, and the rollback d-BACK Failed"},
		"stopped from outside":  {types.DeploymentStatusStopped, "", false, fault.Stopped, "deployment d-NEW Stopped, not rolled back"},
		"stopped and back":      {types.DeploymentStatusStopped, types.DeploymentStatusSucceeded, true, fault.RolledBack, "deployment d-NEW Stopped, rolled back by d-BACK"},
		"the rollback's unsure": {types.DeploymentStatusFailed, types.DeploymentStatusInProgress, true, fault.Deployment, "deployment d-NEW Failed, and the rollback d-BACK is not known to have ended"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, s *scene) {
				d := s.deployment("d-NEW", types.DeploymentStatusInProgress, c.status, time.Minute)
				s.Facts.DeploymentID, d.AutoRollbackConfiguration = "d-NEW", &types.AutoRollbackConfiguration{Enabled: c.auto}
				if c.back != "" {
					s.After(time.Minute, func() {
						s.deployment("d-BACK", types.DeploymentStatusInProgress, c.back, time.Minute)
						d.RollbackInfo = &types.RollbackInfo{RollbackDeploymentId: aws.String("d-BACK")}
					})
				}
				_, err := Stage{}.Run(t.Context(), s.Run)
				wants(t, err, c.code, c.words)
				if (c.back != "") != (s.Facts.RollbackID == "d-BACK") || s.Facts.Status != string(c.status) {
					t.Errorf("%+v", s.Facts)
				}
			})
		})
	}
}

// What becomes of the deployment when its run is cancelled: as was said, else as the one
// at the terminal says, else nothing.
func TestARunThatIsCancelled(t *testing.T) {
	says := func(answer string, err error) func(string, ...string) (string, error) {
		return func(string, ...string) (string, error) { return answer, err }
	}
	for name, c := range map[string]struct {
		options run.Options
		late    bool // it ends just before it is stopped
		code    int
		words   string
	}{
		"nobody says":        {run.Options{}, false, fault.Interrupted, "deployment d-NEW is still running"},
		"stop":               {run.Options{OnCancel: run.Stop}, false, fault.Stopped, "deployment d-NEW stopped, as asked; no traffic was moved"},
		"roll back":          {run.Options{OnCancel: run.Rollback}, false, fault.RolledBack, "deployment d-NEW stopped and rolled back by d-BACK, as asked"},
		"somebody says stop": {run.Options{Ask: says("stop", nil)}, false, fault.Stopped, "stopped, as asked"},
		"somebody is gone":   {run.Options{Ask: says("", os.ErrClosed)}, false, fault.Interrupted, "is still running"},
		"leave, without ask": {run.Options{OnCancel: run.Leave, Ask: says("stop", nil)}, false, fault.Interrupted, "is still running"},
		"too late":           {run.Options{OnCancel: run.Stop}, true, fault.Interrupted, "deployment d-NEW had succeeded before it could be stopped"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, s *scene) {
				s.Options = c.options
				if c.late {
					s.Set(awstest.On(func(in *codedeploy.StopDeploymentInput) (*codedeploy.StopDeploymentOutput, error) {
						s.deployments["d-NEW"].Status = types.DeploymentStatusSucceeded
						return s.halt(in)
					}))
				}
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(10*time.Second, cancel)
				_, err := Stage{}.Run(ctx, s.Run)
				wants(t, err, c.code, c.words)
			})
		})
	}
}

func TestTheDeadlineLetsItGoOn(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene) {
		s.Options.Deadline = 30 * time.Second
		_, err := Stage{}.Run(t.Context(), s.Run)
		wants(t, err, fault.TimedOut, "deployment d-NEW: the deadline passed")
		if s.Count("StopDeployment") > 0 {
			t.Error("it was stopped")
		}
	})
	for want, g := range map[time.Duration]*types.DeploymentGroupInfo{
		30 * time.Minute: {},
		95 * time.Minute: {BlueGreenDeploymentConfiguration: &types.BlueGreenDeploymentConfiguration{
			DeploymentReadyOption: &types.DeploymentReadyOption{WaitTimeInMinutes: 60}, TerminateBlueInstancesOnDeploymentSuccess: &types.BlueInstanceTerminationOption{TerminationWaitTimeInMinutes: 5},
		}},
	} {
		if got := deadline(&run.Run{Group: g}); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestHowFarToWait(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene) {
		s.Options.WaitUntil = watch.Created
		said, err := Stage{}.Run(t.Context(), s.Run)
		if wants(t, err, 0, ""); said != "d-NEW was created" || s.Count("GetDeployment") > 0 {
			t.Errorf("%q after %v", said, s.Calls())
		}
		if (Stage{}).Skip(s.Run) != "" {
			t.Error("it is skipped")
		}
		s.Options.WaitUntil = watch.Registered
		if (Stage{}).Skip(s.Run) == "" {
			t.Error("it is not skipped")
		}
		s.Options.WaitUntil = "never"
		wants(t, Stage{}.Check(t.Context(), s.Run), fault.Usage, `wait until "never" is unknown`)
	})
}

func TestDescriptionsFit(t *testing.T) {
	mark := " (run 1)"
	for text, want := range map[string]string{
		"short":                          "short (run 1)",
		strings.Repeat("a", 256-8):       strings.Repeat("a", 256-8) + mark,
		strings.Repeat("a", 300):         strings.Repeat("a", 245) + "..." + mark,
		"a" + strings.Repeat("é", 200):   "a" + strings.Repeat("é", 122) + "..." + mark,
		strings.Repeat("é", 200) + "end": strings.Repeat("é", 122) + "..." + mark, // no half of a character
	} {
		if got := Describe(text, mark); got != want || len(got) > maxDescription {
			t.Errorf("%q (%d bytes), want %q", got, len(got), want)
		}
	}
}

// Gates decide only where the group waits, and ask new tasks only where there is a way to
// them.
func TestWhatGatesNeed(t *testing.T) {
	stops := &types.BlueGreenDeploymentConfiguration{DeploymentReadyOption: &types.DeploymentReadyOption{ActionOnTimeout: types.DeploymentReadyActionStopDeployment}}
	tested := &types.LoadBalancerInfo{TargetGroupPairInfoList: []types.TargetGroupPairInfo{{TestTrafficRoute: &types.TrafficRoute{ListenerArns: []string{"l"}}}}}
	command, path := config.Gate{Name: "g", Run: []string{"true"}}, config.Gate{Name: "g", Path: "/"}
	for name, c := range map[string]struct {
		group   types.DeploymentGroupInfo
		gate    config.Gate
		rolling bool
		words   string
	}{
		"a command":           {types.DeploymentGroupInfo{BlueGreenDeploymentConfiguration: stops}, command, false, ""},
		"a path":              {types.DeploymentGroupInfo{BlueGreenDeploymentConfiguration: stops, LoadBalancerInfo: tested}, path, false, ""},
		"no test listener":    {types.DeploymentGroupInfo{BlueGreenDeploymentConfiguration: stops}, path, false, "gate g asks the test listener, and deployment group group has none"},
		"no wait":             {types.DeploymentGroupInfo{}, command, false, "does not wait before traffic moves"},
		"no word of the wait": {types.DeploymentGroupInfo{BlueGreenDeploymentConfiguration: &types.BlueGreenDeploymentConfiguration{}}, command, false, "does not wait before traffic moves"},
		"rolling":             {types.DeploymentGroupInfo{}, command, true, "a rolling deployment never waits for gates"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.Group, s.Config.Gates = &c.group, []config.Gate{c.gate}
			code := fault.Usage
			if c.rolling {
				s.Facts.Controller = run.Rolling
			}
			if c.words == "" {
				code = 0
			}
			wants(t, Stage{}.Check(t.Context(), s.Run), code, c.words)
		})
	}
}

func TestWhereTrafficStandsInWords(t *testing.T) {
	for want, target := range map[string]*types.ECSTarget{
		"no traffic was moved":                     {},
		"blue has 90 % of the traffic, green 10 %": {TaskSetsInfo: []types.ECSTaskSet{{TaskSetLabel: types.TargetLabelBlue, TrafficWeight: 90}, {TaskSetLabel: types.TargetLabelGreen, TrafficWeight: 10}}},
	} {
		if got := weights(target); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := weights(nil); got != "no traffic was moved" {
		t.Error(got)
	}
}

// rolling makes the run one of a service that ECS deploys, whose deployment of the revision
// comes to a state after a minute.
func (s *scene) rolling(end ecstypes.DeploymentRolloutState) *ecstypes.Service {
	svc := &ecstypes.Service{Deployments: []ecstypes.Deployment{{Id: aws.String("ecs-svc/1"), Status: aws.String("PRIMARY"), RolloutState: ecstypes.DeploymentRolloutStateCompleted, TaskDefinition: aws.String("web:1")}}}
	s.Facts.Controller, s.Service, s.Group = run.Rolling, &ecstypes.Service{}, nil
	n := 1
	s.Set(awstest.On(func(in *ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
		n++
		id := "ecs-svc/" + string(rune('0'+n))
		svc.Deployments = []ecstypes.Deployment{{Id: &id, Status: aws.String("PRIMARY"), RolloutState: ecstypes.DeploymentRolloutStateInProgress, TaskDefinition: in.TaskDefinition, DesiredCount: 1}}
		state := end
		if *in.TaskDefinition == "web:1" {
			state = ecstypes.DeploymentRolloutStateCompleted
		}
		s.After(time.Minute, func() {
			if *svc.Deployments[0].Id == id {
				svc.Deployments[0].RolloutState, svc.Deployments[0].RunningCount = state, 1
			}
		})
		now := *svc
		return &ecs.UpdateServiceOutput{Service: &now}, nil
	}), awstest.On(func(*ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
		now := *svc
		now.Deployments = slices.Clone(svc.Deployments)
		return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{now}}, nil
	}))
	return svc
}

func TestARollingDeployment(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene) {
		s.rolling(ecstypes.DeploymentRolloutStateCompleted)
		said, err := Stage{}.Run(t.Context(), s.Run)
		wants(t, err, 0, "")
		if !strings.HasPrefix(said, "ecs-svc/2 reached done after 1m") || s.Facts.Status != "COMPLETED" {
			t.Errorf("%q, %+v", said, s.Facts)
		}
	})
	inTime(t, func(t *testing.T, s *scene) {
		s.rolling(ecstypes.DeploymentRolloutStateFailed)
		_, err := Stage{}.Run(t.Context(), s.Run)
		wants(t, err, fault.Deployment, "deployment ecs-svc/2 FAILED, not rolled back")
	})
	inTime(t, func(t *testing.T, s *scene) {
		s.rolling(ecstypes.DeploymentRolloutStateCompleted)
		s.Options.Deadline = 10 * time.Second
		_, err := Stage{}.Run(t.Context(), s.Run)
		wants(t, err, fault.TimedOut, "deployment ecs-svc/2 IN_PROGRESS")
	})
}

// A circuit breaker's rollback is followed to its end.
func TestARollingDeploymentThatECSTakesBack(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene) {
		svc := s.rolling(ecstypes.DeploymentRolloutStateCompleted)
		s.After(30*time.Second, func() {
			svc.Deployments = []ecstypes.Deployment{
				{Id: aws.String("ecs-svc/9"), Status: aws.String("PRIMARY"), RolloutState: ecstypes.DeploymentRolloutStateCompleted, TaskDefinition: aws.String("web:1")},
				{Id: aws.String("ecs-svc/2"), Status: aws.String("ACTIVE"), RolloutState: ecstypes.DeploymentRolloutStateFailed, RolloutStateReason: aws.String("circuit breaker")},
			}
		})
		_, err := Stage{}.Run(t.Context(), s.Run)
		wants(t, err, fault.RolledBack, "deployment ecs-svc/2 FAILED, rolled back by ecs-svc/9")
	})
}

// When a cancelled rolling deployment is to go back, it does so at once, whatever was
// waited for before it began.
func TestACancelledRollingDeploymentGoesBack(t *testing.T) {
	inTime(t, func(t *testing.T, s *scene) {
		svc := s.rolling(ecstypes.DeploymentRolloutStateCompleted)
		svc.Deployments[0].RolloutState = ecstypes.DeploymentRolloutStateInProgress
		s.Service = &ecstypes.Service{Deployments: slices.Clone(svc.Deployments)}
		s.After(time.Minute, func() { svc.Deployments[0].RolloutState = ecstypes.DeploymentRolloutStateCompleted })
		s.Options.IfActive, s.Options.OnCancel, s.Facts.Previous = run.Wait, run.Rollback, "web:1"
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		time.AfterFunc(80*time.Second, cancel) // its own deployment takes until two minutes
		_, err := Stage{}.Run(ctx, s.Run)
		wants(t, err, fault.RolledBack, "deployment ecs-svc/2 rolled back to web:1, as asked")
		if s.Facts.RollbackID != "ecs-svc/3" || s.Facts.DeploymentID != "ecs-svc/2" || s.Facts.TaskDefinition != revision {
			t.Errorf("%+v", s.Facts)
		}
		if took := time.Since(began); took > 150*time.Second {
			t.Errorf("it took %s", took)
		}
	})
	inTime(t, func(t *testing.T, s *scene) {
		s.rolling(ecstypes.DeploymentRolloutStateCompleted)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, cancel)
		_, err := Stage{}.Run(ctx, s.Run)
		wants(t, err, fault.Interrupted, "deployment ecs-svc/2 is still running")
	})
}
