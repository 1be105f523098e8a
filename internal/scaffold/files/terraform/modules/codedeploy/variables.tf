variable "application" {
  description = "Name of the application."
  type        = string
}

variable "group" {
  description = "Name of the deployment group."
  type        = string
}

variable "role" {
  description = "ARN of the role with which CodeDeploy works."
  type        = string
}

variable "deployment_config" {
  description = "How traffic is shifted."
  type        = string
}

variable "rollback_events" {
  description = "What is rolled back by itself."
  type        = list(string)
}

variable "ready_wait" {
  description = "Minutes to wait for a go-ahead before traffic moves."
  type        = number
}

variable "termination_wait" {
  description = "Minutes for which the old tasks stay after the shift."
  type        = number
}

variable "cluster" {
  description = "Name of the cluster."
  type        = string
}

variable "service" {
  description = "Name of the service."
  type        = string
}

variable "listener" {
  description = "ARN of the production listener."
  type        = string
}

variable "test_listener" {
  description = "ARN of the test listener, null for none."
  type        = string
  default     = null
}

variable "target_groups" {
  description = "Names of the two target groups."
  type        = list(string)
}
