import json, os, time, urllib.request
import boto3, botocore.exceptions

cd = boto3.client('codedeploy')
PROD, TEST = 'listener/prod', 'listener/test'


def group(name='stories', events=('DEPLOYMENT_FAILURE', 'DEPLOYMENT_STOP_ON_ALARM'), alarms=(), ready=None, test=False, wait=5):
    """Makes an application and a group of its own, in place of the one that is there."""
    cd.delete_application(applicationName='app')
    cd.create_application(applicationName=name, computePlatform='ECS', tags=[{'Key': 'made', 'Value': 'here'}])
    pair = {'targetGroups': [{'name': 'blue'}, {'name': 'green'}], 'prodTrafficRoute': {'listenerArns': [PROD]}}
    if test:
        pair['testTrafficRoute'] = {'listenerArns': [TEST]}
    ready = {'actionOnTimeout': 'STOP_DEPLOYMENT', 'waitTimeInMinutes': ready} if ready else {'actionOnTimeout': 'CONTINUE_DEPLOYMENT'}
    made = cd.create_deployment_group(
        applicationName=name, deploymentGroupName='web', serviceRoleArn='arn:aws:iam::123456789012:role/cd',
        deploymentStyle={'deploymentType': 'BLUE_GREEN', 'deploymentOption': 'WITH_TRAFFIC_CONTROL'},
        blueGreenDeploymentConfiguration={
            'terminateBlueInstancesOnDeploymentSuccess': {'action': 'TERMINATE', 'terminationWaitTimeInMinutes': wait}, 'deploymentReadyOption': ready},
        alarmConfiguration={'enabled': bool(alarms), 'alarms': [{'name': a} for a in alarms]},
        autoRollbackConfiguration={'enabled': True, 'events': list(events)},
        loadBalancerInfo={'targetGroupPairInfoList': [pair]}, ecsServices=[{'clusterName': 'c', 'serviceName': 'web'}])
    assert len(made['deploymentGroupId']) == 36
    return dict(applicationName=name, deploymentGroupName='web')


def revision(**hooks):
    spec = {'version': 0.0, 'Resources': [{'TargetService': {'Type': 'AWS::ECS::Service', 'Properties': {
        'TaskDefinition': 'web:2', 'LoadBalancerInfo': {'ContainerName': 'web', 'ContainerPort': 80}}}}], 'Hooks': [{k: v} for k, v in hooks.items()]}
    return {'revisionType': 'AppSpecContent', 'appSpecContent': {'content': json.dumps(spec)}}


def deploy(names, config='CodeDeployDefault.ECSAllAtOnce', rev=None, **more):
    return cd.create_deployment(revision=rev or revision(), deploymentConfigName=config, **names, **more)['deploymentId']


def get(id):
    return cd.get_deployment(deploymentId=id)['deploymentInfo']


def target(id):
    ids = cd.list_deployment_targets(deploymentId=id)['targetIds']
    assert ids == ['c:web'], ids
    [one] = cd.batch_get_deployment_targets(deploymentId=id, targetIds=ids)['deploymentTargets']
    assert one['deploymentTargetType'] == 'ECSTarget', one
    return one['ecsTarget']


def events(id):
    return {e['lifecycleEventName']: e['status'] for e in target(id)['lifecycleEvents']}


def weights(id):
    return {s['taskSetLabel']: s['trafficWeight'] for s in target(id).get('taskSetsInfo', [])}


def until(what, ok):
    end = time.time() + 60
    while True:
        try:
            if ok():
                return
        except cd.exceptions.DeploymentNotStartedException:
            pass
        if time.time() > end:
            raise AssertionError('a minute has passed before ' + what)
        time.sleep(.15)


def ended(id):
    until(id + ' ends', lambda: get(id)['status'] in ('Succeeded', 'Failed', 'Stopped'))
    return get(id)


def rolled_back(info):
    """Checks the rollback of a deployment that has ended, and that traffic is back."""
    back = ended(info['rollbackInfo']['rollbackDeploymentId'])
    assert (back['status'], back['creator'], back['deploymentConfigName']) == ('Succeeded', 'codeDeployRollback', 'CodeDeployDefault.ECSAllAtOnce'), back
    assert back['rollbackInfo']['rollbackTriggeringDeploymentId'] == info['deploymentId'], back
    assert back['rollbackInfo']['rollbackMessage'] == 'Deployment %s is triggered to roll back deployment %s.' % (back['deploymentId'], info['deploymentId'])
    assert info['rollbackInfo']['rollbackMessage'] == 'Deployment %s terminated. Automatic rollback is triggered with a DeploymentId %s.' % (info['deploymentId'], back['deploymentId'])
    assert weights(back['deploymentId'])['Blue'] == 100, weights(back['deploymentId'])


def ring(names):
    urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/ring?names=' + names).read()


def fails(error, call, **args):
    try:
        call(**args)
    except botocore.exceptions.ClientError as e:
        got = e.response['Error']['Code'] + ': ' + e.response['Error']['Message']
        assert got.startswith(error), got
        assert e.response['ResponseMetadata']['HTTPStatusCode'] == 400
        return
    raise AssertionError('no ' + error)


SIX = ['BeforeInstall', 'Install', 'AfterInstall', 'BeforeAllowTraffic', 'AllowTraffic', 'AfterAllowTraffic']
EIGHT = SIX[:3] + ['AllowTestTraffic', 'AfterAllowTestTraffic'] + SIX[3:]
