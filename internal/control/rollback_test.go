package control

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/fault"
)

// What is brought back: web:2 serves.
func TestWhichRevisionARollbackBrings(t *testing.T) {
	const ok, failed = cdtypes.DeploymentStatusSucceeded, cdtypes.DeploymentStatusFailed
	for name, c := range map[string]struct {
		to, config string
		past       func(*stage)
		made       string
		code       int
		words      string
	}{
		"the one before": {past: func(s *stage) { s.deploy("d-1", ok, "web:1"); s.deploy("d-2", ok, "web:2") }, made: "web:1 by " + AllAtOnce},
		"not one that failed": {past: func(s *stage) {
			s.deploy("d-1", ok, "web:1")
			s.deploy("d-2", failed, "web:5")
			s.deploy("d-3", ok, "web:2")
		}, made: "web:1 by " + AllAtOnce},
		"beyond a page of the same": {past: func(s *stage) {
			s.deploy("d-1", ok, "web:1")
			s.deploy("d-2", ok, "web:2")
			s.deploy("d-3", ok, "web:2")
		}, made: "web:1 by " + AllAtOnce},
		"beyond one that is in S3": {past: func(s *stage) {
			s.deploy("d-1", ok, "web:1")
			s.deploy("d-2", ok, "").Revision = &cdtypes.RevisionLocation{RevisionType: cdtypes.RevisionLocationTypeS3}
		}, made: "web:1 by " + AllAtOnce},
		"beyond one that is not kept": {past: func(s *stage) {
			s.deploy("d-1", ok, "web:1")
			s.deploy("d-2", ok, "web:3")
			delete(s.specs, "sum of d-2")
		}, made: "web:1 by " + AllAtOnce},
		"without any document":     {past: func(s *stage) { s.deploy("d-1", ok, "").Revision = nil }, made: "web:0 by " + AllAtOnce},
		"the service's own, first": {past: func(s *stage) { s.deploy("d-2", ok, "web:2") }, made: "web:0 by " + AllAtOnce},
		"nothing came before": {past: func(s *stage) {
			s.service.TaskDefinition = aws.String(definitions + "web:2")
			s.Subject.Info = s.service
		}, code: fault.Usage, words: "no successful deployment brought another revision than web:2, which serves"},
		"a number":                      {to: "7", past: func(s *stage) { s.deploy("d-2", ok, "web:2") }, made: "web:7 by " + AllAtOnce},
		"a name":                        {to: "other:7", config: "Own", past: func(s *stage) {}, made: "other:7 by Own"},
		"no such number":                {to: "99", past: func(s *stage) {}, code: fault.Usage, words: "there is no revision web:99"},
		"no revision at all":            {to: "web", past: func(s *stage) {}, code: fault.Usage, words: "--to web names no revision"},
		"deregistered":                  {to: "13", past: func(s *stage) {}, code: fault.Usage, words: "revision web:13 was deregistered (INACTIVE)"},
		"what serves already":           {to: "2", past: func(s *stage) { s.deploy("d-2", ok, "web:2") }},
		"what serves with divided ways": {past: func(s *stage) { s.deploy("d-1", ok, "web:1"); s.deploy("d-2", ok, "web:2"); s.weights[green] = 100 }, made: "web:2 by " + AllAtOnce},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
				c.past(s)
				made := s.creates(ok)
				o, err := s.Rollback(t.Context(), c.to, c.config)
				wants(t, err, c.code, c.words)
				if got := strings.Join(made(), ", "); got != c.made {
					t.Errorf("made %q, want %q", got, c.made)
				}
				if revision, _, _ := strings.Cut(c.made, " "); revision != "" && (o.Revision != definitions+revision || o.Status != "Succeeded") {
					t.Errorf("%+v", o)
				}
			})
		})
	}
}

// A deployment under way is taken back; that is all unless another revision is wanted.
func TestRollbackOfADeploymentUnderWay(t *testing.T) {
	for to, made := range map[string]string{"": "", "2": "", "7": "web:7 by " + AllAtOnce} {
		inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
			s.deploy("d-1", cdtypes.DeploymentStatusInProgress, "web:3")
			s.stops()
			all := s.creates(cdtypes.DeploymentStatusSucceeded)
			o, err := s.Rollback(t.Context(), to, "")
			wants(t, err, 0, "")
			if got := strings.Join(all(), ""); got != made || (made == "") != (o.RollbackID == "d-BACK") {
				t.Errorf("--to %q made %q: %+v", to, got, o)
			}
		})
	}
}

