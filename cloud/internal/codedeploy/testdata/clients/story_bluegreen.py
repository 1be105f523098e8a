
# All at once: each stage, what is shown at it, and the waiter's end.
names = group()
id = deploy(names, description='first')
info = get(id)
assert info['status'] in ('Created', 'InProgress') and 'deploymentOverview' not in info, info
assert (info['computePlatform'], info['creator'], info['description']) == ('ECS', 'user', 'first'), info
assert 'content' not in info['revision']['appSpecContent'] and len(info['revision']['appSpecContent']['sha256']) == 64, info
fails("DeploymentLimitExceededException: The Deployment Group 'web' already has an active Deployment '%s'" % id, cd.create_deployment, revision=revision(), **names)
until('it installs', lambda: events(id)['Install'] == 'InProgress')
assert list(events(id)) == SIX and weights(id) == {'Blue': 100, 'Green': 0}, weights(id)
until('blue waits for its end', lambda: get(id)['instanceTerminationWaitTimeStarted'])
t = target(id)
assert set(events(id).values()) == {'Succeeded'} and get(id)['status'] == 'InProgress' and t['status'] == 'Succeeded', t
sets = {s['taskSetLabel']: s for s in t['taskSetsInfo']}
assert (sets['Green']['status'], sets['Green']['trafficWeight'], sets['Green']['targetGroup']) == ('PRIMARY', 100, {'name': 'green'}), sets
assert (sets['Blue']['status'], sets['Blue']['trafficWeight'], sets['Blue']['identifer']) == ('ACTIVE', 0, 'ecs-svc/1'), sets
assert t['lastUpdatedAt'] >= info['createTime'], t
cd.get_waiter('deployment_successful').wait(deploymentId=id, WaiterConfig={'Delay': 1, 'MaxAttempts': 40})
info = get(id)
assert info['status'] == 'Succeeded' and info['completeTime'] > info['startTime'] >= info['createTime'], info
assert info['deploymentOverview'] == {'Pending': 0, 'InProgress': 0, 'Succeeded': 1, 'Failed': 0, 'Skipped': 0, 'Ready': 0}, info

g = cd.get_deployment_group(**names)['deploymentGroupInfo']
bg = g['blueGreenDeploymentConfiguration']
assert bg['deploymentReadyOption']['waitTimeInMinutes'] == 0 and bg['terminateBlueInstancesOnDeploymentSuccess']['terminationWaitTimeInMinutes'] == 5, bg
assert g['lastSuccessfulDeployment']['deploymentId'] == id and g['targetRevision'] == info['revision'] and g['ec2TagFilters'] == [], g
r = cd.get_application_revision(applicationName='stories', revision=info['revision'])
assert json.loads(r['revision']['appSpecContent']['content'])['version'] == 0 and r['revisionInfo']['description'] == 'Application revision registered by Deployment ID: ' + id, r
cd.update_deployment_group(applicationName='stories', currentDeploymentGroupName='web', newDeploymentGroupName='site', deploymentConfigName='CodeDeployDefault.ECSCanary10Percent15Minutes')
assert cd.list_deployment_groups(applicationName='stories')['deploymentGroups'] == ['site']
assert cd.list_deployments(applicationName='stories', deploymentGroupName='site')['deployments'] == [id]
fails('DeploymentGroupDoesNotExistException: No Deployment Group found for name: web', cd.get_deployment_group, **names)
fails('DeploymentGroupNameRequiredException', cd.list_deployments, applicationName='stories')
configs = [c for p in cd.get_paginator('list_deployment_configs').paginate() for c in p['deploymentConfigsList']]
assert len(configs) == 17, configs
