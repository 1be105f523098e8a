variable "name" {
  description = "Name of the repository."
  type        = string
}

variable "keep" {
  description = "How many images are kept."
  type        = number
}
