// Package ecs is Amazon ECS: clusters, task definitions, services, task sets and tasks,
// and the scheduler that makes what runs agree with what is desired.
//
// The API (api_*.go) checks a call, writes what shall be in one transaction, and wakes the
// service's keeper. A keeper (engine.go) is the one goroutine that moves a service: each
// pass (pass.go) reads the service, its sets, its tasks and their targets' health, decides
// (judge, scale or roll, move, settle, finish) and stores in one transaction, and then acts
// (act.go): the runner and the load balancer are told. What the runner reports is stored
// (observe.go) and wakes the keeper again. A task set and a deployment of the ECS
// controller are the same row, a set.
//
// Texts and defaults are AWS's where they are public; refusals that nobody has quoted are
// worded here. Decided where AWS's guides are silent: CreateTaskSet without a scale makes
// an empty set; a circuit breaker's rollback is a new deployment that takes over the tasks
// of the last completed one; a task counts as failed if it ends, or is ended for its
// health, before it was healthy once; a program that ends within ten seconds of its start
// is started again after ten more, which on AWS the placement takes anyway; a launch that
// fails because a role cannot be assumed counts as a failed task.
//
// Alarms of a deployment are watched until it has been steady for as long as the slowest
// of them looks back, and a minute at least; those that ring when it begins are not
// watched by it at all, nor is a rollback.
//
// What the tasks of services use is measured each minute of the cloud's time and published
// as AWS/ECS's CPUUtilization and MemoryUtilization, a value for each task, where the
// driver measures. Clusters have no such metrics of their own: on AWS they are about
// container instances.
//
// Known differences from AWS:
//   - There are no container instances. Tasks of launch type EC2 run all the same, each
//     with an address of its own; daemons have none to run on. Target groups of type
//     instance are accepted where AWS accepts them, but no target gets into them.
//   - Deployment strategies other than ROLLING, Service Connect proxies, service discovery,
//     volumes configured at launch, placement, Availability Zone rebalancing and the
//     platform version are records: they are checked and shown, and change nothing.
//   - Spot tasks are not interrupted, and capacity is never short.
//   - ExecuteCommand's sessions are neither encrypted nor logged. The task role's permissions
//     for ssmmessages count at the moment of the call; on AWS the agent may need a while to
//     see that they have changed. A command is split at spaces as a shell would, without
//     being one.
//   - Account settings are kept and change nothing; ARNs are always in their long form.
//   - Tasks do not outlive the process. A restart marks them STOPPED, and their services
//     start others.
//
// Absent: express gateway services, daemons' own operations, ContinueServiceDeployment, and what only an instance's
// agent calls (RegisterContainerInstance, DiscoverPollEndpoint, Submit…StateChange).
package ecs
