package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/turnoutdev/turnout/internal/endpoint"
)

// hooks makes sure that the AppSpec's functions exist and that their events happen.
func (e *examination) hooks(ctx context.Context) error {
	if e.AppSpec == nil {
		return nil
	}
	client := lambda.NewFromConfig(e.AWS.Config())
	var errs []error
	for _, h := range e.AppSpec.Hooks() {
		if h.Event == "AfterAllowTestTraffic" && e.Group != nil && endpoint.Test(e.Group) == "" {
			e.found(Finding{Warning, "hooks", "the hook " + h.Event + " never runs: the deployment group has no test listener", e.AppSpec.File(), "what it was to check is not checked", "give the group a test listener (infrastructure.load_balancer.test_port), or check at BeforeAllowTraffic"})
		}
		_, err := client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(h.Function)})
		if code(err, "ResourceNotFoundException") {
			e.found(Finding{Error, "hooks", "there is no function " + h.Function, e.AppSpec.File() + ", hook " + h.Event, "CodeDeploy fails the deployment at " + h.Event, "create it in Lambda, or correct the hook"})
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// alarms makes sure that the group's alarms exist and none is active: CodeDeploy stops a
// deployment while one is.
func (e *examination) alarms(ctx context.Context) error {
	if e.Group == nil || e.Group.AlarmConfiguration == nil || !e.Group.AlarmConfiguration.Enabled || len(e.Group.AlarmConfiguration.Alarms) == 0 {
		return nil
	}
	c := e.Group.AlarmConfiguration
	var names []string
	for _, a := range c.Alarms {
		names = append(names, aws.ToString(a.Name))
	}
	out, err := cloudwatch.NewFromConfig(e.AWS.Config()).DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
		AlarmNames: names, AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm},
	})
	if err != nil {
		return err
	}
	states := map[string]cwtypes.StateValue{}
	for _, a := range out.MetricAlarms {
		states[aws.ToString(a.AlarmName)] = a.StateValue
	}
	for _, a := range out.CompositeAlarms {
		states[aws.ToString(a.AlarmName)] = a.StateValue
	}
	where := "deployment group " + aws.ToString(e.Group.DeploymentGroupName)
	active := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return states[n] != cwtypes.StateValueAlarm })
	gone := slices.DeleteFunc(names, func(n string) bool { return states[n] != "" })
	if len(active) > 0 {
		e.found(Finding{Warning, "alarms", "in ALARM now: " + strings.Join(active, ", "), where, "CodeDeploy stops the deployment while an alarm of its group is active", "see what it is about first, or leave it out of this deployment's group"})
	}
	if len(gone) > 0 && !c.IgnorePollAlarmFailure {
		e.found(Finding{Warning, "alarms", "there is no alarm " + strings.Join(gone, ", "), where, "what it was to watch is not watched, and CodeDeploy may stop the deployment", "create it in CloudWatch, or correct the group"})
	}
	return nil
}
