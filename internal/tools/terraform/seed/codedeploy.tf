resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "hello-5xx"
  alarm_description   = "Errors of hello"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = var.changed ? 2 : 1
  metric_name         = "HTTPCode_Target_5XX_Count"
  namespace           = "AWS/ApplicationELB"
  period              = 60
  statistic           = "Sum"
  threshold           = var.changed ? 5 : 1
  treat_missing_data  = "notBreaching"
  dimensions          = { LoadBalancer = aws_lb.this.arn_suffix }
}

resource "aws_codedeploy_app" "this" {
  name             = "AppECS-demo-hello"
  compute_platform = "ECS"
}

resource "aws_codedeploy_deployment_config" "canary" {
  deployment_config_name = "hello-canary"
  compute_platform       = "ECS"

  traffic_routing_config {
    type = "TimeBasedCanary"

    time_based_canary {
      interval   = 1
      percentage = var.changed ? 25 : 10
    }
  }
}

resource "aws_codedeploy_deployment_group" "this" {
  app_name               = aws_codedeploy_app.this.name
  deployment_group_name  = "DgpECS-demo-hello"
  deployment_config_name = var.changed ? aws_codedeploy_deployment_config.canary.id : "CodeDeployDefault.ECSAllAtOnce"
  service_role_arn       = aws_iam_role.codedeploy.arn

  deployment_style {
    deployment_option = "WITH_TRAFFIC_CONTROL"
    deployment_type   = "BLUE_GREEN"
  }

  auto_rollback_configuration {
    enabled = true
    events  = var.changed ? ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"] : ["DEPLOYMENT_FAILURE"]
  }

  alarm_configuration {
    alarms  = [aws_cloudwatch_metric_alarm.errors.alarm_name]
    enabled = var.changed
  }

  blue_green_deployment_config {
    deployment_ready_option {
      action_on_timeout    = var.changed ? "STOP_DEPLOYMENT" : "CONTINUE_DEPLOYMENT"
      wait_time_in_minutes = var.changed ? 10 : 0
    }

    terminate_blue_instances_on_deployment_success {
      action                           = "TERMINATE"
      termination_wait_time_in_minutes = var.changed ? 1 : 5
    }
  }

  ecs_service {
    cluster_name = aws_ecs_cluster.this.name
    service_name = aws_ecs_service.this.name
  }

  load_balancer_info {
    target_group_pair_info {
      prod_traffic_route {
        listener_arns = [aws_lb_listener.http.arn]
      }

      target_group {
        name = aws_lb_target_group.pair[0].name
      }

      target_group {
        name = aws_lb_target_group.pair[1].name
      }
    }
  }
}
