# Everything that the service needs, but for its revisions: those are registered from the
# task definition file in the repository, and CodeDeploy moves the traffic to them.

data "aws_partition" "current" {}

module "network" {
  source = "./modules/network"

  name           = var.service
  vpc            = var.vpc
  container_port = var.container_port
  port           = var.port
  allowed_cidrs  = var.allowed_cidrs
  test_port      = var.test_port
  test_cidrs     = var.test_cidrs
}

module "registry" {
  source = "./modules/registry"

  name = var.repository
  keep = var.images_kept
}

module "load_balancer" {
  source = "./modules/load_balancer"

  name                 = var.load_balancer
  vpc                  = var.vpc
  subnets              = var.public_subnets
  security_groups      = [module.network.load_balancer_group]
  port                 = var.port
  test_port            = var.test_port
  certificate          = var.certificate
  target_groups        = var.target_groups
  container_port       = var.container_port
  health               = var.health
  deregistration_delay = var.deregistration_delay
}

module "roles" {
  source = "./modules/roles"

  partition       = data.aws_partition.current.partition
  account         = var.account
  execution_name  = var.execution_role
  task_name       = var.task_role
  codedeploy_name = var.codedeploy_role
  secrets         = var.secrets
}

module "service" {
  source = "./modules/service"

  cluster         = var.cluster
  name            = var.service
  task_definition = yamldecode(file(var.task_definition_file)) # JSON is YAML too
  container       = var.container
  container_port  = var.container_port
  first_image     = coalesce(var.first_image, "${module.registry.url}:first")
  desired_count   = var.desired_count
  launch_type     = var.launch_type
  health_grace    = var.health_grace
  subnets         = var.subnets
  security_groups = [module.network.tasks_group]
  public_ip       = var.public_ip
  target_group    = module.load_balancer.target_group_arns[0]
  execution_role  = module.roles.execution_arn
  task_role       = module.roles.task_arn
  log_group       = var.log_group
  log_days        = var.log_days

  # A service is refused while no listener has its target group.
  depends_on = [module.load_balancer]
}

module "codedeploy" {
  source = "./modules/codedeploy"

  application       = var.application
  group             = var.deployment_group
  role              = module.roles.codedeploy_arn
  deployment_config = var.deployment_config
  rollback_events   = var.rollback_events
  ready_wait        = var.ready_wait
  termination_wait  = var.termination_wait
  cluster           = module.service.cluster
  service           = module.service.name
  listener          = module.load_balancer.listener
  test_listener     = module.load_balancer.test_listener
  target_groups     = module.load_balancer.target_group_names
}

module "github" {
  source = "./modules/github"
  count  = var.github_repository == "" ? 0 : 1

  partition        = data.aws_partition.current.partition
  region           = var.region
  account          = var.account
  name             = "${var.service}-deploy"
  repository       = var.github_repository
  subjects         = var.github_subjects
  provider_arn     = var.github_provider
  ecr_repository   = module.registry.arn
  cluster          = module.service.cluster
  service          = module.service.arn
  family           = module.service.family
  log_group        = var.log_group
  application      = module.codedeploy.application
  deployment_group = module.codedeploy.group
  passed_roles     = module.roles.passed
}
