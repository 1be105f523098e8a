package codedeploy

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// refused checks that an error says what it should: its code, or part of its text.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestGroupsAreCheckedInAWSsOrder(t *testing.T) {
	type input = codedeploy.CreateDeploymentGroupInput
	tests := []struct {
		change func(*input)
		want   string
	}{
		{func(in *input) { in.ApplicationName = nil }, "ApplicationNameRequiredException"},
		{func(in *input) { in.ApplicationName = aws.String("a/b") }, "InvalidApplicationNameException"},
		{func(in *input) { in.ApplicationName = aws.String("nope") }, "ApplicationDoesNotExistException: No application found for name: nope"},
		{func(in *input) { in.DeploymentGroupName = nil }, "DeploymentGroupNameRequiredException: Deployment Group name is missing"},
		{func(in *input) { in.DeploymentGroupName = aws.String(strings.Repeat("x", 101)) }, "InvalidDeploymentGroupNameException"},
		{func(in *input) { in.DeploymentGroupName = aws.String("dg") }, "DeploymentGroupAlreadyExistsException"},
		{func(in *input) { in.Tags = []types.Tag{{Key: aws.String("aws:x")}} }, "InvalidTagsToAddException"},
		{func(in *input) { in.ServiceRoleArn = nil }, "RoleRequiredException"},
		{func(in *input) { in.ServiceRoleArn = aws.String("notanarn") }, "InvalidRoleException"},
		{func(in *input) { in.DeploymentStyle = nil }, "InvalidDeploymentStyleException: For ECS deployment, the deployment type must be BLUE_GREEN, and deployment option must be WITH_TRAFFIC_CONTROL."},
		{func(in *input) { in.LoadBalancerInfo = nil }, "InvalidLoadBalancerInfoException: For ECS deployment group, loadBalancerInfo must be specified"},
		{func(in *input) { in.LoadBalancerInfo.ElbInfoList = []types.ELBInfo{{}} }, "loadBalancerInfo must not contain elbInfo list"},
		{func(in *input) { in.LoadBalancerInfo.TargetGroupInfoList = []types.TargetGroupInfo{{}} }, "loadBalancerInfo must not contain targetGroupInfo list"},
		{func(in *input) { in.BlueGreenDeploymentConfiguration = nil }, "InvalidBlueGreenDeploymentConfigurationException: For ECS deployment group, blueGreenDeploymentConfiguration must be specified"},
		{func(in *input) { in.AutoScalingGroups = []string{"asg"} }, "InvalidAutoScalingGroupException: For ECS deployment group, autoScalingGroups can not be specified"},
		{func(in *input) { in.Ec2TagFilters = []types.EC2TagFilter{{}} }, "InvalidEC2TagException"},
		{func(in *input) { in.OnPremisesInstanceTagFilters = []types.TagFilter{{}} }, "InvalidTagException"},
		{func(in *input) { in.Ec2TagSet = &types.EC2TagSet{Ec2TagSetList: [][]types.EC2TagFilter{{}}} }, "InvalidEC2TagCombinationException"},
		{func(in *input) { in.EcsServices = nil }, "InvalidECSServiceException"},
		{func(in *input) { in.EcsServices[0].ServiceName = aws.String("x") }, "InvalidECSServiceException: Could not load ECS service information for cluster: c, service: x. Cause:"},
		{func(in *input) { in.EcsServices[0].ServiceName = aws.String("rolling") }, "InvalidECSServiceException: Deployment group's ECS service must be configured for a CODE_DEPLOY deployment controller."},
		{func(in *input) {
			in.EcsServices[0] = types.ECSService{ClusterName: aws.String("arn:aws:ecs:us-east-1:123456789012:cluster/c"), ServiceName: aws.String("arn:aws:ecs:us-east-1:123456789012:service/c/web")}
		}, "ECSServiceMappingLimitExceededException"},
		{func(in *input) {
			in.LoadBalancerInfo.TargetGroupPairInfoList[0].TargetGroups = in.LoadBalancerInfo.TargetGroupPairInfoList[0].TargetGroups[:1]
		}, "InvalidTargetGroupPairException: A deployment group associated with an application that uses the ECS compute platform must contain a valid pair of target groups that identify a load balancer."},
		{func(in *input) {
			in.LoadBalancerInfo.TargetGroupPairInfoList[0].TargetGroups[1].Name = aws.String("green")
		}, "InvalidTargetGroupPairException"},
		{func(in *input) { // of another load balancer
			in.LoadBalancerInfo.TargetGroupPairInfoList[0].TargetGroups[1].Name = aws.String("elsewhere")
		}, "InvalidTargetGroupPairException"},
		{func(in *input) { // of none at all
			in.LoadBalancerInfo.TargetGroupPairInfoList[0].TargetGroups = []types.TargetGroupInfo{{Name: aws.String("loose")}, {Name: aws.String("lost")}}
		}, "InvalidTargetGroupPairException"},
		{func(in *input) {
			in.LoadBalancerInfo.TargetGroupPairInfoList[0].ProdTrafficRoute.ListenerArns[0] = "listener/none"
		}, "InvalidTargetGroupPairException"},
		{func(in *input) { in.DeploymentConfigName = aws.String("NoSuchConfig") }, "DeploymentConfigDoesNotExistException"},
		{func(in *input) { in.DeploymentConfigName = aws.String("CodeDeployDefault.OneAtATime") }, "InvalidDeploymentConfigNameException"},
		{func(in *input) {
			in.BlueGreenDeploymentConfiguration.TerminateBlueInstancesOnDeploymentSuccess.TerminationWaitTimeInMinutes = 2881
		}, "InvalidBlueGreenDeploymentConfigurationException"},
		{func(in *input) {
			in.BlueGreenDeploymentConfiguration.DeploymentReadyOption = &types.DeploymentReadyOption{ActionOnTimeout: "NO"}
		}, "InvalidBlueGreenDeploymentConfigurationException"},
		{func(in *input) { in.AlarmConfiguration = &types.AlarmConfiguration{Enabled: true} }, "InvalidAlarmConfigException"},
		{func(in *input) {
			in.AlarmConfiguration = &types.AlarmConfiguration{Alarms: []types.Alarm{{Name: aws.String("a")}, {Name: aws.String("a")}}}
		}, "InvalidAlarmConfigException"},
		{func(in *input) {
			in.AlarmConfiguration = &types.AlarmConfiguration{Alarms: []types.Alarm{{Name: aws.String(strings.Repeat("a", 256))}}}
		}, "InvalidAlarmConfigException"},
		{func(in *input) {
			in.AlarmConfiguration = &types.AlarmConfiguration{}
			for i := range 11 {
				in.AlarmConfiguration.Alarms = append(in.AlarmConfiguration.Alarms, types.Alarm{Name: aws.String(fmt.Sprint(i))})
			}
		}, "AlarmsLimitExceededException"},
		{func(in *input) { in.AutoRollbackConfiguration = &types.AutoRollbackConfiguration{Enabled: true} }, "InvalidAutoRollbackConfigException"},
		{func(in *input) { in.TriggerConfigurations = []types.TriggerConfig{{TriggerName: aws.String("t")}} }, "InvalidTriggerConfigException"},
		{func(in *input) {
			for i := range 11 {
				in.TriggerConfigurations = append(in.TriggerConfigurations, types.TriggerConfig{
					TriggerName: aws.String(fmt.Sprint(i)), TriggerTargetArn: aws.String("arn:aws:sns:us-east-1:123456789012:t"), TriggerEvents: []types.TriggerEventType{types.TriggerEventTypeDeploymentFailure},
				})
			}
		}, "TriggerTargetsLimitExceededException"},
	}
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		for _, tt := range tests {
			in := goodGroup()
			in.DeploymentGroupName, in.EcsServices[0].ServiceName = aws.String("other"), aws.String("other")
			tt.change(in)
			_, err := s.CreateDeploymentGroup(t.Context(), in)
			refused(t, err, tt.want)
		}
		s.protocol = elbtypes.ProtocolEnumTcp
		in := goodGroup()
		in.DeploymentGroupName, in.EcsServices[0].ServiceName, in.DeploymentConfigName = aws.String("other"), aws.String("other"), aws.String("CodeDeployDefault.ECSCanary10Percent5Minutes")
		_, err := s.CreateDeploymentGroup(t.Context(), in)
		refused(t, err, "InvalidTrafficRoutingConfigurationException: Only ALB supports gradual traffic routing, use AllAtOnce Traffic routing instead when you create/update Deployment group.")
		_, err = s.CreateDeployment(t.Context(), s.request(with("CodeDeployDefault.ECSCanary10Percent5Minutes")))
		refused(t, err, "Only ALB supports gradual traffic routing")
	})
}

