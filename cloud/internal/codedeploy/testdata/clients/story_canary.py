
names = group(test=True)
id = deploy(names, config='CodeDeployDefault.ECSCanary10Percent5Minutes', rev=revision(BeforeInstall='accept', AfterAllowTestTraffic='accept'))
until('the test listener serves green', lambda: events(id)['AllowTestTraffic'] == 'Succeeded')
assert list(events(id)) == EIGHT and weights(id)['Green'] == 0, events(id)
until('the canary is out', lambda: weights(id) == {'Blue': 90, 'Green': 10})
assert events(id)['AllowTraffic'] == 'InProgress' and events(id)['AfterAllowTraffic'] == 'Pending', events(id)
began = time.time()
until('all traffic has moved', lambda: weights(id) == {'Blue': 0, 'Green': 100})
assert 2 < time.time() - began < 20, time.time() - began  # five minutes, divided by the scale
cd.get_waiter('deployment_successful').wait(deploymentId=id, WaiterConfig={'Delay': 1, 'MaxAttempts': 40})
