
names = group(test=True)
id = deploy(names, rev=revision(AfterInstall='accept', BeforeAllowTraffic='reject'))
try:
    cd.get_waiter('deployment_successful').wait(deploymentId=id, WaiterConfig={'Delay': 1, 'MaxAttempts': 60})
    raise AssertionError('the waiter is content')
except botocore.exceptions.WaiterError as e:
    assert 'terminal failure state' in str(e) and e.last_response['deploymentInfo']['status'] == 'Failed', e
info = ended(id)
assert info['errorInformation'] == {
    'code': 'HOOK_EXECUTION_FAILURE', 'message': 'The deployment failed because one or more of the lifecycle event validation functions failed.'}, info
assert events(id) == dict(zip(EIGHT, ['Succeeded'] * 5 + ['Failed', 'Skipped', 'Skipped'])), events(id)
rolled_back(info)
missing = ended(deploy(names, rev=revision(BeforeInstall='nowhere')))
assert missing['status'] == 'Failed' and 'Function not found: nowhere' in missing['errorInformation']['message'], missing
