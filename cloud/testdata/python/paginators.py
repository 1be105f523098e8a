"""Walks every paginator that botocore knows of the operations served, in the smallest
pages there are, and compares what it collects with one call's answer.

The cloud is as waiters.py finds it.
"""
import datetime
import io
import json
import sys
import time
import zipfile

import boto3
import botocore.exceptions

names = "ecs", "codedeploy", "elbv2", "ecr", "iam", "lambda", "s3", "logs", "cloudwatch", "ssm", "secretsmanager", "ec2"
ecs, cd, elb, ecr, iam, fn, s3, logs, cw, ssm, secrets, ec2 = clients = [boto3.client(n) for n in names]
account = boto3.client("sts").get_caller_identity()["Account"]
region = ecs.meta.region_name
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
grant = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": "s3:*"}]})
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as z:
    z.writestr("bootstrap", "#!/bin/sh\n")
balancer = elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]
vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]][:2]  # before there are those of other VPCs
network = ecs.describe_services(cluster="c", services=["s"])["services"][0]["taskSets"][0]["networkConfiguration"]
policy = iam.create_policy(PolicyName="versioned", PolicyDocument=grant)["Policy"]["Arn"]
appspec = json.dumps({"version": 0.0, "Resources": [{"T": {"Type": "AWS::ECS::Service", "Properties": {
    "TaskDefinition": ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["taskDefinitionArn"], "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80}}}}]})
digests = []

ecr.create_repository(repositoryName="images")
logs.create_log_group(logGroupName="group")
logs.create_log_stream(logGroupName="group", logStreamName="events")
s3.create_bucket(Bucket="paged")
s3.put_bucket_versioning(Bucket="paged", VersioningConfiguration={"Status": "Enabled"})
fn.create_function(FunctionName="many", Role=f"arn:aws:iam::{account}:role/fn", Runtime="provided.al2023", Handler="bootstrap", Code={"ZipFile": code.getvalue()})
iam.create_role(RoleName="many", AssumeRolePolicyDocument=trust)
iam.create_user(UserName="many")
iam.create_group(GroupName="many")
secrets.create_secret(Name="many", SecretString="0")
ssm.put_parameter(Name="/p", Value="0", Type="String")
part = s3.create_multipart_upload(Bucket="paged", Key="whole")["UploadId"]


def image(i):
    import hashlib
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "author": str(i), "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    upload, digest = ecr.initiate_layer_upload(repositoryName="images")["uploadId"], "sha256:" + hashlib.sha256(config).hexdigest()
    ecr.upload_layer_part(repositoryName="images", uploadId=upload, partFirstByte=0, partLastByte=len(config) - 1, layerPartBlob=config)
    ecr.complete_layer_upload(repositoryName="images", uploadId=upload, layerDigests=[digest])
    ecr.put_image(repositoryName="images", imageTag=f"v{i}", imageManifest=json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": [],
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config), "digest": digest}}))


now = int(time.time() * 1000)
for i in range(7):  # EC2 has no pages of fewer than five
    n = f"n{i}"
    ecs.create_cluster(clusterName=n)
    ecs.register_task_definition(family=n, containerDefinitions=[{"name": "c", "image": "x", "memory": 64}])
    ecs.create_service(cluster="c", serviceName=n, taskDefinition="web", desiredCount=0, networkConfiguration=network, launchType="FARGATE")
    ecs.run_task(cluster="c", taskDefinition="web", launchType="FARGATE", networkConfiguration=network)
    cd.create_application(applicationName=n, computePlatform="ECS")
    cd.register_application_revision(applicationName="app", revision={"revisionType": "S3", "s3Location": {"bucket": "paged", "key": n, "bundleType": "JSON"}})
    elb.create_target_group(Name=n, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
    elb.create_load_balancer(Name=n, Subnets=subnets)
    elb.create_listener(LoadBalancerArn=balancer, Port=9000 + i, Protocol="HTTP", DefaultActions=listener["DefaultActions"])
    elb.create_rule(ListenerArn=listener["ListenerArn"], Priority=i + 1, Conditions=[{"Field": "path-pattern", "Values": [f"/{n}"]}], Actions=listener["DefaultActions"])
    ecr.create_repository(repositoryName=n)
    image(i)
    iam.create_role(RoleName=n, AssumeRolePolicyDocument=trust)
    iam.create_user(UserName=n)
    iam.create_group(GroupName=n)
    iam.add_user_to_group(UserName=n, GroupName="many")
    iam.add_user_to_group(UserName="many", GroupName=n)
    iam.create_instance_profile(InstanceProfileName=n)
    iam.add_role_to_instance_profile(InstanceProfileName=n, RoleName="many")
    made = iam.create_policy(PolicyName=n, PolicyDocument=grant)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="many", PolicyArn=made)
    iam.attach_user_policy(UserName="many", PolicyArn=made)
    iam.attach_group_policy(GroupName="many", PolicyArn=made)
    iam.attach_role_policy(RoleName=n, PolicyArn=policy)
    iam.put_role_policy(RoleName="many", PolicyName=n, PolicyDocument=grant)
    iam.put_user_policy(UserName="many", PolicyName=n, PolicyDocument=grant)
    iam.put_group_policy(GroupName="many", PolicyName=n, PolicyDocument=grant)
    for tag, key in (iam.tag_role, "RoleName"), (iam.tag_user, "UserName"):
        tag(**{key: "many"}, Tags=[{"Key": n, "Value": n}])
    iam.tag_policy(PolicyArn=policy, Tags=[{"Key": n, "Value": n}])
    fn.create_function(FunctionName=n, Role=f"arn:aws:iam::{account}:role/fn", Runtime="provided.al2023", Handler="bootstrap", Code={"ZipFile": code.getvalue()})
    s3.create_bucket(Bucket=f"bucket-{n}")
    s3.put_object(Bucket="paged", Key=f"key {n}/é&<", Body=b"x")
    s3.put_object(Bucket="paged", Key="again", Body=n.encode())
    s3.create_multipart_upload(Bucket="paged", Key=n)
    s3.upload_part(Bucket="paged", Key="whole", UploadId=part, PartNumber=i + 1, Body=n.encode())
    logs.create_log_group(logGroupName=n)
    logs.create_log_stream(logGroupName="group", logStreamName=n)
    logs.put_log_events(logGroupName="group", logStreamName="events", logEvents=[{"timestamp": now + i, "message": n}])
    cw.put_metric_alarm(AlarmName=n, Namespace="N", MetricName="M", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold")
    cw.put_metric_data(Namespace="N", MetricData=[{"MetricName": n, "Value": i}])
    ssm.put_parameter(Name=f"/p/{n}", Value=n, Type="String")
    ssm.put_parameter(Name="/p", Value=n, Type="String", Overwrite=True)
    secrets.create_secret(Name=n, SecretString=n)
    ec2.create_security_group(GroupName=n, Description=n, VpcId=vpc)
    ec2.create_subnet(VpcId=ec2.create_vpc(CidrBlock=f"10.{i}.0.0/16")["Vpc"]["VpcId"], CidrBlock=f"10.{i}.0.0/24")
    ec2.create_internet_gateway()
    ec2.create_route_table(VpcId=vpc)
for i in range(3):  # of each there may be no more than five
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=grant)
    fn.update_function_configuration(FunctionName="many", Timeout=i + 4)
    fn.get_waiter("function_updated_v2").wait(FunctionName="many", WaiterConfig={"Delay": 0})
    fn.create_alias(FunctionName="many", Name=f"a{i}", FunctionVersion=fn.publish_version(FunctionName="many")["Version"])
    deployment = cd.create_deployment(applicationName="app", deploymentGroupName="g", revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": appspec}})["deploymentId"]
    try:
        cd.get_waiter("deployment_successful").wait(deploymentId=deployment, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    except botocore.exceptions.WaiterError as e:
        sys.exit(f"{e}: {e.last_response}")
for _ in range(2):
    iam.create_access_key(UserName="many")
ecr.start_lifecycle_policy_preview(repositoryName="images", lifecyclePolicyText=json.dumps({"rules": [
    {"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}, "action": {"type": "expire"}}]}))

metric = {"Namespace": "N", "MetricName": "n0"}
arguments = {
    "ListContainerInstances": {"cluster": "c"}, "ListServices": {"cluster": "c"}, "ListTasks": {"cluster": "c"}, "ListAttributes": {"cluster": "c", "targetType": "container-instance"},
    "ListApplicationRevisions": {"applicationName": "app"}, "ListDeploymentGroups": {"applicationName": "app"},
    "ListDeploymentTargets": {"deploymentId": deployment},
    "DescribeListeners": {"LoadBalancerArn": balancer}, "DescribeListenerCertificates": {"ListenerArn": listener["ListenerArn"]}, "DescribeRules": {"ListenerArn": listener["ListenerArn"]},
    "ListImages": {"repositoryName": "images"}, "DescribeImages": {"repositoryName": "images"}, "GetLifecyclePolicyPreview": {"repositoryName": "images"},
    "ListAccessKeys": {"UserName": "many"}, "GetGroup": {"GroupName": "many"}, "ListGroupsForUser": {"UserName": "many"}, "ListEntitiesForPolicy": {"PolicyArn": policy},
    "ListAttachedGroupPolicies": {"GroupName": "many"}, "ListGroupPolicies": {"GroupName": "many"},
    "ListAttachedRolePolicies": {"RoleName": "many"}, "ListRolePolicies": {"RoleName": "many"}, "ListRoleTags": {"RoleName": "many"}, "ListInstanceProfilesForRole": {"RoleName": "many"},
    "ListAttachedUserPolicies": {"UserName": "many"}, "ListUserPolicies": {"UserName": "many"}, "ListUserTags": {"UserName": "many"},
    "ListPolicyVersions": {"PolicyArn": policy}, "ListPolicyTags": {"PolicyArn": policy}, "ListPolicies": {"Scope": "Local"},
    "SimulateCustomPolicy": {"PolicyInputList": [grant], "ActionNames": ["s3:GetObject", "s3:PutObject", "ecs:RunTask"]},
    "SimulatePrincipalPolicy": {"PolicySourceArn": f"arn:aws:iam::{account}:role/many", "ActionNames": ["s3:GetObject", "s3:PutObject", "ecs:RunTask"]},
    "ListAliases": {"FunctionName": "many"}, "ListVersionsByFunction": {"FunctionName": "many"},
    "ListMultipartUploads": {"Bucket": "paged"}, "ListObjectVersions": {"Bucket": "paged"}, "ListObjects": {"Bucket": "paged"}, "ListObjectsV2": {"Bucket": "paged"},
    "ListParts": {"Bucket": "paged", "Key": "whole", "UploadId": part},
    "DescribeLogStreams": {"logGroupName": "group"}, "FilterLogEvents": {"logGroupName": "group"},
    "GetMetricData": {"StartTime": datetime.datetime.now() - datetime.timedelta(hours=1), "EndTime": datetime.datetime.now() + datetime.timedelta(hours=1),
                      "MetricDataQueries": [{"Id": "a", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}, {"Id": "b", "MetricStat": {"Metric": {**metric, "MetricName": "n1"}, "Period": 60, "Stat": "Sum"}}]},
    "GetParametersByPath": {"Path": "/p"}, "GetParameterHistory": {"Name": "/p"},
}
smallest = {"ec2": 5}
by_values = ("GetMetricData",)  # whose pages are not counted in results
elsewhere = ("ListDirectoryBuckets",)  # S3 tells its operations apart by host
absent = ("UnknownOperationException", "NotImplemented", "InvalidAction", "UnknownOperation",
          "UnsupportedOperation")  # as EC2 says of what went with EC2-Classic
walked, single, wrong = [], [], []


def walk(service, op, paginator, kwargs, whole):
    """Tells what is wrong with the pages of one."""
    keys, least = [k.expression for k in paginator.result_keys], smallest.get(service, 1)
    count = sum(len(whole.get(k) or []) for k in keys)
    pages, got = 0, {k: [] for k in keys}
    for page in paginator.paginate(**kwargs, PaginationConfig={"PageSize": least}):
        pages += 1
        for k in keys:
            got[k] += page.get(k) or []
        if pages > 2 * count:
            return "the pages do not end"
    for k in keys:
        if sorted(map(repr, got[k])) != sorted(map(repr, whole.get(k) or [])):
            return f"the pages hold other {k}: {len(got[k])} of {len(whole[k])}\n{got[k]}\n{whole[k]}"
    if pages < count / least and op not in by_values:
        return f"{count} items are on {pages} pages of {least}"
    return None


for client in clients:
    model = client.meta.service_model
    for op in model.operation_names:
        method = next(m for m, o in client.meta.method_to_api_mapping.items() if o == op)
        shape = model.operation_model(op).input_shape
        if not shape:
            continue
        kwargs = {k: v for k, v in arguments.get(op, {}).items() if k in shape.members}  # EC2 has images, too
        if op in elsewhere or not client.can_paginate(method) or set(shape.required_members) - set(kwargs):
            continue
        paginator = client.get_paginator(method)
        try:
            whole = paginator.paginate(**kwargs).build_full_result()
            key = paginator.result_keys[0].expression
            if not paginator._limit_key or len(whole.get(key) or []) < 2:
                single.append(op)
                continue
            walked.append(op)
            if fault := walk(model.service_name, op, paginator, kwargs, whole):
                wrong.append(f"{op}: {fault}")
        except botocore.exceptions.ClientError as e:
            if e.response["Error"]["Code"] not in absent:
                wrong.append(f"{op}: {e}")

if wrong:
    sys.exit("\n".join(wrong))
# Who deletes as it lists sees everything once.
for client, method, key, delete in (
        (logs, "describe_log_groups", "logGroups", lambda g: logs.delete_log_group(logGroupName=g["logGroupName"])),
        (ecr, "describe_repositories", "repositories", lambda r: ecr.delete_repository(repositoryName=r["repositoryName"], force=True)),
        (cw, "describe_alarms", "MetricAlarms", lambda a: cw.delete_alarms(AlarmNames=[a["AlarmName"]])),
        (ssm, "describe_parameters", "Parameters", lambda p: ssm.delete_parameter(Name=p["Name"]))):
    for page in client.get_paginator(method).paginate(PaginationConfig={"PageSize": 2}):
        for item in page[key]:
            delete(item)
    if left := getattr(client, method)()[key]:
        sys.exit(f"{method}: {len(left)} were not seen to be deleted")

print(len(walked), "walked:", *sorted(walked))
print(len(single), "with nothing to walk:", *sorted(single))
