output "execution_arn" {
  description = "ARN of the task execution role."
  value       = aws_iam_role.execution.arn
}

output "task_arn" {
  description = "ARN of the task role, null for none."
  value       = one(aws_iam_role.task[*].arn)
}

output "codedeploy_arn" {
  description = "ARN of CodeDeploy's role."
  value       = aws_iam_role.codedeploy.arn

  # CodeDeploy checks what the role may do when it is given to a group.
  depends_on = [aws_iam_role_policy_attachment.codedeploy, aws_iam_role_policy.pass]
}

output "passed" {
  description = "ARNs of the roles that a deployment passes to ECS."
  value       = local.passed
}
