output "dns_name" {
  description = "Name of the load balancer in DNS."
  value       = aws_lb.this.dns_name
}

output "listener" {
  description = "ARN of the production listener."
  value       = aws_lb_listener.production.arn
}

output "test_listener" {
  description = "ARN of the test listener, null without one."
  value       = one(aws_lb_listener.test[*].arn)
}

output "target_group_arns" {
  description = "ARNs of the two target groups."
  value       = aws_lb_target_group.pair[*].arn
}

output "target_group_names" {
  description = "Names of the two target groups."
  value       = aws_lb_target_group.pair[*].name
}
