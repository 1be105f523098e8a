# Three roles, each with what its work needs: ECS starts tasks with the execution role,
# the containers have the task role, CodeDeploy works with its own.

data "aws_iam_policy_document" "tasks_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account]
    }
  }
}

resource "aws_iam_role" "execution" {
  name               = basename(var.execution_name)
  path               = local.paths[var.execution_name]
  assume_role_policy = data.aws_iam_policy_document.tasks_trust.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:${var.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

data "aws_iam_policy_document" "secrets" {
  count = length(var.secrets) == 0 ? 0 : 1

  statement {
    actions   = ["ssm:GetParameters", "secretsmanager:GetSecretValue"]
    resources = var.secrets
  }
}

resource "aws_iam_role_policy" "secrets" {
  count = length(var.secrets) == 0 ? 0 : 1

  name   = "secrets"
  role   = aws_iam_role.execution.name
  policy = data.aws_iam_policy_document.secrets[0].json
}

resource "aws_iam_role" "task" {
  count = var.task_name == "" ? 0 : 1

  name               = basename(var.task_name)
  path               = local.paths[var.task_name]
  assume_role_policy = data.aws_iam_policy_document.tasks_trust.json
}

data "aws_iam_policy_document" "codedeploy_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["codedeploy.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "codedeploy" {
  name               = basename(var.codedeploy_name)
  path               = local.paths[var.codedeploy_name]
  assume_role_policy = data.aws_iam_policy_document.codedeploy_trust.json
}

# The limited policy calls hooks whose names begin with CodeDeployHook_, and reads S3
# objects with the tag UseWithCodeDeploy. To pass the tasks' roles is added below.
resource "aws_iam_role_policy_attachment" "codedeploy" {
  role       = aws_iam_role.codedeploy.name
  policy_arn = "arn:${var.partition}:iam::aws:policy/AWSCodeDeployRoleForECSLimited"
}

data "aws_iam_policy_document" "pass" {
  statement {
    actions   = ["iam:PassRole"]
    resources = local.passed

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "pass" {
  name   = "pass-task-roles"
  role   = aws_iam_role.codedeploy.name
  policy = data.aws_iam_policy_document.pass.json
}

locals {
  # A role's name may have its path before it, as in its ARN.
  paths = {
    for n in toset([var.execution_name, var.task_name, var.codedeploy_name]) : n => dirname(n) == "." ? "/" : "/${dirname(n)}/"
  }

  passed = concat([aws_iam_role.execution.arn], aws_iam_role.task[*].arn)
}
