package locate

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/term"
)

// scene is the service web in cluster shop, and groups of CodeDeploy: "APP/GROUP" to the
// services that it deploys.
type scene struct {
	*awstest.Cloud
	*run.Run
	service     ecstypes.Service
	groups      map[string]*types.DeploymentGroupInfo
	deployments map[string]string // id → "APP/GROUP"
	platform    map[string]types.ComputePlatform
}

func newScene(t *testing.T) *scene {
	s := &scene{
		service: ecstypes.Service{ServiceName: aws.String("web"), Status: aws.String("ACTIVE"), DeploymentController: &ecstypes.DeploymentController{Type: ecstypes.DeploymentControllerTypeCodeDeploy}},
		groups:  map[string]*types.DeploymentGroupInfo{}, deployments: map[string]string{}, platform: map[string]types.ComputePlatform{},
	}
	conf := &config.Config{Service: "web", Cluster: "shop", CodeDeploy: config.CodeDeploy{Application: "AppECS-shop-web", Group: "DgpECS-shop-web"}}
	s.Run = &run.Run{Config: conf, Report: term.NewReporter(&term.Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})}
	s.AWS, s.Cloud = awstest.New(t,
		awstest.On(func(*ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
			return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{s.service}}, nil
		}),
		awstest.On(func(in *codedeploy.GetDeploymentInput) (*codedeploy.GetDeploymentOutput, error) {
			of, ok := s.deployments[*in.DeploymentId]
			if !ok {
				return nil, &types.DeploymentDoesNotExistException{}
			}
			app, group, _ := strings.Cut(of, "/")
			return &codedeploy.GetDeploymentOutput{DeploymentInfo: &types.DeploymentInfo{ApplicationName: &app, DeploymentGroupName: &group}}, nil
		}),
		awstest.On(func(in *codedeploy.GetDeploymentGroupInput) (*codedeploy.GetDeploymentGroupOutput, error) {
			g := s.groups[*in.ApplicationName+"/"+*in.DeploymentGroupName]
			if g == nil {
				return nil, &types.DeploymentGroupDoesNotExistException{}
			}
			return &codedeploy.GetDeploymentGroupOutput{DeploymentGroupInfo: g}, nil
		}),
		awstest.On(s.applications), awstest.On(s.infos), awstest.On(s.names), awstest.On(s.details))
	return s
}

// group adds a deployment group.
func (s *scene) group(name string, services ...string) *types.DeploymentGroupInfo {
	app, group, _ := strings.Cut(name, "/")
	g := &types.DeploymentGroupInfo{ApplicationName: &app, DeploymentGroupName: &group}
	for _, of := range services {
		cluster, service, _ := strings.Cut(of, " ")
		g.EcsServices = append(g.EcsServices, types.ECSService{ClusterName: &cluster, ServiceName: &service})
	}
	s.groups[name] = g
	if s.platform[app] == "" {
		s.platform[app] = types.ComputePlatformEcs
	}
	return g
}

// page is a hundred of all from a token on, as AWS gives.
func page(all []string, token *string) ([]string, *string) {
	slices.Sort(all)
	all = slices.Compact(all)
	at, _ := strconv.Atoi(aws.ToString(token))
	end := min(at+100, len(all))
	if end == len(all) {
		return all[at:], nil
	}
	return all[at:end], aws.String(strconv.Itoa(end))
}

func (s *scene) applications(in *codedeploy.ListApplicationsInput) (*codedeploy.ListApplicationsOutput, error) {
	var all []string
	for name := range s.groups {
		app, _, _ := strings.Cut(name, "/")
		all = append(all, app)
	}
	names, token := page(all, in.NextToken)
	return &codedeploy.ListApplicationsOutput{Applications: names, NextToken: token}, nil
}

func (s *scene) infos(in *codedeploy.BatchGetApplicationsInput) (*codedeploy.BatchGetApplicationsOutput, error) {
	out := &codedeploy.BatchGetApplicationsOutput{}
	for _, app := range in.ApplicationNames {
		out.ApplicationsInfo = append(out.ApplicationsInfo, types.ApplicationInfo{ApplicationName: &app, ComputePlatform: s.platform[app]})
	}
	return out, nil
}

