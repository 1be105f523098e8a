
names = group(alarms=['errors', 'latency'])
id = deploy(names, config='CodeDeployDefault.ECSCanary10Percent15Minutes')
until('the canary is out', lambda: weights(id).get('Green') == 10)
ring('errors')
info = ended(id)
assert info['status'] == 'Stopped' and info['errorInformation']['code'] == 'ALARM_ACTIVE', info
assert info['errorInformation']['message'].endswith('the affected deployments have been stopped. Activated alarms: <errors>'), info
assert events(id) == dict(zip(SIX, ['Succeeded'] * 4 + ['Failed', 'Skipped'])), events(id)
rolled_back(info)
try:
    cd.get_waiter('deployment_successful').wait(deploymentId=id)
    raise AssertionError('the waiter is content')
except botocore.exceptions.WaiterError as e:
    assert e.last_response['deploymentInfo']['status'] == 'Stopped', e
again = deploy(names)  # it rings still
assert ended(again)['errorInformation']['code'] == 'ALARM_ACTIVE'
assert events(again)['BeforeInstall'] == 'Failed', events(again)
ended(get(again)['rollbackInfo']['rollbackDeploymentId'])
quiet = deploy(names, overrideAlarmConfiguration={'enabled': False, 'alarms': []})
assert ended(quiet)['status'] == 'Succeeded', get(quiet)
