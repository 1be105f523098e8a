package codedeploy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// The SDK's own paginator goes through all pages, each new deployment before the older.
func TestListDeployments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, func(in *codedeploy.CreateDeploymentGroupInput) {
			in.BlueGreenDeploymentConfiguration = &types.BlueGreenDeploymentConfiguration{}
		})
		began := time.Now()
		var want []string
		bad := "[["
		for i := range 205 {
			want = append(want, s.deploy(func(in *codedeploy.CreateDeploymentInput) {
				if i < 200 { // fails at once
					in.Revision.AppSpecContent.Content = &bad
				}
			}))
			time.Sleep(time.Minute)
		}
		slices.Reverse(want)
		var got []string
		var pages []int
		p := codedeploy.NewListDeploymentsPaginator(s.Service, &codedeploy.ListDeploymentsInput{ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("dg")})
		for p.HasMorePages() {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got, pages = append(got, out.Deployments...), append(pages, len(out.Deployments))
		}
		if !slices.Equal(got, want) || fmt.Sprint(pages) != "[100 100 5]" {
			t.Errorf("pages %v, newest first %t", pages, slices.Equal(got, want))
		}
		list := func(in *codedeploy.ListDeploymentsInput) int {
			t.Helper()
			out, err := s.ListDeployments(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			return len(out.Deployments)
		}
		if n := list(&codedeploy.ListDeploymentsInput{IncludeOnlyStatuses: []types.DeploymentStatus{types.DeploymentStatusSucceeded}}); n != 5 {
			t.Errorf("%d succeeded", n)
		}
		if n := list(&codedeploy.ListDeploymentsInput{CreateTimeRange: &types.TimeRange{Start: aws.Time(began.Add(time.Minute)), End: aws.Time(began.Add(3 * time.Minute))}}); n != 3 {
			t.Errorf("%d from the second to the fourth minute", n)
		}
		if n := list(&codedeploy.ListDeploymentsInput{ExternalId: aws.String("stack")}); n != 0 {
			t.Errorf("%d of an external id", n)
		}
		for want, in := range map[string]*codedeploy.ListDeploymentsInput{
			"DeploymentGroupNameRequiredException": {ApplicationName: aws.String("app")},
			"ApplicationNameRequiredException":     {DeploymentGroupName: aws.String("dg")},
			"ApplicationDoesNotExistException":     {ApplicationName: aws.String("x"), DeploymentGroupName: aws.String("dg")},
			"DeploymentGroupDoesNotExistException": {ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("x")},
			"InvalidDeploymentStatusException":     {IncludeOnlyStatuses: []types.DeploymentStatus{"Done"}},
			"InvalidTimeRangeException":            {CreateTimeRange: &types.TimeRange{Start: aws.Time(began), End: aws.Time(began.Add(-1))}},
			"InvalidNextTokenException":            {NextToken: aws.String("x")},
		} {
			_, err := s.ListDeployments(t.Context(), in)
			refused(t, err, want)
		}
		batch, err := s.BatchGetDeployments(t.Context(), &codedeploy.BatchGetDeploymentsInput{DeploymentIds: []string{want[0], "d-000000000", want[1]}})
		if err != nil || len(batch.DeploymentsInfo) != 2 {
			t.Errorf("%v, %d deployments", err, len(batch.DeploymentsInfo))
		}
		for want, ids := range map[string][]string{"DeploymentIdRequiredException": nil, "InvalidDeploymentIdException": {"d-1"}, "BatchLimitExceededException": want[:26]} {
			_, err := s.BatchGetDeployments(t.Context(), &codedeploy.BatchGetDeploymentsInput{DeploymentIds: ids})
			refused(t, err, want)
		}
	})
}

