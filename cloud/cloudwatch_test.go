package cloud_test

import (
	"testing"

	"github.com/turnoutdev/turnout/cloud"
)

// botocoreOverEveryProtocol drives metrics and alarms once over each protocol that this
// botocore knows of those the service is offered in.
const botocoreOverEveryProtocol = `
import datetime, boto3, botocore.loaders, botocore.parsers, botocore.session
original = botocore.loaders.Loader.load_service_model
def client(protocol):
    def load(self, *args, **kwargs):
        model = original(self, *args, **kwargs)
        if isinstance(model, dict) and model.get('metadata', {}).get('endpointPrefix') == 'monitoring':
            model = dict(model, metadata=dict(model['metadata'], protocol=protocol, protocols=[protocol]))
            if protocol == 'json':
                model['metadata'].setdefault('jsonVersion', '1.0')
                model['metadata'].setdefault('targetPrefix', 'GraniteServiceVersion20100801')
        return model
    botocore.loaders.Loader.load_service_model = load
    return boto3.session.Session().client('cloudwatch')

for protocol in ['query', 'json', 'smithy-rpc-v2-cbor']:
    if protocol not in botocore.parsers.PROTOCOL_PARSERS:
        continue
    seen = []
    cw = client(protocol)
    cw.meta.events.register('before-send.*', lambda request, **_: seen.append(dict(request.headers)))
    ns, dims = 'Test/' + protocol, [{'Name': 'Site', 'Value': 'a b&c=ü'}]
    now = datetime.datetime.now(datetime.timezone.utc)
    cw.put_metric_data(Namespace=ns, MetricData=[
        {'MetricName': 'Errors', 'Dimensions': dims, 'Value': 7.5, 'Unit': 'Count', 'Timestamp': now},
        {'MetricName': 'Errors', 'Dimensions': dims, 'Values': [1.0, 2.0], 'Counts': [3.0, 1.0]},
        {'MetricName': 'Latency', 'StatisticValues': {'SampleCount': 2, 'Sum': 4, 'Minimum': 1, 'Maximum': 3}}])
    kind = b' '.join(v if isinstance(v, bytes) else v.encode() for v in seen[-1].values())
    want = {'query': b'x-www-form-urlencoded', 'json': b'x-amz-json-1.0', 'smithy-rpc-v2-cbor': b'application/cbor'}[protocol]
    assert want in kind, (protocol, kind)
    names = sorted(m['MetricName'] for m in cw.list_metrics(Namespace=ns)['Metrics'])
    assert names == ['Errors', 'Latency'], names
    hour = datetime.timedelta(hours=1)
    points = cw.get_metric_statistics(Namespace=ns, MetricName='Errors', Dimensions=dims, StartTime=now - hour, EndTime=now + hour,
                                      Period=7200, Statistics=['Sum', 'SampleCount', 'Maximum'], ExtendedStatistics=['p50'])['Datapoints']
    assert sum(p['Sum'] for p in points) == 12.5 and sum(p['SampleCount'] for p in points) == 5, points
    assert abs(points[0]['ExtendedStatistics']['p50'] - 1) < 0.02, points
    data = cw.get_metric_data(StartTime=now - hour, EndTime=now + hour, MetricDataQueries=[
        {'Id': 'm', 'MetricStat': {'Metric': {'Namespace': ns, 'MetricName': 'Errors', 'Dimensions': dims}, 'Period': 7200, 'Stat': 'Sum'}, 'ReturnData': False},
        {'Id': 'e', 'Expression': 'm * 2', 'Label': 'twice'}])['MetricDataResults']
    assert [d['Id'] for d in data] == ['e'] and sum(data[0]['Values']) == 25 and data[0]['Label'] == 'twice', data
    name = 'alarm-' + protocol
    cw.put_metric_alarm(AlarmName=name, Namespace=ns, MetricName='Errors', Dimensions=dims, Statistic='Sum', Period=60, EvaluationPeriods=1,
                        Threshold=100.5, ComparisonOperator='GreaterThanThreshold', Tags=[{'Key': 'team', 'Value': 'web'}])
    cw.set_alarm_state(AlarmName=name, StateValue='ALARM', StateReason='drill', StateReasonData='{"x": 1}')
    alarm = cw.describe_alarms(AlarmNames=[name])['MetricAlarms'][0]
    assert (alarm['StateValue'], alarm['Threshold'], alarm['Dimensions'], alarm['ActionsEnabled']) == ('ALARM', 100.5, dims, True), alarm
    assert abs(alarm['StateUpdatedTimestamp'] - now) < datetime.timedelta(minutes=1), alarm
    assert cw.list_tags_for_resource(ResourceARN=alarm['AlarmArn'])['Tags'] == [{'Key': 'team', 'Value': 'web'}]
    history = cw.describe_alarm_history(AlarmName=name, HistoryItemType='StateUpdate')['AlarmHistoryItems']
    assert history[0]['HistorySummary'] == 'Alarm updated from INSUFFICIENT_DATA to ALARM', history
    assert len(cw.describe_alarms_for_metric(Namespace=ns, MetricName='Errors', Dimensions=dims)['MetricAlarms']) == 1
    cw.put_composite_alarm(AlarmName='over-' + name, AlarmRule='ALARM("%s") AND NOT OK("%s")' % (name, name), Tags=[{'Key': 'team', 'Value': 'all'}])
    over = cw.describe_alarms(AlarmNames=['over-' + name], AlarmTypes=['CompositeAlarm'])['CompositeAlarms'][0]
    assert over['StateValue'] == 'INSUFFICIENT_DATA' and name in over['AlarmRule'], over
    cw.get_waiter('composite_alarm_exists').wait(AlarmNames=['over-' + name], AlarmTypes=['CompositeAlarm'])
    cw.delete_alarms(AlarmNames=['over-' + name])
    cw.delete_alarms(AlarmNames=[name])
    for call, code in [(lambda: cw.set_alarm_state(AlarmName=name, StateValue='OK', StateReason='x'), 'ResourceNotFound'),
                       (lambda: cw.put_metric_data(Namespace='AWS/Mine', MetricData=[{'MetricName': 'x', 'Value': 1}]), 'InvalidParameterValue')]:
        try:
            call()
        except cw.exceptions.ClientError as e:
            assert e.response['Error']['Code'] in (code, code + 'Exception'), e.response
        else:
            raise AssertionError(code)
    print(protocol)
`

