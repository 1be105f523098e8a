resource "aws_lb" "this" {
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = false
  subnets                    = var.subnets
  security_groups            = var.security_groups
  drop_invalid_header_fields = true
}

# The pair that production traffic moves between. Which of them serves changes with each
# deployment, so they are alike.
resource "aws_lb_target_group" "pair" {
  count = 2

  name                 = var.target_groups[count.index]
  vpc_id               = var.vpc
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = var.container_port
  deregistration_delay = var.deregistration_delay

  health_check {
    path                = var.health.path
    interval            = var.health.interval
    timeout             = var.health.timeout
    healthy_threshold   = var.health.healthy
    unhealthy_threshold = var.health.unhealthy
    matcher             = var.health.matcher
  }
}

# Both groups stand in the listeners from the start. A group that no listener names has
# its targets unchecked, and the first all-at-once deployment would shift traffic to tasks
# that nobody has asked whether they are well. From then on the weights are CodeDeploy's.

resource "aws_lb_listener" "production" {
  load_balancer_arn = aws_lb.this.arn
  port              = var.port
  protocol          = var.certificate == "" ? "HTTP" : "HTTPS"
  ssl_policy        = var.certificate == "" ? null : "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate == "" ? null : var.certificate

  default_action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.pair[0].arn
        weight = 100
      }

      target_group {
        arn    = aws_lb_target_group.pair[1].arn
        weight = 0
      }
    }
  }

  lifecycle {
    ignore_changes = [default_action]
  }
}

resource "aws_lb_listener" "test" {
  count = var.test_port == 0 ? 0 : 1

  load_balancer_arn = aws_lb.this.arn
  port              = var.test_port
  protocol          = "HTTP"

  default_action {
    type = "forward"

    forward {
      target_group {
        arn    = aws_lb_target_group.pair[0].arn
        weight = 100
      }

      target_group {
        arn    = aws_lb_target_group.pair[1].arn
        weight = 0
      }
    }
  }

  lifecycle {
    ignore_changes = [default_action]
  }
}
