
names = group()
cd.create_deployment_config(deploymentConfigName='Quarters', computePlatform='ECS', trafficRoutingConfig={
    'type': 'TimeBasedLinear', 'timeBasedLinear': {'linearPercentage': 25, 'linearInterval': 2}})
fails('InvalidTrafficRoutingConfigurationException', cd.create_deployment_config, deploymentConfigName='Never', computePlatform='ECS', trafficRoutingConfig={
    'type': 'TimeBasedLinear', 'timeBasedLinear': {'linearPercentage': 0, 'linearInterval': 2}})
id = deploy(names, config='Quarters')
fails('DeploymentConfigInUseException', cd.delete_deployment_config, deploymentConfigName='Quarters')
for green in (25, 50, 75, 100):
    until('green has %d' % green, lambda: weights(id).get('Green') == green)
    assert weights(id)['Blue'] == 100 - green and 'deploymentOverview' not in get(id)
cd.get_waiter('deployment_successful').wait(deploymentId=id, WaiterConfig={'Delay': 1, 'MaxAttempts': 40})
cd.delete_deployment_config(deploymentConfigName='Quarters')
