# The infrastructure of examples/hello in the language of the provider that is at hand, which
# is of 2019. With changed = true nearly every resource is another one than before.

variable "changed" {
  description = "Whether this is the second state of the infrastructure."
  type        = bool
  default     = false
}

locals {
  tags = var.changed ? { team = "till", stage = "second" } : { team = "shop", owner = "ops" }
}

# AWS's own names: the cloud answers under them, as a proxy.
provider "aws" {
  region                  = "us-east-1"
  skip_metadata_api_check = true
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

# What can be taken over with nothing but an identifier, and is then as declared.
output "import" {
  value = {
    "aws_cloudwatch_log_group.tasks"          = aws_cloudwatch_log_group.tasks.id
    "aws_cloudwatch_metric_alarm.errors"      = aws_cloudwatch_metric_alarm.errors.id
    "aws_codedeploy_app.this"                 = aws_codedeploy_app.this.name
    "aws_codedeploy_deployment_config.canary" = aws_codedeploy_deployment_config.canary.id
    "aws_codedeploy_deployment_group.this"    = "${aws_codedeploy_app.this.name}:${aws_codedeploy_deployment_group.this.deployment_group_name}"
    "aws_ecr_lifecycle_policy.this"           = aws_ecr_repository.this.name
    "aws_ecr_repository.this"                 = aws_ecr_repository.this.name
    "aws_ecs_cluster.this"                    = aws_ecs_cluster.this.name
    "aws_ecs_service.this"                    = "${aws_ecs_cluster.this.name}/${aws_ecs_service.this.name}"
    "aws_ecs_task_definition.first"           = aws_ecs_task_definition.first.arn
    "aws_iam_instance_profile.agent"          = aws_iam_instance_profile.agent.id
    "aws_iam_openid_connect_provider.github"  = aws_iam_openid_connect_provider.github.arn
    "aws_iam_policy.deploy"                   = aws_iam_policy.deploy.arn
    "aws_iam_role.execution"                  = aws_iam_role.execution.name
    "aws_iam_role_policy.secrets"             = aws_iam_role_policy.secrets.id
    "aws_iam_role_policy_attachment.deploy"   = "${aws_iam_role.deploy.name}/${aws_iam_policy.deploy.arn}"
    "aws_internet_gateway.this"               = aws_internet_gateway.this.id
    "aws_lb.this"                             = aws_lb.this.arn
    "aws_lb_listener.http"                    = aws_lb_listener.http.arn
    "aws_lb_listener_rule.fixed"              = aws_lb_listener_rule.fixed.arn
    "aws_lb_target_group.pair[1]"             = aws_lb_target_group.pair[1].arn
    "aws_s3_bucket_public_access_block.this"  = aws_s3_bucket.this.id
    "aws_ssm_parameter.greeting"              = aws_ssm_parameter.greeting.name
    "aws_subnet.public[0]"                    = aws_subnet.public[0].id
    "aws_vpc.this"                            = aws_vpc.this.id
  }
}
