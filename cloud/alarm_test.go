package cloud_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	cd "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud"
)

// alarm makes an alarm on more than three errors a minute from green.
func (s *site) alarm(name string) {
	must(cloudwatch.NewFromConfig(s.cfg).PutMetricAlarm(s.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: &name, Namespace: aws.String("AWS/ApplicationELB"), MetricName: aws.String("HTTPCode_Target_5XX_Count"),
		Dimensions: []cw.Dimension{
			{Name: aws.String("LoadBalancer"), Value: aws.String(after(s.lb, ":loadbalancer/"))},
			{Name: aws.String("TargetGroup"), Value: aws.String("targetgroup/" + after(s.green, ":targetgroup/"))},
		},
		Statistic: cw.StatisticSum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(3),
		ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold, TreatMissingData: aws.String("notBreaching"),
	}))
}

func after(s, sep string) string {
	_, rest, _ := strings.Cut(s, sep)
	return rest
}

func (s *site) alarmState(name string) cw.MetricAlarm {
	return must(cloudwatch.NewFromConfig(s.cfg).DescribeAlarms(s.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{name}})).MetricAlarms[0]
}

// Green is healthy but answers 500 to everything else: the canary's requests raise the
// alarm, which stops the deployment and rolls it back.
func TestAnAlarmOnGreensErrorsRollsBack(t *testing.T) {
	s := started(t, cloud.Options{Driver: "native", TimeScale: 30}).site("green-5xx")
	s.alarm("green-5xx")
	s.until("the alarm is OK", func() bool { return s.alarmState("green-5xx").StateValue == cw.StateValueOk })
	stop := s.load()
	id := s.deploy(s.revision("500"))
	info := s.ended(id)
	stop()
	if info.Status != cd.DeploymentStatusStopped || info.ErrorInformation == nil || info.ErrorInformation.Code != cd.ErrorCodeAlarmActive ||
		!strings.HasSuffix(aws.ToString(info.ErrorInformation.Message), "Activated alarms: <green-5xx>") {
		t.Fatalf("ended as %s: %+v\n%s", info.Status, info.ErrorInformation, s.events(id))
	}
	if got := s.events(id); !strings.Contains(got, "AllowTraffic Failed") {
		t.Errorf("events: %s", got)
	}
	a := s.alarmState("green-5xx")
	if !strings.HasPrefix(*a.StateReason, "Threshold Crossed: 1 out of the last 1 datapoint") {
		t.Errorf("the alarm's reason is %s", *a.StateReason)
	}
	back := s.ended(aws.ToString(info.RollbackInfo.RollbackDeploymentId))
	if back.Status != cd.DeploymentStatusSucceeded || back.Creator != cd.DeploymentCreatorCodeDeployRollback {
		t.Fatalf("the rollback ended as %s: %s", back.Status, why(back))
	}
	for range 50 {
		if got := s.get(s.url); got != http.StatusOK {
			t.Fatalf("after the rollback a request is answered with %d", got)
		}
	}
	if bad, all := s.failing.Load(), s.requests.Load(); bad == 0 || bad > all/4 {
		t.Errorf("%d of %d requests failed; only the canary's tenth should", bad, all)
	}
}

// An alarm that is set by hand stops a deployment whose green is well.
func TestAnAlarmSetByHandStopsADeployment(t *testing.T) {
	s := started(t, cloud.Options{Driver: "native", TimeScale: 60}).site("manual")
	s.alarm("manual")
	id := s.deploy(s.revision("200"))
	s.until("traffic moves", func() bool { return strings.Contains(s.events(id), "AllowTraffic InProgress") })
	s.python(`
import boto3
cw = boto3.client('cloudwatch')
cw.set_alarm_state(AlarmName='manual', StateValue='ALARM', StateReason='a drill')
assert cw.describe_alarms(AlarmNames=['manual'])['MetricAlarms'][0]['StateReason'] == 'a drill'`)
	info := s.ended(id)
	if info.Status != cd.DeploymentStatusStopped || info.ErrorInformation.Code != cd.ErrorCodeAlarmActive || info.RollbackInfo == nil {
		t.Errorf("ended as %s: %+v, %+v", info.Status, info.ErrorInformation, info.RollbackInfo)
	}
}

// botocoreRollsBack updates a service of the ECS controller and lets its alarm go off.
const botocoreRollsBack = `
import boto3, time
ecs, cw = boto3.client('ecs'), boto3.client('cloudwatch')
def until(what, done):
    for _ in range(300):
        if done():
            return
        time.sleep(.1)
    raise AssertionError(what + ' did not happen')
def service():
    return ecs.describe_services(services=['web'])['services'][0]
def define():
    return ecs.register_task_definition(family='web', containerDefinitions=[{'name': 'web', 'image': 'sleeper', 'memory': 64}])['taskDefinition']['taskDefinitionArn']
cw.put_metric_alarm(AlarmName='errors', Namespace='Shop', MetricName='Errors', Statistic='Sum', Period=60, EvaluationPeriods=5, Threshold=1,
                    ComparisonOperator='GreaterThanThreshold', TreatMissingData='notBreaching')
first = define()
ecs.create_service(serviceName='web', taskDefinition=first, desiredCount=1,
                   deploymentConfiguration={'alarms': {'alarmNames': ['errors'], 'enable': True, 'rollback': True}})
ecs.get_waiter('services_stable').wait(services=['web'], WaiterConfig={'Delay': 1})
until("the first deployment", lambda: service()['deployments'][0]['rolloutState'] == 'COMPLETED')
ecs.update_service(service='web', taskDefinition=define())
rollout = service()['currentServiceDeployment']
time.sleep(.5)
cw.set_alarm_state(AlarmName='errors', StateValue='ALARM', StateReason='a drill')
until('the rollback', lambda: service()['taskDefinition'] == first)
until('its end', lambda: ecs.describe_service_deployments(serviceDeploymentArns=[rollout])['serviceDeployments'][0]['status'] == 'ROLLBACK_SUCCESSFUL')
d = ecs.describe_service_deployments(serviceDeploymentArns=[rollout])['serviceDeployments'][0]
assert d['alarms'] == {'status': 'TRIGGERED', 'alarmNames': ['errors'], 'triggeredAlarmNames': ['errors']}, d['alarms']
assert any('deployment failed: alarm detected.' in e['message'] for e in service()['events']), service()['events']
`

// A service of the ECS controller heeds its deployment's alarms.
func TestAnAlarmRollsARollingDeploymentBack(t *testing.T) {
	t.Parallel()
	r := started(t, cloud.Options{Driver: "fake", TimeScale: 60})
	r.python(botocoreRollsBack)
}
