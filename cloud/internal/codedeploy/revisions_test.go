package codedeploy

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

func sumOf(s string) *string {
	h := sha256.Sum256([]byte(s))
	return aws.String(hex.EncodeToString(h[:]))
}

func inS3(key string) *types.RevisionLocation {
	return &types.RevisionLocation{RevisionType: types.RevisionLocationTypeS3, S3Location: &types.S3Location{Bucket: aws.String("specs"), Key: &key, BundleType: types.BundleTypeYaml}}
}

func appSpecOf(content, sum *string) *types.RevisionLocation {
	return &types.RevisionLocation{RevisionType: types.RevisionLocationTypeAppSpecContent, AppSpecContent: &types.AppSpecContent{Content: content, Sha256: sum}}
}

func TestRevisionsAreCheckedForTheirPlatform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		for name, tt := range map[string]struct {
			r    *types.RevisionLocation
			want string
		}{
			"none":           {nil, "RevisionRequiredException: RevisionLocation must be specified"},
			"no type":        {&types.RevisionLocation{}, "InvalidRevisionException"},
			"no such type":   {&types.RevisionLocation{RevisionType: "Git"}, "InvalidRevisionException"},
			"no body":        {&types.RevisionLocation{RevisionType: types.RevisionLocationTypeS3}, "InvalidRevisionException"},
			"other body":     {&types.RevisionLocation{RevisionType: types.RevisionLocationTypeS3, AppSpecContent: &types.AppSpecContent{Content: aws.String(spec)}}, "InvalidRevisionException"},
			"GitHub":         {&types.RevisionLocation{RevisionType: types.RevisionLocationTypeGitHub, GitHubLocation: &types.GitHubLocation{}}, "InvalidRevisionException: For ECS deployment"},
			"no bucket":      {&types.RevisionLocation{RevisionType: types.RevisionLocationTypeS3, S3Location: &types.S3Location{Key: aws.String("k"), BundleType: types.BundleTypeYaml}}, "InvalidRevisionException"},
			"zip":            {&types.RevisionLocation{RevisionType: types.RevisionLocationTypeS3, S3Location: &types.S3Location{Bucket: aws.String("b"), Key: aws.String("k"), BundleType: types.BundleTypeZip}}, "InvalidRevisionException: BundleType must be either YAML or JSON"},
			"no content":     {appSpecOf(nil, nil), "InvalidRevisionException"},
			"wrong sum":      {appSpecOf(aws.String(spec), sumOf("other")), "InvalidRevisionException: The sha256 of the revision does not match its content"},
			"unknown sum":    {appSpecOf(nil, sumOf("other")), "RevisionDoesNotExistException"},
			"wrong string":   {&types.RevisionLocation{RevisionType: types.RevisionLocationTypeString, String_: &types.RawString{Content: aws.String(spec), Sha256: sumOf("x")}}, "InvalidRevisionException"},
			"upper-case sum": {appSpecOf(aws.String(spec), aws.String(strings.ToUpper(*sumOf(spec)))), "InvalidRevisionException"},
		} {
			_, err := s.CreateDeployment(t.Context(), s.request(func(in *codedeploy.CreateDeploymentInput) { in.Revision = tt.r }))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want %s", name, err, tt.want)
			}
		}
	})
}