// Who asks for a revision back has decided: a group that waits before it moves traffic
// does not hold it up.
func TestRollbackGoesThroughTheReadyWait(t *testing.T) {
	inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
		s.deploy("d-2", cdtypes.DeploymentStatusSucceeded, "web:2")
		s.creates(cdtypes.DeploymentStatusReady)
		s.Set(awstest.On(func(in *codedeploy.ContinueDeploymentInput) (*codedeploy.ContinueDeploymentOutput, error) {
			s.deployments[*in.DeploymentId].Status = cdtypes.DeploymentStatusSucceeded
			s.primary("web:0", green)
			s.weights = map[string]int32{green: 100}
			return &codedeploy.ContinueDeploymentOutput{}, nil
		}))
		_, err := s.Rollback(t.Context(), "", "")
		wants(t, err, 0, "")
		if n := s.Count("ContinueDeployment"); n != 1 {
			t.Errorf("continued %d times", n)
		}
	})
}

func TestRollbackThatFails(t *testing.T) {
	inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
		s.deploy("d-2", cdtypes.DeploymentStatusSucceeded, "web:2")
		s.creates(cdtypes.DeploymentStatusFailed)
		o, err := s.Rollback(t.Context(), "", "")
		wants(t, err, fault.Deployment, "deployment d-NEW1 Failed, not rolled back; traffic: web-blue 100 %")
		if o.Status != "Failed" {
			t.Errorf("%+v", o)
		}
	})
	inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
		s.deploy("d-2", cdtypes.DeploymentStatusSucceeded, "web:2")
		s.creates(cdtypes.DeploymentStatusSucceeded)
		s.After(time.Millisecond, func() { s.weights = map[string]int32{blue: 50, green: 50} })
		s.Pace.Fastest = 10 * time.Millisecond
		s.Set(awstest.Always[codedeploy.CreateDeploymentInput](&codedeploy.CreateDeploymentOutput{DeploymentId: aws.String("d-2")}))
		_, err := s.Rollback(t.Context(), "", "")
		wants(t, err, fault.Deployment, "has 50 % of the traffic; traffic: web-blue 50 %, web-green 50 %")
	})
}

// CreateDeployment is no call to repeat: when its answer is lost, the deployment that it
// made is found by its mark.
func TestALostAnswerRollsBackOnce(t *testing.T) {
	inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
		s.deploy("d-2", cdtypes.DeploymentStatusSucceeded, "web:2")
		made := s.creates(cdtypes.DeploymentStatusSucceeded)
		s.Set(awstest.On(func(in *codedeploy.CreateDeploymentInput) (*codedeploy.CreateDeploymentOutput, error) {
			s.deploy("d-LOST", cdtypes.DeploymentStatusSucceeded, "web:0").Description = in.Description
			s.primary("web:0", green)
			s.weights = map[string]int32{green: 100}
			return nil, awstest.Throttled
		}), awstest.On(func(in *codedeploy.BatchGetDeploymentsInput) (*codedeploy.BatchGetDeploymentsOutput, error) {
			out := &codedeploy.BatchGetDeploymentsOutput{}
			for _, id := range in.DeploymentIds {
				out.DeploymentsInfo = append(out.DeploymentsInfo, *s.deployments[id])
			}
			return out, nil
		}))
		o, err := s.Rollback(t.Context(), "", "")
		wants(t, err, 0, "")
		if o.DeploymentID != "d-LOST" || len(made()) > 0 || s.Count("CreateDeployment") != 1 {
			t.Errorf("%+v, %v", o, s.Calls())
		}
	})
}

// A revision that was deregistered is refused before anything is changed.
func TestNothingIsChangedForAnUnusableRevision(t *testing.T) {
	inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
		s.deploy("d-1", cdtypes.DeploymentStatusSucceeded, "web:13")
		_, err := s.Rollback(t.Context(), "", "")
		wants(t, err, fault.Usage, "revision web:13 was deregistered")
		if slices.Contains(s.Calls(), "CreateDeployment") {
			t.Error("a deployment was created")
		}
	})
}
