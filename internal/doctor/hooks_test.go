package doctor

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
)

// what are the findings in one word and sentence each; all of them are whole.
func what(t *testing.T, e *examination) []string {
	t.Helper()
	var out []string
	for _, f := range e.rep.Findings {
		if f.Where == "" || f.Why == "" || f.Fix == "" {
			t.Errorf("%+v lacks something", f)
		}
		out = append(out, string(f.Severity)+": "+f.What)
	}
	return out
}

func TestHooks(t *testing.T) {
	spec, err := appspec.Parse("appspec.json", []byte(`{"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": "x",
		"LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80}}}}], "Hooks": [{"AfterAllowTestTraffic": "there"}, {"BeforeAllowTraffic": "gone"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	clients, _ := awstest.New(t, awstest.On(func(in *lambda.GetFunctionConfigurationInput) (*lambda.GetFunctionConfigurationOutput, error) {
		if *in.FunctionName == "gone" {
			return nil, &lambdatypes.ResourceNotFoundException{Message: aws.String("Function not found")}
		}
		return &lambda.GetFunctionConfigurationOutput{}, nil
	}))
	group := &cdtypes.DeploymentGroupInfo{DeploymentGroupName: aws.String("g")}
	e := &examination{Subject: &Subject{AWS: clients, AppSpec: spec, Group: group}, rep: &Report{}}
	if err := e.hooks(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := what(t, e); !slices.Equal(got, []string{"warning: the hook AfterAllowTestTraffic never runs: the deployment group has no test listener", "error: there is no function gone"}) {
		t.Errorf("%q", got)
	}
	group.LoadBalancerInfo = &cdtypes.LoadBalancerInfo{TargetGroupPairInfoList: []cdtypes.TargetGroupPairInfo{{TestTrafficRoute: &cdtypes.TrafficRoute{ListenerArns: []string{"a"}}}}}
	e.rep = &Report{}
	if err := e.hooks(t.Context()); err != nil || len(e.rep.Findings) != 1 {
		t.Errorf("with a test listener: %v, %+v", err, e.rep.Findings)
	}
	denied, _ := awstest.New(t, awstest.Refused[lambda.GetFunctionConfigurationInput, lambda.GetFunctionConfigurationOutput](awstest.Denied))
	e = &examination{Subject: &Subject{AWS: denied, AppSpec: spec, Group: group}, rep: &Report{}}
	if err := e.hooks(t.Context()); err == nil || len(e.rep.Findings) != 0 {
		t.Errorf("denied: %v, %+v", err, e.rep.Findings)
	}
}

func TestAlarms(t *testing.T) {
	clients, calls := awstest.New(t, awstest.Always[cloudwatch.DescribeAlarmsInput](&cloudwatch.DescribeAlarmsOutput{
		MetricAlarms:    []cwtypes.MetricAlarm{{AlarmName: aws.String("quiet"), StateValue: cwtypes.StateValueOk}},
		CompositeAlarms: []cwtypes.CompositeAlarm{{AlarmName: aws.String("loud"), StateValue: cwtypes.StateValueAlarm}},
	}))
	c := &cdtypes.AlarmConfiguration{Alarms: []cdtypes.Alarm{{Name: aws.String("quiet")}, {Name: aws.String("loud")}, {Name: aws.String("gone")}}}
	e := &examination{Subject: &Subject{AWS: clients, Group: &cdtypes.DeploymentGroupInfo{AlarmConfiguration: c}}, rep: &Report{}}
	if err := e.alarms(t.Context()); err != nil || calls.Count("DescribeAlarms") != 0 {
		t.Errorf("alarms that are not in use are asked for: %v", err)
	}
	c.Enabled = true
	if err := e.alarms(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := what(t, e); !slices.Equal(got, []string{"warning: in ALARM now: loud", "warning: there is no alarm gone"}) {
		t.Errorf("%q", got)
	}
}

// The deployment group's own role is looked at like the task's.
func TestTheGroupsRole(t *testing.T) {
	trust := `{"Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}`
	clients, _ := awstest.New(t, awstest.On(func(in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
		if *in.RoleName == "gone" {
			return nil, &iamtypes.NoSuchEntityException{}
		}
		return &iam.GetRoleOutput{Role: &iamtypes.Role{Arn: aws.String("a"), AssumeRolePolicyDocument: &trust}}, nil
	}))
	for role, want := range map[string]string{
		"gone": "error: there is no role gone", "odd": "error: the role odd does not trust codedeploy.amazonaws.com",
	} {
		group := &cdtypes.DeploymentGroupInfo{DeploymentGroupName: aws.String("g"), ServiceRoleArn: aws.String("arn:aws:iam::123456789012:role/" + role)}
		e := &examination{Subject: &Subject{AWS: clients, Group: group}, rep: &Report{}}
		if err := e.roles(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := what(t, e); !slices.Equal(got, []string{want}) || !strings.Contains(e.rep.Findings[0].Why, "CodeDeploy cannot assume it") {
			t.Errorf("%+v", e.rep.Findings)
		}
	}
}

// A placeholder is as it should be for the container that `turnout ship` builds.
func TestPlaceholders(t *testing.T) {
	spec, err := appspec.Parse("appspec.json", []byte(`{"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": "x",
		"LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80}}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	definition := ecstypes.TaskDefinition{ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("<IMAGE>")}, {Name: aws.String("side"), Image: aws.String("<SIDE>")}}}
	for source, want := range map[bool][]string{
		true:  {`note: the image "<IMAGE>" is a placeholder`, `warning: the image "<SIDE>" is a placeholder`},
		false: {`warning: the image "<IMAGE>" is a placeholder`, `warning: the image "<SIDE>" is a placeholder`},
	} {
		e := &examination{Subject: &Subject{AppSpec: spec, File: "taskdef.json", Definition: definition, Source: source}, rep: &Report{}}
		if err := e.images(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := what(t, e); !slices.Equal(got, want) {
			t.Errorf("source %v: %q", source, got)
		}
	}
}