// People forget the compute platform of their application.
func TestAServerApplicationHasNoECSGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		if _, err := s.CreateApplication(t.Context(), &codedeploy.CreateApplicationInput{ApplicationName: aws.String("forgot")}); err != nil {
			t.Fatal(err)
		}
		in := goodGroup()
		in.ApplicationName, in.DeploymentConfigName = aws.String("forgot"), nil
		_, err := s.CreateDeploymentGroup(t.Context(), in)
		refused(t, err, "InvalidLoadBalancerInfoException: The specification for load balancing in the deployment group is invalid. The deploymentOption value is set to WITH_TRAFFIC_CONTROL, but")
		in.DeploymentStyle = nil
		_, err = s.CreateDeploymentGroup(t.Context(), in)
		refused(t, err, "InvalidECSServiceException: Should not specify ECS services parameter for Server deployment group")
		in.EcsServices, in.LoadBalancerInfo = nil, nil
		if _, err = s.CreateDeploymentGroup(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		out, err := s.CreateDeployment(t.Context(), &codedeploy.CreateDeploymentInput{ApplicationName: in.ApplicationName, DeploymentGroupName: in.DeploymentGroupName, Revision: &types.RevisionLocation{
			RevisionType: types.RevisionLocationTypeS3, S3Location: &types.S3Location{Bucket: aws.String("b"), Key: aws.String("k.zip"), BundleType: types.BundleTypeZip},
		}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if d := s.get(*out.DeploymentId); d.Status != types.DeploymentStatusFailed || d.ErrorInformation.Code != types.ErrorCodeNoInstances || *d.DeploymentConfigName != "CodeDeployDefault.OneAtATime" {
			t.Errorf("%s %+v", d.Status, d.ErrorInformation)
		}
	})
}

func TestUpdateDeploymentGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		id := s.deploy(nil)
		time.Sleep(10 * time.Minute)
		update := func(in *codedeploy.UpdateDeploymentGroupInput) error {
			in.ApplicationName = aws.String("app")
			if in.CurrentDeploymentGroupName == nil {
				in.CurrentDeploymentGroupName = aws.String("dg")
			}
			out, err := s.UpdateDeploymentGroup(t.Context(), in)
			if err == nil && out.HooksNotCleanedUp == nil {
				t.Error("hooksNotCleanedUp must be a list")
			}
			return err
		}
		refused(t, update(&codedeploy.UpdateDeploymentGroupInput{CurrentDeploymentGroupName: aws.String("no")}), "No Deployment Group found for name: no")
		refused(t, update(&codedeploy.UpdateDeploymentGroupInput{NewDeploymentGroupName: aws.String("a b")}), "InvalidDeploymentGroupNameException")
		refused(t, update(&codedeploy.UpdateDeploymentGroupInput{AlarmConfiguration: &types.AlarmConfiguration{Enabled: true}}), "InvalidAlarmConfigException")
		refused(t, update(&codedeploy.UpdateDeploymentGroupInput{EcsServices: []types.ECSService{{ClusterName: aws.String("c"), ServiceName: aws.String("rolling")}}}), "CODE_DEPLOY deployment controller")
		err := update(&codedeploy.UpdateDeploymentGroupInput{
			NewDeploymentGroupName: aws.String("new"), DeploymentConfigName: aws.String("CodeDeployDefault.ECSCanary10Percent5Minutes"),
			AutoRollbackConfiguration: &types.AutoRollbackConfiguration{},
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.GetDeploymentGroup(t.Context(), &codedeploy.GetDeploymentGroupInput{ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("new")})
		if err != nil {
			t.Fatal(err)
		}
		g := out.DeploymentGroupInfo
		if *g.DeploymentConfigName != "CodeDeployDefault.ECSCanary10Percent5Minutes" || g.AutoRollbackConfiguration.Enabled || g.LoadBalancerInfo == nil || g.AutoScalingGroups == nil || g.TriggerConfigurations == nil {
			t.Errorf("group %+v", g)
		}
		if g.LastSuccessfulDeployment == nil || *g.LastSuccessfulDeployment.DeploymentId != id || g.TargetRevision == nil || s.get(id).DeploymentGroupName == nil || *s.get(id).DeploymentGroupName != "new" {
			t.Errorf("the deployments did not follow: %+v", g.LastSuccessfulDeployment)
		}
	})
}

// A group that is made anew under an old name knows nothing of the old one's deployments,
// and a deployment whose group goes away fails for it.
func TestDeletedGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		id := s.deploy(nil)
		time.Sleep(time.Minute)
		if _, err := s.DeleteDeploymentGroup(t.Context(), &codedeploy.DeleteDeploymentGroupInput{ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("dg")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if d := s.get(id); d.Status != types.DeploymentStatusFailed || d.ErrorInformation.Code != types.ErrorCodeDeploymentGroupMissing || d.RollbackInfo != nil {
			t.Errorf("%s %+v %+v", d.Status, d.ErrorInformation, d.RollbackInfo)
		}
		if _, err := s.CreateDeploymentGroup(t.Context(), goodGroup()); err != nil {
			t.Fatal(err)
		}
		out, err := s.BatchGetDeploymentGroups(t.Context(), &codedeploy.BatchGetDeploymentGroupsInput{ApplicationName: aws.String("app"), DeploymentGroupNames: []string{"dg", "none"}})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.DeploymentGroupsInfo) != 1 || out.DeploymentGroupsInfo[0].LastAttemptedDeployment != nil || aws.ToString(out.ErrorMessage) != "No Deployment Group found for name: none" {
			t.Errorf("%+v %s", out.DeploymentGroupsInfo, aws.ToString(out.ErrorMessage))
		}
		if _, err := s.DeleteApplication(t.Context(), &codedeploy.DeleteApplicationInput{ApplicationName: aws.String("app")}); err != nil {
			t.Fatal(err)
		}
		_, err = s.GetDeployment(t.Context(), &codedeploy.GetDeploymentInput{DeploymentId: &id})
		refused(t, err, "DeploymentDoesNotExistException: The deployment "+id+" could not be found")
		if _, err := s.DeleteApplication(t.Context(), &codedeploy.DeleteApplicationInput{ApplicationName: aws.String("app")}); err != nil {
			t.Errorf("deleting twice: %v", err)
		}
	})
}
