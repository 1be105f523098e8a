output "application" {
  description = "Name of the application."
  value       = aws_codedeploy_app.this.name
}

output "group" {
  description = "Name of the deployment group."
  value       = aws_codedeploy_deployment_group.this.deployment_group_name
}
