variable "cluster" {
  description = "Name of the cluster."
  type        = string
}

variable "name" {
  description = "Name of the service."
  type        = string
}

variable "task_definition" {
  description = "The task definition, decoded."
  type        = any
}

variable "container" {
  description = "Container behind the load balancer."
  type        = string
}

variable "container_port" {
  description = "Port that it listens on."
  type        = number
}

variable "first_image" {
  description = "Image of the first revision."
  type        = string
}

variable "desired_count" {
  description = "Tasks at first."
  type        = number
}

variable "launch_type" {
  description = "FARGATE or EC2."
  type        = string
}

variable "health_grace" {
  description = "Seconds for which a new task's failing health checks are not counted."
  type        = number
}

variable "subnets" {
  description = "Ids of the tasks' subnets."
  type        = list(string)
}

variable "security_groups" {
  description = "Ids of the tasks' security groups."
  type        = list(string)
}

variable "public_ip" {
  description = "Give tasks public addresses."
  type        = bool
}

variable "target_group" {
  description = "ARN of the target group that serves at first."
  type        = string
}

variable "execution_role" {
  description = "ARN of the task execution role."
  type        = string
}

variable "task_role" {
  description = "ARN of the task role, null for none."
  type        = string
  default     = null
}

variable "log_group" {
  description = "Name of the log group; empty for none."
  type        = string
}

variable "log_days" {
  description = "Days for which logs are kept."
  type        = number
}
