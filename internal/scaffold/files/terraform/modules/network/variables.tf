variable "name" {
  description = "Name of the service."
  type        = string
}

variable "vpc" {
  description = "Id of the VPC."
  type        = string
}

variable "container_port" {
  description = "Port that the tasks listen on."
  type        = number
}

variable "port" {
  description = "Port of the production listener."
  type        = number
}

variable "allowed_cidrs" {
  description = "Who may call the production listener."
  type        = list(string)
}

variable "test_port" {
  description = "Port of the test listener; 0 for none."
  type        = number
}

variable "test_cidrs" {
  description = "Who may call the test listener."
  type        = list(string)
}
