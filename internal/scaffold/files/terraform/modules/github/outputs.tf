output "role" {
  description = "ARN of the deploying role."
  value       = aws_iam_role.deploy.arn
}
