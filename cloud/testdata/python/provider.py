"""Makes the calls of Terraform's AWS provider around the seed's resources that
terraform_test.go leaves out: network, load balancer attributes, rules, buckets, functions,
alarms, capacity providers and deployment configurations, through create, refresh, destroy
and the refresh after it, whose error codes the provider takes for absence.
"""
import io
import json
import sys
import zipfile

import boto3
from botocore.exceptions import ClientError

clients = {n: boto3.client(n) for n in ("ec2", "s3", "lambda", "cloudwatch", "ecs", "codedeploy", "elbv2", "iam", "sts")}
account = clients["sts"].get_caller_identity()["Account"]
wrong = []


def call(service, operation, code=None, **kwargs):
    """Calls; with a code, the call has to fail so."""
    try:
        out = getattr(clients[service], operation)(**kwargs)
        if code:
            wrong.append(f"{operation}: no error, want {code}")
        return out
    except ClientError as e:
        if e.response["Error"]["Code"] != code:
            wrong.append(f"line {sys._getframe(1).f_lineno}: {e}")
        return {}


def same(what, got, want):
    if got != want:
        wrong.append(f"{what}: read {got!r}, want {want!r}")


def named(kind):
    return [{"ResourceType": kind, "Tags": NAME}]


NAME = [{"Key": "Name", "Value": "x"}]

# aws_vpc, aws_subnet
vpc = call("ec2", "create_vpc", CidrBlock="10.0.0.0/16", TagSpecifications=named("vpc"))["Vpc"]["VpcId"]
call("ec2", "modify_vpc_attribute", VpcId=vpc, EnableDnsHostnames={"Value": True})
for attribute, on in ("enableDnsHostnames", True), ("enableDnsSupport", True), ("enableNetworkAddressUsageMetrics", False):
    out = call("ec2", "describe_vpc_attribute", VpcId=vpc, Attribute=attribute)
    same(attribute, out[attribute[0].upper() + attribute[1:]]["Value"], on)
