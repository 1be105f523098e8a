// The calls that the deploy action (version 2) makes, in its order, with the JavaScript
// SDK v3 and its waiters.
'use strict';
const { assert, definition, revision, group, waits, cluster, service } = require('./facts.js');
const { ECS, waitUntilServicesStable, waitUntilTasksRunning, waitUntilTasksStopped } = require('@aws-sdk/client-ecs');
const { CodeDeploy, waitUntilDeploymentSuccessful } = require('@aws-sdk/client-codedeploy');
const { ECR } = require('@aws-sdk/client-ecr');

const settings = { maxAttempts: 3, retryMode: 'standard' };
const ecs = new ECS(settings), codedeploy = new CodeDeploy(settings);
const waiter = (client) => ({ client, minDelay: 1, maxDelay: 1, maxWaitTime: 120 });

async function register() {
  const out = await ecs.registerTaskDefinition(definition(process.env.IMAGE));
  assert.match(out.taskDefinition.taskDefinitionArn, /^arn:aws:ecs:us-east-1:123456789012:task-definition\/web:\d+$/);
  return out.taskDefinition.taskDefinitionArn;
}

async function blueGreen() {
  const arn = await register();
  const found = await ecs.describeServices({ cluster, services: [service] });
  assert.deepStrictEqual(found.failures, []);
  assert.strictEqual(found.services[0].status, 'ACTIVE');
  assert.strictEqual(found.services[0].deploymentController.type, 'CODE_DEPLOY');
  waits((await codedeploy.getDeploymentGroup(group)).deploymentGroupInfo);
  const { deploymentId } = await codedeploy.createDeployment({ ...group, revision: revision(arn), description: 'x'.repeat(511) + '…' });
  assert.match(deploymentId, /^d-[A-Z0-9]{9}$/);
  await assert.rejects(codedeploy.createDeployment({ ...group, revision: revision(arn) }), { name: 'DeploymentLimitExceededException' });
  const end = await waitUntilDeploymentSuccessful(waiter(codedeploy), { deploymentId });
  assert.strictEqual(end.state, 'SUCCESS');
  const { deploymentInfo } = await codedeploy.getDeployment({ deploymentId });
  assert.strictEqual(deploymentInfo.status, 'Succeeded');
  assert.ok(deploymentInfo.completeTime instanceof Date && deploymentInfo.completeTime > deploymentInfo.createTime);
  const { targetIds } = await codedeploy.listDeploymentTargets({ deploymentId });
  const { deploymentTarget } = await codedeploy.getDeploymentTarget({ deploymentId, targetId: targetIds[0] });
  assert.deepStrictEqual(deploymentTarget.ecsTarget.lifecycleEvents.map((e) => `${e.lifecycleEventName} ${e.status}`), [
    'BeforeInstall', 'Install', 'AfterInstall', 'AllowTestTraffic', 'AfterAllowTestTraffic', 'BeforeAllowTraffic', 'AllowTraffic', 'AfterAllowTraffic',
  ].map((name) => name + ' Succeeded'));
  const { services: [after] } = await ecs.describeServices({ cluster, services: [service] });
  assert.strictEqual(after.taskSets.length, 1);
  assert.strictEqual(after.taskSets[0].status, 'PRIMARY');
  assert.strictEqual(after.taskSets[0].taskDefinition, arn);
}

// A deployment that fails ends the waiter at once, with the reason in its error.
async function failure() {
  const arn = await register();
  const { deploymentId } = await codedeploy.createDeployment({ ...group, revision: revision(arn, [{ AfterInstall: 'no-such-function' }]) });
  await assert.rejects(waitUntilDeploymentSuccessful(waiter(codedeploy), { deploymentId }), (err) => {
    const result = JSON.parse(err.message);
    assert.strictEqual(result.state, 'FAILURE');
    assert.strictEqual(result.reason.deploymentInfo.status, 'Failed');
    assert.ok(result.reason.deploymentInfo.errorInformation.code);
    return true;
  });
  for (;;) { // the rollback is a deployment of its own
    const { deploymentInfo } = await codedeploy.getDeployment({ deploymentId });
    const back = deploymentInfo.rollbackInfo?.rollbackDeploymentId;
    if (back) {
      await waitUntilDeploymentSuccessful(waiter(codedeploy), { deploymentId: back });
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function rolling() {
  const first = await register();
  await ecs.createService({
    cluster, serviceName: 'rolling', taskDefinition: first, desiredCount: 1, launchType: 'FARGATE',
    networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-0123456789abcdef0'] } },
  });
  const arn = await register();
  const out = await ecs.updateService({
    cluster, service: 'rolling', taskDefinition: arn, forceNewDeployment: true, enableECSManagedTags: null, propagateTags: null, volumeConfigurations: [], desiredCount: 2,
  });
  const primary = out.service.deployments.find((d) => d.status === 'PRIMARY');
  assert.strictEqual(primary.taskDefinition, arn);
  const end = await waitUntilServicesStable(waiter(ecs), { cluster, services: ['rolling'] });
  assert.strictEqual(end.state, 'SUCCESS');
  const { services: [after] } = await ecs.describeServices({ cluster, services: ['rolling'] });
  const deployment = after.deployments.find((d) => d.id === primary.id);
  assert.strictEqual(deployment.rolloutState, 'COMPLETED');
  assert.strictEqual(after.runningCount, 2);
  await assert.rejects(ecs.updateService({ cluster, service, taskDefinition: arn }), { name: 'InvalidParameterException' });
}

async function once() {
  const taskDefinition = await register();
  const out = await ecs.runTask({
    cluster, taskDefinition, startedBy: 'GitHub-Actions', launchType: 'FARGATE', capacityProviderStrategy: null, enableECSManagedTags: null,
    networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-0123456789abcdef0'], assignPublicIp: 'DISABLED' } },
    overrides: { containerOverrides: [{ name: 'web', environment: [{ name: 'A', value: 'b' }] }] }, tags: [], volumeConfigurations: [],
  });
  assert.deepStrictEqual(out.failures, []);
  const tasks = out.tasks.map((t) => t.taskArn);
  await waitUntilTasksRunning(waiter(ecs), { cluster, tasks }); // one that is stopped before it runs has no exit code
  await ecs.stopTask({ cluster, task: tasks[0] });
  const end = await waitUntilTasksStopped(waiter(ecs), { cluster, tasks });
  assert.strictEqual(end.state, 'SUCCESS');
  const described = await ecs.describeTasks({ cluster, tasks });
  assert.strictEqual(described.tasks[0].containers[0].exitCode, 0);
}

async function login() {
  const out = await new ECR().getAuthorizationToken({});
  const [user, password] = Buffer.from(out.authorizationData[0].authorizationToken, 'base64').toString().split(':', 2);
  assert.strictEqual(user, 'AWS');
  assert.ok(password && out.authorizationData[0].proxyEndpoint.startsWith('http'));
}

(async () => {
  for (const story of [blueGreen, failure, rolling, once, login]) {
    await story();
    console.log(story.name);
  }
})();