func TestApplications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		id := s.deploy(nil)
		for want, in := range map[string]*codedeploy.CreateApplicationInput{
			"ApplicationNameRequiredException: Application name is missing": {},
			"InvalidApplicationNameException":                               {ApplicationName: aws.String("a b")},
			"ApplicationAlreadyExistsException: Application already exists": {ApplicationName: aws.String("app")},
			"InvalidComputePlatformException":                               {ApplicationName: aws.String("x"), ComputePlatform: "Kubernetes9"},
			"InvalidTagsToAddException":                                     {ApplicationName: aws.String("x"), Tags: []types.Tag{{}}},
		} {
			_, err := s.CreateApplication(t.Context(), in)
			refused(t, err, want)
		}
		if _, err := s.UpdateApplication(t.Context(), &codedeploy.UpdateApplicationInput{ApplicationName: aws.String("app"), NewApplicationName: aws.String("new")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if d := s.get(id); d.Status != types.DeploymentStatusSucceeded || *d.ApplicationName != "new" {
			t.Errorf("a deployment under way: %s of %s", d.Status, *d.ApplicationName)
		}
		groups, err := s.ListDeploymentGroups(t.Context(), &codedeploy.ListDeploymentGroupsInput{ApplicationName: aws.String("new")})
		if err != nil || !slices.Equal(groups.DeploymentGroups, []string{"dg"}) {
			t.Errorf("%v %v", groups, err)
		}
		out, err := s.BatchGetApplications(t.Context(), &codedeploy.BatchGetApplicationsInput{ApplicationNames: []string{"new"}})
		if err != nil || len(out.ApplicationsInfo) != 1 || out.ApplicationsInfo[0].ComputePlatform != types.ComputePlatformEcs {
			t.Errorf("%+v %v", out, err)
		}
		_, err = s.BatchGetApplications(t.Context(), &codedeploy.BatchGetApplicationsInput{ApplicationNames: []string{"new", "app"}})
		refused(t, err, "ApplicationDoesNotExistException: Applications not found for 123456789012")
		_, err = s.CreateDeployment(t.Context(), s.request(nil))
		refused(t, err, "ApplicationDoesNotExistException: Applications not found for 123456789012")
		_, err = s.UpdateApplication(t.Context(), &codedeploy.UpdateApplicationInput{ApplicationName: aws.String("new"), NewApplicationName: aws.String("")})
		refused(t, err, "ApplicationNameRequiredException")
	})
}

func TestTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		tag := func(kv ...string) (out []types.Tag) {
			for i := 0; i < len(kv); i += 2 {
				out = append(out, types.Tag{Key: &kv[i], Value: &kv[i+1]})
			}
			return out
		}
		for _, r := range []string{"application:app", "deploymentgroup:app/dg"} {
			a := aws.String("arn:aws:codedeploy:us-east-1:123456789012:" + r)
			for _, tags := range [][]types.Tag{tag("a", "1", "b", "2"), tag("b", "3", "c", "4")} {
				if _, err := s.TagResource(t.Context(), &codedeploy.TagResourceInput{ResourceArn: a, Tags: tags}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.UntagResource(t.Context(), &codedeploy.UntagResourceInput{ResourceArn: a, TagKeys: []string{"a", "none"}}); err != nil {
				t.Fatal(err)
			}
			out, err := s.ListTagsForResource(t.Context(), &codedeploy.ListTagsForResourceInput{ResourceArn: a})
			if err != nil || len(out.Tags) != 2 || *out.Tags[0].Key != "b" || *out.Tags[0].Value != "3" || *out.Tags[1].Key != "c" {
				t.Errorf("%s: %v %+v", r, err, out)
			}
			_, err = s.TagResource(t.Context(), &codedeploy.TagResourceInput{ResourceArn: a})
			refused(t, err, "TagRequiredException")
			_, err = s.TagResource(t.Context(), &codedeploy.TagResourceInput{ResourceArn: a, Tags: tag(strings.Repeat("k", 129), "")})
			refused(t, err, "InvalidTagsToAddException")
		}
		for a, want := range map[string]string{
			"": "ResourceArnRequiredException", "app": "InvalidArnException", "arn:aws:codedeploy:eu-west-1:123456789012:application:app": "InvalidArnException",
			"arn:aws:codedeploy:us-east-1:123456789012:deploymentconfig:x": "ArnNotSupportedException", "arn:aws:codedeploy:us-east-1:123456789012:application:x": "ApplicationDoesNotExistException",
			"arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:app/x": "DeploymentGroupDoesNotExistException",
		} {
			_, err := s.ListTagsForResource(t.Context(), &codedeploy.ListTagsForResourceInput{ResourceArn: &a})
			refused(t, err, want)
		}
	})
}

