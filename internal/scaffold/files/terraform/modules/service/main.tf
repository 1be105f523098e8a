resource "aws_ecs_cluster" "this" {
  name = var.cluster
}

resource "aws_cloudwatch_log_group" "this" {
  count = var.log_group == "" ? 0 : 1

  name              = var.log_group
  retention_in_days = var.log_days
}

# The first revision only, from the repository's task definition with an image put in.
# All later ones are registered by deployments, so whatever changes here is left alone.
resource "aws_ecs_task_definition" "first" {
  family                   = var.task_definition.family
  network_mode             = try(var.task_definition.networkMode, "awsvpc")
  requires_compatibilities = try(var.task_definition.requiresCompatibilities, [var.launch_type])
  cpu                      = try(var.task_definition.cpu, null)
  memory                   = try(var.task_definition.memory, null)
  execution_role_arn       = var.execution_role
  task_role_arn            = var.task_role
  container_definitions = jsonencode([
    for c in var.task_definition.containerDefinitions :
    merge(c, { image = c.name == var.container ? var.first_image : c.image })
  ])
  skip_destroy = true

  lifecycle {
    ignore_changes = all
  }
}

resource "aws_ecs_service" "this" {
  name                              = var.name
  cluster                           = aws_ecs_cluster.this.id
  task_definition                   = aws_ecs_task_definition.first.arn
  desired_count                     = var.desired_count
  launch_type                       = var.launch_type
  health_check_grace_period_seconds = var.health_grace

  deployment_controller {
    type = "CODE_DEPLOY"
  }

  load_balancer {
    target_group_arn = var.target_group
    container_name   = var.container
    container_port   = var.container_port
  }

  network_configuration {
    subnets          = var.subnets
    security_groups  = var.security_groups
    assign_public_ip = var.public_ip
  }

  # CodeDeploy changes the revision and the target group, autoscaling the count.
  lifecycle {
    ignore_changes = [task_definition, load_balancer, desired_count]
  }

  depends_on = [aws_cloudwatch_log_group.this]
}
