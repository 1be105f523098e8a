"""Drives every waiter that botocore knows of the services served, to each of its ends.

The cloud has a cluster c with a service s, which the deployment group g of the application
app deploys, a target group blue with the service's task, and roles r and fn.
"""
import io
import json
import sys
import threading
import time
import zipfile

import boto3
import botocore.exceptions
import botocore.session

ecs, cd, elb, ecr, iam, fn, s3, cw, logs = (boto3.client(n) for n in (
    "ecs", "codedeploy", "elbv2", "ecr", "iam", "lambda", "s3", "cloudwatch", "logs"))
account = boto3.client("sts").get_caller_identity()["Account"]

# Waiters of what is not served, and would wait forever.
ELSEWHERE = {
    "ecs": {"daemon_active", "daemon_deployment_stopped", "daemon_deployment_successful", "daemon_task_definition_active", "daemon_task_definition_deleted"},
    "ecr": {"image_scan_complete"},
    "cloudwatch": {"alarm_mute_rule_exists"},
    "ssm": {"command_executed"},
}
seen = {}


def wait(client, name, attempts=200, delay=0.05, **kwargs):
    """Ends as the waiter does: "success", the reason of a failure, or "attempts"."""
    service = client.meta.service_model.service_name
    waiter = client.get_waiter(name)
    try:
        waiter.wait(WaiterConfig={"Delay": delay, "MaxAttempts": attempts}, **kwargs)
        end = "success"
    except botocore.exceptions.WaiterError as e:
        end = "attempts" if "Max attempts exceeded" in str(e) else str(e)
    seen.setdefault((service, name), set()).add("success" if end == "success" else "attempts" if end == "attempts" else "failure")
    return end


def check(got, want):
    if want not in got:
        sys.exit(f"line {sys._getframe(1).f_lineno}: got {got!r}, want {want!r}")


def soon(do):
    """Does something a moment from now, so that the waiter has to try again."""
    threading.Timer(0.3, do).start()


def task_waiters():
    definition = "web"
    network = ecs.describe_services(cluster="c", services=["s"])["services"][0]["taskSets"][0]["networkConfiguration"]
    run = lambda: ecs.run_task(cluster="c", taskDefinition=definition, launchType="FARGATE", networkConfiguration=network)["tasks"][0]["taskArn"]
    task = run()
    check(wait(ecs, "tasks_running", cluster="c", tasks=[task]), "success")
    soon(lambda: ecs.stop_task(cluster="c", task=task))
    check(wait(ecs, "tasks_stopped", cluster="c", tasks=[task]), "success")
    check(wait(ecs, "tasks_running", cluster="c", tasks=[task]), "STOPPED")
    check(wait(ecs, "tasks_running", cluster="c", tasks=["0" * 32]), "MISSING")
    check(wait(ecs, "tasks_stopped", attempts=2, cluster="c", tasks=[run()]), "attempts")


def service_waiters():
    # Under CODE_DEPLOY a service has task sets and no deployments: on AWS, too, this never ends.
    check(wait(ecs, "services_stable", attempts=3, cluster="c", services=["s"]), "attempts")
    check(wait(ecs, "services_stable", cluster="c", services=["none"]), "MISSING")
    check(wait(ecs, "services_inactive", cluster="c", services=["none"]), "MISSING")
    network = ecs.describe_services(cluster="c", services=["s"])["services"][0]["taskSets"][0]["networkConfiguration"]
    ecs.create_service(cluster="c", serviceName="rolling", taskDefinition="web", desiredCount=2, launchType="FARGATE", networkConfiguration=network)
    check(wait(ecs, "services_stable", cluster="c", services=["rolling"]), "success")
    soon(lambda: ecs.delete_service(cluster="c", service="rolling", force=True))
    check(wait(ecs, "services_inactive", cluster="c", services=["rolling"]), "success")
    check(wait(ecs, "services_stable", cluster="c", services=["rolling"]), "INACTIVE")


