resource "aws_lb" "this" {
  name               = "hello"
  load_balancer_type = "application"
  internal           = false
  subnets            = aws_subnet.public[*].id
  security_groups    = concat([aws_security_group.load_balancer.id], var.changed ? [aws_security_group.tasks.id] : [])
  idle_timeout       = var.changed ? 120 : 60
  enable_http2       = !var.changed
  tags               = local.tags

  access_logs {
    bucket  = aws_s3_bucket.this.bucket
    prefix  = "lb"
    enabled = var.changed
  }

  depends_on = [aws_internet_gateway.this, aws_s3_bucket_policy.this]
}

resource "aws_lb_target_group" "pair" {
  count = 2

  name                 = "hello-${["blue", "green"][count.index]}"
  vpc_id               = aws_vpc.this.id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = 9000
  deregistration_delay = var.changed ? 10 : 30
  slow_start           = var.changed ? 30 : 0
  tags                 = local.tags

  health_check {
    path                = var.changed ? "/healthz?deep=1" : "/healthz"
    interval            = 15
    timeout             = var.changed ? 6 : 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
    matcher             = var.changed ? "200-204" : "200"
  }

  dynamic "stickiness" {
    for_each = var.changed ? [1] : []

    content {
      type            = "lb_cookie"
      cookie_duration = 3600
      enabled         = true
    }
  }
}

resource "aws_lb_target_group" "rolling" {
  name                 = "hello-rolling"
  vpc_id               = aws_vpc.this.id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = 9000
  deregistration_delay = 1

  health_check {
    path              = "/healthz"
    interval          = 5
    timeout           = 2
    healthy_threshold = 2
  }
}

# CodeDeploy moves its target groups.
resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.pair[0].arn
  }

  lifecycle {
    ignore_changes = [default_action]
  }
}

resource "aws_lb_listener" "redirect" {
  load_balancer_arn = aws_lb.this.arn
  port              = 8080
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = var.changed ? "HTTP_302" : "HTTP_301"
    }
  }
}

resource "aws_lb_listener_rule" "rolling" {
  listener_arn = aws_lb_listener.redirect.arn
  priority     = var.changed ? 20 : 10

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.rolling.arn
  }

  condition {
    field  = "path-pattern"
    values = [var.changed ? "/rolling/*" : "/roll/*"]
  }
}

resource "aws_lb_listener_rule" "fixed" {
  listener_arn = aws_lb_listener.redirect.arn

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = var.changed ? "not today" : "later"
      status_code  = var.changed ? "404" : "503"
    }
  }

  condition {
    field  = "host-header"
    values = ["hello.test"]
  }

  depends_on = [aws_lb_listener_rule.rolling]
}
