# terraform.tfvars has this project's values.

variable "region" {
  description = "AWS region."
  type        = string
}

variable "account" {
  description = "AWS account; applying to any other is refused."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account))
    error_message = "An AWS account has twelve digits."
  }
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}
}

# The network, which stands already.

variable "vpc" {
  description = "Id of the VPC."
  type        = string
}

variable "public_subnets" {
  description = "Ids of the load balancer's subnets, in two zones at least."
  type        = list(string)
}

variable "subnets" {
  description = "Ids of the tasks' subnets."
  type        = list(string)
}

variable "public_ip" {
  description = "Give tasks public addresses: needed where their subnets have no NAT and no endpoints for ECR and logs."
  type        = bool
  default     = false
}

variable "allowed_cidrs" {
  description = "Who may call the production listener."
  type        = list(string)
  default     = ["0.0.0.0/0"]
}

variable "test_cidrs" {
  description = "Who may call the test listener."
  type        = list(string)
  default     = []
}

# The service.

variable "cluster" {
  description = "Name of the ECS cluster."
  type        = string
}

variable "service" {
  description = "Name of the ECS service."
  type        = string
}

variable "container" {
  description = "Container behind the load balancer."
  type        = string
}

variable "container_port" {
  description = "Port that it listens on."
  type        = number
}

variable "task_definition_file" {
  description = "The task definition in the repository; only the service's first revision is made from it here."
  type        = string
  default     = "../taskdef.json"
}

variable "first_image" {
  description = "Image of the first revision; default: the tag \"first\" in the repository made here."
  type        = string
  default     = ""
}

variable "desired_count" {
  description = "Tasks at first; changes by hand or by autoscaling are kept."
  type        = number
  default     = 2
}

variable "launch_type" {
  description = "FARGATE or EC2."
  type        = string
  default     = "FARGATE"
}

variable "health_grace" {
  description = "Seconds for which a new task's failing health checks are not counted."
  type        = number
  default     = 0
}

variable "log_group" {
  description = "Log group of the containers, as the task definition names it; empty for none."
  type        = string
  default     = ""
}

variable "log_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 30
}

variable "secrets" {
  description = "ARNs of the parameters and secrets that the task definition names."
  type        = list(string)
  default     = []
}

variable "repository" {
  description = "Name of the ECR repository."
  type        = string
}

variable "images_kept" {
  description = "How many images are kept."
  type        = number
  default     = 100
}

# The load balancer.

variable "load_balancer" {
  description = "Name of the load balancer."
  type        = string
}

variable "port" {
  description = "Port of the production listener."
  type        = number
  default     = 80
}

variable "test_port" {
  description = "Port of the test listener; 0 for none."
  type        = number
  default     = 0
}

variable "certificate" {
  description = "ARN of the production listener's certificate, which makes it HTTPS."
  type        = string
  default     = ""
}

variable "target_groups" {
  description = "Names of the two target groups."
  type        = list(string)

  validation {
    condition     = length(distinct(var.target_groups)) == 2
    error_message = "Blue/green needs two target groups."
  }
}

variable "health" {
  description = "The target groups' health check; times in seconds."
  type = object({
    path      = optional(string, "/")
    interval  = optional(number, 30)
    timeout   = optional(number, 5)
    healthy   = optional(number, 5)
    unhealthy = optional(number, 2)
    matcher   = optional(string, "200")
  })
  default = {}
}

variable "deregistration_delay" {
  description = "Seconds for which a leaving target finishes its requests."
  type        = number
  default     = 300
}

# CodeDeploy.

variable "application" {
  description = "Name of the CodeDeploy application."
  type        = string
}

variable "deployment_group" {
  description = "Name of the deployment group."
  type        = string
}

variable "deployment_config" {
  description = "How traffic is shifted."
  type        = string
  default     = "CodeDeployDefault.ECSAllAtOnce"
}

variable "rollback_events" {
  description = "What is rolled back by itself."
  type        = list(string)
  default     = ["DEPLOYMENT_FAILURE"]
}

variable "ready_wait" {
  description = "Minutes to wait for a go-ahead before traffic moves; 0 to go on at once."
  type        = number
  default     = 0
}

variable "termination_wait" {
  description = "Minutes for which the old tasks stay after the shift."
  type        = number
  default     = 5
}

# Roles.

variable "execution_role" {
  description = "Name of the role with which ECS pulls images and writes logs."
  type        = string
  default     = "ecsTaskExecutionRole"
}

variable "task_role" {
  description = "Name of the role that the containers have; empty for none."
  type        = string
  default     = ""
}

variable "codedeploy_role" {
  description = "Name of the role with which CodeDeploy works."
  type        = string
}

variable "github_repository" {
  description = "OWNER/NAME of the repository whose workflow deploys; empty for no deploying role."
  type        = string
  default     = ""
}

variable "github_subjects" {
  description = "What in that repository may deploy, as GitHub's token says it."
  type        = list(string)
  default     = ["ref:refs/heads/main"]
}

variable "github_provider" {
  description = "ARN of GitHub's OIDC provider, where the account has one; an account can have only one."
  type        = string
  default     = ""
}