func TestCloudWatchSpeaksAllItsProtocols(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake"})
	t.Logf("spoken: %q", r.python(botocoreOverEveryProtocol))
}

func TestTheAWSCommandOnMetricsAndAlarms(t *testing.T) {
	t.Parallel()
	r := started(t, cloud.Options{Driver: "fake"})
	r.aws("cloudwatch", "put-metric-data", "--namespace", "Shop", "--metric-name", "Orders", "--value", "3", "--dimensions", "Site=eu")
	if got := r.aws("cloudwatch", "list-metrics", "--namespace", "Shop", "--query", "Metrics[].Dimensions[].Value"); got != "eu" {
		t.Errorf("dimensions are %q", got)
	}
	r.aws("cloudwatch", "put-metric-alarm", "--alarm-name", "few", "--namespace", "Shop", "--metric-name", "Orders", "--statistic", "Sum",
		"--period", "60", "--evaluation-periods", "2", "--threshold", "1", "--comparison-operator", "LessThanThreshold")
	r.aws("cloudwatch", "set-alarm-state", "--alarm-name", "few", "--state-value", "ALARM", "--state-reason", "drill")
	if got := r.aws("cloudwatch", "describe-alarms", "--state-value", "ALARM", "--query", "MetricAlarms[].[AlarmName,StateReason]"); got != "few\tdrill" {
		t.Errorf("alarms are %q", got)
	}
	r.aws("cloudwatch", "wait", "alarm-exists", "--alarm-names", "few")
	r.aws("cloudwatch", "delete-alarms", "--alarm-names", "few")
}
