resource "aws_cloudwatch_log_group" "tasks" {
  name              = "/ecs/hello"
  retention_in_days = var.changed ? 7 : 30
  tags              = local.tags
}

resource "aws_ecs_cluster" "this" {
  name = "demo"
  tags = local.tags
}

resource "aws_ecs_task_definition" "first" {
  family                   = "hello"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn
  tags                     = local.tags
  container_definitions = jsonencode([{
    name         = "hello"
    image        = "${aws_ecr_repository.this.repository_url}:first"
    essential    = true
    portMappings = [{ containerPort = 9000, protocol = "tcp" }]
    environment  = [{ name = "PORT", value = "9000" }]
    secrets      = [{ name = "GREETING", valueFrom = aws_ssm_parameter.greeting.arn }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.tasks.name
        "awslogs-region"        = data.aws_region.current.name
        "awslogs-stream-prefix" = "ecs"
      }
    }
  }])
}

# No field that has a default is given: the default that comes back must be no difference.
resource "aws_ecs_task_definition" "rolling" {
  family                   = "rolling"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = var.changed ? 512 : 256
  memory                   = 1024
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions = jsonencode([{
    name         = "hello"
    image        = "${aws_ecr_repository.this.repository_url}:first"
    portMappings = [{ containerPort = 9000 }]
    environment  = [{ name = "PORT", value = "9000" }, { name = "A", value = "1" }]
  }])

  volume {
    name = "scratch"
  }
}

# This provider names network and task definition in each update, which ECS refuses under
# CODE_DEPLOY, as on AWS: the service itself is not changed.
resource "aws_ecs_service" "this" {
  name                              = "hello"
  cluster                           = aws_ecs_cluster.this.id
  task_definition                   = aws_ecs_task_definition.first.arn
  desired_count                     = 1
  launch_type                       = "FARGATE"
  health_check_grace_period_seconds = 10
  tags                              = { team = "shop" }

  deployment_controller {
    type = "CODE_DEPLOY"
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.pair[0].arn
    container_name   = "hello"
    container_port   = 9000
  }

  network_configuration {
    subnets          = aws_subnet.public[*].id
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = true
  }

  lifecycle {
    ignore_changes = [task_definition, load_balancer]
  }

  depends_on = [aws_lb_listener.http]
}

resource "aws_ecs_service" "rolling" {
  name                               = "rolling"
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.rolling.arn
  desired_count                      = var.changed ? 2 : 1
  launch_type                        = "FARGATE"
  deployment_minimum_healthy_percent = var.changed ? 50 : 100
  deployment_maximum_percent         = 200
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"

  load_balancer {
    target_group_arn = aws_lb_target_group.rolling.arn
    container_name   = "hello"
    container_port   = 9000
  }

  network_configuration {
    subnets          = aws_subnet.public[*].id
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = var.changed
  }

  depends_on = [aws_lb_listener_rule.rolling]
}