func TestDeploymentConfigs(t *testing.T) {
	canary := func(percent, minutes int32) *types.TrafficRoutingConfig {
		return &types.TrafficRoutingConfig{Type: types.TrafficRoutingTypeTimeBasedCanary, TimeBasedCanary: &types.TimeBasedCanary{CanaryPercentage: percent, CanaryInterval: minutes}}
	}
	linear := func(percent, minutes int32) *types.TrafficRoutingConfig {
		return &types.TrafficRoutingConfig{Type: types.TrafficRoutingTypeTimeBasedLinear, TimeBasedLinear: &types.TimeBasedLinear{LinearPercentage: percent, LinearInterval: minutes}}
	}
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		create := func(name string, r *types.TrafficRoutingConfig) error {
			_, err := s.CreateDeploymentConfig(t.Context(), &codedeploy.CreateDeploymentConfigInput{DeploymentConfigName: &name, ComputePlatform: types.ComputePlatformEcs, TrafficRoutingConfig: r})
			return err
		}
		for name, r := range map[string]*types.TrafficRoutingConfig{"once": {Type: types.TrafficRoutingTypeAllAtOnce}, "canary": canary(99, 2880), "linear": linear(30, 2)} {
			if err := create(name, r); err != nil {
				t.Error(err)
			}
		}
		both := canary(1, 1)
		both.TimeBasedLinear = &types.TimeBasedLinear{LinearPercentage: 1, LinearInterval: 1}
		for name, r := range map[string]*types.TrafficRoutingConfig{
			"none": nil, "no type": {}, "no body": {Type: types.TrafficRoutingTypeTimeBasedCanary}, "both": both, "0 %": canary(0, 1), "100 %": canary(100, 1),
			"0 minutes": linear(10, 0), "too long": canary(10, 2881), "too long in all": linear(1, 30),
		} {
			if err := create("x", r); err == nil || !strings.Contains(err.Error(), "InvalidTrafficRoutingConfigurationException") {
				t.Errorf("%s: %v", name, err)
			}
		}
		refused(t, create("linear", linear(1, 1)), "DeploymentConfigAlreadyExistsException")
		refused(t, create("CodeDeployDefault.Mine", linear(1, 1)), "InvalidDeploymentConfigNameException")
		refused(t, create("", linear(1, 1)), "DeploymentConfigNameRequiredException")
		_, err := s.CreateDeploymentConfig(t.Context(), &codedeploy.CreateDeploymentConfigInput{
			DeploymentConfigName: aws.String("x"), ComputePlatform: types.ComputePlatformEcs, TrafficRoutingConfig: linear(1, 1), MinimumHealthyHosts: &types.MinimumHealthyHosts{},
		})
		refused(t, err, "InvalidMinimumHealthyHostValueException")

		out, err := s.ListDeploymentConfigs(t.Context(), &codedeploy.ListDeploymentConfigsInput{})
		if err != nil || len(out.DeploymentConfigsList) != 17+3 || !slices.Contains(out.DeploymentConfigsList, "CodeDeployDefault.LambdaLinear10PercentEvery1Minute") {
			t.Errorf("%v %v", err, out)
		}
		remove := func(name string) error {
			_, err := s.DeleteDeploymentConfig(t.Context(), &codedeploy.DeleteDeploymentConfigInput{DeploymentConfigName: &name})
			return err
		}
		s.deploy(with("linear"))
		time.Sleep(21 * time.Second)
		refused(t, remove("linear"), "DeploymentConfigInUseException")
		refused(t, remove("CodeDeployDefault.ECSAllAtOnce"), "InvalidOperationException")
		time.Sleep(20 * time.Minute)
		if got := strings.Join(s.moves, " "); got != "0 30 60 90 100" {
			t.Errorf("30 percent a step moves %s", got)
		}
		for range 2 {
			if err := remove("linear"); err != nil {
				t.Error(err)
			}
		}
		_, err = s.GetDeploymentConfig(t.Context(), &codedeploy.GetDeploymentConfigInput{DeploymentConfigName: aws.String("linear")})
		refused(t, err, "DeploymentConfigDoesNotExistException: No Deployment Configuration found for name: linear")
	})
}
