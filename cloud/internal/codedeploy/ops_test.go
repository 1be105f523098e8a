package codedeploy

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// Every operation of the SDK's client is answered, and once.
func TestNoOperationIsMissing(t *testing.T) {
	var want, got []string
	client := reflect.TypeFor[*codedeploy.Client]()
	for m := range client.Methods() {
		if m.Type.NumIn() == 4 && m.Type.In(1) == reflect.TypeFor[context.Context]() {
			want = append(want, m.Name)
		}
	}
	for _, op := range wire.CodeDeploy((&Service{}).Ops()).Ops {
		got = append(got, op.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(want) < 47 || !slices.Equal(got, want) {
		t.Errorf("the model has %d operations, %d are answered:\n%v\n%v", len(want), len(got), want, got)
	}
}

func TestAnECSDeploymentHasNoInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		id := s.deploy(nil)
		_, err := s.ListDeploymentInstances(t.Context(), &codedeploy.ListDeploymentInstancesInput{DeploymentId: &id})
		refused(t, err, "InvalidComputePlatformException")
		_, err = s.GetDeploymentInstance(t.Context(), &codedeploy.GetDeploymentInstanceInput{DeploymentId: &id, InstanceId: aws.String("i-1")})
		refused(t, err, "InvalidComputePlatformException")
		_, err = s.BatchGetDeploymentInstances(t.Context(), &codedeploy.BatchGetDeploymentInstancesInput{DeploymentId: &id})
		refused(t, err, "InvalidComputePlatformException")
		_, err = s.ListDeploymentInstances(t.Context(), &codedeploy.ListDeploymentInstancesInput{DeploymentId: aws.String("d-000000000")})
		refused(t, err, "DeploymentDoesNotExistException")
		_, err = s.DeleteGitHubAccountToken(t.Context(), &codedeploy.DeleteGitHubAccountTokenInput{})
		refused(t, err, "GitHubAccountTokenNameRequiredException")
		_, err = s.DeleteGitHubAccountToken(t.Context(), &codedeploy.DeleteGitHubAccountTokenInput{TokenName: aws.String("me")})
		refused(t, err, "GitHubAccountTokenDoesNotExistException")
		names, err := s.ListGitHubAccountTokenNames(t.Context(), &codedeploy.ListGitHubAccountTokenNamesInput{})
		if err != nil || len(names.TokenNameList) != 0 {
			t.Errorf("%v %v", names, err)
		}
		if _, err := s.DeleteResourcesByExternalId(t.Context(), &codedeploy.DeleteResourcesByExternalIdInput{ExternalId: aws.String("x")}); err != nil {
			t.Error(err)
		}
	})
}

func TestOnPremisesInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		user := func(n string) *string { return aws.String("arn:aws:iam::123456789012:user/" + n) }
		register := func(name string, u, session *string) error {
			_, err := s.RegisterOnPremisesInstance(t.Context(), &codedeploy.RegisterOnPremisesInstanceInput{InstanceName: &name, IamUserArn: u, IamSessionArn: session})
			return err
		}
		session := aws.String("arn:aws:sts::123456789012:assumed-role/r/s")
		for n, who := range map[string][2]*string{"one": {user("one"), nil}, "two": {nil, session}} {
			if err := register(n, who[0], who[1]); err != nil {
				t.Fatal(err)
			}
		}
		refused(t, register("", user("x"), nil), "InstanceNameRequiredException")
		refused(t, register("x", nil, nil), "IamArnRequiredException")
		refused(t, register("x", user("x"), session), "MultipleIamArnsProvidedException")
		refused(t, register("x", session, nil), "InvalidIamUserArnException")
		refused(t, register("x", nil, user("x")), "InvalidIamSessionArnException")
		refused(t, register("one", user("x"), nil), "InstanceNameAlreadyRegisteredException")
		refused(t, register("x", user("one"), nil), "IamUserArnAlreadyRegisteredException")
		refused(t, register("x", nil, session), "IamSessionArnAlreadyRegisteredException")

		tags := []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")}}
		tag := func(names []string, tags []types.Tag) error {
			_, err := s.AddTagsToOnPremisesInstances(t.Context(), &codedeploy.AddTagsToOnPremisesInstancesInput{InstanceNames: names, Tags: tags})
			return err
		}
		if err := tag([]string{"one", "two"}, tags); err != nil {
			t.Fatal(err)
		}
		refused(t, tag([]string{"one"}, nil), "TagRequiredException")
		refused(t, tag([]string{"none"}, tags), "InstanceNotRegisteredException")
		refused(t, tag(nil, tags), "InstanceNameRequiredException")
		refused(t, tag(slices.Repeat([]string{"one"}, 101), tags), "InstanceLimitExceededException")
		refused(t, tag([]string{"one"}, slices.Repeat(tags, 6)), "TagLimitExceededException")
		refused(t, tag([]string{"one"}, []types.Tag{{}}), "InvalidTagException")
		if _, err := s.RemoveTagsFromOnPremisesInstances(t.Context(), &codedeploy.RemoveTagsFromOnPremisesInstancesInput{InstanceNames: []string{"two"}, Tags: tags[:1]}); err != nil {
			t.Fatal(err)
		}
		list := func(in *codedeploy.ListOnPremisesInstancesInput) string {
			t.Helper()
			out, err := s.ListOnPremisesInstances(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			return strings.Join(out.InstanceNames, " ")
		}
		if got := list(&codedeploy.ListOnPremisesInstancesInput{TagFilters: []types.TagFilter{{Key: aws.String("a"), Type: types.TagFilterTypeKeyOnly}, {Value: aws.String("2"), Type: types.TagFilterTypeValueOnly}}}); got != "one" {
			t.Errorf("tagged: %s", got)
		}
		for range 2 {
			if _, err := s.DeregisterOnPremisesInstance(t.Context(), &codedeploy.DeregisterOnPremisesInstanceInput{InstanceName: aws.String("one")}); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := list(&codedeploy.ListOnPremisesInstancesInput{RegistrationStatus: types.RegistrationStatusRegistered}), list(&codedeploy.ListOnPremisesInstancesInput{RegistrationStatus: types.RegistrationStatusDeregistered}); a != "two" || b != "one" {
			t.Errorf("registered %s, deregistered %s", a, b)
		}
		_, err := s.ListOnPremisesInstances(t.Context(), &codedeploy.ListOnPremisesInstancesInput{RegistrationStatus: "Lost"})
		refused(t, err, "InvalidRegistrationStatusException")
		out, err := s.BatchGetOnPremisesInstances(t.Context(), &codedeploy.BatchGetOnPremisesInstancesInput{InstanceNames: []string{"one", "none", "two"}})
		if err != nil || len(out.InstanceInfos) != 2 || out.InstanceInfos[0].DeregisterTime == nil || len(out.InstanceInfos[1].Tags) != 1 || !strings.HasPrefix(*out.InstanceInfos[1].InstanceArn, "arn:aws:codedeploy:us-east-1:123456789012:instance/two_") {
			t.Errorf("%v %+v", err, out)
		}
		_, err = s.GetOnPremisesInstance(t.Context(), &codedeploy.GetOnPremisesInstanceInput{InstanceName: aws.String("none")})
		refused(t, err, "InstanceNotRegisteredException")
	})
}
