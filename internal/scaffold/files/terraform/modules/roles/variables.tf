variable "partition" {
  description = "AWS partition, such as aws or aws-cn."
  type        = string
}

variable "account" {
  description = "AWS account."
  type        = string
}

variable "execution_name" {
  description = "Name of the task execution role."
  type        = string
}

variable "task_name" {
  description = "Name of the task role; empty for none."
  type        = string
}

variable "codedeploy_name" {
  description = "Name of CodeDeploy's role."
  type        = string
}

variable "secrets" {
  description = "ARNs of the parameters and secrets that tasks are given."
  type        = list(string)
}
