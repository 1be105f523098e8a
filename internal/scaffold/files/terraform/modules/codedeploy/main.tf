resource "aws_codedeploy_app" "this" {
  name             = var.application
  compute_platform = "ECS"
}

resource "aws_codedeploy_deployment_group" "this" {
  app_name               = aws_codedeploy_app.this.name
  deployment_group_name  = var.group
  deployment_config_name = var.deployment_config
  service_role_arn       = var.role

  deployment_style {
    deployment_option = "WITH_TRAFFIC_CONTROL"
    deployment_type   = "BLUE_GREEN"
  }

  auto_rollback_configuration {
    enabled = length(var.rollback_events) > 0
    events  = var.rollback_events
  }

  blue_green_deployment_config {
    deployment_ready_option {
      action_on_timeout    = var.ready_wait == 0 ? "CONTINUE_DEPLOYMENT" : "STOP_DEPLOYMENT"
      wait_time_in_minutes = var.ready_wait == 0 ? null : var.ready_wait
    }

    terminate_blue_instances_on_deployment_success {
      action                           = "TERMINATE"
      termination_wait_time_in_minutes = var.termination_wait
    }
  }

  ecs_service {
    cluster_name = var.cluster
    service_name = var.service
  }

  load_balancer_info {
    target_group_pair_info {
      prod_traffic_route {
        listener_arns = [var.listener]
      }

      dynamic "test_traffic_route" {
        for_each = var.test_listener[*]

        content {
          listener_arns = [test_traffic_route.value]
        }
      }

      dynamic "target_group" {
        for_each = var.target_groups

        content {
          name = target_group.value
        }
      }
    }
  }
}