func (s *scene) names(in *codedeploy.ListDeploymentGroupsInput) (*codedeploy.ListDeploymentGroupsOutput, error) {
	var all []string
	for name := range s.groups {
		if group, ok := strings.CutPrefix(name, *in.ApplicationName+"/"); ok {
			all = append(all, group)
		}
	}
	names, token := page(all, in.NextToken)
	return &codedeploy.ListDeploymentGroupsOutput{DeploymentGroups: names, NextToken: token}, nil
}

func (s *scene) details(in *codedeploy.BatchGetDeploymentGroupsInput) (*codedeploy.BatchGetDeploymentGroupsOutput, error) {
	out := &codedeploy.BatchGetDeploymentGroupsOutput{}
	for _, name := range in.DeploymentGroupNames {
		out.DeploymentGroupsInfo = append(out.DeploymentGroupsInfo, *s.groups[*in.ApplicationName+"/"+name])
	}
	return out, nil
}

func TestTheGroupOfAServiceIsFound(t *testing.T) {
	set := func(status, id string) ecstypes.TaskSet {
		return ecstypes.TaskSet{Status: &status, ExternalId: &id, TaskDefinition: aws.String("web:" + status)}
	}
	for name, c := range map[string]struct {
		set   func(*scene)
		want  string
		calls int // at most
	}{
		"by its task set": {func(s *scene) {
			s.service.TaskSets = []ecstypes.TaskSet{set("PRIMARY", "d-1")}
			s.group("shop/web", "shop web")
			s.deployments["d-1"] = "shop/web"
		}, "shop/web", 3},
		"by a later task set": {func(s *scene) {
			s.service.TaskSets = []ecstypes.TaskSet{set("ACTIVE", "d-GONE"), set("ACTIVE", "d-2"), set("ACTIVE", "by hand"), set("PRIMARY", "d-1")}
			s.group("shop/web", "shop web")
			s.deployments["d-1"], s.deployments["d-2"] = "shop/web", "shop/deleted"
		}, "shop/web", 6},
		"by its name": {func(s *scene) {
			s.service.TaskSets = []ecstypes.TaskSet{set("PRIMARY", "d-GONE")}
			s.group("AppECS-shop-web/DgpECS-shop-web", "arn:aws:ecs:r:1:cluster/shop arn:aws:ecs:r:1:service/shop/web")
		}, "AppECS-shop-web/DgpECS-shop-web", 3},
		"by a search, since the name leads elsewhere": {func(s *scene) {
			s.group("AppECS-shop-web/DgpECS-shop-web", "other web")
			s.group("x/other", "shop other")
			s.group("x/web", "other web", "shop web")
			s.group("lambda/web", "shop web")
			s.platform["lambda"] = types.ComputePlatformLambda
		}, "x/web", 10},
		"in the 250th application": {func(s *scene) {
			for i := range 249 {
				s.group(fmt.Sprintf("a%d/g", i))
				s.platform[fmt.Sprintf("a%d", i)] = types.ComputePlatformServer
			}
			s.group("z/web", "shop web")
		}, "z/web", 12},
		"in the 120th group of one": {func(s *scene) {
			for i := range 119 {
				s.group(fmt.Sprintf("a/g%d", i), "shop other")
			}
			s.group("a/web", "shop web")
		}, "a/web", 9},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			c.set(s)
			if err := (Stage{}).Check(t.Context(), s.Run); err != nil {
				t.Fatal(err)
			}
			if got := s.Facts.Application + "/" + s.Facts.Group; got != c.want || s.Facts.Controller != run.CodeDeploy {
				t.Errorf("%s, want %s", got, c.want)
			}
			if n := len(s.Calls()); n > c.calls {
				t.Errorf("%d calls: %v", n, s.Calls())
			}
			if len(s.service.TaskSets) > 0 && s.Facts.Previous != "web:PRIMARY" {
				t.Errorf("%s served before", s.Facts.Previous)
			}
		})
	}
}

