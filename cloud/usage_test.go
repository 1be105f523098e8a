package cloud_test

import (
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/cloud"
)

// botocoreWatchesTheCPU runs a busy and an idle service with an alarm each on the CPU.
const botocoreWatchesTheCPU = `
import boto3, datetime, time
ecs, cw = boto3.client('ecs'), boto3.client('cloudwatch')
for name, env in [('busy', [{'name': 'BUSY', 'value': '1'}]), ('idle', [])]:
    ecs.register_task_definition(family=name, networkMode='awsvpc', cpu='256', memory='512', requiresCompatibilities=['FARGATE'], executionRoleArn='ROLE',
        containerDefinitions=[{'name': 'web', 'image': 'IMAGE', 'environment': env}])
    ecs.create_service(serviceName=name, taskDefinition=name, desiredCount=1, launchType='FARGATE',
        networkConfiguration={'awsvpcConfiguration': {'subnets': ['subnet-0123456789abcdef0']}})
    cw.put_metric_alarm(AlarmName=name, Namespace='AWS/ECS', MetricName='CPUUtilization', Statistic='Average', Period=60, EvaluationPeriods=2, Threshold=40,
        Dimensions=[{'Name': 'ClusterName', 'Value': 'default'}, {'Name': 'ServiceName', 'Value': name}], ComparisonOperator='GreaterThanThreshold')
ecs.get_waiter('services_stable').wait(services=['busy', 'idle'], WaiterConfig={'Delay': 1})
def state(name):
    return cw.describe_alarms(AlarmNames=[name])['MetricAlarms'][0]['StateValue']
for _ in range(300):
    if (state('busy'), state('idle')) == ('ALARM', 'OK'):
        break
    time.sleep(.2)
assert (state('busy'), state('idle')) == ('ALARM', 'OK'), (state('busy'), state('idle'))
now = datetime.datetime.now(datetime.timezone.utc)
def statistics(name, service):
    return cw.get_metric_statistics(Namespace='AWS/ECS', MetricName=name, StartTime=now - datetime.timedelta(minutes=5), EndTime=now + datetime.timedelta(minutes=5), Period=600,
        Statistics=['Average', 'Maximum'], Dimensions=[{'Name': 'ClusterName', 'Value': 'default'}, {'Name': 'ServiceName', 'Value': service}])['Datapoints'][0]
for service in ['busy', 'idle']:
    memory = statistics('MemoryUtilization', service)
    assert 0 < memory['Average'] < 50 and memory['Unit'] == 'Percent', memory
`

// What containers use is measured, and an alarm on it works.
func TestAnAlarmOnTheCPUOfAService(t *testing.T) {
	r := started(t, cloud.Options{Driver: "native", TimeScale: 60})
	image := r.image("web", compiled(t, "testdata/web"))
	role := r.makeRole("execution", "ecs-tasks.amazonaws.com", "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
	r.python(strings.NewReplacer("IMAGE", image, "ROLE", role).Replace(botocoreWatchesTheCPU))
}
