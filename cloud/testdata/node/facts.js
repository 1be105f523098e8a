// What the scripts of this folder have in common.
'use strict';
const assert = require('node:assert');

const definition = (image) => ({
  family: 'web', networkMode: 'awsvpc', cpu: '256', memory: '512', requiresCompatibilities: ['FARGATE'],
  executionRoleArn: process.env.EXECUTION_ROLE,
  containerDefinitions: [{ name: 'web', image, essential: true, portMappings: [{ containerPort: 9000 }], environment: [{ name: 'STATUS', value: '200' }] }],
});

// The revision as the deploy action sends it: JSON, with its SHA-256.
const revision = (taskDefinition, hooks) => {
  const content = JSON.stringify({
    version: 0,
    Resources: [{ TargetService: { Type: 'AWS::ECS::Service', Properties: { TaskDefinition: taskDefinition, LoadBalancerInfo: { ContainerName: 'web', ContainerPort: 9000 } } } }],
    ...(hooks && { Hooks: hooks }),
  });
  const sha256 = require('node:crypto').createHash('sha256').update(content).digest('hex');
  return { revisionType: 'AppSpecContent', appSpecContent: { content, sha256 } };
};

const group = { applicationName: 'web', deploymentGroupName: 'web' };

// The action adds these up, so that both have to be numbers.
const waits = (info) => {
  const config = info.blueGreenDeploymentConfiguration;
  const sum = config.deploymentReadyOption.waitTimeInMinutes + config.terminateBlueInstancesOnDeploymentSuccess.terminationWaitTimeInMinutes;
  assert.strictEqual(sum, 1);
};

module.exports = { assert, definition, revision, group, waits, cluster: 'demo', service: 'web' };
