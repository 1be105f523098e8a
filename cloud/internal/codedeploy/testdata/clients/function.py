# A hook's function, as it is written for Lambda: it is given its event, and reports.
import json, sys
import boto3

verdict, event = sys.argv[1], json.loads(sys.argv[2])
id = event['LifecycleEventHookExecutionId']
out = boto3.client('codedeploy').put_lifecycle_event_hook_execution_status(
    deploymentId=event['DeploymentId'], lifecycleEventHookExecutionId=id, status=verdict)
assert out['lifecycleEventHookExecutionId'] == id, out
