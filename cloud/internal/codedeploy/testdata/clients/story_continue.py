
names = group(ready=60, test=True, wait=60)
id = deploy(names)
fails('DeploymentIsNotInReadyStateException', cd.continue_deployment, deploymentId=id, deploymentWaitType='READY_WAIT')
until('it is ready', lambda: get(id)['status'] == 'Ready')
assert events(id) == dict(zip(EIGHT, ['Succeeded'] * 5 + ['Pending'] * 3)) and weights(id)['Green'] == 0, events(id)
cd.continue_deployment(deploymentId=id, deploymentWaitType='READY_WAIT')
until('blue waits for its end', lambda: get(id)['instanceTerminationWaitTimeStarted'])
cd.continue_deployment(deploymentId=id, deploymentWaitType='TERMINATION_WAIT')
cd.get_waiter('deployment_successful').wait(deploymentId=id, WaiterConfig={'Delay': 1, 'MaxAttempts': 20})
fails('DeploymentAlreadyCompletedException', cd.continue_deployment, deploymentId=id)

cd.update_deployment_group(applicationName='stories', currentDeploymentGroupName='web', blueGreenDeploymentConfiguration={
    'deploymentReadyOption': {'actionOnTimeout': 'STOP_DEPLOYMENT', 'waitTimeInMinutes': 1},
    'terminateBlueInstancesOnDeploymentSuccess': {'action': 'TERMINATE', 'terminationWaitTimeInMinutes': 0}})
late = ended(deploy(names))
assert late['status'] == 'Stopped' and late['errorInformation'] == {
    'code': 'TIMEOUT', 'message': 'The deployment timed out while waiting for a notification to continue. This time out period is 1 minutes.'}, late
