output "url" {
  description = "Where the production listener answers."
  value       = "${var.certificate == "" ? "http" : "https"}://${module.load_balancer.dns_name}:${var.port}"
}

output "test_url" {
  description = "Where the test listener answers, empty without one."
  value       = var.test_port == 0 ? "" : "http://${module.load_balancer.dns_name}:${var.test_port}"
}

output "repository" {
  description = "Where images are pushed."
  value       = module.registry.url
}

output "deploy_role" {
  description = "The role that the workflow assumes: the repository's secret IAMROLE_GITHUB."
  value       = one(module.github[*].role)
}

output "codedeploy" {
  description = "Application and deployment group."
  value       = "${module.codedeploy.application}/${module.codedeploy.group}"
}
