variable "partition" {
  description = "AWS partition."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "account" {
  description = "AWS account."
  type        = string
}

variable "name" {
  description = "Name of the deploying role."
  type        = string
}

variable "repository" {
  description = "OWNER/NAME on GitHub."
  type        = string
}

variable "subjects" {
  description = "What in the repository may deploy, such as ref:refs/heads/main or environment:production."
  type        = list(string)
}

variable "provider_arn" {
  description = "ARN of GitHub's OIDC provider; empty to make it."
  type        = string
}

variable "ecr_repository" {
  description = "ARN of the ECR repository."
  type        = string
}

variable "cluster" {
  description = "Name of the cluster."
  type        = string
}

variable "service" {
  description = "ARN of the service."
  type        = string
}

variable "family" {
  description = "Family of the task definition."
  type        = string
}

variable "log_group" {
  description = "Log group of the containers; empty for none."
  type        = string
}

variable "application" {
  description = "CodeDeploy application."
  type        = string
}

variable "deployment_group" {
  description = "CodeDeploy deployment group."
  type        = string
}

variable "passed_roles" {
  description = "ARNs of the roles that a deployment passes to ECS."
  type        = list(string)
}