func TestRevisionsAreRegisteredListedAndDeployedByTheirSum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		other := spec + "\n"
		for i, r := range []*types.RevisionLocation{appSpecOf(&other, nil), inS3("a/1.yaml"), inS3("a/2.yaml"), inS3("b.yaml")} {
			in := &codedeploy.RegisterApplicationRevisionInput{ApplicationName: aws.String("app"), Revision: r, Description: aws.String("by hand")}
			if _, err := s.RegisterApplicationRevision(t.Context(), in); err != nil {
				t.Fatal(i, err)
			}
			time.Sleep(time.Minute)
		}
		id := s.deploy(func(in *codedeploy.CreateDeploymentInput) { in.Revision = appSpecOf(nil, sumOf(other)) })
		time.Sleep(10 * time.Minute)
		if d := s.get(id); d.Status != types.DeploymentStatusSucceeded {
			t.Fatalf("%s %+v", d.Status, d.ErrorInformation)
		}
		text := &types.RevisionLocation{RevisionType: types.RevisionLocationTypeString, String_: &types.RawString{Content: aws.String(spec), Sha256: sumOf(spec)}}
		last := s.deploy(func(in *codedeploy.CreateDeploymentInput) { in.Revision = text })
		time.Sleep(10 * time.Minute)
		if d := s.get(last); d.Status != types.DeploymentStatusSucceeded || d.Revision.String_ == nil || d.Revision.String_.Content != nil {
			t.Fatalf("%s %+v", d.Status, d.Revision)
		}

		got, err := s.GetApplicationRevision(t.Context(), &codedeploy.GetApplicationRevisionInput{ApplicationName: aws.String("app"), Revision: appSpecOf(nil, sumOf(other))})
		if err != nil || *got.Revision.AppSpecContent.Content != other || *got.RevisionInfo.Description != "by hand" || got.RevisionInfo.FirstUsedTime == nil || len(got.RevisionInfo.DeploymentGroups) != 0 {
			t.Errorf("%v %+v", err, got)
		}
		batch, err := s.BatchGetApplicationRevisions(t.Context(), &codedeploy.BatchGetApplicationRevisionsInput{ApplicationName: aws.String("app"), Revisions: []types.RevisionLocation{*text, *inS3("b.yaml"), *inS3("none")}})
		if err != nil || len(batch.Revisions) != 2 || batch.ErrorMessage == nil {
			t.Fatalf("%v %+v", err, batch)
		}
		info := batch.Revisions[0].GenericRevisionInfo
		if *batch.Revisions[0].RevisionLocation.String_.Content != spec || *info.Description != "Application revision registered by Deployment ID: "+last || strings.Join(info.DeploymentGroups, "") != "dg" {
			t.Errorf("%+v", info)
		}
		for _, tt := range []struct {
			in   codedeploy.ListApplicationRevisionsInput
			want string
		}{
			{codedeploy.ListApplicationRevisionsInput{}, "AppSpecContent a/1.yaml a/2.yaml b.yaml String"},
			{codedeploy.ListApplicationRevisionsInput{SortOrder: types.SortOrderDescending}, "String b.yaml a/2.yaml a/1.yaml AppSpecContent"},
			{codedeploy.ListApplicationRevisionsInput{SortBy: types.ApplicationRevisionSortByLastUsedTime, SortOrder: types.SortOrderDescending, S3Bucket: nil, Deployed: types.ListStateFilterActionIgnore}, "String AppSpecContent b.yaml a/2.yaml a/1.yaml"},
			{codedeploy.ListApplicationRevisionsInput{S3Bucket: aws.String("specs"), S3KeyPrefix: aws.String("a/")}, "a/1.yaml a/2.yaml"},
			{codedeploy.ListApplicationRevisionsInput{Deployed: types.ListStateFilterActionInclude}, "String"},
			{codedeploy.ListApplicationRevisionsInput{Deployed: types.ListStateFilterActionExclude}, "AppSpecContent a/1.yaml a/2.yaml b.yaml"},
		} {
			tt.in.ApplicationName = aws.String("app")
			out, err := s.ListApplicationRevisions(t.Context(), &tt.in)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, r := range out.Revisions {
				if r.S3Location != nil {
					names = append(names, *r.S3Location.Key)
					continue
				}
				names = append(names, string(r.RevisionType))
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("%+v: %s, want %s", tt.in, got, tt.want)
			}
		}
		for want, in := range map[string]*codedeploy.ListApplicationRevisionsInput{
			"InvalidSortByException": {SortBy: "name"}, "InvalidSortOrderException": {SortOrder: "up"}, "InvalidDeployedStateFilterException": {Deployed: "yes"},
			"BucketNameFilterRequiredException": {S3KeyPrefix: aws.String("a")}, "InvalidNextTokenException": {NextToken: aws.String("x")},
		} {
			in.ApplicationName = aws.String("app")
			_, err := s.ListApplicationRevisions(t.Context(), in)
			refused(t, err, want)
		}
	})
}

func TestWhatIsForInstancesOnlyIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		for want, change := range map[string]func(*codedeploy.CreateDeploymentInput){
			"InvalidFileExistsBehaviorException: For Lambda, ECS and Kubernetes deployment, fileExistsBehavior can not be specified": func(in *codedeploy.CreateDeploymentInput) { in.FileExistsBehavior = types.FileExistsBehaviorOverwrite },
			"InvalidTargetInstancesException":                    func(in *codedeploy.CreateDeploymentInput) { in.TargetInstances = &types.TargetInstances{} },
			"InvalidUpdateOutdatedInstancesOnlyValueException":   func(in *codedeploy.CreateDeploymentInput) { in.UpdateOutdatedInstancesOnly = true },
			"InvalidIgnoreApplicationStopFailuresValueException": func(in *codedeploy.CreateDeploymentInput) { in.IgnoreApplicationStopFailures = true },
			"DeploymentGroupNameRequiredException":               func(in *codedeploy.CreateDeploymentInput) { in.DeploymentGroupName = nil },
			"DescriptionTooLongException":                        func(in *codedeploy.CreateDeploymentInput) { in.Description = aws.String(strings.Repeat("x", 513)) },
			"DeploymentConfigDoesNotExistException":              with("none"),
			"InvalidDeploymentConfigNameException":               with("CodeDeployDefault.LambdaAllAtOnce"),
			"InvalidAlarmConfigException": func(in *codedeploy.CreateDeploymentInput) {
				in.OverrideAlarmConfiguration = &types.AlarmConfiguration{Enabled: true}
			},
			"InvalidAutoRollbackConfigException": func(in *codedeploy.CreateDeploymentInput) {
				in.AutoRollbackConfiguration = &types.AutoRollbackConfiguration{Enabled: true}
			},
		} {
			_, err := s.CreateDeployment(t.Context(), s.request(change))
			refused(t, err, want)
		}
	})
}