def deployment_waiters():
    def deploy(definition, config="CodeDeployDefault.ECSAllAtOnce"):
        content = json.dumps({"version": 0.0, "Resources": [{"T": {"Type": "AWS::ECS::Service", "Properties": {
            "TaskDefinition": definition, "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80}}}}]})
        return cd.create_deployment(applicationName="app", deploymentGroupName="g", deploymentConfigName=config,
                                    revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": content}})["deploymentId"]

    definition = ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["taskDefinitionArn"]
    check(wait(cd, "deployment_successful", deploymentId=deploy(definition)), "success")
    check(wait(cd, "deployment_successful", deploymentId=deploy(definition[:-1] + "99")), "Failed")
    halted = deploy(definition, "CodeDeployDefault.ECSLinear10PercentEvery3Minutes")
    soon(lambda: cd.stop_deployment(deploymentId=halted, autoRollbackEnabled=False))
    check(wait(cd, "deployment_successful", deploymentId=halted), "Stopped")
    check(wait(cd, "deployment_successful", deploymentId="d-000000000"), "DeploymentDoesNotExistException")


def balancer_waiters():
    name, subnets = "second", [s["SubnetId"] for s in boto3.client("ec2").describe_subnets()["Subnets"]]
    for waiter in "load_balancer_exists", "load_balancer_available":
        check(wait(elb, waiter, attempts=2, Names=[name]), "attempts")
    made = []
    soon(lambda: made.append(elb.create_load_balancer(Name=name, Subnets=subnets[:2])["LoadBalancers"][0]["LoadBalancerArn"]))
    check(wait(elb, "load_balancer_exists", Names=[name]), "success")
    check(wait(elb, "load_balancer_available", Names=[name]), "success")
    check(wait(elb, "load_balancers_deleted", attempts=2, Names=[name]), "attempts")
    soon(lambda: elb.delete_load_balancer(LoadBalancerArn=made[0]))
    check(wait(elb, "load_balancers_deleted", Names=[name]), "success")

    arn = ecs.describe_services(cluster="c", services=["s"])["services"][0]["taskSets"][0]["loadBalancers"][0]["targetGroupArn"]
    check(wait(elb, "target_in_service", TargetGroupArn=arn), "success")
    target = [t["Target"] for t in elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"] if t["TargetHealth"]["State"] == "healthy"]
    check(wait(elb, "target_deregistered", attempts=2, TargetGroupArn=arn, Targets=target), "attempts")
    soon(lambda: elb.deregister_targets(TargetGroupArn=arn, Targets=target))
    check(wait(elb, "target_deregistered", TargetGroupArn=arn, Targets=target), "success")
    check(wait(elb, "target_in_service", attempts=2, TargetGroupArn=arn, Targets=target), "attempts")


def registry_waiters():
    import hashlib
    ecr.create_repository(repositoryName="app")
    config = b'{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}'
    upload = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    ecr.upload_layer_part(repositoryName="app", uploadId=upload, partFirstByte=0, partLastByte=len(config) - 1, layerPartBlob=config)
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    ecr.complete_layer_upload(repositoryName="app", uploadId=upload, layerDigests=[digest])
    ecr.put_image(repositoryName="app", imageTag="v1", imageManifest=json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": [],
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config), "digest": digest}}))
    image = {"repositoryName": "app", "imageId": {"imageTag": "v1"}}
    check(wait(ecr, "image_scan_complete", **image), "ScanNotFoundException")
    ecr.start_image_scan(**image)
    # Nothing is scanned: it ends as UNSUPPORTED_IMAGE, for which the waiter knows no end, as on AWS.
    check(wait(ecr, "image_scan_complete", attempts=2, **image), "attempts")
    policy = json.dumps({"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}, "action": {"type": "expire"}}]})
    check(wait(ecr, "lifecycle_policy_preview_complete", repositoryName="app"), "LifecyclePolicyPreviewNotFoundException")
    ecr.start_lifecycle_policy_preview(repositoryName="app", lifecyclePolicyText=policy)
    check(wait(ecr, "lifecycle_policy_preview_complete", repositoryName="app"), "success")


def identity_waiters():
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    policy = trust.replace('"Principal": {"Service": "ec2.amazonaws.com"}, ', '"Resource": "*", ')
    for waiter, make, kwargs in (
            ("role_exists", lambda: iam.create_role(RoleName="w", AssumeRolePolicyDocument=trust), {"RoleName": "w"}),
            ("policy_exists", lambda: iam.create_policy(PolicyName="w", PolicyDocument=policy), {"PolicyArn": f"arn:aws:iam::{account}:policy/w"}),
            ("user_exists", lambda: iam.create_user(UserName="w"), {"UserName": "w"}),
            ("instance_profile_exists", lambda: iam.create_instance_profile(InstanceProfileName="w"), {"InstanceProfileName": "w"})):
        check(wait(iam, waiter, attempts=2, **kwargs), "attempts")
        soon(make)
        check(wait(iam, waiter, **kwargs), "success")


def function_waiters():
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as z:
        z.writestr("bootstrap", "#!/bin/sh\n")
    make = lambda: fn.create_function(FunctionName="f", Role=f"arn:aws:iam::{account}:role/fn", Runtime="provided.al2023", Handler="bootstrap", Code={"ZipFile": code.getvalue()})
    check(wait(fn, "function_exists", attempts=2, FunctionName="f"), "attempts")
    soon(make)
    check(wait(fn, "function_exists", FunctionName="f"), "success")
    for waiter in "function_active", "function_active_v2", "function_updated", "function_updated_v2":
        check(wait(fn, waiter, FunctionName="f"), "success")
        check(wait(fn, waiter, FunctionName="none"), "ResourceNotFoundException")
    fn.update_function_configuration(FunctionName="f", Timeout=5)
    check(wait(fn, "function_updated_v2", FunctionName="f"), "success")
    fn.publish_version(FunctionName="f")
    check(wait(fn, "published_version_active", FunctionName="f", Qualifier="1"), "success")


def storage_waiters():
    check(wait(s3, "bucket_exists", attempts=2, Bucket="waited"), "attempts")
    check(wait(s3, "bucket_not_exists", Bucket="waited"), "success")
    soon(lambda: s3.create_bucket(Bucket="waited"))
    check(wait(s3, "bucket_exists", Bucket="waited"), "success")
    check(wait(s3, "bucket_not_exists", attempts=2, Bucket="waited"), "attempts")
    check(wait(s3, "object_exists", attempts=2, Bucket="waited", Key="a/b"), "attempts")
    soon(lambda: s3.put_object(Bucket="waited", Key="a/b", Body=b"x"))
    check(wait(s3, "object_exists", Bucket="waited", Key="a/b"), "success")
    soon(lambda: s3.delete_object(Bucket="waited", Key="a/b"))
    check(wait(s3, "object_not_exists", Bucket="waited", Key="a/b"), "success")
    soon(lambda: s3.delete_bucket(Bucket="waited"))
    check(wait(s3, "bucket_not_exists", Bucket="waited"), "success")


def alarm_waiters():
    make = lambda: cw.put_metric_alarm(AlarmName="a", Namespace="N", MetricName="M", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold")
    check(wait(cw, "alarm_exists", attempts=2, AlarmNames=["a"]), "attempts")
    soon(make)
    check(wait(cw, "alarm_exists", AlarmNames=["a"]), "success")
    both = {"AlarmNames": ["both"], "AlarmTypes": ["CompositeAlarm"]}
    check(wait(cw, "composite_alarm_exists", attempts=2, **both), "attempts")
    soon(lambda: cw.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(a)"))
    check(wait(cw, "composite_alarm_exists", **both), "success")


task_waiters()
service_waiters()
deployment_waiters()
balancer_waiters()
registry_waiters()
identity_waiters()
function_waiters()
storage_waiters()
alarm_waiters()

for client in ecs, cd, elb, ecr, iam, fn, s3, cw, logs, boto3.client("ssm"), boto3.client("secretsmanager"), boto3.client("sts"):
    service = client.meta.service_model.service_name
    for name in client.waiter_names:
        if name not in ELSEWHERE.get(service, ()) and "success" not in seen.get((service, name), ()):
            sys.exit(f"{service} {name} was never brought to success")
print(len(seen), "waiters")
