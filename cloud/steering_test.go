package cloud_test

import (
	"testing"

	"github.com/turnoutdev/turnout/cloud"
)

// stoppedAndAgain stops a canary where it stands, looks at what that leaves on listeners
// and in ECS, and deploys over it.
const stoppedAndAgain = `
import boto3, time
cd, elb, ecs = boto3.client('codedeploy'), boto3.client('elbv2'), boto3.client('ecs')
names = dict(applicationName='web', deploymentGroupName='web')
groups = {g['TargetGroupArn']: g['TargetGroupName'] for g in elb.describe_target_groups(Names=['blue', 'green'])['TargetGroups']}
listeners = elb.describe_listeners(LoadBalancerArn=elb.describe_load_balancers(Names=['web'])['LoadBalancers'][0]['LoadBalancerArn'])['Listeners']

def weights(port):
    [arn] = [l['ListenerArn'] for l in listeners if l['Port'] == port]
    [action] = elb.describe_listeners(ListenerArns=[arn])['Listeners'][0]['DefaultActions']
    return {groups[t['TargetGroupArn']]: t['Weight'] for t in action['ForwardConfig']['TargetGroups']}

def sets():
    return [(s['status'], s['externalId'] if 'externalId' in s else '') for s in ecs.describe_services(cluster='demo', services=['web'])['services'][0]['taskSets'] if s['status'] != 'DRAINING']

def until(what, ok):
    end = time.time() + 60
    while not ok():
        assert time.time() < end, 'a minute has passed before ' + what
        time.sleep(.1)

old = cd.list_deployments(**names)['deployments'][0]
revision = dict(revisionType='AppSpecContent', appSpecContent=dict(sha256=cd.get_deployment(deploymentId=old)['deploymentInfo']['revision']['appSpecContent']['sha256']))
until('the canary is out', lambda: weights(8080) == {'green': 10, 'blue': 90})
assert weights(8081) == {'green': 100, 'blue': 0}, weights(8081)
cd.stop_deployment(deploymentId=old, autoRollbackEnabled=False)
until('it has stopped', lambda: cd.get_deployment(deploymentId=old)['deploymentInfo']['status'] == 'Stopped')
assert weights(8080) == {'green': 10, 'blue': 90} and weights(8081) == {'green': 100, 'blue': 0}, weights(8080)
assert sorted(s for s, _ in sets()) == ['ACTIVE', 'PRIMARY'] and ('ACTIVE', old) in sets(), sets()

new = cd.create_deployment(revision=revision, deploymentConfigName='CodeDeployDefault.ECSAllAtOnce', **names)['deploymentId']
cd.get_waiter('deployment_successful').wait(deploymentId=new, WaiterConfig={'Delay': 1, 'MaxAttempts': 60})
assert weights(8080) == {'green': 100, 'blue': 0} == weights(8081), weights(8080)
assert sets() == [('PRIMARY', new)], sets()
[target] = cd.batch_get_deployment_targets(deploymentId=new, targetIds=['demo:web'])['deploymentTargets']
assert len(target['ecsTarget']['lifecycleEvents']) == 8 and {e['status'] for e in target['ecsTarget']['lifecycleEvents']} == {'Succeeded'}, target
`

// A deployment that was stopped without a rollback leaves its task set and weights; the
// next one, of the same registered revision, clears them away.
func TestADeploymentOverAStoppedOne(t *testing.T) {
	t.Parallel()
	s := started(t, cloud.Options{Driver: "native", TimeScale: 20}).site()
	s.deploy(s.revision("200"))
	s.python(stoppedAndAgain)
}
