output "load_balancer_group" {
  description = "Id of the load balancer's security group."
  value       = aws_security_group.load_balancer.id
}

output "tasks_group" {
  description = "Id of the tasks' security group."
  value       = aws_security_group.tasks.id
}
