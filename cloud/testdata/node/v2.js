// The calls that the deploy action (version 1) makes, in its order, with the JavaScript
// SDK v2 and its waiters. That SDK knows no AWS_ENDPOINT_URL: a program that cannot name
// the endpoint, such as the action's own bundle, needs AWS's host names to lead here.
'use strict';
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = '1';
const { assert, definition, revision, group, waits, cluster, service } = require('./facts.js');
const AWS = require('aws-sdk');

const endpoint = { endpoint: process.env.AWS_ENDPOINT_URL, region: process.env.AWS_DEFAULT_REGION };
const ecs = new AWS.ECS(endpoint), codedeploy = new AWS.CodeDeploy(endpoint);
const $waiter = { delay: 1, maxAttempts: 120 };
const register = async () => (await ecs.registerTaskDefinition(definition(process.env.IMAGE)).promise()).taskDefinition.taskDefinitionArn;

async function blueGreen() {
  const arn = await register();
  const found = await ecs.describeServices({ cluster, services: [service] }).promise();
  assert.strictEqual(found.services[0].deploymentController.type, 'CODE_DEPLOY');
  waits((await codedeploy.getDeploymentGroup(group).promise()).deploymentGroupInfo);
  const { deploymentId } = await codedeploy.createDeployment({ ...group, revision: revision(arn) }).promise();
  const end = await codedeploy.waitFor('deploymentSuccessful', { deploymentId, $waiter }).promise();
  assert.strictEqual(end.deploymentInfo.status, 'Succeeded');
  const { services: [after] } = await ecs.describeServices({ cluster, services: [service] }).promise();
  assert.strictEqual(after.taskSets[0].taskDefinition, arn);
}

async function failure() {
  const { deploymentId } = await codedeploy.createDeployment({ ...group, revision: revision(await register(), [{ AfterInstall: 'no-such-function' }]) }).promise();
  await assert.rejects(codedeploy.waitFor('deploymentSuccessful', { deploymentId, $waiter }).promise(), { code: 'ResourceNotReady' });
}

async function rolling() {
  const arn = await register();
  await ecs.createService({
    cluster, serviceName: 'rolling2', taskDefinition: arn, desiredCount: 1, launchType: 'FARGATE',
    networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-0123456789abcdef0'] } },
  }).promise();
  await ecs.updateService({ cluster, service: 'rolling2', taskDefinition: await register(), forceNewDeployment: true }).promise();
  const end = await ecs.waitFor('servicesStable', { cluster, services: ['rolling2'], $waiter }).promise();
  assert.strictEqual(end.services[0].deployments.length, 1);
  await assert.rejects(ecs.describeServices({ cluster: 'nowhere', services: ['x'] }).promise(), { code: 'ClusterNotFoundException' });
  const none = await ecs.describeServices({ cluster, services: ['nobody'] }).promise();
  assert.strictEqual(none.failures[0].reason, 'MISSING');
}

(async () => {
  for (const story of [blueGreen, failure, rolling]) {
    await story();
    console.log(story.name);
  }
})();
