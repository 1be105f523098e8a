
names = group()
for rollback in (True, False):
    id = deploy(names, config='CodeDeployDefault.ECSCanary10Percent15Minutes')
    until('the canary is out', lambda: weights(id).get('Green') == 10)
    out = cd.stop_deployment(deploymentId=id, autoRollbackEnabled=rollback)
    assert out['status'] == 'Succeeded' and out['statusMessage'] == 'No more commands will be scheduled for execution in the deployment instances', out
    info = ended(id)
    assert info['status'] == 'Stopped' and info['errorInformation']['code'] == 'MANUAL_STOP', info
    assert events(id) == dict(zip(SIX, ['Succeeded'] * 4 + ['Failed', 'Skipped'])), events(id)
    fails('DeploymentAlreadyCompletedException', cd.stop_deployment, deploymentId=id)
    if rollback:
        rolled_back(info)
    else:
        assert 'rollbackInfo' not in info and weights(id) == {'Blue': 90, 'Green': 10}, info
next = deploy(names)
cd.get_waiter('deployment_successful').wait(deploymentId=next, WaiterConfig={'Delay': 1, 'MaxAttempts': 40})
stopped = cd.list_deployments(includeOnlyStatuses=['Stopped'], **names)['deployments']
assert len(stopped) == 2 and stopped[0] == id, stopped
batch = cd.batch_get_deployments(deploymentIds=stopped)['deploymentsInfo']
assert [d['status'] for d in batch] == ['Stopped', 'Stopped']
