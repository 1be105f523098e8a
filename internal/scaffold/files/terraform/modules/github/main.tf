# The workflow's role. GitHub signs a token for each job; AWS takes it instead of keys,
# from this repository and the named branches or environments alone.

resource "aws_iam_openid_connect_provider" "github" {
  count = var.provider_arn == "" ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [var.provider_arn == "" ? one(aws_iam_openid_connect_provider.github[*].arn) : var.provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringLike"
      variable = "token.actions.githubusercontent.com:sub"
      values   = [for s in var.subjects : "repo:${var.repository}:${s}"]
    }
  }
}

resource "aws_iam_role" "deploy" {
  name               = var.name
  description        = "Deployments of ${var.cluster} from ${var.repository}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "deploy" {
  name   = "deploy"
  role   = aws_iam_role.deploy.name
  policy = data.aws_iam_policy_document.deploy.json
}

locals {
  ecs        = "arn:${var.partition}:ecs:${var.region}:${var.account}"
  codedeploy = "arn:${var.partition}:codedeploy:${var.region}:${var.account}"
  logs       = "arn:${var.partition}:logs:${var.region}:${var.account}"
}

data "aws_iam_policy_document" "deploy" {
  statement {
    sid       = "LogInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid = "PushImage"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:DescribeImages",
      "ecr:DescribeRepositories",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [var.ecr_repository]
  }

  # These know no resources.
  statement {
    sid       = "ReadRevisions"
    actions   = ["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions"]
    resources = ["*"]
  }

  statement {
    sid       = "RegisterRevision"
    actions   = ["ecs:RegisterTaskDefinition", "ecs:TagResource"]
    resources = ["${local.ecs}:task-definition/${var.family}:*"]
  }

  statement {
    sid       = "PassRoles"
    actions   = ["iam:PassRole"]
    resources = var.passed_roles

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  statement {
    sid       = "ReadService"
    actions   = ["ecs:DescribeServices"]
    resources = [var.service]
  }

  statement {
    sid = "Deploy"
    actions = [
      "codedeploy:BatchGetDeploymentTargets",
      "codedeploy:BatchGetDeployments",
      "codedeploy:ContinueDeployment",
      "codedeploy:CreateDeployment",
      "codedeploy:GetDeployment",
      "codedeploy:GetDeploymentGroup",
      "codedeploy:GetDeploymentTarget",
      "codedeploy:ListDeploymentTargets",
      "codedeploy:ListDeployments",
      "codedeploy:StopDeployment",
    ]
    resources = ["${local.codedeploy}:deploymentgroup:${var.application}/${var.deployment_group}"]
  }

  statement {
    sid = "Revisions"
    actions = [
      "codedeploy:GetApplication",
      "codedeploy:GetApplicationRevision",
      "codedeploy:RegisterApplicationRevision",
    ]
    resources = ["${local.codedeploy}:application:${var.application}"]
  }

  statement {
    sid       = "DeploymentConfigs"
    actions   = ["codedeploy:GetDeploymentConfig"]
    resources = ["${local.codedeploy}:deploymentconfig:*"]
  }

  # What a failure is explained with.
  statement {
    sid       = "ReadTasks"
    actions   = ["ecs:DescribeTasks"]
    resources = ["${local.ecs}:task/${var.cluster}/*"]
  }

  statement {
    sid       = "ListTasks"
    actions   = ["ecs:ListTasks"]
    resources = ["*"]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = ["${local.ecs}:cluster/${var.cluster}"]
    }
  }

  statement {
    sid = "ReadTargets"
    actions = [
      "elasticloadbalancing:DescribeListeners",
      "elasticloadbalancing:DescribeLoadBalancers",
      "elasticloadbalancing:DescribeRules",
      "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeTargetHealth",
    ]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = var.log_group == "" ? [] : [var.log_group]

    content {
      sid       = "ReadLogs"
      actions   = ["logs:GetLogEvents"]
      resources = ["${local.logs}:log-group:${statement.value}:log-stream:*"]
    }
  }
}
