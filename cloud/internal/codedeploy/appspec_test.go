package codedeploy

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
)

const yamlSpec = `version: 0.0
resources:
  - Web:
      type: AWS::ECS::Service
      properties:
        taskDefinition: "web:2"
        loadBalancerInfo:
          containerName: web
          containerPort: 80
        platformVersion: "1.4.0"
        networkConfiguration:
          awsvpcConfiguration: {subnets: [s-1, s-2], securityGroups: [sg-1], assignPublicIp: ENABLED}
        capacityProviderStrategy:
          - {capacityProvider: FARGATE_SPOT, base: 1, weight: 2}
hooks:
  - beforeInstall: one
  - AFTERINSTALL: "arn:aws:lambda:us-east-1:123456789012:function:two"
`

func TestAppSpecsInAnyForm(t *testing.T) {
	a, err := parseAppSpec(yamlSpec)
	if err != nil {
		t.Fatal(err)
	}
	if a.TaskDefinition != "web:2" || a.Container != "web" || a.Port != 80 || a.Platform != "1.4.0" || len(a.Network.Subnets) != 2 || *a.Providers[0].CapacityProvider != "FARGATE_SPOT" || a.Providers[0].Base != 1 ||
		a.Hooks["BeforeInstall"] != "one" || !strings.HasSuffix(a.Hooks["AfterInstall"], ":two") {
		t.Errorf("%+v", a)
	}
	for _, version := range []string{`1`, `"0.0"`, `0`} { // clients in the wild send these
		if _, err := parseAppSpec(strings.Replace(spec, "0.0", version, 1)); err != nil {
			t.Errorf("version %s: %v", version, err)
		}
	}
	for _, tt := range []struct{ old, now, want string }{
		{"version: 0.0\n", "", "version must be specified"},
		{"resources:", "things:", "Resources must be a list"},
		{"type: AWS::ECS::Service", "type: AWS::Lambda::Function", "must have the type AWS::ECS::Service"},
		{"containerPort: 80", `containerPort: "80"`, "ContainerPort must be an integer"}, // a quoted port
		{"containerPort: 80", "containerPort: 0", "ContainerPort must be an integer"},
		{"containerName: web", "containerName: ", "ContainerName"},
		{"        loadBalancerInfo:\n          containerName: web\n          containerPort: 80\n", "        loadBalancerInfo:\n          - containerName: web\n            containerPort: 80\n", "LoadBalancerInfo must be an object"},
		{", securityGroups: [sg-1]", "", "NetworkConfiguration must have"},
		{"ENABLED", "YES", "NetworkConfiguration must have"},
		{"beforeInstall: one", "install: one", "install is not a lifecycle event"},
		{"beforeInstall: one", "afterInstall: one", "exactly one Lambda function"},
		{"version: 0.0", "version: [[", "a not well-formed yaml"},
		{"version: 0.0", strings.Repeat("- ", 1000), "a not well-formed yaml"},
		{"version: 0.0", "version: 0.0\n" + manyKeys(20000), "a not well-formed yaml"}, // would take seconds
	} {
		_, err := parseAppSpec(strings.Replace(yamlSpec, tt.old, tt.now, 1))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "The deployment failed because the AppSpec file") {
			t.Errorf("%s: got %v, want %q", tt.now, err, tt.want)
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: v\n", i)
	}
	return b.String()
}

func FuzzAppSpec(f *testing.F) {
	f.Add(spec)
	f.Add(yamlSpec)
	f.Add("a: &a [*a, {b: c}]\n- - - x")
	f.Add(manyKeys(4000))
	f.Fuzz(func(t *testing.T, text string) {
		began := time.Now()
		a, err := parseAppSpec(text)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%v for %d bytes", took, len(text))
		}
		if err == nil && (a.TaskDefinition == "" || a.Container == "" || a.Port < 1) {
			t.Errorf("accepted %+v", a)
		}
	})
}

// bucket has one object in two versions.
type bucket struct{}

func (b *bucket) Object(_ context.Context, bucket, key, version string, limit int64) ([]byte, string, error) {
	switch {
	case bucket == "specs" && key == "secret":
		return nil, "", noS3{}
	case bucket != "specs" || key != "web.yaml" || (version != "" && version != "v1"):
		return nil, "", &smithy.GenericAPIError{Code: "NoSuchKey", Message: "The specified key does not exist."}
	case version == "v1":
		return []byte("[[")[:min(2, limit)], `"old"`, nil
	}
	return []byte(strings.Split(yamlSpec, "hooks:")[0]), `"new"`, nil
}

// noS3 is what a role without s3:GetObject meets.
type noS3 struct{}

func (noS3) Error() string    { return "no" }
func (noS3) DeniedBy() string { return "AmazonS3" }

func TestRevisionsInS3(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*types.S3Location)
		want   string
		code   types.ErrorCode
	}{
		"newest":        {func(*types.S3Location) {}, "", ""},
		"with its ETag": {func(l *types.S3Location) { l.ETag = aws.String("new") }, "", ""},
		"other ETag":    {func(l *types.S3Location) { l.ETag = aws.String("old") }, "The ETag of s3://specs/web.yaml is new, not old", types.ErrorCodeInvalidRevision},
		"old version":   {func(l *types.S3Location) { l.Version = aws.String("v1") }, "a not well-formed yaml", types.ErrorCodeInvalidRevision},
		"no version":    {func(l *types.S3Location) { l.Version = aws.String("v9") }, "The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey", types.ErrorCodeRevisionMissing},
		"no object":     {func(l *types.S3Location) { l.Key = aws.String("x") }, "NoSuchKey", types.ErrorCodeRevisionMissing},
		"no permission": {func(l *types.S3Location) { l.Key = aws.String("secret") }, "does not give you permission to perform operations in the following AWS service: AmazonS3.", types.ErrorCodeIamRolePermissions},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := setStage(t, nil, func(o *Options) { o.Objects = &bucket{} })
			r := inS3("web.yaml")
			tt.change(r.S3Location)
			id := s.deploy(func(in *codedeploy.CreateDeploymentInput) { in.Revision = r })
			time.Sleep(10 * time.Minute)
			d := s.get(id)
			if tt.want == "" {
				if d.Status != types.DeploymentStatusSucceeded || d.Revision.S3Location == nil {
					t.Fatalf("%s: %s %+v", name, d.Status, d.ErrorInformation)
				}
				in := s.asked
				if *in.PlatformVersion != "1.4.0" || in.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp != ecstypes.AssignPublicIpEnabled || in.LaunchType != "" || *in.CapacityProviderStrategy[0].CapacityProvider != "FARGATE_SPOT" {
					t.Errorf("%s: the task set is made with %+v", name, in)
				}
				return
			}
			if d.Status != types.DeploymentStatusFailed || d.ErrorInformation.Code != tt.code || !strings.Contains(*d.ErrorInformation.Message, tt.want) {
				t.Errorf("%s: %s %s %s", name, d.Status, d.ErrorInformation.Code, aws.ToString(d.ErrorInformation.Message))
			}
		})
	}
}
