variable "name" {
  description = "Name of the load balancer."
  type        = string
}

variable "vpc" {
  description = "Id of the VPC."
  type        = string
}

variable "subnets" {
  description = "Ids of its subnets."
  type        = list(string)
}

variable "security_groups" {
  description = "Ids of its security groups."
  type        = list(string)
}

variable "port" {
  description = "Port of the production listener."
  type        = number
}

variable "test_port" {
  description = "Port of the test listener; 0 for none."
  type        = number
}

variable "certificate" {
  description = "ARN of the production listener's certificate; empty for HTTP."
  type        = string
}

variable "target_groups" {
  description = "Names of the two target groups."
  type        = list(string)
}

variable "container_port" {
  description = "Port that the tasks listen on."
  type        = number
}

variable "health" {
  description = "Health check; times in seconds."
  type = object({
    path      = string
    interval  = number
    timeout   = number
    healthy   = number
    unhealthy = number
    matcher   = string
  })
}

variable "deregistration_delay" {
  description = "Seconds for which a leaving target finishes its requests."
  type        = number
}