of_vpc = {"Name": "vpc-id", "Values": [vpc]}
same("default ACLs", len(call("ec2", "describe_network_acls", Filters=[{"Name": "default", "Values": ["true"]}, of_vpc])["NetworkAcls"]), 1)
same("main tables", len(call("ec2", "describe_route_tables", Filters=[{"Name": "association.main", "Values": ["true"]}, of_vpc])["RouteTables"]), 1)
same("default groups", len(call("ec2", "describe_security_groups", Filters=[{"Name": "group-name", "Values": ["default"]}, of_vpc])["SecurityGroups"]), 1)
subnet, other = [call("ec2", "create_subnet", VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=f"us-east-1{z}", TagSpecifications=named("subnet"))["Subnet"]["SubnetId"] for i, z in enumerate("ab")]
call("ec2", "modify_subnet_attribute", SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
out = call("ec2", "describe_subnets", SubnetIds=[subnet])["Subnets"][0]
same("subnet", (out["MapPublicIpOnLaunch"], out["State"], out["Tags"], out["EnableDns64"], out["AssignIpv6AddressOnCreation"]), (True, "available", NAME, False, False))

# aws_internet_gateway, aws_route_table, aws_route_table_association
gateway = call("ec2", "create_internet_gateway", TagSpecifications=named("internet-gateway"))["InternetGateway"]["InternetGatewayId"]
call("ec2", "attach_internet_gateway", InternetGatewayId=gateway, VpcId=vpc)
same("attachments", call("ec2", "describe_internet_gateways", InternetGatewayIds=[gateway])["InternetGateways"][0]["Attachments"], [{"State": "available", "VpcId": vpc}])
table = call("ec2", "create_route_table", VpcId=vpc, TagSpecifications=named("route-table"))["RouteTable"]["RouteTableId"]
call("ec2", "create_route", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
association = call("ec2", "associate_route_table", RouteTableId=table, SubnetId=subnet)["AssociationId"]
of_association = [{"Name": "association.route-table-association-id", "Values": [association]}]
out = call("ec2", "describe_route_tables", Filters=of_association)["RouteTables"][0]
same("association", (out["RouteTableId"], out["Associations"][0]["SubnetId"], out["Associations"][0]["AssociationState"]["State"]), (table, subnet, "associated"))

# aws_security_group takes the rule away that it was born with, aws_vpc_security_group_ingress_rule
world = [{"CidrIp": "0.0.0.0/0"}]
group = call("ec2", "create_security_group", GroupName="web", Description="Managed by Terraform", VpcId=vpc, TagSpecifications=named("security-group"))["GroupId"]
call("ec2", "revoke_security_group_egress", GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": world}])
call("ec2", "authorize_security_group_ingress", GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": world}])
call("ec2", "authorize_security_group_egress", GroupId=group, IpPermissions=[{"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "IpRanges": world}])
rule = call("ec2", "authorize_security_group_ingress", GroupId=group, TagSpecifications=named("security-group-rule"), IpPermissions=[
    {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": group}]}])["SecurityGroupRules"][0]["SecurityGroupRuleId"]
out = call("ec2", "describe_security_groups", GroupIds=[group])["SecurityGroups"][0]
same("group", (len(out["IpPermissions"]), len(out["IpPermissionsEgress"]), out["Tags"]), (2, 1, NAME))
same("rule", call("ec2", "describe_security_group_rules", SecurityGroupRuleIds=[rule])["SecurityGroupRules"][0]["ReferencedGroupInfo"]["GroupId"], group)

# aws_lb, aws_lb_target_group, aws_lb_listener, aws_lb_listener_rule: what is set is read
balancer = call("elbv2", "create_load_balancer", Name="tf", Subnets=[subnet, other], SecurityGroups=[group], Scheme="internet-facing", Type="application", IpAddressType="ipv4", Tags=NAME)["LoadBalancers"][0]["LoadBalancerArn"]
target = call("elbv2", "create_target_group", Name="tf", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", IpAddressType="ipv4", ProtocolVersion="HTTP1", HealthCheckEnabled=True)["TargetGroups"][0]["TargetGroupArn"]
listener = call("elbv2", "create_listener", LoadBalancerArn=balancer, Port=80, Protocol="HTTP", DefaultActions=[{"Type": "forward", "TargetGroupArn": target}], Tags=NAME)["Listeners"][0]["ListenerArn"]
for kind, key, arn, wanted in (
        ("load_balancer", "LoadBalancerArn", balancer, {
            "deletion_protection.enabled": "false", "idle_timeout.timeout_seconds": "61", "client_keep_alive.seconds": "3601", "routing.http2.enabled": "true",
            "routing.http.drop_invalid_header_fields.enabled": "true", "routing.http.preserve_host_header.enabled": "false", "routing.http.xff_client_port.enabled": "false",
            "routing.http.xff_header_processing.mode": "append", "routing.http.desync_mitigation_mode": "defensive", "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
            "waf.fail_open.enabled": "false", "access_logs.s3.enabled": "false", "connection_logs.s3.enabled": "false", "zonal_shift.config.enabled": "false"}),
        ("target_group", "TargetGroupArn", target, {
            "deregistration_delay.timeout_seconds": "30", "load_balancing.algorithm.type": "round_robin", "load_balancing.algorithm.anomaly_mitigation": "off", "slow_start.duration_seconds": "0",
            "stickiness.enabled": "false", "stickiness.type": "lb_cookie", "stickiness.lb_cookie.duration_seconds": "86400", "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
            "target_group_health.dns_failover.minimum_healthy_targets.count": "1", "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off"}),
        ("listener", "ListenerArn", listener, {"routing.http.response.server.enabled": "false"})):
    call("elbv2", f"modify_{kind}_attributes", Attributes=[{"Key": k, "Value": v} for k, v in wanted.items()], **{key: arn})
    read = {a["Key"]: a["Value"] for a in call("elbv2", f"describe_{kind}_attributes", **{key: arn})["Attributes"]}
    same(kind, {k: read.get(k) for k in wanted}, wanted)
call("elbv2", "describe_capacity_reservation", LoadBalancerArn=balancer)
call("elbv2", "set_security_groups", LoadBalancerArn=balancer, SecurityGroups=[group])
call("elbv2", "set_subnets", LoadBalancerArn=balancer, Subnets=[subnet, other])
call("elbv2", "set_ip_address_type", LoadBalancerArn=balancer, IpAddressType="ipv4")
path = call("elbv2", "create_rule", ListenerArn=listener, Priority=100, Tags=NAME, Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a/*"]}}],
            Actions=[{"Type": "forward", "Order": 1, "TargetGroupArn": target}])["Rules"][0]["RuleArn"]
call("elbv2", "set_rule_priorities", RulePriorities=[{"RuleArn": path, "Priority": 101}])
out = call("elbv2", "describe_rules", RuleArns=[path])["Rules"][0]
same("rule", (out["Priority"], out["Conditions"][0]["PathPatternConfig"]["Values"], out["Actions"][0]["Order"]), ("101", ["/a/*"], 1))
same("tags", call("elbv2", "describe_tags", ResourceArns=[path])["TagDescriptions"][0]["Tags"], NAME)

# aws_s3_bucket reads all of these on every refresh
bucket = {"Bucket": "tf-bucket"}
call("s3", "head_bucket", "404", **bucket)
call("s3", "create_bucket", **bucket)
call("s3", "put_bucket_tagging", Tagging={"TagSet": NAME}, **bucket)
for setting, missing in (
        ("policy", "NoSuchBucketPolicy"), ("acl", None), ("cors", "NoSuchCORSConfiguration"), ("website", "NoSuchWebsiteConfiguration"), ("versioning", None), ("accelerate_configuration", None),
        ("request_payment", None), ("logging", None), ("lifecycle_configuration", "NoSuchLifecycleConfiguration"), ("replication", "ReplicationConfigurationNotFoundError"), ("location", None), ("tagging", None)):
    call("s3", f"get_bucket_{setting}", missing, **bucket)
call("s3", "get_object_lock_configuration", "ObjectLockConfigurationNotFoundError", **bucket)
call("s3", "put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"}, **bucket)
call("s3", "put_object", Key="appspec.yaml", Body=b"x", Tagging="a=b", **bucket)
same("object", call("s3", "get_object_tagging", Key="appspec.yaml", **bucket)["TagSet"], [{"Key": "a", "Value": "b"}])

# aws_iam_policy, aws_lambda_function, aws_lambda_permission
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
grant = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": "logs:*"}]})
role = call("iam", "create_role", RoleName="tf", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
policy = call("iam", "create_policy", PolicyName="tf", PolicyDocument=grant, Tags=NAME)["Policy"]["Arn"]
version = call("iam", "get_policy", PolicyArn=policy)["Policy"]["DefaultVersionId"]
same("policy", call("iam", "get_policy_version", PolicyArn=policy, VersionId=version)["PolicyVersion"]["Document"], json.loads(grant))
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as z:
    z.writestr("bootstrap", "#!/bin/sh\n")
function = {"FunctionName": "tf"}
call("lambda", "create_function", Role=role, Runtime="provided.al2023", Handler="bootstrap", Code={"ZipFile": code.getvalue()}, Publish=True, Timeout=3, MemorySize=128, PackageType="Zip",
     Architectures=["x86_64"], TracingConfig={"Mode": "PassThrough"}, EphemeralStorage={"Size": 512}, LoggingConfig={"LogFormat": "Text"}, Tags={"Name": "x"}, **function)
out = call("lambda", "get_function", **function)
same("function", (out["Tags"], out["Configuration"]["Timeout"], out["Configuration"]["Architectures"], out["Configuration"]["TracingConfig"], out["Configuration"]["EphemeralStorage"]),
     ({"Name": "x"}, 3, ["x86_64"], {"Mode": "PassThrough"}, {"Size": 512}))
same("versions", [v["Version"] for v in call("lambda", "list_versions_by_function", **function)["Versions"]], ["$LATEST", "1"])
call("lambda", "get_function_code_signing_config", **function)
call("lambda", "add_permission", StatementId="s", Action="lambda:InvokeFunction", Principal="codedeploy.amazonaws.com", **function)
same("permission", json.loads(call("lambda", "get_policy", **function)["Policy"])["Statement"][0]["Sid"], "s")
call("lambda", "remove_permission", StatementId="s", **function)
call("lambda", "get_policy", "ResourceNotFoundException", **function)

# aws_cloudwatch_metric_alarm, aws_ecs_cluster_capacity_providers, aws_codedeploy_deployment_config
call("cloudwatch", "put_metric_alarm", AlarmName="tf", Namespace="AWS/ApplicationELB", MetricName="HTTPCode_Target_5XX_Count", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
     ComparisonOperator="GreaterThanThreshold", TreatMissingData="missing", ActionsEnabled=True, Tags=NAME)
out = call("cloudwatch", "describe_alarms", AlarmNames=["tf"], AlarmTypes=["MetricAlarm"])["MetricAlarms"][0]
same("alarm", (out["TreatMissingData"], out["ActionsEnabled"], call("cloudwatch", "list_tags_for_resource", ResourceARN=out["AlarmArn"])["Tags"]), ("missing", True, NAME))
call("ecs", "create_cluster", clusterName="tf", settings=[{"name": "containerInsights", "value": "enabled"}])
strategy = [{"capacityProvider": "FARGATE", "weight": 1, "base": 1}]
call("ecs", "put_cluster_capacity_providers", cluster="tf", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=strategy)
out = call("ecs", "describe_clusters", clusters=["tf"], include=["TAGS", "CONFIGURATIONS", "SETTINGS"])["clusters"][0]
same("cluster", (out["status"], sorted(out["capacityProviders"]), out["defaultCapacityProviderStrategy"], out["settings"]), ("ACTIVE", ["FARGATE", "FARGATE_SPOT"], strategy, [{"name": "containerInsights", "value": "enabled"}]))
shift = {"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 20, "canaryInterval": 1}}
call("codedeploy", "create_deployment_config", deploymentConfigName="tf", computePlatform="ECS", trafficRoutingConfig=shift)
same("shift", call("codedeploy", "get_deployment_config", deploymentConfigName="tf")["deploymentConfigInfo"]["trafficRoutingConfig"], shift)

# Destroy, and the refresh that has to find nothing.
call("codedeploy", "delete_deployment_config", deploymentConfigName="tf")
call("codedeploy", "get_deployment_config", "DeploymentConfigDoesNotExistException", deploymentConfigName="tf")
call("ecs", "put_cluster_capacity_providers", cluster="tf", capacityProviders=[], defaultCapacityProviderStrategy=[])
call("ecs", "delete_cluster", cluster="tf")
same("deleted cluster", [c["status"] for c in call("ecs", "describe_clusters", clusters=["tf"])["clusters"]], ["INACTIVE"])
call("cloudwatch", "delete_alarms", AlarmNames=["tf"])
same("deleted alarm", call("cloudwatch", "describe_alarms", AlarmNames=["tf"])["MetricAlarms"], [])
call("lambda", "delete_function", **function)
call("lambda", "get_function", "ResourceNotFoundException", **function)
call("iam", "delete_policy", PolicyArn=policy)
call("iam", "get_policy", "NoSuchEntity", PolicyArn=policy)
call("s3", "delete_bucket", "BucketNotEmpty", **bucket)
for v in call("s3", "list_object_versions", **bucket)["Versions"]:  # force_destroy
    call("s3", "delete_objects", Delete={"Objects": [{"Key": v["Key"], "VersionId": v["VersionId"]}], "Quiet": True}, **bucket)
call("s3", "delete_bucket", **bucket)
call("s3", "head_bucket", "404", **bucket)
call("elbv2", "delete_rule", RuleArn=path)
call("elbv2", "describe_rules", "RuleNotFound", RuleArns=[path])
call("elbv2", "delete_listener", ListenerArn=listener)
call("elbv2", "describe_listeners", "ListenerNotFound", ListenerArns=[listener])
call("elbv2", "delete_load_balancer", LoadBalancerArn=balancer)
call("elbv2", "describe_load_balancers", "LoadBalancerNotFound", LoadBalancerArns=[balancer])
call("elbv2", "delete_target_group", TargetGroupArn=target)
call("elbv2", "describe_target_groups", "TargetGroupNotFound", TargetGroupArns=[target])
call("ec2", "revoke_security_group_ingress", GroupId=group, SecurityGroupRuleIds=[rule])
call("ec2", "describe_security_group_rules", "InvalidSecurityGroupRuleId.NotFound", SecurityGroupRuleIds=[rule])
same("interfaces", call("ec2", "describe_network_interfaces", Filters=[{"Name": "group-id", "Values": [group]}])["NetworkInterfaces"], [])
call("ec2", "delete_security_group", GroupId=group)
call("ec2", "describe_security_groups", "InvalidGroup.NotFound", GroupIds=[group])
call("ec2", "disassociate_route_table", AssociationId=association)
same("association", call("ec2", "describe_route_tables", Filters=of_association)["RouteTables"], [])
call("ec2", "delete_route", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
call("ec2", "delete_route_table", RouteTableId=table)
call("ec2", "describe_route_tables", "InvalidRouteTableID.NotFound", RouteTableIds=[table])
call("ec2", "delete_vpc", "DependencyViolation", VpcId=vpc)
call("ec2", "detach_internet_gateway", InternetGatewayId=gateway, VpcId=vpc)
call("ec2", "delete_internet_gateway", InternetGatewayId=gateway)
call("ec2", "describe_internet_gateways", "InvalidInternetGatewayID.NotFound", InternetGatewayIds=[gateway])
for s in subnet, other:
    call("ec2", "delete_subnet", SubnetId=s)
    call("ec2", "describe_subnets", "InvalidSubnetID.NotFound", SubnetIds=[s])
call("ec2", "delete_vpc", VpcId=vpc)
call("ec2", "describe_vpcs", "InvalidVpcID.NotFound", VpcIds=[vpc])
if wrong:
    sys.exit("\n".join(wrong))