func TestNoGroupAndNoService(t *testing.T) {
	for words, set := range map[string]func(*scene){
		"no deployment group of CodeDeploy deploys service web of cluster shop": func(*scene) {},
		"there is no service web in cluster shop (region eu-west-1)":            func(s *scene) { s.service.Status = aws.String("INACTIVE") },
		"cluster shop: ": func(s *scene) {
			s.Set(awstest.Refused[ecs.DescribeServicesInput, ecs.DescribeServicesOutput](&ecstypes.ClusterNotFoundException{}))
		},
		"service web has the deployment controller EXTERNAL": func(s *scene) { s.service.DeploymentController.Type = ecstypes.DeploymentControllerTypeExternal },
		"service web has the deployment strategy BLUE_GREEN": func(s *scene) {
			s.service.DeploymentController = nil
			s.service.DeploymentConfiguration = &ecstypes.DeploymentConfiguration{Strategy: ecstypes.DeploymentStrategyBlueGreen}
		},
		"deployment group web of app deploys other/web, not shop/web": func(s *scene) {
			s.Config.CodeDeploy = config.CodeDeploy{Named: true, Application: "app", Group: "web"}
			s.group("app/web", "other web")
		},
		"deployment group web of app deploys no ECS service, not shop/web": func(s *scene) {
			s.Config.CodeDeploy = config.CodeDeploy{Named: true, Application: "app", Group: "web"}
			s.group("app/web")
		},
		"DeploymentGroupDoesNotExistException": func(s *scene) {
			s.Config.CodeDeploy = config.CodeDeploy{Named: true, Application: "app", Group: "web"}
		},
	} {
		s := newScene(t)
		set(s)
		if err := (Stage{}).Check(t.Context(), s.Run); fault.Code(err) != fault.Usage || !strings.Contains(err.Error(), words) || fault.Hint(err) == "" {
			t.Errorf("%v, want %q", err, words)
		}
	}
}

// What may not be asked is no reason to look elsewhere, and possibly find another group.
func TestAnErrorEndsTheSearch(t *testing.T) {
	s := newScene(t)
	s.group("x/web", "shop web")
	s.Set(awstest.Refused[codedeploy.GetDeploymentGroupInput, codedeploy.GetDeploymentGroupOutput](awstest.Denied))
	if err := (Stage{}).Check(t.Context(), s.Run); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Error(err)
	}
}

func TestARollingServiceNeedsNoGroup(t *testing.T) {
	for _, c := range []*ecstypes.DeploymentController{nil, {}, {Type: ecstypes.DeploymentControllerTypeEcs}} {
		s := newScene(t)
		s.service.DeploymentController, s.service.TaskDefinition = c, aws.String("web:1")
		if err := (Stage{}).Check(t.Context(), s.Run); err != nil || s.Facts.Controller != run.Rolling || s.Facts.Previous != "web:1" || len(s.Calls()) != 1 {
			t.Errorf("%+v, %v", s.Facts, err)
		}
	}
}

// A second deployment beside an active one is refused before anything is done, unless that
// was asked for, or it is this run's own.
func TestADeploymentThatIsActiveAlready(t *testing.T) {
	for name, c := range map[string]struct {
		status  types.DeploymentStatus
		own     string
		options run.Options
		refused bool
	}{
		"active":     {types.DeploymentStatusInProgress, "", run.Options{}, true},
		"waiting":    {types.DeploymentStatusReady, "", run.Options{IfActive: run.Refuse}, true},
		"waited for": {types.DeploymentStatusReady, "", run.Options{IfActive: run.Wait}, false},
		"superseded": {types.DeploymentStatusReady, "", run.Options{IfActive: run.Supersede}, false},
		"our own":    {types.DeploymentStatusInProgress, "d-1", run.Options{}, false},
		"failed":     {types.DeploymentStatusFailed, "", run.Options{}, false},
		"stopped":    {types.DeploymentStatusStopped, "", run.Options{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.Config.CodeDeploy, s.Options, s.Facts.DeploymentID = config.CodeDeploy{Named: true, Application: "app", Group: "web"}, c.options, c.own
			s.group("app/web", "shop web").LastAttemptedDeployment = &types.LastDeploymentInfo{DeploymentId: aws.String("d-1"), Status: c.status}
			err := Stage{}.Check(t.Context(), s.Run)
			if (err != nil) != c.refused || err != nil && err.Error() != "deployment d-1 of group web is still "+string(c.status) {
				t.Error(err)
			}
			if n := len(s.Calls()); n != 1 {
				t.Errorf("%d calls", n)
			}
		})
	}
}
